"""What hints look at: a bundle and who reaches whom in it, with what several of them ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from netproof.model.flow import Direction, Expected
from netproof.model.workload import Pod, Service
from netproof.policy import LabelSelector, NetworkPolicy, Origin, PodPeer, Rule, matching
from netproof.policy.mirror import text_of
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
    return bool(words(rule, "verbs") & {"*", "create"} and words(rule, "resources") & _POD_MAKERS)


def words(raw: Mapping[str, Any], key: str) -> frozenset[str]:
    """Return the words of a list of an object that nobody has checked, none where it is no list."""
    listed = raw.get(key)
    return frozenset(map(str, listed)) if isinstance(listed, list) else frozenset()


@dataclass(frozen=True)
class HintContext:
    """Who reaches whom, and the CNI that the bundle is meant for ("" where none is named)."""

    reach: Reachability
    cni: str = ""

    @property
    def passed(self) -> Mapping[str, Counter[Expected]]:
        """How often each rule lets its side of a flow pass, by what becomes of the whole flow."""
        return self.reach.grid.passed

    def lines_of(self, origin: Origin) -> Sequence[str]:
        """Return the lines of the text that something was read from."""
        return self._lines.get(text_of(origin), ())

    @cached_property
    def _lines(self) -> Mapping[str, Sequence[str]]:
        return {name: text.splitlines() for name, text in self.reach.mirror.texts.items()}

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

    def names_peopled(self, peer: PodPeer, own: str) -> bool:
        """Tell whether a peer of a policy in namespace `own` names one with a workload."""
        labels = self.reach.index.labels
        return any(matching.names_namespace(peer, own, name, labels[name]) for name in self.peopled)

    def is_like_ours(self, peer: PodPeer) -> bool:
        """Tell whether a peer asks for a label whose key a workload has, or nearly has."""
        keys = list(matching.label_keys(peer.pod_selector)) if peer.pod_selector else []
        return not keys or any(
            key in self._keys or get_close_matches(key, self._keys, n=1, cutoff=0.8) for key in keys
        )

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(key for pod in self.reach.workloads for key in pod.labels)

    def may_be_shut(self, pod: Pod, direction: Direction) -> str:
        """Return what may deny what a pod's NetworkPolicies let pass, "" where nothing does."""
        mirror = self.reach.mirror
        labels = mirror.known_labels(pod.namespace)
        closing = (
            one.what
            for one in mirror.overrulers
            if one.closes and direction in one.directions and one.may_touch(pod, labels)
        )
        return next(closing, "")

    @cached_property
    def workloads(self) -> dict[str, Workload]:
        """The bundle's workloads by `namespace/name`."""
        return {workload.key: workload for workload in self.reach.mirror.workloads}

    def in_front_of(self, pods: Iterable[Pod]) -> Iterator[Service]:
        """Yield the Services of the bundle that lead to one of the pods, in its order."""
        services = self.reach.mirror.bundle.services
        found = {at for pod in pods for at in self._fronts.get(pod.key, ())}
        yield from (services[at] for at in sorted(found))

    @cached_property
    def _fronts(self) -> Mapping[str, Sequence[int]]:
        found: dict[str, list[int]] = {}
        for at, service in enumerate(self.reach.mirror.bundle.services):
            for pod in self.reach.index.backends(service):
                found.setdefault(pod.key, []).append(at)
        return found

    def rules(self) -> Iterator[tuple[NetworkPolicy, Rule]]:
        """Yield every rule that is in force, with its policy."""
        for policy in self.reach.policies:
            for direction in Direction:
                for rule in policy.rules(direction):
                    yield policy, rule

    def written(self) -> Iterator[tuple[NetworkPolicy, Mapping[str, Any]]]:
        """Yield each policy with its spec as it is written, which tells empty from left out."""
        specs = {
            f"{manifest.namespace}/{manifest.name}": manifest.raw.get("spec") or {}
            for manifest in self.reach.mirror.bundle.manifests
            if manifest.kind == "NetworkPolicy"
        }
        yield from ((policy, specs.get(policy.key, {})) for policy in self.reach.policies)

    def selected(self, policy: NetworkPolicy) -> tuple[Pod, ...]:
        """Return the workloads that a policy applies to."""
        return tuple(pod for pod in self.reach.index.population.selected(policy) if pod.probes)

    def isolating(self, pod: Pod, direction: Direction) -> Sequence[NetworkPolicy]:
        """Return the policies that isolate a workload in a direction."""
        return self.reach.index.isolating(pod, direction)

    def named(self, policy: NetworkPolicy, peer: PodPeer) -> tuple[Pod, ...]:
        """Return the pods that a peer names, the cluster's DNS among them."""
        return self.reach.index.population.named(peer, policy.namespace)

    def anywhere(self, selector: LabelSelector) -> tuple[Pod, ...]:
        """Return the workloads of any namespace that a selector matches."""
        everywhere = PodPeer(selector, LabelSelector())
        return tuple(p for p in self.reach.index.population.named(everywhere, "") if p.probes)

    def servers(self, policy: NetworkPolicy, rule: Rule) -> tuple[Pod, ...]:
        """Return the pods whose ports a rule is about."""
        if rule.direction is Direction.INGRESS:
            return self.selected(policy)
        peers = [peer for peer in rule.peers if isinstance(peer, PodPeer)]
        named = {pod.key: pod for peer in peers for pod in self.named(policy, peer)}
        return tuple(named.values())
