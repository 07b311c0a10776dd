"""Whether a namespace takes new objects (the NamespaceLifecycle admission plugin)."""

from __future__ import annotations

from netproof.lab.apiserver import errors
from netproof.lab.apiserver.objects import Obj
from netproof.lab.apiserver.resources import Resource
from netproof.lab.apiserver.store import Store


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
