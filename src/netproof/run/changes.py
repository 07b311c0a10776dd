"""What may happen to a cluster while policies are in force, as small values.

A change says what the cluster should be like after it, from what it should be like before. Pure:
how the cluster gets there is the worker's and the fleet's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from netproof.errors import UsageError
from netproof.model.value import replace
from netproof.model.workload import Namespace, Pod, Topology
from netproof.policy import Bundle

Labels = Mapping[str, str | None]
"""Labels to set; None takes one away, as in a merge patch."""

MOST_GRACE_S = 90
"""Of a pod that terminates: a namespace that goes waits for it, and is waited for two minutes."""


@dataclass(frozen=True, slots=True)
class State:
    """What the fleet and its policies should be; a pod without an address is to be made anew.

    `home` is the fleet as it was deployed, from which pods and namespaces come back. `completed`
    are pods that ended, whose objects stay; they are not among `pods`. `heirs` maps pods that are
    to be made anew to the completed pod whose address each of them is to have.
    """

    home: Topology
    namespaces: tuple[Namespace, ...]
    pods: tuple[Pod, ...]
    bundle: Bundle
    completed: tuple[Pod, ...] = ()
    heirs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def at_home(cls, home: Topology, bundle: Bundle) -> State:
        """Return the state in which nothing but the policies has changed."""
        return cls(home, home.namespaces, home.pods, bundle)


class Change(Protocol):
    """Something that happens; `str` says what, as the name of the step that looks at it."""

    def __call__(self, state: State) -> State:
        """Return the state after the change; raise UsageError where it cannot happen."""


@dataclass(frozen=True, slots=True)
class Restart:
    """A pod is deleted and comes again by its name, at another address perhaps.

    `address_of` names a completed pod whose address it is to have. Nothing in the API asks for one:
    where the cluster gives it to nobody, what follows is not tried.
    """

    pod: str
    address_of: str = ""

    def __call__(self, state: State) -> State:
        _known(self.pod, (pod.key for pod in state.pods))
        heirs = dict(state.heirs)
        if self.address_of:
            _known(self.address_of, (pod.key for pod in state.completed))
            heirs[self.pod] = self.address_of
        pods = tuple(_bare(p) if p.key == self.pod else p for p in state.pods)
        return replace(state, pods=pods, heirs=heirs)

    def __str__(self) -> str:
        where = f" at the address of {self.address_of}" if self.address_of else ""
        return f"{self.pod} restarted{where}"


@dataclass(frozen=True, slots=True)
class DeletePod:
    """A pod goes, or what is left of one that completed."""

    pod: str

    def __call__(self, state: State) -> State:
        _known(self.pod, (pod.key for pod in (*state.pods, *state.completed)))
        return replace(
            state,
            pods=_all_but(self.pod, state.pods),
            completed=_all_but(self.pod, state.completed),
        )

    def __str__(self) -> str:
        return f"{self.pod} deleted"


@dataclass(frozen=True, slots=True)
class Terminate:
    """A pod is deleted and takes its time: until `grace_s` is over it runs as before.

    The grace has to outlast what is looked at then, until the next change.
    """

    pod: str
    grace_s: int = MOST_GRACE_S

    def __call__(self, state: State) -> State:
        pod = _running(self.pod, state.pods)
        if not 0 < self.grace_s <= MOST_GRACE_S:
            raise UsageError(f"a grace of {self.grace_s} s: write 1 to {MOST_GRACE_S}")
        ending = replace(pod, grace_s=self.grace_s)
        pods = (ending if one.key == self.pod else one for one in state.pods)
        return replace(state, pods=tuple(pods))

    def __str__(self) -> str:
        return f"{self.pod} terminating"


@dataclass(frozen=True, slots=True)
class Complete:
    """A pod's program ends well: the pod stays as an object, and gives its address up."""

    pod: str

    def __call__(self, state: State) -> State:
        pod = _running(self.pod, state.pods)
        pods = _all_but(self.pod, state.pods)
        return replace(state, pods=pods, completed=(*state.completed, pod))

    def __str__(self) -> str:
        return f"{self.pod} completed"


@dataclass(frozen=True, slots=True)
class CreatePod:
    """A pod of the fleet that went comes back, with other labels perhaps."""

    pod: str
    labels: Mapping[str, str] | None = None

    def __call__(self, state: State) -> State:
        _known(self.pod, (pod.key for pod in state.home.pods))
        pod = _bare(state.home.pod(self.pod))
        pod_again = pod if self.labels is None else replace(pod, labels=dict(self.labels))
        return replace(state, pods=(*state.pods, pod_again))

    def __str__(self) -> str:
        return f"{self.pod} created"


@dataclass(frozen=True, slots=True)
class AddPod:
    """A pod comes that the fleet did not have."""

    pod: Pod

    def __call__(self, state: State) -> State:
        return replace(state, pods=(*state.pods, self.pod))

    def __str__(self) -> str:
        return f"{self.pod.key} added"


