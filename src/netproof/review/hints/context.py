"""What hints look at: a bundle and who reaches whom in it, with what several of them ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from netproof.model.flow import Direction, Expected
from netproof.model.workload import Pod
from netproof.policy import NetworkPolicy, PodPeer, Rule, matching
from netproof.policy.mirrorobjects import Workload
from netproof.review.reachability import Reachability


@dataclass(frozen=True)
class HintContext:
    """Who reaches whom, and the CNI that the bundle is meant for ("" where none is named)."""

    reach: Reachability
    cni: str = ""

    @cached_property
    def passed(self) -> dict[str, Counter[Expected]]:
        """How often each rule lets its side of a flow pass, by what becomes of the whole flow."""
        counts: dict[str, Counter[Expected]] = {}
        for expectation in self.reach.matrix.values():
            for reason in expectation.reasons:
                for rule in reason.rules:
                    counts.setdefault(rule, Counter())[expectation.expected] += 1
        return counts

    @cached_property
    def going_out(self) -> frozenset[str]:
        """The workloads that some egress rule lets go somewhere."""
        return frozenset(
            flow.source.name
            for flow, expectation in self.reach.matrix.items()
            for reason in expectation.reasons
            if reason.direction is Direction.EGRESS and reason.rules
        )

    @cached_property
    def workloads(self) -> dict[str, Workload]:
        """The bundle's workloads by `namespace/name`."""
        return {workload.key: workload for workload in self.reach.mirror.workloads}

    def rules(self) -> Iterator[tuple[NetworkPolicy, Rule]]:
        """Yield every rule that is in force, with its policy."""
        for policy in self.reach.policies:
            for direction in Direction:
                for rule in policy.rules(direction):
                    yield policy, rule

    def selected(self, policy: NetworkPolicy) -> tuple[Pod, ...]:
        """Return the workloads that a policy applies to."""
        return tuple(pod for pod in self.reach.workloads if matching.selects(policy, pod))

    def named(self, policy: NetworkPolicy, peer: PodPeer) -> tuple[Pod, ...]:
        """Return the pods that a peer names, the cluster's DNS among them."""
        labels = self.reach.namespace_labels
        return tuple(
            pod
            for pod in self.reach.pods.values()
            if matching.names_pod(peer, policy.namespace, pod, labels)
        )

    def servers(self, policy: NetworkPolicy, rule: Rule) -> tuple[Pod, ...]:
        """Return the pods whose ports a rule is about."""
        if rule.direction is Direction.INGRESS:
            return self.selected(policy)
        peers = [peer for peer in rule.peers if isinstance(peer, PodPeer)]
        named = {pod.key: pod for peer in peers for pod in self.named(policy, peer)}
        return tuple(named.values())
