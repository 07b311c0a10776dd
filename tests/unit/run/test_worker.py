"""The end of a test worker."""

from __future__ import annotations

from typing import cast

import pytest

from netproof.cluster.backend import ClusterRef
from netproof.cluster.naming import Naming
from netproof.errors import ClusterError, ProbeError
from netproof.expected import expect
from netproof.model.flow import Expected
from netproof.model.flows import dns_flows
from netproof.model.matrix import JudgedStep
from netproof.model.value import replace
from netproof.model.workload import Pod, Port, Protocol, Service, ServicePort, Topology
from netproof.policy import Bundle
from netproof.probe.messages import Hello
from netproof.probe.targets import target_of
from netproof.run import worker
from netproof.run.changes import Complete, Restart, State, Terminate
from netproof.run.scenario import Scenario, Settings
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


def test_what_is_tried_is_worked_out_anew_where_the_fleet_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same flows for the same fleet, those of a pod that came for another one."""
    monkeypatch.setattr(worker, "Client", Connection)
    made = Worker(ClusterRef("existing", "c", ""), Naming("run1", "w0"), Settings(1.0, 1.0, "i"))
    case = Scenario("case", "A case", Bundle(), "")
    for names in ("a", "ab"):
        pods = tuple(Pod("shop", one, ports=(Port(80),), ips=("10.0.0.1",)) for one in names)
        monkeypatch.setattr(made.fleet, "become", lambda *_, pods=pods: Topology(pods=pods))
        made._refit(State.at_home(made.topology, Bundle()))
        tried = made._flows(case)
        assert len(pods) ** 2 == len(tried)
        made._refit(State.at_home(made.topology, Bundle()))
        assert tried is made._flows(case)


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


PODS = (Pod("shop", "web", node="n", ips=("10.0.0.1",)), Pod("shop", "api", ips=("10.0.0.2",)))


class Ends:
    """A worker of two pods, and what was done with them, in that order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(worker, "Client", Connection)
        ref, settings = ClusterRef("existing", "c", ""), Settings(1.0, 1.0, "i")
        self.worker = Worker(ref, Naming("run1", "w0"), settings)
        self.worker.fleet.topology = Topology(pods=PODS)
        self.done: list[str] = []
        prober, fleet = self.worker.prober, self.worker.fleet
        monkeypatch.setattr(prober, "have_outlive", lambda end: self.done.append(f"{end} stays"))
        monkeypatch.setattr(prober, "have_finish", lambda end: self.done.append(f"{end} ends"))
        monkeypatch.setattr(prober, "forget", lambda key: self.done.append(f"{key} forgotten"))
        monkeypatch.setattr(fleet, "become", self._become)

    @property
    def state(self) -> State:
        return State.at_home(self.worker.fleet.topology, Bundle())

    def _become(self, _: object, pods: tuple[Pod, ...], *__: object) -> Topology:
        self.done.append("changed")
        made = (pod if pod.ips else replace(pod, ips=("10.0.0.1",)) for pod in pods)
        self.worker.fleet.topology = Topology(pods=tuple(made))
        return self.worker.fleet.topology


def test_agents_learn_that_their_pod_ends_before_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that terminates stays reachable, one that completes is forgotten; each is told once."""
    ends = Ends(monkeypatch)
    state = ends.worker._refit(Terminate("shop/web")(ends.state))
    state = ends.worker._refit(Complete("shop/api")(state))
    ends.worker._refit(state)
    assert [
        *("shop/web stays", "changed"),
        *("shop/api ends", "changed", "shop/api forgotten"),
        "changed",
    ] == ends.done


def test_a_pod_is_made_anew_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its agent is another, whatever its address, and later changes leave it alone."""
    ends = Ends(monkeypatch)
    state = ends.worker._refit(Restart("shop/web")(ends.state))
    ends.worker._refit(state)
    assert ["changed", "shop/web forgotten", "changed"] == ends.done


def test_what_was_seen_of_a_pod_that_ended_too_early_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The look is over before that is known, and no verdict of it is."""
    ends = Ends(monkeypatch)

    def gone() -> None:
        raise ClusterError("pod np/web ended before its grace period did: it is gone")

    monkeypatch.setattr(ends.worker, "_put_in_force", lambda _: None)
    monkeypatch.setattr(ends.worker, "look", lambda *_: cast("JudgedStep", None))
    monkeypatch.setattr(ends.worker.fleet, "see_terminating", gone)
    with pytest.raises(ClusterError, match="ended before its grace"):
        ends.worker._look_under(ends.state, "step", Scenario("id", "title", Bundle(), ""), ())
