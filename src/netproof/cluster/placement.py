"""How probe pods fit into somebody's cluster: which nodes, which secrets, how much of it. Pure.

Nodes are chosen rather than left to the scheduler, so that packets go both within a node and from
node to node. The rule: one node, the hub, has a pod of every namespace, and each namespace has a
pod on another node too. Then each two namespaces meet on the hub and across nodes, and a namespace
of three pods has both within itself. Of one pod or two there is one pair at most, which is on one
node or on two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, cycle, islice
from typing import Any

from netproof.model.value import Value
from netproof.model.workload import Pod

Obj = dict[str, Any]

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
"""What a taint may do (core/v1 TaintEffect)."""

HARD = ("NoSchedule", "NoExecute")
"""Those that keep pods away; PreferNoSchedule forbids nothing (core/v1 Taint.effect)."""

CORDONED: Obj = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
"""What the scheduler takes a node's spec.unschedulable for (its plugin NodeUnschedulable)."""

OS_LABEL = "kubernetes.io/os"


class Toleration(Value):
    """A taint that probe pods put up with: without a key every one, without a value any of the key.

    Fields are those of core/v1 Toleration; without an effect all of them are meant.
    """

    key: str = ""
    value: str | None = None
    effect: str = ""

    def spec(self) -> Obj:
        """Return it as a pod's spec has it."""
        operator = "Exists" if self.value is None else "Equal"
        fields = {
            "key": self.key or None,
            "operator": operator,
            "value": self.value,
            "effect": self.effect or None,
        }
        return {name: word for name, word in fields.items() if word is not None}

    def covers(self, taint: Mapping[str, Any]) -> bool:
        """Tell whether it puts up with a taint (component-helpers, Toleration.ToleratesTaint)."""
        return (
            self.key in ("", taint["key"])
            and self.effect in ("", taint["effect"])
            and self.value in (None, taint.get("value") or "")
        )


class PodOptions(Value):
    """What the person running it says of the probe pods; pairs are in the order given.

    `resources` are both requests and limits, so that a quota on either is met.
    """

    node_selector: tuple[tuple[str, str], ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    pull_secrets: tuple[str, ...] = ()
    resources: tuple[tuple[str, str], ...] = ()

    def dress(self, pod: Obj, node: str = "") -> Obj:
        """Return the pod with the options in its spec, and with its node where one is chosen.

        The scheduler still has the last word: it knows how full a node is.
        """
        spec = {**pod["spec"], **self._spec()}
        if node:
            spec["affinity"] = {"nodeAffinity": _only_on(node)}
        if self.resources:
            amounts = dict(self.resources)
            resources = {"requests": amounts, "limits": amounts}
            spec["containers"] = [{**c, "resources": resources} for c in spec["containers"]]
        return {**pod, "spec": spec}

    def _spec(self) -> Obj:
        given = {
            "nodeSelector": dict(self.node_selector),
            "tolerations": [toleration.spec() for toleration in self.tolerations],
            "imagePullSecrets": [{"name": name} for name in self.pull_secrets],
        }
        return {key: value for key, value in given.items() if value}


ANYWHERE = PodOptions()
"""Probe pods as they are, wherever the scheduler puts them."""


def _only_on(node: str) -> Obj:
    """Return the NodeAffinity for one node, by its name as a DaemonSet's pods have it."""
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}


def open_nodes(nodes: Iterable[Obj], options: PodOptions = ANYWHERE) -> tuple[str, ...]:
    """Return the names of the Node objects that take probe pods.

    Cordoned and tainted nodes do so where a toleration says it, and the rest only where they are
    ready, run Linux and have the labels asked for. Those that would rather have none come last.
    """
    fit = [node for node in nodes if _takes(node, options)]
    names = [(bool(_unwelcome(node, options, ("PreferNoSchedule",))), _name(node)) for node in fit]
    return tuple(name for _, name in sorted(names))


def _takes(node: Obj, options: PodOptions) -> bool:
    labels = node["metadata"].get("labels") or {}
    ready = [c["status"] for c in node["status"].get("conditions") or () if c["type"] == "Ready"]
    return (
        not _unwelcome(node, options, HARD)
        and "False" not in ready
        and "Unknown" not in ready
        and labels.get(OS_LABEL, "linux") == "linux"
        and all(labels.get(key) == value for key, value in options.node_selector)
    )


def _unwelcome(node: Obj, options: PodOptions, effects: Sequence[str]) -> list[Obj]:
    """Return the taints of some effects that no toleration covers."""
    taints = list(node["spec"].get("taints") or ())
    if node["spec"].get("unschedulable"):
        taints.append(CORDONED)
    return [
        taint
        for taint in taints
        if taint["effect"] in effects and not any(one.covers(taint) for one in options.tolerations)
    ]


def _name(node: Obj) -> str:
    return str(node["metadata"]["name"])


def assign(pods: Iterable[Pod], nodes: Sequence[str], turn: int = 0) -> dict[str, str]:
    """Choose nodes for pods, by `namespace/name`; `turn` says which node is the hub.

    Left out are pods that have their node, and those in a node's network, whose ports only the
    scheduler keeps apart. Of a single node or none there is nothing to choose.
    """
    if len(nodes) < 2:
        return {}
    start = turn % len(nodes)
    hub, *others = (*nodes[start:], *nodes[:start])
    spaces: dict[str, list[str]] = {}
    for pod in pods:
        if not pod.node and not pod.host_network:
            spaces.setdefault(pod.namespace, []).append(pod.key)
    lone = [space for space, keys in spaces.items() if len(keys) == 1]
    # Pods that are alone in theirs meet a namespace twice only where it is on both of their nodes.
    seconds = cycle(others[:1] if len(lone) > 1 else others)
    chosen: dict[str, str] = {}
    for number, (space, keys) in enumerate(spaces.items()):
        first = hub if len(keys) > 1 or lone.index(space) % 2 == 0 else others[0]
        row = _row(first, next(seconds), len(keys), [hub, *others])
        shift = number % len(keys)
        chosen |= zip(keys, row[shift:] + row[:shift], strict=True)
    return chosen


def _row(first: str, second: str, length: int, nodes: Sequence[str]) -> list[str]:
    """Return the nodes of one namespace's pods: two on the second, all further ones round."""
    rest = [node for node in nodes if node not in (first, second)]
    return [*islice(chain((first, second, second), cycle([*rest, first, second])), length)]
