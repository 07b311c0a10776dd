"""Which flows there are."""

import pytest

from netproof.model import flows
from netproof.model.flow import Endpoint, Path
from netproof.model.value import replace
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
from netproof.policy.population import Population

WEB = Pod("shop", "web", {"app": "web"}, (Port(80),), "n1", ("10.0.0.1", "fd00::1"))
DB = Pod("shop", "db", {"app": "db"}, (Port(53, Protocol.UDP),), "n2", ("10.0.0.2",))
DNS = Pod("kube-system", "dns", {"k8s-app": "dns"}, (Port(53),), "n2", ("10.0.0.9",), probes=False)
TOPOLOGY = Topology(
    pods=(WEB, DB, DNS),
    services=(
        Service("shop", "web", {"app": "web"}, (ServicePort(8080, 80),), ("10.9.0.1",)),
        Service("kube-system", "dns", {"k8s-app": "dns"}, (ServicePort(53, 53),), ("10.9.0.9",)),
    ),
    hosts=(Host(HostKind.OUTSIDE, "outside", ("203.0.113.1",), (Port(443),)),),
)


def test_pods_reach_each_other_in_the_families_they_share() -> None:
    """A pod without IPv6 is not tried by IPv6; pods without an agent are no ends of a flow."""
    assert {
        "shop/web -> shop/web:80/TCP IPv4",
        "shop/web -> shop/web:80/TCP IPv6",
        "shop/web -> shop/db:53/UDP IPv4",
        "shop/db -> shop/web:80/TCP IPv4",
        "shop/db -> shop/db:53/UDP IPv4",
    } == {str(flow) for flow in flows.pod_flows(TOPOLOGY)}


def test_services_are_dialled_at_their_own_port() -> None:
    """Only Services whose backends run our agent can prove who answered."""
    assert {
        "shop/web -> service shop/web:8080/TCP IPv4 by cluster-ip",
        "shop/db -> service shop/web:8080/TCP IPv4 by cluster-ip",
    } == {str(flow) for flow in flows.service_flows(TOPOLOGY)}


def test_a_service_sends_to_pods_that_terminate_only_where_there_is_no_other() -> None:
    """As kube-proxy does, and as flows to it are expected to go (KEP-1669)."""
    ending, other = replace(WEB, grace_s=30), replace(WEB, name="other")
    (service, _) = TOPOLOGY.services
    for pods, behind in [([ending, other], (other,)), ([ending], (ending,))]:
        topology = Topology(pods=tuple(pods), services=(service,))
        assert behind == topology.backends(service) == Population(pods, {}).behind(service)


def test_dns_is_asked_by_every_pod() -> None:
    """The destination of a look-up is the DNS Service."""
    asked = {str(flow) for flow in flows.dns_flows(TOPOLOGY, "kube-system/dns")}
    assert "shop/db -> service kube-system/dns:53/TCP IPv4 by dns" in asked


def test_the_outside_is_reached_by_its_address() -> None:
    """A host outside is an end of its own kind."""
    found = list(flows.outside_flows(TOPOLOGY))
    assert found[0].path is Path.HOST_IP
    assert found[0].destination == Endpoint.outside("outside")


def test_mixed_flows_leave_out_no_pair_and_no_port() -> None:
    """Every port of every pair is tried in one of the families that the two share."""
    full = list(flows.pod_flows(TOPOLOGY))
    mixed = list(flows.mixed_flows(TOPOLOGY))
    assert {replace(flow, family=Family.IPV4) for flow in full} == {
        replace(flow, family=Family.IPV4) for flow in mixed
    }
    assert len(mixed) == len({(f.source, f.destination, f.port, f.protocol) for f in full})
    assert set(mixed) <= set(full)


NODES = (
    Host(HostKind.NODE, "n1", ("172.30.0.1",)),
    Host(HostKind.NODE, "n2", ("172.30.0.2",)),
)
EXPOSED = Service(
    "shop", "exposed", {"app": "web"}, (ServicePort(8080, 80, node_port=30080),), ("10.9.0.2",)
)
WITH_NODES = replace(
    TOPOLOGY, services=(*TOPOLOGY.services, EXPOSED), hosts=(*TOPOLOGY.hosts, *NODES)
)


