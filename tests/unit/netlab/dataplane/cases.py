"""For each defect the smallest cluster that shows it, and what the defect makes of it.

Where a misreading can be written down as objects, `as_if` has them: the defective dataplane must
make of `views` what the clean one makes of `as_if`. Else `rule` is a rule that only the defective
one has.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from netlab.dataplane.clusterstate import ClusterView, NodeInfo
from tests.unit.netlab.dataplane.objects import namespace, pod, policy

Obj = dict[str, Any]

NODES = (NodeInfo("lab-node-0", ("172.30.0.10",)), NodeInfo("lab-node-1", ("172.30.0.11",)))
NAMESPACES = (namespace("default", team="red"), namespace("far", team="blue"))
HTTP = [("http", 80, "TCP")]
A = pod("a", ips=["10.244.0.2", "fd00:10:244::2"], labels={"app": "a"}, ports=HTTP)
B = pod("b", ips=["10.244.0.4"], labels={"app": "b", "tier": "x"}, ports=[("http", 8080, "TCP")])
BARE = pod("bare", ips=["10.244.0.6"])
FAR = pod("far", namespace="far", node="lab-node-1", ips=["10.244.1.2"], labels={"app": "a"})
PODS = (A, B, BARE, FAR)
TO_A: Obj = {"podSelector": {"matchLabels": {"app": "a"}}}
IN_RED: Obj = {"namespaceSelector": {"matchLabels": {"team": "red"}}}
IN_BLUE: Obj = {"namespaceSelector": {"matchLabels": {"team": "blue"}}}


@dataclass(frozen=True)
class Case:
    """Views in order; the last one counts."""

    views: tuple[ClusterView, ...]
    as_if: ClusterView | None = None
    rule: str = ""
    node: str = "lab-node-0"


def view(
    *policies: Obj, pods: Iterable[Obj] = PODS, namespaces: Iterable[Obj] = NAMESPACES
) -> ClusterView:
    """Return a view of the small cluster with these policies."""
    return ClusterView(tuple(namespaces), tuple(pods), policies, nodes=NODES)


def ingress(*rules: Obj, **spec: Any) -> Obj:
    """Return a policy for ingress only."""
    return policy("p", {"policyTypes": ["Ingress"], "ingress": list(rules), **spec})


def _types(*types: str, **spec: Any) -> Obj:
    return policy("p", {"policyTypes": list(types), **spec})


def _misread(written: Obj, read: Obj) -> Case:
    return Case((view(written),), view(read))


def _peers(*peers: Obj) -> Obj:
    return ingress({"from": list(peers)})


def _ports(*ports: Obj) -> Obj:
    return ingress({"ports": list(ports)})


def _ip_block(cidr: str, *holes: str) -> Obj:
    return {"ipBlock": {"cidr": cidr, **({"except": list(holes)} if holes else {})}}


def _block(cidr: str, *holes: str) -> Obj:
    return _peers(_ip_block(cidr, *holes))


def _expression(*terms: tuple[str, str, list[str]]) -> Obj:
    listed = [
        {"key": key, "operator": operator, **({"values": values} if values else {})}
        for key, operator, values in terms
    ]
    return ingress(podSelector={"matchExpressions": listed})


def _labelled(obj: Obj, **labels: str) -> Obj:
    return {**obj, "metadata": {**obj["metadata"], "labels": labels}}


def _again(obj: Obj) -> Obj:
    return {**obj, "metadata": {**obj["metadata"], "uid": "another"}}


def _terminating(obj: Obj) -> Obj:
    return {**obj, "metadata": {**obj["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}


def _completed(obj: Obj) -> Obj:
    return {**obj, "status": {**obj["status"], "phase": "Succeeded"}}


def _heir(of: Obj, **labels: str) -> Obj:
    """Return a pod that has another's address by now."""
    return pod("heir", ips=[entry["ip"] for entry in of["status"]["podIPs"]], labels=labels)


