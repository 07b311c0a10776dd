"""Flows as targets."""

from __future__ import annotations

import pytest
from msgspec import to_builtins

from netproof.errors import HarnessBug, ProbeError
from netproof.model.flow import Endpoint, Flow, Path
from netproof.model.workload import (
    Family,
    Host,
    HostKind,
    Pod,
    Port,
    Protocol,
    Service,
    ServicePort,
    Topology,
)
from netproof.probe.targets import TargetKind, target_of, witnesses

API = Pod("production", "api", {"app": "api"}, ips=("10.0.0.1", "fd00::1"))
API_2 = Pod("production", "api-2", {"app": "api"}, ips=("10.0.0.2",))
DNS = Pod("kube-system", "coredns", {"k8s-app": "kube-dns"}, ips=("10.0.0.9",), probes=False)
ON_NODE = Pod("production", "on-node", node="node-1", ips=("192.168.0.1",), host_network=True)
TOPOLOGY = Topology(
    pods=(API, API_2, DNS, ON_NODE),
    services=(
        Service(
            "production",
            "api",
            {"app": "api"},
            (ServicePort(80, 8080, node_port=30080),),
            ("10.96.0.1",),
        ),
        Service(
            "kube-system",
            "kube-dns",
            {"k8s-app": "kube-dns"},
            (ServicePort(53, 53),),
            ("10.96.0.10",),
        ),
    ),
    hosts=(
        Host(HostKind.NODE, "node-1", ("192.168.0.1",)),
        Host(HostKind.NODE, "node-2", ("192.168.0.2",), (Port(20001),)),
        Host(HostKind.OUTSIDE, "outside-2", ("203.0.113.2",)),
    ),
)
SOURCE = Endpoint.pod("production/api")
SERVICE = Endpoint.service("production/api")


def _to(destination: Endpoint, path: Path, port: int = 80, family: Family = Family.IPV4) -> Flow:
    return Flow(SOURCE, destination, port, Protocol.TCP, family, path)


def test_a_pod_is_dialled_at_its_address_of_the_flows_family() -> None:
    """By pod IP the address has the flow's family and only the pod itself may answer."""
    target = target_of(_to(Endpoint.pod(API.key), Path.POD_IP, family=Family.IPV6), TOPOLOGY)
    assert ("fd00::1", ("production/api",)) == (target.address, target.identities)


def test_any_backend_may_answer_for_a_service() -> None:
    """By ClusterIP every pod that the Service selects is acceptable."""
    target = target_of(_to(SERVICE, Path.CLUSTER_IP), TOPOLOGY)
    assert ("10.96.0.1", 80) == (target.address, target.port)
    assert ("production/api", "production/api-2") == target.identities


@pytest.mark.parametrize("destination", [SERVICE, Endpoint.node("node-1")], ids=["service", "node"])
def test_a_node_port_is_dialled_at_a_node(destination: Endpoint) -> None:
    """By node port the node is dialled, and the Service's backends answer."""
    target = target_of(_to(destination, Path.NODE_PORT, 30080), TOPOLOGY)
    assert ("192.168.0.1", 30080) == (target.address, target.port)
    assert ("production/api", "production/api-2") == target.identities


def test_a_name_has_the_namespace_that_the_cluster_knows() -> None:
    """By name the look-up carries the cluster's namespace and the search list completes it."""
    flow = _to(SERVICE, Path.NAME)
    assert "api.np-1-production.svc" == target_of(flow, TOPOLOGY, "np-1-{}".format).name


def test_dns_is_asked_for_its_own_name() -> None:
    """By dns the DNS Service is asked for itself, and has to answer with its own address."""
    target = target_of(_to(Endpoint.service("kube-system/kube-dns"), Path.DNS, 53), TOPOLOGY)
    assert "kube-dns.kube-system.svc.cluster.local" == target.name
    assert (("10.96.0.10",), ()) == (target.expect, target.identities)


def test_one_agent_answers_for_every_host_outside() -> None:
    """Whatever address outside is dialled, the outside agent has to answer."""
    target = target_of(_to(Endpoint.outside("outside-2"), Path.HOST_IP), TOPOLOGY)
    assert ("203.0.113.2", ("outside",)) == (target.address, target.identities)


