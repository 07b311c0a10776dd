"""What hints look at: a bundle and who reaches whom in it, with what several of them ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from netproof.model.flow import Direction, Expected
from netproof.model.workload import Pod
from netproof.policy import NetworkPolicy, PodPeer, Rule, matching
from netproof.policy.mirrorobjects import Workload
from netproof.policy.otherobjects import OtherObject
from netproof.review.reachability import Reachability
from netproof.review.ways import resolvers_of

_MAKE_NONE = (
    *("ServiceMonitor", "PodMonitor", "Probe", "PrometheusRule"),
    *("Certificate", "Issuer", "ClusterIssuer", "ExternalSecret", "SealedSecret"),
    *("VirtualService", "DestinationRule", "IngressRoute"),
)
"""Kinds of operators that make no pods of them."""

_POD_MAKERS = {"*", "pods", "deployments", "statefulsets", "daemonsets", "replicasets", "jobs"}


def _makes_pods(other: OtherObject) -> bool:
    if other.kind == "CustomResourceDefinition":
        return True
    if other.kind in ("Role", "ClusterRole"):
        return any(map(_may_create_pods, other.raw.get("rules") or ()))
    return other.is_foreign and other.kind not in _MAKE_NONE and not other.is_policy


def _may_create_pods(rule: Any) -> bool:
    if not isinstance(rule, dict):
        return False
    verbs, resources = (set(map(str, rule.get(k) or ())) for k in ("verbs", "resources"))
    return bool(verbs & {"*", "create"} and resources & _POD_MAKERS)


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
    def maker(self) -> str:
        """What of the bundle may make pods that are not in it, "" where nothing does.

        An operator is there where objects of its kinds are, or their definitions, or a role that
        may make pods.
        """
        return next((str(one) for one in self.reach.mirror.others if _makes_pods(one)), "")

    @cached_property
    def resolvers(self) -> Mapping[str, tuple[str, ...]]:
        """The servers that workloads ask for names in the place of the cluster's DNS."""
        return resolvers_of(self.reach.mirror)

    @cached_property
    def peopled(self) -> frozenset[str]:
        """The namespaces that the bundle has a workload in."""
        return frozenset(pod.namespace for pod in self.reach.workloads)

    def is_peopled(self, namespace: str) -> bool:
        """Tell whether the bundle has a workload in a namespace."""
        return namespace in self.peopled

    @cached_property
    def open_rules(self) -> tuple[tuple[NetworkPolicy, Rule], ...]:
        """The rules that let everyone pass on any port."""
        return tuple((p, r) for p, r in self.rules() if not r.peers and not r.ports)

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
