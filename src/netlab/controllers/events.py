"""Event objects: what `kubectl describe` shows below an object. Must not know: who reads them."""

from collections.abc import Callable
from itertools import count
from typing import Any

from netlab.apiserver.store import Store

Obj = dict[str, Any]


class Recorder:
    """Writes events about pods into the store, on behalf of one component."""

    def __init__(self, store: Store, component: str, clock: Callable[[], str]) -> None:
        self._store = store
        self._component = component
        self._clock = clock
        self._numbers = count(1)

    def record(self, pod: Obj, reason: str, message: str, *, warning: bool = False) -> None:
        """Add one event about a pod, unless its namespace takes no new objects any more."""
        meta, now = pod["metadata"], self._clock()
        namespace = meta["namespace"]
        home = self._store.find("namespaces", None, namespace)
        if home is None or "deletionTimestamp" in home["metadata"]:
            return
        name = f"{meta['name']}.{self._component}-{next(self._numbers)}"
        reference = {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": meta["name"],
            "namespace": namespace,
            "uid": meta["uid"],
        }
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": reference,
            "reason": reason,
            "message": message,
            "type": "Warning" if warning else "Normal",
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "reportingInstance": "lab",
        }
        self._store.create("events", event)
