"""Namespaces: what each has from its start, what it holds against its quotas, how each ends.

A new namespace gets the default service account and the cluster's CA. One that is deleted stays,
Terminating, until its contents are gone; then it goes. Contents that others have to end (pods, by
their kubelet) are marked and waited for by the store's events, never by time.
"""

from __future__ import annotations

from collections.abc import Callable

from netlab.objects import admission
from netlab.objects.kinds import BY_PLURAL, STORED
from netlab.objects.obj import Obj
from netlab.objects.registry import Registry
from netlab.objects.store import Store, StoreEvent

_CONTENTS = tuple(resource for resource in STORED if resource.namespaced)


class NamespaceController:
    """Acts on every change of a namespace, within the change's own commit."""

    def __init__(self, store: Store, registry: Registry, *, ca_pem: bytes = b"") -> None:
        """Work on a store; `ca_pem` is what each namespace's kube-root-ca.crt holds."""
        self._store = store
        self._registry = registry
        self._ca = ca_pem.decode()

    def start(self) -> Callable[[], None]:
        """Begin to act, also on the namespaces there are; return the undoing."""
        undo = [
            self._store.subscribe("namespaces", self._on_namespace),
            *(self._store.subscribe(kind.plural, self._on_content) for kind in _CONTENTS),
        ]
        for namespace in self._store.list("namespaces"):
            self._act(namespace)

        def stop() -> None:
            for unsubscribe in undo:
                unsubscribe()

        return stop

    def _on_namespace(self, event: StoreEvent) -> None:
        if event.type != "DELETED":
            self._act(event.object)

    def _on_content(self, event: StoreEvent) -> None:
        if event.type != "DELETED":
            return
        name = event.object["metadata"]["namespace"]
        namespace = self._store.find("namespaces", None, name)
        if namespace is not None and _is_ending(namespace):
            self._finish(name)

    def _act(self, namespace: Obj) -> None:
        name = namespace["metadata"]["name"]
        if self._store.find("namespaces", None, name) is None:
            return  # gone since the event
        if _is_ending(namespace):
            self._empty(name)
            self._finish(name)
        else:
            self._furnish(name)

    def _furnish(self, namespace: str) -> None:
        self._ensure("serviceaccounts", namespace, "default", {})
        data = {"data": {"ca.crt": self._ca}}
        self._ensure("configmaps", namespace, "kube-root-ca.crt", data)

    def _ensure(self, plural: str, namespace: str, name: str, body: Obj) -> None:
        if self._store.find(plural, namespace, name) is None:
            obj = {"metadata": {"name": name, "namespace": namespace}, **body}
            self._registry.create(BY_PLURAL[plural], namespace, obj)

    def _empty(self, namespace: str) -> None:
        for resource in _CONTENTS:
            for obj in self._store.list(resource.plural, namespace):
                name = obj["metadata"]["name"]
                # Deleting one thing may have taken another with it.
                if self._store.find(resource.plural, namespace, name) is not None:
                    self._registry.delete(resource, namespace, name)

    def _finish(self, namespace: str) -> None:
        left = any(self._store.list(resource.plural, namespace) for resource in _CONTENTS)
        if not left and self._store.find("namespaces", None, namespace) is not None:
            self._store.delete("namespaces", None, namespace)


def _is_ending(namespace: Obj) -> bool:
    return bool(namespace["metadata"].get("deletionTimestamp"))


class QuotaController:
    """Acts on every change of a quota and of what quotas count, within the change's own commit."""

    def __init__(self, store: Store) -> None:
        """Work on a store."""
        self._store = store

    def start(self) -> Callable[[], None]:
        """Begin to act; return the undoing."""
        kinds = {resource.plural for resource in admission.COUNTED.values()}
        undo = [self._store.subscribe(plural, self._on_counted) for plural in sorted(kinds)]

        def stop() -> None:
            for unsubscribe in undo:
                unsubscribe()

        return stop

    def _on_counted(self, event: StoreEvent) -> None:
        for quota in self._store.list("resourcequotas", event.object["metadata"]["namespace"]):
            status = self._status(quota)
            if status != quota.get("status"):
                self._store.update(
                    "resourcequotas", {**quota, "status": status}, subresource="status"
                )

    def _status(self, quota: Obj) -> Obj:
        limits, namespace = admission.hard_limits(quota), quota["metadata"]["namespace"]
        used = {key: str(admission.used_count(self._store, namespace, key)) for key in limits}
        return {"hard": limits, "used": used}


INITIAL_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
