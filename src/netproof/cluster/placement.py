"""How probe pods fit into somebody's cluster: which nodes, which secrets, how much of it. Pure."""

from __future__ import annotations

from typing import Any

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


class PodOptions(Value):
    """What the person running it says of the probe pods; pairs are in the order given.

    `resources` are both requests and limits, so that a quota on either is met.
    """

    node_selector: tuple[tuple[str, str], ...] = ()
    tolerations: tuple[Toleration, ...] = ()
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
            "tolerations": [toleration.spec() for toleration in self.tolerations],
            "imagePullSecrets": [{"name": name} for name in self.pull_secrets],
            "topologySpreadConstraints": [SPREAD] if self.spread else [],
        }
        return {key: value for key, value in given.items() if value}


ANYWHERE = PodOptions()
"""Probe pods as they are, wherever the scheduler puts them."""