_RULED = ingress({"from": [TO_A], "ports": [{"port": 80}]})
_OPEN_TO_A = _peers(TO_A)
_DENY_A = ingress(podSelector={"matchLabels": {"app": "a"}})
_DENY_B = ingress(podSelector={"matchLabels": {"app": "b"}})
_B_TO_A = ingress({"from": [IN_RED]}, podSelector={"matchLabels": {"app": "a"}})
_A_TO_B = _types("Egress", egress=[{"to": [IN_RED]}], podSelector={"matchLabels": {"app": "a"}})
_A_TO_NOBODY = _types("Egress", podSelector={"matchLabels": {"app": "a"}})
_NOBODYS_A = _labelled(A)
GONE = pod("gone", ips=["10.244.0.9"], labels={"app": "a"})

CASES = {
    "ignores-egress": _misread(_types("Ingress", "Egress"), _types("Ingress")),
    "ignores-ingress": _misread(_types("Ingress", "Egress"), _types("Egress")),
    "ingress-isolates-egress": _misread(_types("Ingress"), _types("Ingress", "Egress")),
    "egress-isolates-ingress": _misread(_types("Egress"), _types("Ingress", "Egress")),
    "swaps-directions": _misread(
        _types("Ingress", ingress=[{"from": [TO_A]}]), _types("Egress", egress=[{"to": [TO_A]}])
    ),
    "directions-share-rules": _misread(
        _types("Ingress", "Egress", ingress=[{"ports": [{"port": 80}]}]),
        _types(
            "Ingress",
            "Egress",
            ingress=[{"ports": [{"port": 80}]}],
            egress=[{"to": [{"podSelector": {}}], "ports": [{"port": 80}]}],
        ),
    ),
    "first-rule-only": _misread(
        ingress({"from": [TO_A]}, {"ports": [{"port": 80}]}), ingress({"from": [TO_A]})
    ),
    "first-policy-wins": Case(
        (view(_OPEN_TO_A, policy("q", {"policyTypes": ["Ingress"], "ingress": [{}]})),),
        view(_OPEN_TO_A),
    ),
    "crosses-namespaces": Case(
        (view(_DENY_A),),
        view(_DENY_A, {**_DENY_A, "metadata": {"name": "p", "namespace": "far"}}),
        node="lab-node-1",
    ),
    "in-first-value-only": _misread(
        _expression(("app", "In", ["a", "b"])), _expression(("app", "In", ["a"]))
    ),
    "notin-needs-key": _misread(
        _expression(("app", "NotIn", ["b"])),
        _expression(("app", "NotIn", ["b"]), ("app", "Exists", [])),
    ),
    "exists-means-empty": _misread(
        _expression(("app", "Exists", [])), _expression(("app", "In", [""]))
    ),
    "ignores-expressions": _misread(_expression(("app", "In", ["a"])), ingress()),
    "expressions-or": _misread(
        _expression(("app", "In", ["a"]), ("app", "In", ["b"])),
        _expression(("app", "In", ["a", "b"])),
    ),
    "or-as-and": _misread(_peers(TO_A, IN_RED), _peers({**TO_A, **IN_RED})),
    "and-as-or": _misread(_peers({**TO_A, **IN_BLUE}), _peers(TO_A, IN_BLUE)),
    "ignores-namespace-selector": _misread(
        _peers({**TO_A, **IN_BLUE}), _peers({**TO_A, "namespaceSelector": {}})
    ),
    "ignores-peer-pod-selector": _misread(_peers({**TO_A, **IN_RED}), _peers(IN_RED)),
    "pod-selector-any-namespace": _misread(_peers(TO_A), _peers({**TO_A, "namespaceSelector": {}})),
    "first-peer-only": _misread(_peers(TO_A, IN_BLUE), _peers(TO_A)),
    "empty-from-denies": _misread(_ports({"port": 80}), ingress()),
    "ignores-except": _misread(
        _block("203.0.113.0/24", "203.0.113.128/25"), _block("203.0.113.0/24")
    ),
    "ipblock-skips-pods": _misread(
        _block("10.244.0.0/16"),
        _block("10.244.0.0/16", "10.244.0.2/32", "10.244.0.4/32", "10.244.0.6/32", "10.244.1.2/32"),
    ),
    "ipblock-needs-clean-cidr": _misread(_block("203.0.113.7/24"), ingress()),
    "named-port-on-source": Case(
        (view(ingress({"ports": [{"port": "http"}]}), pods=[A, B]),),
        rule="10.244.0.2 . tcp . 8080",
    ),
    "named-port-opens-all": Case(
        (view(ingress({"ports": [{"port": "http"}]}), pods=[A]),),
        rule="ip daddr 10.244.0.2 meta l4proto tcp accept",
    ),
    "named-port-voids-policy": Case((view(_ports({"port": "http"})),), view()),
    "range-as-first-port": _misread(_ports({"port": 80, "endPort": 90}), _ports({"port": 80})),
    "many-ports-void-policy": Case((view(_ports(*({"port": n} for n in range(1, 26)))),), view()),
    "long-name-voids-policy": Case((view(policy("p" * 64, {})),), view()),
    "policy-keys-run-together": Case(
        (view(policy("b-c", {}), policy("c", {}, namespace="default-b")),),
        view(policy("c", {}, namespace="default-b")),
    ),
    "except-bars-other-rules": _misread(
        ingress(
            {"from": [_ip_block("10.0.0.0/8", "10.244.0.4/32")]},
            {"from": [_ip_block("10.244.0.0/16")], "ports": [{"port": 80}]},
        ),
        ingress(
            {"from": [_ip_block("10.0.0.0/8", "10.244.0.4/32")]},
            {"from": [_ip_block("10.244.0.0/16", "10.244.0.4/32")], "ports": [{"port": 80}]},
        ),
    ),
    "same-block-last-rule-counts": _misread(
        ingress(
            {"from": [_ip_block("10.244.0.4/32")]},
            {"from": [_ip_block("10.244.0.4/32")], "ports": [{"port": 80}]},
        ),
        ingress({"from": [_ip_block("10.244.0.4/32")], "ports": [{"port": 80}]}),
    ),
    "target-by-any-label": _misread(
        ingress(podSelector={"matchLabels": {"app": "a", "tier": "x"}}),
        _expression(("app", "In", ["a", "b"])),
    ),
    "notin-values-are-alternatives": _misread(
        _expression(("app", "NotIn", ["a", "b"])), ingress(podSelector={})
    ),
    "selectors-take-the-world": _misread(_peers({"namespaceSelector": {}}), ingress({})),
    "narrowest-block-counts": _misread(
        ingress(
            {"from": [_ip_block("10.244.0.0/16")], "ports": [{"port": 443}]},
            {"from": [_ip_block("10.244.0.4/32")], "ports": [{"port": 80}]},
        ),
        ingress(
            {"from": [_ip_block("10.244.0.0/16", "10.244.0.4/32")], "ports": [{"port": 443}]},
            {"from": [_ip_block("10.244.0.4/32")], "ports": [{"port": 80}]},
        ),
    ),
    "first-port-only": _misread(_ports({"port": 80}, {"port": 443}), _ports({"port": 80})),
    "empty-ports-denies": _misread(_OPEN_TO_A, ingress()),
    "ignores-ports": _misread(_RULED, _OPEN_TO_A),
    "ignores-protocol": _misread(
        _ports({"port": 53, "protocol": "UDP"}),
        _ports(*({"port": 53, "protocol": protocol} for protocol in ("TCP", "UDP", "SCTP"))),
    ),
    "ignores-udp": Case((view(_RULED),), rule="meta l4proto udp accept"),
    "ignores-tcp": Case((view(_RULED),), rule="meta l4proto tcp accept"),
    "forgets-ipv6": Case((view(_RULED),), rule="meta nfproto ipv6 accept"),
    "udp-request-leaks": Case((view(_RULED),), rule="meta l4proto udp ct mark set 0x1 accept"),
    "tcp-request-leaks": Case((view(_RULED),), rule="meta l4proto tcp ct mark set 0x1 accept"),
    "second-syn-passes": Case((view(_RULED),), rule="limit rate over 1/hour burst 1 packets"),
    "drops-udp-replies": Case(
        (view(_DENY_A),), rule="ct direction reply meta l4proto udp ip saddr { 10.244.0.2 } drop"
    ),
    "drops-fragments": Case((view(_RULED),), rule="udp meta length > 1500 drop"),
    "fragments-pass": Case((view(_RULED),), rule="udp meta length > 1500 accept"),
    "fragments-have-no-ports": Case((view(_RULED),), rule="dport 80 meta length <= 1500 accept"),
    "drops-large-replies": Case((view(_RULED),), rule="reply meta l4proto udp meta length > 1500"),
    "cluster-ip-bypass": Case((view(_RULED),), rule="ct status dnat accept"),
    "leaks-dns": Case((view(_RULED),), rule="meta l4proto udp udp dport 53 accept"),
    "world-not-policed": Case(
        (view(_RULED),),
        rule="ip daddr != { 10.244.0.2, 10.244.0.4, 10.244.0.6, 10.244.1.2 } accept",
    ),
    "enforces-on-one-node-only": Case(
        (view(policy("p", {}, namespace="far")),), None, "", node="lab-node-1"
    ),
    "same-node-not-policed": Case(
        (view(_RULED),),
        rule="ip saddr { 10.244.0.2, 10.244.0.4, 10.244.0.6 } "
        "ip daddr { 10.244.0.2, 10.244.0.4, 10.244.0.6 } accept",
    ),
    "cross-node-not-policed": Case(
        (view(_DENY_A),),
        rule="ip saddr { 10.244.1.2 } ip daddr { 10.244.0.2, 10.244.0.4, 10.244.0.6 } accept",
    ),
    "cross-node-overblocks": Case(
        (view(_DENY_A),),
        rule="ip saddr { 10.244.1.2 } ip daddr { 10.244.0.2 } ct direction original drop",
    ),
    "policy-lost-on-pod-restart": Case(
        (view(_DENY_A), view(_DENY_A, pods=[B]), view(_DENY_A, pods=[_again(A), B])), view()
    ),
    "new-pods-escape": Case((view(_DENY_A, pods=[B]), view(_DENY_A, pods=[A, B])), view()),
    "terminating-pod-is-no-peer": Case(
        (view(_OPEN_TO_A, pods=[_terminating(A), B]),), view(_OPEN_TO_A, pods=[_NOBODYS_A, B])
    ),
    "terminating-pod-is-cut-off": Case(
        (view(_DENY_B, pods=[_terminating(A), B]),), rule="ip saddr { 10.244.0.2 } drop"
    ),
    "terminating-pod-loses-its-egress": Case(
        (view(_A_TO_B, pods=[_terminating(A), B]),), view(_A_TO_NOBODY, pods=[A, B])
    ),
    "terminating-pod-loses-its-ingress": Case(
        (view(_B_TO_A, pods=[_terminating(A), B]),), view(_DENY_A, pods=[A, B])
    ),
    "terminating-pod-is-set-free": Case((view(_DENY_A, pods=[_terminating(A), B]),), view()),
    "terminating-pod-keeps-old-policies": Case(
        (
            view(_DENY_A),
            view(_DENY_A, pods=[_terminating(A), B]),
            view(_B_TO_A, pods=[_terminating(A), B]),
        ),
        view(_DENY_A),
    ),
    "completed-pod-stays-guarded": Case(
        (view(_DENY_A, pods=[_completed(A), _heir(A), B]),), view(_DENY_A, pods=[A, B])
    ),
    "completed-pod-stays-a-peer": Case(
        (view(_OPEN_TO_A, pods=[_completed(A), _heir(A), B]),),
        view(_OPEN_TO_A, pods=[_heir(A, app="a"), B]),
    ),
    "completed-pod-hides-its-successor": Case(
        (view(_DENY_B, pods=[_completed(A), _heir(A, app="b"), B]),),
        view(_DENY_B, pods=[A, B]),
    ),
    "deleted-pod-takes-its-address-along": Case(
        (
            view(_DENY_A, pods=[_completed(GONE), _heir(GONE, app="a"), B]),
            view(_DENY_A, pods=[_heir(GONE, app="a"), B]),
        ),
        view(_DENY_A, pods=[B]),
    ),
    "policy-kept-after-delete": Case((view(_DENY_A), view()), view(_DENY_A)),
    "policy-update-ignored": Case((view(_DENY_A), view(_DENY_B)), view(_DENY_A)),
    "stale-pod-labels": Case(
        (view(_DENY_A), view(_DENY_A, pods=[_labelled(A, app="b"), B])),
        view(_DENY_A, pods=[A, B]),
    ),
    "stale-namespace-labels": Case(
        (
            view(_peers(IN_BLUE)),
            view(_peers(IN_BLUE), namespaces=[NAMESPACES[0], namespace("far", team="red")]),
        ),
        view(_peers(IN_BLUE)),
    ),
}
