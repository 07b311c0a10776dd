"""NetworkPolicy v1 as values, after the API server's defaulting.

Source: k8s.io/api/networking/v1/types.go for what the fields mean,
pkg/apis/networking/validation/validation.go for what is refused,
pkg/apis/networking/v1/defaults.go for `policyTypes` and `protocol`.
"""

from __future__ import annotations

from dataclasses import dataclass

from netproof.model.flow import Direction
from netproof.policy.document import Origin
from netproof.policy.fields import Field
from netproof.policy.metadata import Metadata
from netproof.policy.peers import Peer, read_peer
from netproof.policy.ports import PortMatch, read_port
from netproof.policy.selectors import LabelSelector, read_selector

_PEERS = {Direction.INGRESS: "from", Direction.EGRESS: "to"}


@dataclass(frozen=True, slots=True)
class Rule:
    """Traffic that a policy lets through: any of the peers, on any of the ports.

    No `peers` means everyone, no `ports` every port of every protocol: the API makes no
    difference between an empty list and none.
    """

    index: int
    direction: Direction
    peers: tuple[Peer, ...]
    ports: tuple[PortMatch, ...]
    origin: Origin

    def __str__(self) -> str:
        return f"{self.direction.lower()}[{self.index}] at {self.origin}"

    def peer_words(self, namespace: str) -> str:
        """Return whom the rule of a policy in a namespace names, everyone where it names nobody."""
        return " or ".join(peer.words(namespace) for peer in self.peers) or "everyone"

    def port_words(self) -> str:
        """Return the ports that the rule names as a list in words."""
        return " or ".join(map(str, self.ports)) or "any port"


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """One policy; `policy_types` are the directions in which it isolates the pods it selects."""

    namespace: str
    name: str
    pod_selector: LabelSelector
    policy_types: frozenset[Direction]
    ingress: tuple[Rule, ...]
    egress: tuple[Rule, ...]
    origin: Origin

    @property
    def key(self) -> str:
        """`namespace/name`, unique within a bundle."""
        return f"{self.namespace}/{self.name}"

    def rules(self, direction: Direction) -> tuple[Rule, ...]:
        """Return the rules of one direction; none where the policy does not isolate in it."""
        return self.written(direction) if direction in self.policy_types else ()

    def written(self, direction: Direction) -> tuple[Rule, ...]:
        """Return the rules that are written for one direction, in force or not."""
        return self.ingress if direction is Direction.INGRESS else self.egress

    def rule_name(self, rule: Rule) -> str:
        """Return what messages call a rule: `namespace/name ingress[0]`."""
        return f"{self.key} {rule.direction.lower()}[{rule.index}]"


def read_network_policy(root: Field, metadata: Metadata) -> NetworkPolicy:
    """Read a NetworkPolicy and note everything that the API server would refuse of it."""
    spec = root.child("spec").mapping(("podSelector", "ingress", "egress", "policyTypes"))
    ingress = _rules(spec.child("ingress"), Direction.INGRESS)
    egress = _rules(spec.child("egress"), Direction.EGRESS)
    return NetworkPolicy(
        metadata.namespace,
        metadata.name,
        read_selector(spec.child("podSelector")),
        _policy_types(spec.child("policyTypes"), has_egress=bool(egress)),
        ingress,
        egress,
        root.origin,
    )


def _rules(at: Field, direction: Direction) -> tuple[Rule, ...]:
    return tuple(_rule(item, i, direction) for i, item in enumerate(at.items()))


def _rule(at: Field, index: int, direction: Direction) -> Rule:
    key = _PEERS[direction]
    at.mapping((key, "ports"))
    ports = tuple(read_port(item) for item in at.child("ports").items())
    peers = [read_peer(item) for item in at.child(key).items()]
    return Rule(index, direction, tuple(peer for peer in peers if peer), ports, at.origin)


def _policy_types(at: Field, *, has_egress: bool) -> frozenset[Direction]:
    """Read policyTypes; by default a policy is for ingress, and for egress if it has such rules.

    `egress: []` counts as having none, so a policy that denies all egress has to say Egress.
    """
    items = at.items()
    words = [item.text() or "" for item in items]
    if not words:
        by_default = {Direction.INGRESS} | ({Direction.EGRESS} if has_egress else set())
        return frozenset(by_default)
    if len(words) > len(Direction):
        at.invalid(words, "may not specify more than two policyTypes")
        return frozenset(Direction)
    for item, word in zip(items, words, strict=True):
        if word not in set(Direction):
            item.unsupported(word, tuple(Direction))
    return frozenset(Direction(word) for word in words if word in set(Direction))