@dataclass(frozen=True, slots=True)
class LabelPod:
    """A running pod's labels change."""

    pod: str
    labels: Labels

    def __call__(self, state: State) -> State:
        _known(self.pod, (pod.key for pod in state.pods))
        pods = (
            replace(pod, labels=_merged(pod.labels, self.labels)) if pod.key == self.pod else pod
            for pod in state.pods
        )
        return replace(state, pods=tuple(pods))

    def __str__(self) -> str:
        return f"{self.pod} labelled {_words(self.labels)}"


@dataclass(frozen=True, slots=True)
class LabelNamespace:
    """A namespace's labels change."""

    namespace: str
    labels: Labels

    def __call__(self, state: State) -> State:
        _known(self.namespace, (space.name for space in state.namespaces))
        spaces = (
            replace(space, labels=_merged(space.labels, self.labels))
            if space.name == self.namespace
            else space
            for space in state.namespaces
        )
        return replace(state, namespaces=tuple(spaces))

    def __str__(self) -> str:
        return f"namespace {self.namespace} labelled {_words(self.labels)}"


@dataclass(frozen=True, slots=True)
class DeleteNamespace:
    """A namespace goes, with its pods, Services and policies."""

    namespace: str

    def __call__(self, state: State) -> State:
        _known(self.namespace, (space.name for space in state.namespaces))
        return replace(
            state,
            namespaces=tuple(s for s in state.namespaces if s.name != self.namespace),
            pods=tuple(pod for pod in state.pods if pod.namespace != self.namespace),
            completed=tuple(pod for pod in state.completed if pod.namespace != self.namespace),
            bundle=_without(state.bundle, lambda namespace, _: namespace == self.namespace),
        )

    def __str__(self) -> str:
        return f"namespace {self.namespace} deleted"


@dataclass(frozen=True, slots=True)
class CreateNamespace:
    """A namespace that went comes back with its pods and Services, and without policies."""

    namespace: str

    def __call__(self, state: State) -> State:
        _known(self.namespace, (space.name for space in state.home.namespaces))
        pods = (_bare(pod) for pod in state.home.pods if pod.namespace == self.namespace)
        return replace(
            state,
            namespaces=(*state.namespaces, state.home.namespace(self.namespace)),
            pods=(*state.pods, *pods),
        )

    def __str__(self) -> str:
        return f"namespace {self.namespace} created anew"


@dataclass(frozen=True, slots=True)
class AddNamespace:
    """A namespace comes that the fleet did not have, with pods in it."""

    namespace: Namespace
    pods: tuple[Pod, ...] = ()

    def __call__(self, state: State) -> State:
        return replace(
            state,
            namespaces=(*state.namespaces, self.namespace),
            pods=(*state.pods, *self.pods),
        )

    def __str__(self) -> str:
        return f"namespace {self.namespace.name} added"


@dataclass(frozen=True, slots=True)
class ReplacePolicies:
    """Other policies are in force; one that keeps its name is updated, not made anew."""

    bundle: Bundle

    def __call__(self, state: State) -> State:
        return replace(state, bundle=self.bundle)

    def __str__(self) -> str:
        return "policies changed"


@dataclass(frozen=True, slots=True)
class DeletePolicies:
    """Some policies (`namespace/name`) go, the others stay."""

    policies: tuple[str, ...]

    def __call__(self, state: State) -> State:
        for key in self.policies:
            _known(key, (policy.key for policy in state.bundle.policies))
        gone = set(self.policies)
        kept = _without(state.bundle, lambda namespace, name: f"{namespace}/{name}" in gone)
        return replace(state, bundle=kept)

    def __str__(self) -> str:
        return f"{', '.join(self.policies)} deleted"


class _Which(Protocol):
    def __call__(self, namespace: str, name: str, /) -> bool: ...


def _without(bundle: Bundle, gone: _Which) -> Bundle:
    return replace(
        bundle,
        policies=tuple(p for p in bundle.policies if not gone(p.namespace, p.name)),
        manifests=tuple(m for m in bundle.manifests if not gone(m.namespace, m.name)),
    )


def _bare(pod: Pod) -> Pod:
    return replace(pod, node="", ips=(), grace_s=0)


def _all_but(key: str, pods: Iterable[Pod]) -> tuple[Pod, ...]:
    return tuple(pod for pod in pods if pod.key != key)


def _running(key: str, pods: Sequence[Pod]) -> Pod:
    """Return a pod that runs; raise UsageError where there is none, or it was not made yet."""
    _known(key, (pod.key for pod in pods))
    (pod,) = (pod for pod in pods if pod.key == key)
    if not pod.ips or pod.grace_s:
        raise UsageError(f"{key} does not run before this change: only a pod that runs can end")
    return pod


def _merged(labels: Mapping[str, str], change: Labels) -> dict[str, str]:
    merged = {**labels, **change}
    return {key: value for key, value in merged.items() if value is not None}


def _words(labels: Labels) -> str:
    words = (f"{key}-" if value is None else f"{key}={value}" for key, value in labels.items())
    return ",".join(words)


def _known(name: str, known: Iterable[str]) -> None:
    listed = tuple(known)
    if name not in listed:
        raise UsageError(f"there is no {name} to change; there are: {', '.join(listed) or 'none'}")
