"""Which node a pod goes to. Pure: pod, nodes and counts in, a name or a reason out.

Knows nodeName, nodeSelector and taints; affinity and topology spread are not looked at.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Obj = dict[str, Any]


class UnschedulableError(Exception):
    """No node takes the pod; the message is worded as the scheduler's."""


def choose(pod: Obj, nodes: Sequence[Obj], pods_on: Mapping[str, int]) -> str:
    """Return the name of the node with the fewest pods that takes this one.

    Ties go to the node listed first. Raises UnschedulableError.
    """
    wanted = pod["spec"].get("nodeName")
    if wanted:  # set by the user: the scheduler is not asked, taints do not count
        if any(node["metadata"]["name"] == wanted for node in nodes):
            return str(wanted)
        raise UnschedulableError(f'nodeName "{wanted}": there is no such node')
    reasons = {node["metadata"]["name"]: _obstacle(pod, node) for node in nodes}
    fit = [name for name, reason in reasons.items() if not reason]
    if not fit:
        raise UnschedulableError(_summary(list(reasons.values())))
    return str(min(fit, key=lambda name: pods_on.get(name, 0)))


def _obstacle(pod: Obj, node: Obj) -> str:
    """Return why a node does not take a pod, or an empty string."""
    if node["spec"].get("unschedulable"):
        return "node(s) were unschedulable"
    tolerations = pod["spec"].get("tolerations") or []
    for taint in node["spec"].get("taints") or []:
        hard = taint["effect"] in {"NoSchedule", "NoExecute"}
        if hard and not any(_tolerates(toleration, taint) for toleration in tolerations):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    labels = node["metadata"].get("labels") or {}
    selector = pod["spec"].get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return "node(s) didn't match Pod's node affinity/selector"
    return ""


def _tolerates(toleration: Obj, taint: Obj) -> bool:
    if toleration.get("effect") not in {None, "", taint["effect"]}:
        return False
    key = toleration.get("key")
    if toleration.get("operator", "Equal") == "Exists":
        return key in {None, "", taint["key"]}
    return bool(key == taint["key"] and toleration.get("value", "") == taint.get("value", ""))


def _summary(reasons: list[str]) -> str:
    counted = ", ".join(f"{n} {reason}" for reason, n in sorted(Counter(reasons).items()))
    return f"0/{len(reasons)} nodes are available: {counted}."
