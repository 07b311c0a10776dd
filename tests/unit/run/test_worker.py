"""The end of a test worker."""

from __future__ import annotations

import pytest

from netproof.cluster.backend import ClusterRef
from netproof.cluster.naming import Naming
from netproof.errors import ClusterError, ProbeError
from netproof.expected import expect
from netproof.model.flow import Expected
from netproof.model.flows import dns_flows
from netproof.model.workload import Pod, Protocol, Service, ServicePort, Topology
from netproof.probe.messages import Hello
from netproof.probe.targets import target_of
from netproof.run import worker
from netproof.run.scenario import Settings
from netproof.run.worker import Worker


class Connection:
    """A client on whose cluster nothing is."""

    gone = False

    def __init__(self, ref: ClusterRef) -> None:
        self.ref = ref
        self.calls: list[str] = []

    def wait_back(self) -> None:
        """Be there."""

    def list(self, kind: str, *, labels: str) -> list[dict[str, dict[str, str]]]:
        self.calls.append(f"list {kind} {labels}")
        return [{"metadata": {"name": "np-run1-w0-shop"}}]

    def delete(self, kind: str, name: str) -> None:
        self.calls.append(f"delete {kind} {name}")
        raise ClusterError("deleting: the API server cannot be reached")

    def close(self) -> None:
        self.calls.append("close")


def test_a_prober_that_fails_to_close_does_not_keep_the_fleet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The fleet is removed and the connection closed whatever failed before, and all is said."""
    monkeypatch.setattr(worker, "Client", Connection)
    made = Worker(ClusterRef("existing", "c", ""), Naming("run1", "w0"), Settings(1.0, 1.0, "i"))

    def broken() -> None:
        raise ProbeError("the stream to canary/friend broke")

    monkeypatch.setattr(made.prober, "close", broken)
    with pytest.raises(ClusterError, match="canary/friend broke; at the end: deleting: the API"):
        made.close()
    client: object = made.client
    assert isinstance(client, Connection)
    assert ["delete Namespace np-run1-w0-shop", "close"] == client.calls[1:]


OWN, CACHE = "10.96.0.10", "169.254.20.10"


@pytest.mark.parametrize(("named", "expected"), [(OWN, ()), (CACHE, (CACHE,))])
def test_names_are_asked_where_pods_ask(
    monkeypatch: pytest.MonkeyPatch, named: str, expected: tuple[str, ...]
) -> None:
    """What the pods' own resolv.conf names is asked, and the cluster's DNS where it is that."""
    monkeypatch.setattr(worker, "Client", Connection)
    made = Worker(ClusterRef("existing", "c", ""), Naming("run1", "w0"), Settings(1.0, 1.0, "i"))
    made.fleet.topology = Topology(pods=(Pod("shop", "web", ips=("10.244.0.5",)),))
    ports = (ServicePort(53, 53, Protocol.UDP),)
    dns = Service("kube-system", "kube-dns", {"k8s-app": "kube-dns"}, ports, (OWN,))
    made.topology = Topology(pods=made.fleet.topology.pods, services=(dns,))
    made._around = Topology(services=(dns,))
    monkeypatch.setattr(made.prober, "hello", lambda _: Hello("shop/web", "b", resolvers=(named,)))

    topology = made.ask_as_pods_do()

    (flow,) = dns_flows(topology, "kube-system/kube-dns")
    said = expect(flow, topology, ()).expected
    target = target_of(flow, topology)
    assert expected == topology.services[0].asked_at
    assert (named, (OWN,)) == (target.address, target.expect)
    assert (said is Expected.UNDEFINED) is bool(expected)
