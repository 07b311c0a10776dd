"""Who is there, for those who ask again and again whom a selector means.

A bundle asks the same of every policy, rule and Service. Pods are looked up by their labels first,
so that a selector is held against those few that can match it, and once for all who write the same.
What matches is `matching`'s to say.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

from netproof.model.workload import Pod, Service, in_rotation
from netproof.policy import matching
from netproof.policy.networkpolicy import NetworkPolicy
from netproof.policy.peers import PodPeer
from netproof.policy.selectors import LabelSelector

_EVERY = LabelSelector()


class Population:
    """Pods in their order, and the labels of their namespaces by name."""

    def __init__(self, pods: Iterable[Pod], labels: Mapping[str, Mapping[str, str]]) -> None:
        """Take in the pods; a namespace whose labels are not given has that of its name."""
        self.pods = tuple(pods)
        self._spaces: dict[str, list[int]] = {}
        self._labelled: dict[tuple[str, str], list[int]] = {}
        for at, pod in enumerate(self.pods):
            self._spaces.setdefault(pod.namespace, []).append(at)
            for label in pod.labels.items():
                self._labelled.setdefault(label, []).append(at)
        self.labels = {name: matching.labels_of(name, {}) for name in self._spaces} | dict(labels)
        self._known: dict[Hashable, tuple[Pod, ...]] = {}
        self._known_spaces: dict[Hashable, frozenset[str]] = {}

    def selected(self, policy: NetworkPolicy) -> tuple[Pod, ...]:
        """Return the pods that a policy is about, in whichever direction."""
        return self._meant(policy.namespace, policy.pod_selector)

    def behind(self, service: Service) -> tuple[Pod, ...]:
        """Return the pods that get what a Service is sent; one without a selector has none."""
        if not service.selector:
            return ()
        return in_rotation(self._meant(service.namespace, LabelSelector(service.selector)))

    def named(self, peer: PodPeer, own: str) -> tuple[Pod, ...]:
        """Return the pods that a peer of a policy in namespace `own` names."""
        chosen = peer.pod_selector or _EVERY
        if peer.namespace_selector is None:
            return self._meant(own, chosen)
        return self._meant_in(peer.namespace_selector, chosen)

    def _meant(self, space: str, selector: LabelSelector) -> tuple[Pod, ...]:
        key = space, _written(selector)
        if key not in self._known:
            self._known[key] = self._matching(selector, frozenset({space}))
        return self._known[key]

    def _meant_in(self, spaces: LabelSelector, selector: LabelSelector) -> tuple[Pod, ...]:
        key = _written(spaces), _written(selector)
        if key not in self._known:
            self._known[key] = self._matching(selector, self._matching_spaces(spaces))
        return self._known[key]

    def _matching_spaces(self, selector: LabelSelector) -> frozenset[str]:
        key = _written(selector)
        if key not in self._known_spaces:
            self._known_spaces[key] = frozenset(
                name for name in self._spaces if matching.matches(selector, self.labels[name])
            )
        return self._known_spaces[key]

    def _matching(self, selector: LabelSelector, spaces: frozenset[str]) -> tuple[Pod, ...]:
        return tuple(
            pod
            for at in self._candidates(selector, spaces)
            if (pod := self.pods[at]).namespace in spaces and matching.matches(selector, pod.labels)
        )

    def _candidates(self, selector: LabelSelector, spaces: frozenset[str]) -> Iterable[int]:
        """Return the positions of all pods that can match, in order, and of as few others."""
        lists = [self._labelled.get(label, []) for label in selector.match_labels.items()]
        if len(spaces) == 1:
            lists += (self._spaces.get(space, []) for space in spaces)
        return min(lists, key=len, default=range(len(self.pods)))


def _written(selector: LabelSelector) -> Hashable:
    return tuple(sorted(selector.match_labels.items())), selector.match_expressions