def test_node_ports_are_reached_at_every_node_from_pods_and_from_outside() -> None:
    """Each start dials the node port of each node."""
    assert {
        f"{start} -> node {node}:30080/TCP IPv4 by node-port"
        for start in ("shop/web", "shop/db", "outside")
        for node in ("n1", "n2")
    } == {str(flow) for flow in flows.node_port_flows(WITH_NODES, "shop/exposed")}


def test_local_node_ports_are_reached_where_a_backend_is() -> None:
    """Where no backend is, externalTrafficPolicy Local drops what comes."""
    found = flows.node_port_flows(WITH_NODES, "shop/exposed", local=True)
    assert {"n1"} == {flow.destination.name for flow in found}


def test_nodes_with_an_agent_start_and_end_flows() -> None:
    """A node that serves ports is reached by every pod and reaches every port; others are not."""
    n1 = replace(NODES[0], ports=(Port(20001),))
    topology = replace(TOPOLOGY, hosts=(*TOPOLOGY.hosts, n1, NODES[1]))
    found = {str(flow) for flow in flows.node_flows(topology)}
    assert {
        "shop/web -> node n1:20001/TCP IPv4",
        "shop/db -> node n1:20001/TCP IPv4",
        "node n1 -> shop/web:80/TCP IPv4",
        "node n1 -> shop/db:53/UDP IPv4",
    } == found


@pytest.mark.parametrize(
    "end",
    [
        Endpoint.pod("shop/web"),
        Endpoint.service("shop/api"),
        Endpoint.node("n1"),
        Endpoint.outside("outside 203.0.113.0/24"),
    ],
    ids=str,
)
def test_an_end_is_read_back_from_its_text(end: Endpoint) -> None:
    """What a report calls an end is enough to know it again."""
    assert end == Endpoint.parse(str(end))


def test_flows_are_told_by_the_nodes_of_their_ends() -> None:
    """Neighbours share a node; a pod's flows to itself are neither."""
    neighbour = replace(WEB, name="new", ips=("10.0.0.5",))
    topology = replace(TOPOLOGY, pods=(*TOPOLOGY.pods, neighbour))
    same = {str(flow) for flow in flows.same_node(topology)}
    cross = {str(flow) for flow in flows.cross_node(topology)}
    assert "shop/web -> shop/new:80/TCP IPv4" in same
    assert "shop/web -> shop/db:53/UDP IPv4" in cross
    assert "shop/web -> shop/web:80/TCP IPv4" not in same | cross


def test_a_headless_name_leads_to_its_pods() -> None:
    """A Service without an address of its own is reached by name where its pods are."""
    headless = Service("shop", "headless", {"app": "web"}, (ServicePort(80, 80),))
    topology = replace(TOPOLOGY, services=(headless,))
    assert [] == list(flows.service_flows(topology))
    assert {
        "shop/web -> service shop/headless:80/TCP IPv4 by name",
        "shop/web -> service shop/headless:80/TCP IPv6 by name",
        "shop/db -> service shop/headless:80/TCP IPv4 by name",
    } == {str(flow) for flow in flows.service_flows(topology, Path.NAME)}


def test_large_datagrams_go_by_udp_and_never_by_loopback() -> None:
    """What a pod sends to itself is not cut up, so it would prove nothing."""
    large, small = "shop/web -> shop/db:53/UDP IPv4 by fragments", "shop/web -> shop/db:53/UDP IPv4"
    assert [large] == [str(flow) for flow in flows.fragment_flows(TOPOLOGY)]
    assert [large, small] == [str(flow) for flow in flows.datagram_flows(TOPOLOGY)]


def test_echoes_have_no_port() -> None:
    """Each pod with an agent asks each other one, in the families that both have."""
    assert ["shop/web -> shop/db ICMP IPv4", "shop/db -> shop/web ICMP IPv4"] == [
        str(flow) for flow in flows.ping_flows(TOPOLOGY)
    ]
