"""The objects of the cluster, their versions and the events that changed them.

In memory, one thread. Every commit gets the next resourceVersion, goes into the history (for
watches that start in the past) and is told to the subscribers before the call returns.
Must not know: HTTP, defaults, what makes an object valid.
"""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from netlab.objects import apierrors
from netlab.objects.kinds import BY_PLURAL, STORED
from netlab.objects.limits import MAX_HISTORY, written_size
from netlab.objects.obj import Obj

log = logging.getLogger(__name__)

HISTORY = 20_000
"""Events kept for late watches: 100 pods make some 500, so a watcher may miss many restarts."""

_LONGEST_GRACE_S = 10**9  # thirty years

EventType = Literal["ADDED", "MODIFIED", "DELETED"]
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class StoreEvent:
    """One commit; `old` is the object before it (None for ADDED)."""

    type: EventType
    object: Obj
    resource: str
    version: int = 0
    old: Obj | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class _Weight:
    """How large an object is as it is written, and how much of that its spec is."""

    size: int = 0
    spec: object = None
    of_spec: int = 0


Callback = Callable[[StoreEvent], None]


def now() -> str:
    """Return the time as the API writes it: UTC, whole seconds."""
    return written(datetime.now(UTC))


def written(time: datetime) -> str:
    """Return a time as the API writes it: whole seconds, of UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _grace(seconds: int) -> timedelta:
    """Return a grace period as far as a calendar goes: the API takes any 64-bit number."""
    return timedelta(seconds=min(seconds, _LONGEST_GRACE_S))


class Store:
    """All objects, by resource, namespace and name."""

    def __init__(self, *, history: int = HISTORY, clock: Callable[[], str] = now) -> None:
        """Start empty; `history` is how many events late watches may read."""
        self._clock = clock
        self._objects: dict[str, dict[Key, Obj]] = {r.plural: {} for r in STORED}
        self._subscribers: dict[str, list[Callback]] = defaultdict(list)
        self._history: deque[StoreEvent] = deque()
        self._most_events = history
        self._weights: dict[tuple[str, Key], _Weight] = {}
        self._history_size = 0
        self.size = 0
        """Bytes of all objects, as they are written."""
        self._undelivered: deque[StoreEvent] = deque()
        self._delivering = False
        self.version = 0
        """The resourceVersion of the last commit."""

    def list(self, resource: str, namespace: str | None = None) -> list[Obj]:
        """Return a kind's objects sorted by namespace and name, of one namespace or of all."""
        objects = self._objects[resource]
        return [objects[key] for key in sorted(objects) if namespace is None or key[0] == namespace]

    def get(self, resource: str, namespace: str | None, name: str) -> Obj:
        """Return an object; raise ApiError (NotFound)."""
        obj = self._objects[resource].get((namespace or "", name))
        if obj is None:
            raise apierrors.not_found(BY_PLURAL[resource], name)
        return obj

    def find(self, resource: str, namespace: str | None, name: str) -> Obj | None:
        """Return an object, None where there is none."""
        return self._objects[resource].get((namespace or "", name))

    def create(self, resource: str, obj: Obj) -> Obj:
        """Store a new object and return it with uid, creationTimestamp and resourceVersion.

        Raises ApiError (AlreadyExists).
        """
        key = _key(obj)
        if key in self._objects[resource]:
            raise apierrors.already_exists(BY_PLURAL[resource], key[1])
        metadata = {
            **obj["metadata"],
            "uid": obj["metadata"].get("uid") or str(uuid.uuid4()),
            "creationTimestamp": self._clock(),
        }
        return self._commit("ADDED", resource, {**obj, "metadata": metadata}, old=None)

    def update(self, resource: str, obj: Obj, *, subresource: str | None = None) -> Obj:
        """Replace an object and return what is stored; without a change nothing is committed.

        With subresource="status" only `.status` is taken from `obj`. Raises ApiError: NotFound,
        or Conflict where metadata.resourceVersion is given and is not the stored one.
        """
        old = self.get(resource, *_key(obj))
        self._check_version(resource, obj, old)
        if subresource == "status":
            new = {**old, "status": obj.get("status", {})}
        else:
            new = {**obj, "metadata": {**obj["metadata"], **_fixed_metadata(old)}}
        if new == old:
            return old
        return self._commit("MODIFIED", resource, new, old=old)

    def mark_deleted(self, resource: str, namespace: str | None, name: str, *, grace_s: int) -> Obj:
        """Set deletionTimestamp; whoever ends the object's life (kubelet, controller) deletes it.

        It is the time by which that is to be: the grace counts from the first deletion
        (ObjectMeta.deletionTimestamp; BeforeDelete of k8s.io/apiserver). A mark that is there
        already stays, unless the new one is shorter. Raises ApiError (NotFound).
        """
        old = self.get(resource, namespace, name)
        meta = old["metadata"]
        if meta.get("deletionGracePeriodSeconds", grace_s + 1) <= grace_s:
            return old
        told = datetime.fromisoformat(meta.get("deletionTimestamp") or self._clock())
        since = told - _grace(meta.get("deletionGracePeriodSeconds", 0))
        stamp = written(since + _grace(grace_s))
        marks = {"deletionTimestamp": stamp, "deletionGracePeriodSeconds": grace_s}
        return self._commit("MODIFIED", resource, {**old, "metadata": {**meta, **marks}}, old=old)

    def delete(
        self,
        resource: str,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
    ) -> Obj:
        """Remove an object at once and return its last state.

        Raises ApiError: NotFound, or Conflict where `uid` is given and is another object's.
        """
        old = self.get(resource, namespace, name)
        stored_uid = old["metadata"]["uid"]
        if uid is not None and uid != stored_uid:
            why = (
                f"Precondition failed: UID in precondition: {uid}, UID in object meta: {stored_uid}"
            )
            raise apierrors.conflict(BY_PLURAL[resource], name, why)
        return self._commit("DELETED", resource, old, old=old)

    def subscribe(self, resource: str, callback: Callback) -> Callable[[], None]:
        """Call back after each commit of a kind, before the commit returns; return the undoing."""
        subscribers = self._subscribers[resource]
        subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in subscribers:
                subscribers.remove(callback)

        return unsubscribe

    def since(self, resource: str, version: int) -> tuple[StoreEvent, ...]:
        """Return a kind's events after a version; raise ApiError (Expired) where some are gone."""
        oldest = self._history[0].version if self._history else self.version + 1
        if version < oldest - 1:
            raise apierrors.expired(version, oldest - 1)
        later = (e for e in self._history if e.version > version)
        return tuple(event for event in later if event.resource == resource)

    def _check_version(self, resource: str, obj: Obj, old: Obj) -> None:
        version = obj["metadata"].get("resourceVersion")
        if version and version != old["metadata"]["resourceVersion"]:
            raise apierrors.conflict(BY_PLURAL[resource], _key(obj)[1], apierrors.STALE)

    def _commit(self, type_: EventType, resource: str, obj: Obj, *, old: Obj | None) -> Obj:
        self.version += 1
        new = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}
        if type_ == "DELETED":
            del self._objects[resource][_key(new)]
        else:
            self._objects[resource][_key(new)] = new
        event = StoreEvent(
            type_, new, resource, self.version, old, self._weigh(type_, resource, new)
        )
        self._remember(event)
        self._undelivered.append(event)
        self._deliver()
        return new

    def _weigh(self, type_: EventType, resource: str, obj: Obj) -> int:
        """Return how large an object is, and count it among all or no longer."""
        place, spec = (resource, _key(obj)), obj.get("spec")
        before = self._weights.pop(place, _Weight())
        self.size -= before.size
        if spec is None:
            weight = _Weight(written_size(obj))
        else:  # a pod's is all of its program, and stays while its status changes again and again
            of_spec = before.of_spec if before.spec is spec else written_size(spec)
            rest = written_size({**obj, "spec": None}) - written_size(None)
            weight = _Weight(rest + of_spec, spec, of_spec)
        if type_ != "DELETED":
            self._weights[place] = weight
            self.size += weight.size
        return weight.size

    def _remember(self, event: StoreEvent) -> None:
        history = self._history
        history.append(event)
        self._history_size += event.size
        while len(history) > self._most_events or (
            self._history_size > MAX_HISTORY and len(history) > 1
        ):
            self._history_size -= history.popleft().size

    def _deliver(self) -> None:
        # A subscriber may commit in turn. Its events wait here, so that everybody sees all events
        # in the order of their versions.
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._undelivered:
                event = self._undelivered.popleft()
                for callback in tuple(self._subscribers[event.resource]):
                    _deliver_to(callback, event)
        finally:
            self._delivering = False


def _deliver_to(callback: Callback, event: StoreEvent) -> None:
    try:
        callback(event)
    except Exception:
        # The commit stands: one broken subscriber must not hide it from the others.
        log.exception("a subscriber to %s failed", event.resource)


def _key(obj: Obj) -> Key:
    meta = obj["metadata"]
    return meta.get("namespace") or "", meta["name"]


def _fixed_metadata(old: Obj) -> Obj:
    """Return the metadata that no update changes."""
    meta = old["metadata"]
    keys = ("uid", "creationTimestamp", "resourceVersion", "deletionTimestamp")
    return {key: meta[key] for key in keys if key in meta}
