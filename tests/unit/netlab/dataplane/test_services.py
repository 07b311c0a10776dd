"""What Services compile to: the text for one node, read by eye."""

from typing import Any

from netlab.dataplane.clusterstate import ClusterView
from netlab.dataplane.serviceproxy import service_table
from tests.unit.netlab.dataplane.cases import NODES
from tests.unit.netlab.dataplane.objects import endpoint_slice, service

Obj = dict[str, Any]

ONE = {"10.244.0.2": "lab-node-0"}
TWO = {**ONE, "10.244.1.2": "lab-node-1"}


def _compile(services: list[Obj], slices: list[Obj], node: str = "lab-node-0") -> str:
    view = ClusterView(services=tuple(services), endpointslices=tuple(slices), nodes=NODES)
    return service_table(view, node).replacement()


def test_one_endpoint_is_the_only_target() -> None:
    """A Service with one pod is translated to that pod and its port."""
    text = _compile(
        [service("web", ips=["10.96.0.9"])], [endpoint_slice("web", ips=ONE, port=8080)]
    )
    assert "10.96.0.9 . tcp . 80 : goto port0" in text
    assert "meta l4proto tcp dnat ip to 10.244.0.2:8080" in text


def test_several_endpoints_are_chosen_from_at_random() -> None:
    """A Service with two pods sends each connection to either."""
    text = _compile([service("web", ips=["10.96.0.9"])], [endpoint_slice("web", ips=TWO)])
    choice = "numgen random mod 2 map { 0 : 10.244.0.2 . 80, 1 : 10.244.1.2 . 80 }"
    assert f"dnat ip addr . port to {choice}" in text


def test_each_family_has_its_own_endpoints() -> None:
    """The IPv6 address of a Service leads to the IPv6 addresses of its pods."""
    slices = [endpoint_slice("web", ips=ONE), endpoint_slice("web", ips={"fd00::2": "lab-node-0"})]
    text = _compile([service("web", ips=["10.96.0.9", "fd00:10:96::9"])], slices)
    assert "dnat ip6 to [fd00::2]:80" in text


def test_a_service_without_ready_endpoints_refuses() -> None:
    """What still goes to a ClusterIP after translation is refused; pods not ready do not count."""
    slices = [endpoint_slice("web", ips=ONE, ready=False)]
    text = _compile([service("web", ips=["10.96.0.9"])], slices)
    assert "ip daddr 10.96.0.9 reject" in text
    assert "dnat" not in text.replace("ct status dnat", "")


def test_terminating_endpoints_serve_where_no_other_does() -> None:
    """What a Service gets goes to them at the last, and to none of them before (KEP-1669)."""
    web, other = endpoint_slice("web", ips=ONE), endpoint_slice("web", ips={"10.244.1.2": "n"})
    web["endpoints"][0]["conditions"] = {"ready": False, "serving": True, "terminating": True}
    assert "to 10.244.0.2:80" in _compile([service("web", ips=["10.96.0.9"])], [web])
    text = _compile([service("web", ips=["10.96.0.9"])], [web, other])
    assert (False, True) == ("10.244.0.2" in text, "to 10.244.1.2:80" in text)


def test_a_headless_service_has_no_rules() -> None:
    """A Service with clusterIP None is for DNS only."""
    text = _compile([service("web", ips=["None"])], [endpoint_slice("web", ips=ONE)])
    assert "goto port" not in text


def test_a_node_port_hides_the_client_behind_the_node() -> None:
    """With externalTrafficPolicy Cluster every pod may answer, so replies must come back here."""
    web = service("web", ips=["10.96.0.9"], node_port=30080)
    text = _compile([web], [endpoint_slice("web", ips=TWO)])
    assert "tcp . 30080 : goto port0_node" in text
    assert "ip daddr { 172.30.0.10 } meta l4proto . th dport vmap @node_ip" in text
    assert "meta mark set meta mark | 0x4000 meta l4proto tcp dnat ip addr . port to" in text


def test_a_local_node_port_keeps_the_client_and_the_node() -> None:
    """With externalTrafficPolicy Local clients outside reach pods of this node only, unmasked."""
    web = service("web", ips=["10.96.0.9"], node_port=30080, externalTrafficPolicy="Local")
    text = _compile([web], [endpoint_slice("web", ips=TWO)])
    assert "\nmeta l4proto tcp dnat ip to 10.244.0.2:80\n" in text


def test_a_local_node_port_drops_where_no_pod_is() -> None:
    """With externalTrafficPolicy Local a node without such a pod answers nothing."""
    web = service("web", ips=["10.96.0.9"], node_port=30080, externalTrafficPolicy="Local")
    text = _compile([web], [endpoint_slice("web", ips=ONE)], node="lab-node-1")
    chain = text.partition("chain port0_node {\n")[2].partition("\n}")[0]
    assert "drop" == chain.splitlines()[-1]


def test_internal_traffic_policy_local_keeps_to_the_node() -> None:
    """With internalTrafficPolicy Local a ClusterIP leads to pods of the client's node only."""
    web = service("web", ips=["10.96.0.9"], internalTrafficPolicy="Local")
    text = _compile([web], [endpoint_slice("web", ips=TWO)])
    assert "dnat ip to 10.244.0.2:80" in text
