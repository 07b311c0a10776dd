"""What policies compile to: the text for one node, read by eye."""

from dataclasses import replace
from typing import Any

import pytest

from netlab.dataplane.clusterstate import ClusterView
from netlab.dataplane.compiler import DenyMethod, OpenConnectionFate, PlaneOptions
from netlab.dataplane.planes import make_dataplane
from netlab.dataplane.serviceproxy import service_table
from tests.unit.netlab.dataplane.cases import BARE, A, B, ingress, view
from tests.unit.netlab.dataplane.objects import endpoint_slice, pod, policy, service

Obj = dict[str, Any]

A4, A6, B4, BARE4 = "10.244.0.2", "fd00:10:244::2", "10.244.0.4", "10.244.0.6"
SELECT_A: Obj = {"matchLabels": {"app": "a"}}


def _chain(text: str, name: str) -> list[str]:
    lines = text.splitlines()
    start = lines.index(f"chain {name} {{") + 1
    return lines[start : lines.index("}", start)]


def _elements(text: str, name: str) -> str:
    """Return what stands in a map."""
    (line,) = (line for line in text.splitlines() if line.startswith(f"map {name} "))
    return line.partition("elements = { ")[2].partition(" }")[0]


def _compile(one: ClusterView, node: str = "lab-node-0", **options: Any) -> str:
    return make_dataplane("enforcing", [], PlaneOptions(**options)).policy_ruleset(one, node)


def _ingress_of_a(*rules: Obj) -> list[str]:
    """Compile rules for pod a alone; return what is before its own denial, IPv4 only."""
    known = view(ingress(*rules, podSelector=SELECT_A), pods=[A, B, BARE])
    chain = _chain(_compile(known), "ingress-default")
    assert "goto deny" == chain[-1]
    return [rule for rule in chain[:-1] if "ip6" not in rule]


def test_a_table_is_replaced_in_one_transaction() -> None:
    """The text deletes the table, whether it is there or not, and makes it anew."""
    lines = _compile(view()).splitlines()
    expected = ["add table inet netproof_policy", "delete table inet netproof_policy"]
    assert [*expected, "table inet netproof_policy {"] == lines[:3]


def test_the_same_objects_give_the_same_text() -> None:
    """Compiling twice gives equal text, so that what did not change need not be applied."""
    assert _compile(view(ingress())) == _compile(view(ingress()))


def test_ingress_isolates_on_the_pods_own_node_only() -> None:
    """A selected pod's ingress is denied on its node; other nodes know nothing of it."""
    known = view(ingress(podSelector=SELECT_A))
    here, there = _compile(known), _compile(known, "x")
    leads = [f"{A4} : goto ingress-default", f"{A6} : goto ingress-default"]
    assert leads == [_elements(here, "ingress_ip"), _elements(here, "ingress_ip6")]
    assert ["goto deny"] == _chain(here, "ingress-default")
    assert ["", ""] == [_elements(there, "ingress_ip"), _elements(there, "ingress_ip6")]


def test_egress_alone_leaves_ingress_open() -> None:
    """A policy of type Egress isolates the sender and nobody as receiver."""
    text = _compile(view(policy("p", {"policyTypes": ["Egress"], "podSelector": SELECT_A})))
    assert f"{A4} : goto egress-default" == _elements(text, "egress_ip")
    assert "" == _elements(text, "ingress_ip")


@pytest.mark.parametrize("rule", [{}, {"from": []}, {"from": [], "ports": []}])
def test_an_empty_rule_allows_everything(rule: Obj) -> None:
    """Missing or empty peers and ports mean all peers and all ports."""
    assert [f"ip daddr {A4} accept"] == _ingress_of_a(rule)


@pytest.mark.parametrize(
    ("peers", "expected"),
    [
        ([{"podSelector": {"matchLabels": {"app": "b"}}}], f"ip saddr {B4} "),
        (
            [{"podSelector": {"matchLabels": {"app": "b"}}, "namespaceSelector": {}}],
            f"ip saddr {B4} ",
        ),
        ([{"ipBlock": {"cidr": "10.1.2.3/31"}}], "ip saddr 10.1.2.2-10.1.2.3 "),
        ([{"ipBlock": {"cidr": "0.0.0.0/0"}}], ""),
    ],
)
def test_peers(peers: list[Obj], expected: str) -> None:
    """Peers become source addresses; host bits are allowed, all of a family needs no match."""
    assert [f"{expected}ip daddr {A4} accept"] == _ingress_of_a({"from": peers})


@pytest.mark.parametrize("peer", [{"ipBlock": {"cidr": "::/0"}}, {"ipBlock": {"cidr": "nonsense"}}])
def test_a_peer_of_the_other_family_or_none_allows_nothing(peer: Obj) -> None:
    """An IPv6 block gives no IPv4 rule, and a block that does not parse none at all."""
    assert [] == _ingress_of_a({"from": [peer]})


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ({"port": 80}, "meta l4proto tcp th dport 80"),
        ({"port": 80, "protocol": "SCTP"}, "meta l4proto sctp th dport 80"),
        ({"port": 80, "endPort": 90, "protocol": "UDP"}, "meta l4proto udp th dport 80-90"),
        ({"protocol": "UDP"}, "meta l4proto udp"),
    ],
)
def test_ports(port: Obj, expected: str) -> None:
    """TCP where no protocol is given, all ports where none is given, ranges with their end."""
    assert [f"ip daddr {A4} {expected} accept"] == _ingress_of_a({"ports": [port]})


