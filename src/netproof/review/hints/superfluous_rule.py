"""A rule that another one makes superfluous: all it lets pass, the other lets pass too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netproof.model.review import Hint, Severity
from netproof.policy import IpBlock, LabelSelector, NetworkPolicy, Peer, PodPeer, PortMatch, Rule
from netproof.review.hints.look import Look, rule_name

NAME = "superfluous-rule"

Placed = tuple[NetworkPolicy, Rule]


def find(look: Look) -> Iterator[Hint]:
    """Yield a hint for each rule that is contained in another; of two equals, for the later."""
    placed = list(look.rules())
    for number, (policy, rule) in enumerate(placed):
        for other_number, other in enumerate(placed):
            if number == other_number or not _contains(other, (policy, rule)):
                continue
            if _contains((policy, rule), other) and number < other_number:
                continue
            yield Hint(
                NAME,
                Severity.INFO,
                str(rule.origin),
                rule_name(policy, rule),
                f"{rule_name(*other)} at {other[1].origin} lets all of this pass already",
                "remove this rule, or narrow the other one",
            )
            break


def _contains(outer: Placed, inner: Placed) -> bool:
    (outer_policy, outer_rule), (inner_policy, inner_rule) = outer, inner
    return (
        outer_policy.namespace == inner_policy.namespace
        and outer_rule.direction is inner_rule.direction
        and outer_policy.pod_selector in (LabelSelector(), inner_policy.pod_selector)
        and _has_peers(outer_rule.peers, inner_rule.peers)
        and _has_ports(outer_rule.ports, inner_rule.ports)
    )


def _has_peers(outer: Iterable[Peer], inner: Iterable[Peer]) -> bool:
    wide, narrow = tuple(outer), tuple(inner)
    if not wide:
        return True
    return bool(narrow) and all(any(_has_peer(w, n) for w in wide) for n in narrow)


def _has_peer(outer: Peer, inner: Peer) -> bool:
    if isinstance(outer, IpBlock) and isinstance(inner, IpBlock):
        return outer == inner or (
            not outer.excepts
            and outer.cidr.version == inner.cidr.version
            and inner.cidr.prefixlen >= outer.cidr.prefixlen
            and inner.cidr.network_address in outer.cidr
        )
    if isinstance(outer, PodPeer) and isinstance(inner, PodPeer):
        spaces = outer.namespace_selector in (inner.namespace_selector, LabelSelector())
        pods = outer.pod_selector in (None, LabelSelector(), inner.pod_selector)
        return spaces and pods
    return False


def _has_ports(outer: Iterable[PortMatch], inner: Iterable[PortMatch]) -> bool:
    wide, narrow = tuple(outer), tuple(inner)
    if not wide:
        return True
    return bool(narrow) and all(any(_has_port(w, n) for w in wide) for n in narrow)


def _has_port(outer: PortMatch, inner: PortMatch) -> bool:
    if outer.protocol is not inner.protocol:
        return False
    if outer.port is None or outer == inner:
        return True
    if isinstance(outer.port, str) or not isinstance(inner.port, int):
        return False
    last = outer.end_port or outer.port
    return outer.port <= inner.port and (inner.end_port or inner.port) <= last
