"""A policy whose podSelector matches no workload of its namespace: it does nothing."""

from __future__ import annotations

from collections.abc import Iterator

from netproof.model.review import Hint, Severity
from netproof.policy import LabelSelector, NetworkPolicy
from netproof.review import wording
from netproof.review.hints.look import Look

NAME = "selects-nothing"


def find(look: Look) -> Iterator[Hint]:
    """Yield a hint for each policy that applies to no workload of the bundle."""
    for policy in look.world.policies:
        if policy.pod_selector == LabelSelector() or look.selected(policy):
            continue
        chosen = wording.selector(policy.pod_selector)
        yield Hint(
            NAME,
            Severity.WARNING,
            str(policy.origin),
            policy.key,
            f"no workload in {policy.namespace} has {chosen}, so the policy does nothing",
            _fix(look, policy),
        )


def _fix(look: Look, policy: NetworkPolicy) -> str:
    pods = look.world.workloads
    elsewhere = [pod.key for pod in pods if policy.pod_selector.matches(pod.labels)]
    if elsewhere:
        return f"{wording.listed(elsewhere)} would match: set metadata.namespace to theirs"
    near = [pod for pod in pods if pod.namespace == policy.namespace]
    if not near:
        return f"there is no workload in {policy.namespace} at all: set metadata.namespace"
    told = [f"{pod.name} ({wording.labels(pod.labels)})" for pod in near]
    return f"select what is there: {wording.listed(told)}"