def test_pods_on_the_hosts_network_answer_for_a_node() -> None:
    """By host IP a node's own pods on its network are acceptable."""
    target = target_of(_to(Endpoint.node("node-1"), Path.HOST_IP), TOPOLOGY)
    assert ("production/on-node",) == target.identities


def test_an_agent_of_its_own_answers_for_a_node_and_is_its_witness() -> None:
    """Where a node runs an agent nobody else may answer, and it is asked what arrived."""
    flow = _to(Endpoint.node("node-2"), Path.HOST_IP, 20001)
    target = target_of(flow, TOPOLOGY)
    assert ("192.168.0.2", ("node-2",)) == (target.address, target.identities)
    assert (Endpoint.node("node-2"),) == witnesses(flow, target)


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        (
            _to(Endpoint.pod(API_2.key), Path.POD_IP, family=Family.IPV6),
            "production/api-2 has no IPv6",
        ),
        (_to(SERVICE, Path.CLUSTER_IP, family=Family.IPV6), "service production/api has no IPv6"),
        (_to(SERVICE, Path.NODE_PORT, family=Family.IPV6), "no node has an IPv6"),
    ],
    ids=["pod", "service", "node"],
)
def test_a_missing_address_is_no_bug(flow: Flow, message: str) -> None:
    """Where the cluster has no address of that family, the probe cannot be made."""
    with pytest.raises(ProbeError, match=message):
        target_of(flow, TOPOLOGY)


@pytest.mark.parametrize(
    "flow",
    [
        _to(Endpoint.pod("production/nobody"), Path.POD_IP),
        _to(Endpoint.pod(API.key), Path.CLUSTER_IP),
        _to(Endpoint.node("node-1"), Path.NODE_PORT, 1),
    ],
    ids=["unknown pod", "pod by ClusterIP", "unknown node port"],
)
def test_a_flow_of_another_topology_is_a_bug(flow: Flow) -> None:
    """What cannot be a flow of this topology is netproof's own fault."""
    with pytest.raises(HarnessBug, match="production/api ->"):
        target_of(flow, TOPOLOGY)


def test_the_destinations_agents_are_the_witnesses() -> None:
    """For a Service the backends with an agent can tell what arrived, for DNS nobody."""
    by_ip = _to(SERVICE, Path.CLUSTER_IP)
    dns = _to(Endpoint.service("kube-system/kube-dns"), Path.DNS, 53)
    backends = (Endpoint.pod("production/api"), Endpoint.pod("production/api-2"))
    assert backends == witnesses(by_ip, target_of(by_ip, TOPOLOGY))
    assert () == witnesses(dns, target_of(dns, TOPOLOGY))


def test_plain_values_carry_what_the_kind_needs() -> None:
    """A target is worded as the agent reads it, without empty fields."""
    flow = _to(Endpoint.pod(API.key), Path.POD_IP)
    expected = {
        "kind": "connect",
        "protocol": "TCP",
        "family": "IPv4",
        "address": "10.0.0.1",
        "port": 80,
        "identities": ("production/api",),
    }
    assert expected == to_builtins(target_of(flow, TOPOLOGY))


def test_a_large_datagram_goes_where_a_small_one_goes() -> None:
    """It is dialled and answered alike, and its destination testifies."""
    flow = Flow(SOURCE, Endpoint.pod(API_2.key), 53, Protocol.UDP, path=Path.FRAGMENTS)
    target = target_of(flow, TOPOLOGY)
    assert (TargetKind.LARGE, "10.0.0.2", 53) == (target.kind, target.address, target.port)
    assert (flow.destination,) == witnesses(flow, target)


def test_an_echo_has_no_witness() -> None:
    """A kernel answers it, of which no agent knows and which proves nothing."""
    flow = Flow(SOURCE, Endpoint.pod(API_2.key), 0, Protocol.ICMP)
    target = target_of(flow, TOPOLOGY)
    assert () == witnesses(flow, target)
    assert {
        "kind": "ping",
        "protocol": "ICMP",
        "family": "IPv4",
        "address": "10.0.0.2",
        "port": 0,
    } == to_builtins(target)
