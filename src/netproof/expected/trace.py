"""How an answer comes about: every policy and rule that took part, and why the others did not.

Made when somebody asks, by the same evaluation that answers, so it explains that very answer. Of a
policy that misses a pod by one condition those rules are kept that would let the packets pass; of
one that misses it by more, none.
"""

from __future__ import annotations

from dataclasses import dataclass

from netproof.expected.evaluate import Evaluator
from netproof.expected.index import PolicyIndex, parsed_address
from netproof.expected.traffic import Packets, Party
from netproof.model.flow import Direction, Expectation, Flow, Reason
from netproof.model.workload import Pod
from netproof.policy import IpBlock, NetworkPolicy, Peer, Rule, matching
from netproof.policy.matching import Condition, Mismatch

_FAR = frozenset({Condition.PEER_IS_POD, Condition.PEER_IS_ADDRESS})
"""Conditions that no change of a word would mend: the peer is of another kind."""


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """One rule against the packets: `peer` and `port` are why it is not about them.

    Of several entries of a list those mismatches count that are fewest. A rule without any lets
    the packets pass, if its policy isolates the pod.
    """

    name: str
    rule: Rule
    peer: tuple[Mismatch, ...] = ()
    port: tuple[Mismatch, ...] = ()

    @property
    def passes(self) -> bool:
        """Tell whether the rule is about the packets."""
        return not self.peer and not self.port

    @property
    def distance(self) -> int:
        """Tell by how many conditions the rule misses the packets."""
        return sum(map(_weight, (*self.peer, *self.port)))


@dataclass(frozen=True, slots=True)
class PolicyTrace:
    """One policy against a pod and a direction: why it does not isolate it, and its rules."""

    policy: NetworkPolicy
    selection: tuple[Mismatch, ...] = ()
    rules: tuple[RuleTrace, ...] = ()

    @property
    def isolates(self) -> bool:
        """Tell whether the policy isolates the pod in the direction."""
        return not self.selection


@dataclass(frozen=True, slots=True)
class SideTrace:
    """What all policies have to say of one side of a flow: one pod, in one direction."""

    pod: Pod
    other: Party
    packets: Packets
    direction: Direction
    reason: Reason
    policies: tuple[PolicyTrace, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """The answer for one flow and all its sides; a flow to a Service has those of each backend."""

    flow: Flow
    expectation: Expectation
    sides: tuple[SideTrace, ...]


def trace_flow(index: PolicyIndex, flow: Flow) -> Trace:
    """Answer for one flow, with everything that took part; raise HarnessBug as `expect` does."""
    recording = _Recording(index)
    expectation = recording.expect(flow)
    return Trace(flow, expectation, tuple(recording.sides))


class _Recording(Evaluator):
    """An evaluation that keeps each side it decides."""

    def __init__(self, index: PolicyIndex) -> None:
        super().__init__(index)
        self.sides: list[SideTrace] = []

    def decide(self, pod: Pod, other: Party, packets: Packets, direction: Direction) -> Reason:
        reason = super().decide(pod, other, packets, direction)
        side = _Side(self.index, pod, other, packets, direction)
        policies = tuple(side.policy(policy) for policy in self.index.policies)
        self.sides.append(SideTrace(pod, other, packets, direction, reason, policies))
        return reason


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a flow, to hold policies and rules against."""

    index: PolicyIndex
    pod: Pod
    other: Party
    packets: Packets
    direction: Direction

    def policy(self, policy: NetworkPolicy) -> PolicyTrace:
        selection = matching.selection_mismatches(policy, self.pod, self.direction)
        near = policy.written(self.direction) if len(selection) <= 1 else ()
        if selection:
            near = tuple(rule for rule in near if self._passes(policy.namespace, rule))
        return PolicyTrace(policy, selection, tuple(self._rule(policy, rule) for rule in near))

    def _passes(self, own: str, rule: Rule) -> bool:
        peers = not rule.peers or any(self._is_peer(own, peer) for peer in rule.peers)
        return peers and not self._port(rule)

    def _is_peer(self, own: str, peer: Peer) -> bool:
        if isinstance(peer, IpBlock) or self.other.pod is None:
            return not self._peer(own, peer)
        return matching.names_pod(peer, own, self.other.pod, self.index.labels)

    def _rule(self, policy: NetworkPolicy, rule: Rule) -> RuleTrace:
        peers = [self._peer(policy.namespace, peer) for peer in rule.peers]
        nearest = min(peers, key=lambda wrong: sum(map(_weight, wrong)), default=())
        return RuleTrace(policy.rule_name(rule), rule, nearest, self._port(rule))

    def _peer(self, own: str, peer: Peer) -> tuple[Mismatch, ...]:
        if isinstance(peer, IpBlock):
            return self._block(peer)
        if self.other.pod is None:
            condition, written = Condition.PEER_IS_POD, peer.words(own)
            return (Mismatch(condition, peer.origin, written, self.other.name),)
        return matching.pod_mismatches(peer, own, self.other.pod, self.index.labels)

    def _block(self, block: IpBlock) -> tuple[Mismatch, ...]:
        given = self.other.who.ip(self.packets.family)
        failed = (
            matching.block_condition(block, parsed_address(given))
            if given is not None
            else Condition.PEER_IS_ADDRESS
        )
        if failed is None:
            return ()
        # Nobody means a pod by its address, so a block that misses one is not nearly about it.
        condition = Condition.PEER_IS_ADDRESS if self.other.pod else failed
        return (Mismatch(condition, block.origin, str(block.cidr), given or ""),)

    def _port(self, rule: Rule) -> tuple[Mismatch, ...]:
        number, protocol = self.packets.port, self.packets.protocol
        server = self.pod if self.direction is Direction.INGRESS else self.other.pod
        failed = [matching.port_condition(m, number, protocol, server) for m in rule.ports]
        if not failed or None in failed:
            return ()
        entry, condition = next(
            (pair for pair in zip(rule.ports, failed, strict=True) if pair[1] is not _PROTOCOL),
            (rule.ports[0], _PROTOCOL),
        )
        given = f"{number}/{protocol}"
        return (Mismatch(condition or _PROTOCOL, entry.origin, rule.port_words(), given),)


_PROTOCOL = Condition.PROTOCOL


def _weight(mismatch: Mismatch) -> int:
    return 2 if mismatch.condition in _FAR else 1
