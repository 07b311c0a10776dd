"""Faults in which pods a policy applies to, in label selectors, and in adding policies up."""

from collections.abc import Sequence
from dataclasses import replace

from netlab.dataplane.defects.defect import defect
from netlab.dataplane.selectors import Labels
from netlab.dataplane.semantics import Claim, Semantics
from netlab.dataplane.view import Obj
from netlab.dataplane.world import Pod, Policy


@defect("first-policy-wins")
class FirstPolicyWins(Semantics):
    """Applies only the first policy, by name, of those that select a pod."""

    def claims(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        taken: set[str] = set()
        kept = []
        for claim in super().claims(claims):
            free = tuple(pod for pod in claim.pods if _key(pod) not in taken)
            taken.update(_key(pod) for pod in free)
            kept.append(replace(claim, pods=free))
        return kept


@defect("crosses-namespaces")
class CrossesNamespaces(Semantics):
    """Applies a policy to pods with matching labels in every namespace."""

    def selects(self, policy: Policy, pod: Pod) -> bool:
        return self.matches(policy.selector, pod.labels)


@defect("in-first-value-only")
class InFirstValueOnly(Semantics):
    """Compares a label with the first value of an In expression only."""

    def meets(self, requirement: Obj, labels: Labels) -> bool:
        if requirement.get("operator") == "In":
            requirement = {**requirement, "values": requirement["values"][:1]}
        return super().meets(requirement, labels)


@defect("notin-needs-key")
class NotInNeedsKey(Semantics):
    """Lets NotIn match only objects that have the label at all."""

    def meets(self, requirement: Obj, labels: Labels) -> bool:
        if requirement.get("operator") == "NotIn" and requirement["key"] not in labels:
            return False
        return super().meets(requirement, labels)


@defect("exists-means-empty")
class ExistsMeansEmpty(Semantics):
    """Takes Exists for "the label is empty"."""

    def meets(self, requirement: Obj, labels: Labels) -> bool:
        if requirement.get("operator") == "Exists":
            return labels.get(requirement["key"]) == ""
        return super().meets(requirement, labels)


@defect("ignores-expressions", seen_in="Azure NPM on Windows: no negative selectors (AKS docs)")
class IgnoresExpressions(Semantics):
    """Looks at matchLabels only: every one of matchExpressions counts as met."""

    def meets(self, requirement: Obj, labels: Labels) -> bool:
        del requirement, labels
        return True


@defect("expressions-or")
class ExpressionsOr(Semantics):
    """Takes the terms of matchExpressions for alternatives."""

    def matches(self, selector: Obj, labels: Labels) -> bool:
        expressions = selector.get("matchExpressions") or ()
        if len(expressions) < 2:
            return super().matches(selector, labels)
        one_each = [{**selector, "matchExpressions": [term]} for term in expressions]
        return any(super(ExpressionsOr, self).matches(one, labels) for one in one_each)


def _key(pod: Pod) -> str:
    return f"{pod.namespace}/{pod.name}"
