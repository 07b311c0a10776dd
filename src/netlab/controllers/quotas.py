"""The status of ResourceQuotas: what they limit and how much of it is used."""

from __future__ import annotations

from collections.abc import Callable

from netlab.apiserver import quota
from netlab.apiserver.objects import Obj
from netlab.apiserver.store import Event, Store


class QuotaController:
    """Acts on every change of a quota and of what quotas count, within the change's own commit."""

    def __init__(self, store: Store) -> None:
        """Work on a store."""
        self._store = store

    def start(self) -> Callable[[], None]:
        """Begin to act; return the undoing."""
        kinds = {resource.plural for resource in quota.COUNTED.values()}
        undo = [self._store.subscribe(plural, self._hear) for plural in sorted(kinds)]

        def stop() -> None:
            for unsubscribe in undo:
                unsubscribe()

        return stop

    def _hear(self, event: Event) -> None:
        for found in self._store.list("resourcequotas", event.object["metadata"]["namespace"]):
            status = self._status(found)
            if status != found.get("status"):
                self._store.update(
                    "resourcequotas", {**found, "status": status}, subresource="status"
                )

    def _status(self, found: Obj) -> Obj:
        limits, namespace = quota.hard(found), found["metadata"]["namespace"]
        used = {key: str(quota.used(self._store, namespace, key)) for key in limits}
        return {"hard": limits, "used": used}
