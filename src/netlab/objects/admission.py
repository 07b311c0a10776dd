"""Whether a namespace takes a new object: it may be ending, or a quota may be used up.

A ResourceQuota limits pods, and every other kind by its plural or as count/PLURAL.GROUP. What a lab
does not have (cpu, memory, storage) is stored and limits nothing. Sources: the NamespaceLifecycle
and ResourceQuota admission plugins and pkg/quota in kubernetes/kubernetes.
"""

from __future__ import annotations

from collections.abc import Mapping

from netlab.objects import apierrors
from netlab.objects.kinds import STORED, ServedKind
from netlab.objects.obj import Obj, at, has_ended
from netlab.objects.store import Store


def admit_namespace(store: Store, resource: ServedKind, obj: Obj) -> None:
    """Raise ApiError: NotFound without the object's namespace, Forbidden while that one ends."""
    name = obj["metadata"]["namespace"]
    namespace = store.get("namespaces", None, name)
    if not namespace["metadata"].get("deletionTimestamp"):
        return
    why = f"unable to create new content in namespace {name} because it is being terminated"
    cause = apierrors.StatusCause(
        "NamespaceTerminating", f"namespace {name} is being terminated", "metadata.namespace"
    )
    raise apierrors.forbidden(resource, obj["metadata"].get("name", ""), why, [cause])


_BY_NAME = frozenset({"pods", "services", "configmaps", "resourcequotas"})
"""Kinds that may be named without the prefix."""


def _counted_kinds() -> Mapping[str, ServedKind]:
    """Return the kinds by the names under which a quota counts them."""
    kinds = [resource for resource in STORED if resource.namespaced]
    return {
        **{f"count/{resource.qualified}": resource for resource in kinds},
        **{resource.plural: resource for resource in kinds if resource.plural in _BY_NAME},
    }


COUNTED = _counted_kinds()


def hard_limits(quota: Obj) -> dict[str, str]:
    """Return the limits of a quota that are enforced here."""
    limits = at(quota, "spec", "hard") or {}
    return {key: str(value) for key, value in limits.items() if key in COUNTED}


def used_count(store: Store, namespace: str, key: str) -> int:
    """Return how many objects count; a pod that has ended is no longer among `pods`."""
    objects = store.list(COUNTED[key].plural, namespace)
    if key != "pods":
        return len(objects)
    return sum(not has_ended(pod) for pod in objects)


def admit_one_more(store: Store, resource: ServedKind, obj: Obj) -> None:
    """Raise ApiError (Forbidden) where a new object is more than a quota allows."""
    meta = obj["metadata"]
    for quota in store.list("resourcequotas", meta["namespace"]):
        exceeded = [
            (key, used_count(store, meta["namespace"], key), int(limit))
            for key, limit in sorted(hard_limits(quota).items())
            if COUNTED[key] is resource and used_count(store, meta["namespace"], key) >= int(limit)
        ]
        if exceeded:
            raise apierrors.forbidden(resource, meta["name"], _exceeded_message(quota, exceeded))


def _exceeded_message(quota: Obj, exceeded: list[tuple[str, int, int]]) -> str:
    requested = ",".join(f"{key}=1" for key, _, _ in exceeded)
    have = ",".join(f"{key}={number}" for key, number, _ in exceeded)
    limited = ",".join(f"{key}={limit}" for key, _, limit in exceeded)
    name = quota["metadata"]["name"]
    return f"exceeded quota: {name}, requested: {requested}, used: {have}, limited: {limited}"
