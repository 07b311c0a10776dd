"""Faults that come with time: what a dataplane forgets, and what it remembers too long."""

from dataclasses import replace
from typing import Any

from netlab.dataplane.defects.defect import defect
from netlab.dataplane.semantics import Semantics
from netlab.dataplane.view import Obj, View
from netlab.dataplane.world import Pod, Policy, ips_of


class _Escapes(Semantics):
    """Policies miss some pods: pairs of policy and pod incarnation."""

    def __init__(self) -> None:
        super().__init__()
        self._missed: set[tuple[str, str]] = set()

    def selects(self, policy: Policy, pod: Pod) -> bool:
        missed = (policy.uid, f"{pod.uid}/{pod.restarts}") in self._missed
        return not missed and super().selects(policy, pod)


@defect("policy-lost-on-pod-restart", seen_in="compare cilium/cilium#45233, policies lost on start")
class PolicyLostOnPodRestart(_Escapes):
    """Forgets existing policies for a pod that restarts, or that comes again by its old name."""

    def __init__(self) -> None:
        super().__init__()
        self._incarnations: dict[str, str] = {}

    def perceive(self, previous: View | None, view: View) -> View:
        for pod in view.pods:
            if ips_of(pod):
                before = self._incarnations.get(_key(pod))
                now = self._incarnations[_key(pod)] = _incarnation(pod)
                if before not in {None, now}:
                    self._missed |= {(_uid(policy), now) for policy in view.policies}
        return super().perceive(previous, view)


@defect("new-pods-escape", seen_in="kubernetes-sigs/kube-network-policies#171, at pod start")
class NewPodsEscape(_Escapes):
    """Applies a policy only to pods that had an address when it was created."""

    def perceive(self, previous: View | None, view: View) -> View:
        old_policies = {_uid(policy) for policy in previous.policies} if previous else set()
        old_pods = (
            {_incarnation(pod) for pod in previous.pods if ips_of(pod)} if previous else set()
        )
        new_pods = {_incarnation(pod) for pod in view.pods if ips_of(pod)} - old_pods
        self._missed |= {(policy, pod) for policy in old_policies for pod in new_pods}
        return super().perceive(previous, view)


@defect("policy-kept-after-delete")
class PolicyKeptAfterDelete(Semantics):
    """Goes on enforcing a policy that was deleted, as long as its namespace is there."""

    def __init__(self) -> None:
        super().__init__()
        self._policies: dict[str, Obj] = {}

    def perceive(self, previous: View | None, view: View) -> View:
        seen = super().perceive(previous, view)
        namespaces = {obj["metadata"]["name"] for obj in seen.namespaces}
        self._policies |= {_key(policy): policy for policy in seen.policies}
        kept = [p for p in self._policies.values() if p["metadata"]["namespace"] in namespaces]
        self._policies = {_key(policy): policy for policy in kept}
        return replace(seen, policies=tuple(kept))


@defect("policy-update-ignored")
class PolicyUpdateIgnored(Semantics):
    """Goes on enforcing a policy as it was when it was created."""

    def __init__(self) -> None:
        super().__init__()
        self._first: dict[str, Any] = {}

    def perceive(self, previous: View | None, view: View) -> View:
        seen = super().perceive(previous, view)
        first = {_uid(p): self._first.get(_uid(p), p) for p in seen.policies}
        self._first = first
        return replace(seen, policies=tuple(first.values()))


@defect("stale-pod-labels")
class StalePodLabels(Semantics):
    """Goes by the labels that a pod had when it was created."""

    def __init__(self) -> None:
        super().__init__()
        self._labels: dict[str, Any] = {}

    def perceive(self, previous: View | None, view: View) -> View:
        seen = super().perceive(previous, view)
        self._labels = _first_labels(self._labels, seen.pods)
        return replace(seen, pods=tuple(_labelled(pod, self._labels) for pod in seen.pods))


@defect("stale-namespace-labels")
class StaleNamespaceLabels(Semantics):
    """Goes by the labels that a namespace had when it was created."""

    def __init__(self) -> None:
        super().__init__()
        self._labels: dict[str, Any] = {}

    def perceive(self, previous: View | None, view: View) -> View:
        seen = super().perceive(previous, view)
        self._labels = _first_labels(self._labels, seen.namespaces)
        namespaces = tuple(_labelled(one, self._labels) for one in seen.namespaces)
        return replace(seen, namespaces=namespaces)


def _uid(obj: Obj) -> str:
    return str(obj["metadata"].get("uid", ""))


def _key(obj: Obj) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"


def _incarnation(pod: Obj) -> str:
    """Return what changes when a pod is made anew or one of its containers restarts."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return f"{_uid(pod)}/{sum(int(status.get('restartCount', 0)) for status in statuses)}"


def _first_labels(known: dict[str, Any], objects: tuple[Obj, ...]) -> dict[str, Any]:
    return {_uid(o): known.get(_uid(o), o["metadata"].get("labels")) for o in objects}


def _labelled(obj: Obj, labels: dict[str, Any]) -> Obj:
    return {**obj, "metadata": {**obj["metadata"], "labels": labels[_uid(obj)]}}
