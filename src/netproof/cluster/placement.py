"""How probe pods fit into somebody's cluster: which nodes, which secrets, how much of it. Pure."""

from __future__ import annotations

from typing import Any

from netproof.errors import UsageError
from netproof.model.value import Value

Obj = dict[str, Any]

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
"""What a taint may do (core/v1 TaintEffect)."""

SPREAD: Obj = {
    "maxSkew": 1,
    "topologyKey": "kubernetes.io/hostname",
    "whenUnsatisfiable": "ScheduleAnyway",
    "labelSelector": {},
}
"""Spreads the pods of a namespace over the nodes, so that flows stay on a node and cross nodes.

The empty selector means all pods of the namespace, which is ours alone.
"""


class PodOptions(Value):
    """What the person running it says of the probe pods; pairs are in the order given.

    `resources` are both requests and limits, so that a quota on either is met.
    """

    node_selector: tuple[tuple[str, str], ...] = ()
    tolerations: tuple[str, ...] = ()
    pull_secrets: tuple[str, ...] = ()
    resources: tuple[tuple[str, str], ...] = ()
    spread: bool = False

    def dress(self, pod: Obj) -> Obj:
        """Return the pod with the options in its spec."""
        spec = {**pod["spec"], **self._spec()}
        if self.resources:
            amounts = dict(self.resources)
            resources = {"requests": amounts, "limits": amounts}
            spec["containers"] = [{**c, "resources": resources} for c in spec["containers"]]
        return {**pod, "spec": spec}

    def _spec(self) -> Obj:
        given = {
            "nodeSelector": dict(self.node_selector),
            "tolerations": [toleration(text) for text in self.tolerations],
            "imagePullSecrets": [{"name": name} for name in self.pull_secrets],
            "topologySpreadConstraints": [SPREAD] if self.spread else [],
        }
        return {key: value for key, value in given.items() if value}


ANYWHERE = PodOptions()
"""Probe pods as they are, wherever the scheduler puts them."""


def toleration(text: str) -> Obj:
    """Read `key[=value][:effect]`, as `kubectl taint` writes it; `*` tolerates everything."""
    if text == "*":
        return {"operator": "Exists"}
    body, colon, effect = text.partition(":")
    key, equals, value = body.partition("=")
    if not key or (colon and effect not in EFFECTS):
        raise UsageError(
            f"--toleration {text}: write key, key=value, key:effect or key=value:effect, "
            f"where effect is {', '.join(EFFECTS)}; or * for all"
        )
    told = {"operator": "Equal", "value": value} if equals else {"operator": "Exists"}
    return {"key": key, **told, **({"effect": effect} if effect else {})}


def pair(option: str, text: str) -> tuple[str, str]:
    """Read `key=value`; raise UsageError where it is none."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UsageError(f"{option} {text}: write key=value")
    return key, value
