"""Pods, nodes and the outside host reach each other as they would in a real cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.lab_api import Cluster, cluster, ips, unique
from tests.lab.lab_process import eventually

NODE_IPS = {
    "lab-node-0": ["172.30.0.10", "fd00:172:30::10"],
    "lab-node-1": ["172.30.0.11", "fd00:172:30::11"],
}
ON_OUTSIDE = {"nodeName": "outside", "hostNetwork": True}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a lab of two nodes for this module; it ends with it."""
    state_dir: Path = tmp_path_factory.mktemp("network") / "lab"
    with cluster(state_dir) as running:
        yield running


@pytest.fixture(scope="module")
def here(lab: Cluster) -> dict[str, Any]:
    """Return a ready pod on the first node."""
    return lab.echo("here", nodeName="lab-node-0")


@pytest.fixture(scope="module")
def there(lab: Cluster) -> dict[str, Any]:
    """Return a ready pod on the second node."""
    return lab.echo("there", nodeName="lab-node-1")


@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"], ids=["TCP", "UDP"])
@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
def test_pods_on_two_nodes_see_each_others_addresses(
    lab: Cluster, here: dict[str, Any], there: dict[str, Any], family: int, kind: str
) -> None:
    """A packet between nodes keeps the pod's own source address."""
    assert lab.ask("here", ips(there)[family], kind=kind) == ips(here)[family]


@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
def test_pods_on_one_node_reach_each_other(lab: Cluster, here: dict[str, Any], family: int) -> None:
    """The node routes between its own pods."""
    name = unique("beside")
    beside = lab.echo(name, nodeName="lab-node-0")
    assert lab.ask(name, ips(here)[family]) == ips(beside)[family]


@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
def test_a_host_network_pod_has_the_nodes_address(
    lab: Cluster, there: dict[str, Any], family: int
) -> None:
    """It is where its node is: same addresses, seen from other nodes' pods too."""
    name = unique("host")
    pod = lab.echo(name, 18080, nodeName="lab-node-0", hostNetwork=True)
    assert ips(pod) == NODE_IPS["lab-node-0"]
    assert lab.ask(name, ips(there)[family]) == NODE_IPS["lab-node-0"][family]


@pytest.mark.usefixtures("here")
def test_addresses_without_a_pod_are_unreachable_at_once(lab: Cluster) -> None:
    """An unused pod address is answered by its node, not left to a timeout."""
    assert "No route to host" in lab.ask("here", "10.244.1.200")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
def test_pods_reach_the_outside_behind_their_nodes_address(lab: Cluster, family: int) -> None:
    """What leaves the cluster is masqueraded."""
    outside = lab.echo(unique("internet"), 9000 + family, **ON_OUTSIDE)
    seen = lab.ask("here", ips(outside)[family], 9000 + family)
    assert seen == NODE_IPS["lab-node-0"][family]


def test_the_outside_has_no_way_to_a_pod(lab: Cluster, here: dict[str, Any]) -> None:
    """Pod addresses mean nothing beyond the nodes."""
    name = unique("stranger")
    lab.echo(name, 9100, **ON_OUTSIDE)
    assert "Network is unreachable" in lab.ask(name, ips(here)[0])


@pytest.mark.parametrize("node", ["lab-node-0", "lab-node-1"])
def test_a_node_port_is_open_to_the_outside_on_every_node(
    lab: Cluster, there: dict[str, Any], node: str
) -> None:
    """The outside host reaches a Service by any node's address."""
    service = unique("np")
    spec = {"type": "NodePort", "selector": {"app": "there"}, "ports": [{"port": 8080}]}
    body = {"metadata": {"name": service}, "spec": spec}
    created = lab.api.create_namespaced_service("default", body)
    port = created.spec.ports[0].node_port
    caller = unique("caller")
    lab.echo(caller, 9200 + list(NODE_IPS).index(node), **ON_OUTSIDE)
    answered = {NODE_IPS[node][0], ips(there)[0]}
    eventually(
        lambda: lab.ask(caller, NODE_IPS[node][0], port) in answered, "the node port answers"
    )


@pytest.mark.parametrize("name", ["svc", "svc.default", "svc.default.svc.cluster.local"])
@pytest.mark.usefixtures("there")
def test_services_have_names(lab: Cluster, here: dict[str, Any], name: str) -> None:
    """The resolver of a pod finds a Service by its short and long name."""
    service = unique("svc")
    body = {
        "metadata": {"name": service},
        "spec": {"selector": {"app": "there"}, "ports": [{"port": 8080}]},
    }
    lab.api.create_namespaced_service("default", body)
    eventually(
        lambda: lab.ask("here", name.replace("svc", service, 1)) == ips(here)[0],
        "the service answers by its name",
    )


@pytest.mark.usefixtures("here")
def test_the_outside_host_has_a_name(lab: Cluster) -> None:
    """outside.example is the name of an external host."""
    code = "import socket; print(socket.gethostbyname('outside.example'))"
    assert lab.run("here", "python3", "-c", code) == "203.0.113.10"


@pytest.mark.usefixtures("here")
def test_the_dns_pod_comes_back(lab: Cluster) -> None:
    """When the DNS pod is deleted another one takes its place and answers."""
    before = lab.pod("coredns-0", "kube-system")["metadata"]["uid"]
    lab.api.delete_namespaced_pod("coredns-0", "kube-system")

    def replaced() -> bool:
        pods = lab.api.list_namespaced_pod("kube-system").items
        return any(pod.metadata.uid != before and pod.status.pod_ip for pod in pods)

    eventually(replaced, "there is a new DNS pod")
    code = "import socket; print(socket.gethostbyname('kube-dns.kube-system'))"
    eventually(
        lambda: lab.run("here", "python3", "-c", code) == "10.96.0.10", "names resolve again"
    )
