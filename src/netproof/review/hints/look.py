"""What a hint looks at: the bundle in its world, with what several hints ask for worked out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from netproof.model.flow import Direction, Expected
from netproof.model.workload import Pod
from netproof.policy import NetworkPolicy, PodPeer, Rule
from netproof.policy.mirror import Workload
from netproof.policy.served import is_peer, selects
from netproof.review.world import World


@dataclass(frozen=True)
class Look:
    """A world, and the CNI that the bundle is meant for ("" where none is named)."""

    world: World
    cni: str = ""

    @cached_property
    def passed(self) -> dict[str, Counter[Expected]]:
        """How often each rule lets its side of a flow pass, by what becomes of the whole flow."""
        found: dict[str, Counter[Expected]] = {}
        for expectation in self.world.matrix.values():
            for reason in expectation.reasons:
                for rule in reason.rules:
                    found.setdefault(rule, Counter())[expectation.expected] += 1
        return found

    @cached_property
    def going_out(self) -> frozenset[str]:
        """The workloads that some egress rule lets go somewhere."""
        return frozenset(
            flow.source.name
            for flow, expectation in self.world.matrix.items()
            for reason in expectation.reasons
            if reason.direction is Direction.EGRESS and reason.rules
        )

    @cached_property
    def workloads(self) -> dict[str, Workload]:
        """The bundle's workloads by `namespace/name`."""
        return {workload.key: workload for workload in self.world.mirror.workloads}

    def rules(self) -> Iterator[tuple[NetworkPolicy, Rule]]:
        """Yield every rule that is in force, with its policy."""
        for policy in self.world.policies:
            for direction in Direction:
                for rule in policy.rules(direction):
                    yield policy, rule

    def selected(self, policy: NetworkPolicy) -> tuple[Pod, ...]:
        """Return the workloads that a policy applies to."""
        return tuple(pod for pod in self.world.workloads if selects(policy, pod))

    def named(self, policy: NetworkPolicy, peer: PodPeer) -> tuple[Pod, ...]:
        """Return the pods that a peer names, the cluster's DNS among them."""
        labels = self.world.namespace_labels
        return tuple(p for p in self.world.pods.values() if is_peer(peer, policy, p, labels))

    def servers(self, policy: NetworkPolicy, rule: Rule) -> tuple[Pod, ...]:
        """Return the pods whose ports a rule is about."""
        if rule.direction is Direction.INGRESS:
            return self.selected(policy)
        peers = [peer for peer in rule.peers if isinstance(peer, PodPeer)]
        found = {pod.key: pod for peer in peers for pod in self.named(policy, peer)}
        return tuple(found.values())


def rule_name(policy: NetworkPolicy, rule: Rule) -> str:
    """Return `namespace/name ingress[0]`."""
    return f"{policy.key} {rule.direction.lower()}[{rule.index}]"