def test_overlapping_ports_are_merged() -> None:
    """Ranges that overlap become one: nftables takes no overlapping elements in such a set."""
    ports = [{"port": 80, "endPort": 90}, {"port": 85, "endPort": 99}, {"port": 100}]
    assert [f"ip daddr {A4} meta l4proto tcp th dport 80-100 accept"] == _ingress_of_a(
        {"ports": ports}
    )


def test_a_named_port_is_each_destinations_own() -> None:
    """One name opens the number that each selected pod has for it, and nothing without one."""
    text = _compile(view(ingress({"ports": [{"port": "http"}]}), pods=[A, B, BARE]))
    assert "elements = { 10.244.0.2 . tcp . 80, 10.244.0.4 . tcp . 8080 }" in text
    assert "10.244.0.6 . tcp" not in text


def test_a_named_port_for_egress_to_a_block_resolves_inside_it() -> None:
    """With an ipBlock as peer, only pods inside the block lend their number to the name."""
    rule = {"to": [{"ipBlock": {"cidr": "10.244.0.4/32"}}], "ports": [{"port": "http"}]}
    text = _compile(view(policy("p", {"policyTypes": ["Egress"], "egress": [rule]})))
    assert "elements = { 10.244.0.4 . tcp . 8080 }" in text
    assert "10.244.0.2 . tcp" not in text


@pytest.mark.parametrize(
    "change",
    [
        {"status": {"phase": "Succeeded", "podIPs": [{"ip": "10.244.0.9"}]}},
        {"status": {"phase": "Pending"}},
        {"spec": {"nodeName": "lab-node-0", "hostNetwork": True, "containers": []}},
    ],
    ids=["completed", "no address yet", "hostNetwork"],
)
def test_pods_that_are_not_on_the_pod_network_are_left_out(change: Obj) -> None:
    """Neither isolated nor a peer: completed pods, pods without address, hostNetwork pods."""
    odd = {**pod("odd", ips=["10.244.0.9"]), **change}
    rule: Obj = {"from": [{"podSelector": {}}]}
    assert "10.244.0.9" not in _compile(view(ingress(rule), pods=[A, odd]))


def test_a_shared_address_is_judged_by_all_who_have_it() -> None:
    """Who completed may have had another's address: wherever each is, one chain has the rules."""
    defect = ["completed-pod-stays-guarded"]
    ended = pod("ended", namespace="far", ips=[A4], labels={"app": "x"})
    ended["status"]["phase"] = "Failed"
    theirs = policy("theirs", {"ingress": [{"ports": [{"port": 81}]}]}, namespace="far")
    known = view(ingress({"ports": [{"port": 80}]}), theirs, pods=[A, ended])
    text = make_dataplane("enforcing", defect).policy_ruleset(known, "lab-node-0")
    assert f"{A4} : goto ingress-default" == _elements(text, "ingress_ip")
    passing = [rule for rule in _chain(text, "ingress-default") if "ip6" not in rule]
    dport = f"ip daddr {A4} meta l4proto tcp th dport"
    assert [f"{dport} 80 accept", f"{dport} 81 accept", "goto deny"] == passing


def test_rejecting_answers_the_sender() -> None:
    """With deny=reject TCP is reset and everything else told that the port is unreachable."""
    deny = _chain(_compile(view(), deny=DenyMethod.REJECT), "deny")
    assert ["reject with tcp reset" in deny[0], "port-unreachable" in deny[1]] == [True, True]


def test_cutting_leaves_only_replies_unjudged() -> None:
    """With established=cut the requests of open connections are judged like new ones."""
    kept = _chain(_compile(view()), "forward")
    cut = _chain(_compile(view(), established=OpenConnectionFate.CUT), "forward")
    assert {line for line in kept if "l4proto" in line} == set(kept) - set(cut)


def test_flat_enforces_nothing_and_keeps_services() -> None:
    """The flat dataplane's policy table is empty, its service table the same as any."""
    flat, enforcing = make_dataplane("flat", []), make_dataplane("enforcing", [])
    known = view(ingress())
    assert "chain" not in flat.policy_ruleset(known, "lab-node-0")
    services = enforcing.service_ruleset(known, "lab-node-0")
    assert services == flat.service_ruleset(known, "lab-node-0")


def test_services_are_worked_out_anew_when_they_change() -> None:
    """Not for a policy; for a Service, what is behind it, a pod, each on its node."""
    flat, node = make_dataplane("flat", []), "lab-node-0"
    known = replace(view(), services=(service("web", ips=["10.96.0.9"]),))
    before = flat.service_table(known, node)
    assert before is flat.service_table(replace(known, policies=view(ingress()).policies), node)
    filled = replace(known, endpointslices=(endpoint_slice("web", ips={"10.244.0.2": node}),))
    after = flat.service_table(filled, node)
    assert (before != after, after) == (True, service_table(filled, node))
    assert before == flat.service_table(known, node)
    assert before != flat.service_table(known, "lab-node-1")


@pytest.mark.parametrize(
    ("name", "defects"), [("round", []), ("flat", ["x"]), ("enforcing", ["x"])]
)
def test_an_unknown_name_is_refused_with_those_there_are(name: str, defects: list[str]) -> None:
    """A wrong dataplane or defect is an error that lists the right ones."""
    with pytest.raises(ValueError, match="there are: "):
        make_dataplane(name, defects)
