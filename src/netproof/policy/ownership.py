"""Objects of a live cluster that others stand for: what controllers made, and what has ended.

`kubectl get` lists a Deployment, its ReplicaSets and their pods side by side. They are one
workload, that of the owner; pods whose owner is not there are one for all that are alike. What has
ended sends and receives nothing. A manifest of a repository may claim all this of what runs, so it
is believed of objects with a uid, which a cluster gives, and of an owner that makes such pods.
Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/ and
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netproof.model.review import Note
from netproof.policy.document import Node
from netproof.policy.fields import Field
from netproof.policy.manifest import called
from netproof.policy.workloads import CONTROLLERS, pod_template

_HASH = "pod-template-hash"
_OF_ONE_POD = frozenset(
    (
        _HASH,
        "rollouts-pod-template-hash",
        "deployment",
        "controller-revision-hash",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "controller-uid",
        "job-name",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name",
        "batch.kubernetes.io/job-completion-index",
    )
)
"""Labels in which pods of one owner differ though nobody wrote them."""

_MAKES: Mapping[str, frozenset[str]] = {
    "Pod": frozenset(CONTROLLERS) - {"CronJob"},
    "ReplicaSet": frozenset({"Deployment", "Rollout"}),
    "ReplicationController": frozenset({"DeploymentConfig"}),
    "Job": frozenset({"CronJob"}),
}
"""Who makes what."""

_ENDED = ("Succeeded", "Failed")
_DONE = ("Complete", "Failed")
_NODE = "Node"

_Name = tuple[str, str, str]


def without_owned(
    nodes: Iterable[Node], namespace: str
) -> tuple[tuple[Node, ...], tuple[Note, ...]]:
    """Return objects without those that others stand for, and notes that say so.

    `namespace` is that of objects that name none.
    """
    every = tuple(nodes)
    live = [_Live(Field.root(node), namespace) for node in every]
    there = {one.name: one for one in live if one.is_workload}
    first: dict[object, _Live] = {}
    behind: dict[str, list[_Live]] = {}
    ended: list[_Live] = []
    kept: list[Node] = []
    for node, one in zip(every, live, strict=True):
        if not (one.is_workload and one.is_live):
            kept.append(node)
        elif one.has_ended:
            ended.append(one)
        elif owner := _stand_in(one, there, first):
            behind.setdefault(owner, []).append(one)
        else:
            kept.append(node)
    notes = [_owned(owner, made) for owner, made in behind.items()]
    return tuple(kept), (*notes, *map(_over, ended[:1]), *_more(ended))


@dataclass(frozen=True, slots=True)
class _Live:
    """An object, as far as it says who made it and whether it is over."""

    root: Field
    default: str

    @property
    def kind(self) -> str:
        return _text(self.root.child("kind"))

    @property
    def is_workload(self) -> bool:
        return self.kind == "Pod" or self.kind in CONTROLLERS

    @property
    def is_live(self) -> bool:
        return bool(_text(self.root.child("metadata").child("uid")))

    @property
    def space(self) -> str:
        return _text(self.root.child("metadata").child("namespace")) or self.default

    @property
    def name(self) -> _Name:
        return self.kind, self.space, _text(self.root.child("metadata").child("name"))

    @property
    def called(self) -> str:
        return called(*self.name)

    @property
    def template(self) -> Field:
        """The pod it is, or the template of those that it makes."""
        controller = CONTROLLERS.get(self.kind)
        return pod_template(self.root, controller) if controller else self.root

    @property
    def labels(self) -> Mapping[str, str]:
        at = self.template.child("metadata").child("labels")
        pairs = at.node.value if at.node else None
        return {k: str(v.value) for k, v in pairs.items()} if isinstance(pairs, Mapping) else {}

    @property
    def look(self) -> object:
        """What policies may tell it by from others of its owner."""
        own = frozenset(pair for pair in self.labels.items() if pair[0] not in _OF_ONE_POD)
        host = self.template.child("spec").child("hostNetwork")
        return own, bool(host.node and host.node.value)

    @property
    def owner(self) -> _Name | None:
        """The controller that made it, if one did; a static pod is its node's, which makes none."""
        for item in self.root.child("metadata").child("ownerReferences").items():
            kind, name = _text(item.child("kind")), _text(item.child("name"))
            if item.child("controller").boolean() and kind != _NODE and name:
                return kind, self.space, name
        return None

    @property
    def has_ended(self) -> bool:
        """Tell whether a live pod or Job is over, or one of a past revision has no pods."""
        status = self.root.child("status")
        if self.kind == "Pod":
            return _text(status.child("phase")) in _ENDED
        if self.kind in ("ReplicaSet", "ReplicationController"):
            replicas = self.root.child("spec").child("replicas")
            return bool(self.owner and replicas.node and replicas.node.value == 0)
        return self.kind == "Job" and any(
            _text(one.child("type")) in _DONE and _text(one.child("status")) == "True"
            for one in status.child("conditions").items()
        )


def _stand_in(one: _Live, there: Mapping[_Name, _Live], first: dict[object, _Live]) -> str:
    """Return who stands for an object, "" where it stands for itself."""
    owner = one.owner
    if owner is None:
        return ""
    makers = [owner, *_makers(owner, one.labels.get(_HASH, ""))]
    makes = _MAKES.get(one.kind, ())
    for maker in makers:
        above = there.get(maker) if owner[0] in makes else None
        if above and above.look == one.look:
            return _stand_in(above, there, first) or above.called
    like = first.setdefault((owner, one.kind, one.look), one)
    return "" if like is one or one.kind != "Pod" else like.called


def _makers(owner: _Name, revision: str) -> Sequence[_Name]:
    """Return who makes such an owner, by the names that Deployments and CronJobs give."""
    kind, space, name = owner
    if kind == "ReplicaSet" and revision and name.endswith(f"-{revision}"):
        return (("Deployment", space, name.removesuffix(f"-{revision}")),)
    if kind == "Job" and name.rpartition("-")[0]:
        return (("CronJob", space, name.rpartition("-")[0]),)
    return ()


def _owned(owner: str, made: Sequence[_Live]) -> Note:
    kinds = sorted({one.kind for one in made})
    text = f"stands for what belongs to it: {len(made)} of {', '.join(kinds)}"
    return Note(owner, str(made[0].root.origin), text)


def _over(one: _Live) -> Note:
    return Note(one.called, str(one.root.origin), "left out: it has ended, or has no pods any more")


def _more(ended: Sequence[_Live]) -> tuple[Note, ...]:
    if len(ended) < 2:
        return ()
    text = f"left out, too: {len(ended) - 1} more that have ended or have no pods any more"
    return (Note("ended", str(ended[1].root.origin), text),)


def _text(at: Field) -> str:
    return at.text() or ""
