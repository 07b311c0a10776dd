"""Resource quotas that count objects: what a namespace holds against what it may hold.

Pods, and every other kind by its plural or as count/PLURAL.GROUP. What a lab does not have (cpu,
memory, storage) is stored and limits nothing. Source: pkg/quota and the ResourceQuota admission
plugin in kubernetes/kubernetes.
"""

from __future__ import annotations

from collections.abc import Mapping

from netlab.apiserver import errors
from netlab.apiserver.objects import Obj, at
from netlab.apiserver.resources import STORED, Resource
from netlab.apiserver.store import Store

_BY_NAME = frozenset({"pods", "services", "configmaps", "resourcequotas"})
"""Kinds that may be named without the prefix."""


def counted() -> Mapping[str, Resource]:
    """Return the kinds by the names under which a quota counts them."""
    kinds = [resource for resource in STORED if resource.namespaced]
    return {
        **{f"count/{resource.qualified}": resource for resource in kinds},
        **{resource.plural: resource for resource in kinds if resource.plural in _BY_NAME},
    }


COUNTED = counted()


def hard(quota: Obj) -> dict[str, str]:
    """Return the limits of a quota that are enforced here."""
    given = at(quota, "spec", "hard") or {}
    return {key: str(value) for key, value in given.items() if key in COUNTED}


def used(store: Store, namespace: str, key: str) -> int:
    """Return how many objects count; a pod that has ended is no longer among `pods`."""
    found = store.list(COUNTED[key].plural, namespace)
    if key != "pods":
        return len(found)
    return sum(at(pod, "status", "phase") not in {"Succeeded", "Failed"} for pod in found)


def admit_one_more(store: Store, resource: Resource, obj: Obj) -> None:
    """Raise ApiError (Forbidden) where a new object is more than a quota allows."""
    meta = obj["metadata"]
    for quota in store.list("resourcequotas", meta["namespace"]):
        over = [
            (key, used(store, meta["namespace"], key), int(limit))
            for key, limit in sorted(hard(quota).items())
            if COUNTED[key] is resource and used(store, meta["namespace"], key) >= int(limit)
        ]
        if over:
            raise errors.forbidden(resource, meta["name"], _exceeded(quota, over))


def _exceeded(quota: Obj, over: list[tuple[str, int, int]]) -> str:
    requested = ",".join(f"{key}=1" for key, _, _ in over)
    have = ",".join(f"{key}={number}" for key, number, _ in over)
    limited = ",".join(f"{key}={limit}" for key, _, limit in over)
    name = quota["metadata"]["name"]
    return f"exceeded quota: {name}, requested: {requested}, used: {have}, limited: {limited}"
