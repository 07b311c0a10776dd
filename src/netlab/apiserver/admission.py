"""Whether a namespace takes new objects (the NamespaceLifecycle admission plugin)."""

from __future__ import annotations

from netlab.apiserver import errors
from netlab.apiserver.objects import Obj
from netlab.apiserver.resources import Resource
from netlab.apiserver.store import Store


def admit_namespace(store: Store, resource: Resource, obj: Obj) -> None:
    """Raise ApiError: NotFound without the object's namespace, Forbidden while that one ends."""
    name = obj["metadata"]["namespace"]
    namespace = store.get("namespaces", None, name)
    if not namespace["metadata"].get("deletionTimestamp"):
        return
    why = f"unable to create new content in namespace {name} because it is being terminated"
    cause = errors.Cause(
        "NamespaceTerminating", f"namespace {name} is being terminated", "metadata.namespace"
    )
    raise errors.forbidden(resource, obj["metadata"].get("name", ""), why, [cause])
