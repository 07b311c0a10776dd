"""What may decide otherwise than the NetworkPolicies of a bundle, and at which flows.

Whatever netproof does not read and has a say in who reaches whom: policies of other kinds (which
`otherobjects` reads as far as needed), hostPort, a known gap of the CNI that was named. What
cannot be told of its reach counts as "may".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from netproof.model.flow import Direction
from netproof.model.known_gap import CniFacts, KnownGap
from netproof.model.record import FlowVerdict
from netproof.model.workload import NAMESPACE_NAME_LABEL, Pod, Port, Protocol
from netproof.policy import matching
from netproof.policy.networkpolicy import NetworkPolicy, Rule
from netproof.policy.peers import IpBlock
from netproof.policy.selectors import LabelSelector

BOTH = frozenset(Direction)


class OtherEnd(StrEnum):
    """At which flows something may decide, by their other end."""

    ANY = "any"
    PODS = "pods"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Overruler:
    """Something that may let pass what NetworkPolicies deny (`opens`), or the reverse (`closes`).

    It is about the pods of `namespace` ("": of every one) that the selectors match, None being
    all. `ports` are those of a destination, None being all. With `if_open` it counts only where no
    NetworkPolicy isolates. `why` is the end of a sentence.
    """

    what: str
    place: str
    why: str
    namespace: str = ""
    namespaces: LabelSelector | None = None
    pods: LabelSelector | None = None
    directions: frozenset[Direction] = BOTH
    opens: bool = True
    closes: bool = True
    other: OtherEnd = OtherEnd.ANY
    ports: frozenset[tuple[int, Protocol]] | None = None
    if_open: bool = False

    def may_touch(self, pod: Pod, labels: Mapping[str, str] | None) -> bool:
        """Tell whether it may be about a pod; `labels` are its namespace's, None if not known."""
        if self.namespace and self.namespace != pod.namespace:
            return False
        if self.namespaces and not _may_match(self.namespaces, pod.namespace, labels):
            return False
        return self.pods is None or matching.matches(self.pods, pod.labels)


def _may_match(selector: LabelSelector, namespace: str, labels: Mapping[str, str] | None) -> bool:
    """Tell whether a namespace may be meant; without its labels only its name can say no."""
    if labels is not None:
        return matching.matches(selector, matching.labels_of(namespace, labels))
    unmet = matching.unmet(selector, {NAMESPACE_NAME_LABEL: namespace})
    return all(one.key != NAMESPACE_NAME_LABEL for one in unmet)


def of_host_ports(what: str, place: str, pod: Pod, ports: Iterable[Port]) -> Iterator[Overruler]:
    """Yield what the hostPorts of a pod may decide: a node may show itself as the sender.

    Source: the portmap plugin (https://www.cni.dev/plugins/current/meta/portmap/), and
    NetworkPolicySpec.ingress on a pod's own node.
    """
    opened = tuple(ports)
    if not opened or pod.host_network:
        return
    listed = " and ".join(map(str, opened))
    yield Overruler(
        what,
        place,
        f"its hostPort opens {listed} at its node, whose address may stand in place of the "
        "sender's, and policies need not deny what comes from a pod's own node",
        namespace=pod.namespace,
        pods=LabelSelector(pod.labels),
        directions=frozenset({Direction.INGRESS}),
        closes=False,
        ports=frozenset((port.number, port.protocol) for port in opened),
    )


def of_blocks(policy: NetworkPolicy) -> Iterator[Overruler]:
    """Yield what blocks may decide that are not written so that everybody reads them alike."""
    for direction in Direction:
        for rule in policy.rules(direction):
            for peer in rule.peers:
                if isinstance(peer, IpBlock) and peer.doubt:
                    yield Overruler(
                        f"NetworkPolicy {policy.key}",
                        str(peer.origin),
                        peer.doubt,
                        namespace=policy.namespace,
                        pods=policy.pod_selector,
                        directions=frozenset({direction}),
                    )


def of_cni(policies: Iterable[NetworkPolicy], cni: CniFacts) -> Iterator[Overruler]:
    """Yield what a CNI does otherwise: all, or what its known gaps make of policies."""
    if not cni.enforces:
        why = "it is declared to enforce no NetworkPolicy, so that nothing is denied"
        yield Overruler(f"the CNI {cni.title}", "", why, closes=False)
    listed = tuple(policies)
    joined = Counter(map(_joined, listed))
    for policy in listed:
        for direction in Direction:
            for gap in cni.gaps:
                features = _features(gap)
                whole = not features or (TWINS in features and joined[_joined(policy)] > 1)
                if (whole and direction in policy.policy_types) or any(
                    _is_hit(features, rule) for rule in policy.rules(direction)
                ):
                    yield _of_gap(policy, gap, direction)


def _joined(policy: NetworkPolicy) -> str:
    return policy.namespace + policy.name


def _of_gap(policy: NetworkPolicy, gap: KnownGap, direction: Direction) -> Overruler:
    return Overruler(
        f"NetworkPolicy {policy.key}",
        str(policy.origin),
        f"known gap {gap.id} of the CNI: {gap.text} ({gap.link})",
        namespace=policy.namespace,
        pods=policy.pod_selector,
        directions=frozenset({direction}),
        opens=FlowVerdict.LEAK in gap.verdicts,
        closes=FlowVerdict.OVER_BLOCKED in gap.verdicts,
        other=OtherEnd.PODS if "block" in _features(gap) else OtherEnd.ANY,
    )


TWINS = "twins"
"""Of two policies whose namespace and name make the same text, once nothing is between them."""

_FEATURES = {
    "run-together": TWINS,
    "named-port": "names",
    "egress/names": "names",
    "range": "range",
    "end-port": "range",
    "block": "block",
    "any-address": "block",
    "sctp": "sctp",
}
"""What of a policy brings a gap about, by words in the names of the cases that show it."""


def _features(gap: KnownGap) -> frozenset[str]:
    words = " ".join((gap.id, *gap.cases)).lower()
    return frozenset(feature for word, feature in _FEATURES.items() if word in words)


def _is_hit(features: frozenset[str], rule: Rule) -> bool:
    ports = rule.ports
    has = {
        "names": any(isinstance(match.port, str) for match in ports),
        "range": any(match.end_port is not None for match in ports),
        "block": any(isinstance(peer, IpBlock) for peer in rule.peers),
        "sctp": any(match.protocol is Protocol.SCTP for match in ports),
    }
    return any(has.get(feature, False) for feature in features)
