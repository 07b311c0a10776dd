"""Watches: a kind's events as a stream of JSON lines.

From the store's history and its callbacks without a gap: both are read in one step of the loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from netlab.http.calls import ApiCall, int64_parameter, request_matcher
from netlab.http.responses import AnswerForm, dump
from netlab.http.routes import ResourcePath
from netlab.objects import apierrors, tables
from netlab.objects.kinds import ServedKind
from netlab.objects.limits import whole_number
from netlab.objects.obj import Obj
from netlab.objects.selectors import Matcher
from netlab.objects.store import Store, StoreEvent

BOOKMARK_S = 60.0
"""How often a quiet watch that asked for them gets a bookmark; about the API server's rhythm."""

DEFAULT_TIMEOUT_S = 1800.0
"""How long a watch without timeoutSeconds lives; the API server's least."""


MAX_WAITING = 10_000
"""Events that wait for a slow reader before its watch is ended."""


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """What is watched and how it is to be written."""

    resource: ServedKind
    namespace: str | None
    matches: Matcher | None
    form: AnswerForm = AnswerForm.OBJECT
    include: str = "Metadata"
    version: str = ""
    bookmarks: bool = False
    initial: bool = False
    timeout_s: float = DEFAULT_TIMEOUT_S


class WatchHandler:
    """The verb that reads on and on."""

    def __init__(self, store: Store) -> None:
        """Watch a store."""
        self._store = store

    async def watch(self, call: ApiCall, path: ResourcePath) -> web.StreamResponse:
        """Answer with a stream of events."""
        query = call.query
        watch = WatchRequest(
            resource=path.resource,
            namespace=path.namespace,
            matches=_narrowed(path, request_matcher(call, path)),
            form=call.form,
            include=query.get("includeObject") or "Metadata",
            version=query.get("resourceVersion", ""),
            bookmarks=query.get("allowWatchBookmarks") == "true",
            initial=query.get("sendInitialEvents") == "true",
            timeout_s=_timeout(int64_parameter(query, "timeoutSeconds")),
        )
        return await stream_events(call.http, self._store, watch)


def _narrowed(path: ResourcePath, matches: Matcher | None) -> Matcher | None:
    """Narrow a watch to the object in its path, where there is one."""
    if path.name is None:
        return matches
    name = path.name
    return lambda obj: obj["metadata"]["name"] == name and (matches is None or matches(obj))


def _timeout(seconds: int | None) -> float:
    """Return how long a watch lives; what is no time to live is none that was asked for."""
    return DEFAULT_TIMEOUT_S if not seconds or seconds < 0 else float(seconds)


def watched_event(event: StoreEvent, watch: WatchRequest) -> tuple[str, Obj] | None:
    """Return an event as a watcher with selectors sees it, None where it does not.

    An object that begins to match is ADDED to the watcher, one that ceases is DELETED. Pure.
    """
    namespace = event.object["metadata"].get("namespace")
    if watch.namespace is not None and namespace != watch.namespace:
        return None
    matches = watch.matches or (lambda _: True)
    now = event.type != "DELETED" and matches(event.object)
    before = event.old is not None and matches(event.old)
    if now:
        return ("MODIFIED" if before else "ADDED"), event.object
    if not before or event.old is None:
        return None
    # The watcher is told what it knew, as of now.
    version = event.object["metadata"]["resourceVersion"]
    last_state = {**event.old, "metadata": {**event.old["metadata"], "resourceVersion": version}}
    return "DELETED", last_state


async def stream_events(
    request: web.BaseRequest, store: Store, watch: WatchRequest
) -> web.StreamResponse:
    """Answer a watch until its time is over or the client leaves; raise ApiError (Expired)."""
    queue: deque[StoreEvent] = deque()
    news = asyncio.Event()

    def enqueue(event: StoreEvent) -> None:
        queue.append(event)
        news.set()
        if len(queue) == MAX_WAITING:
            unsubscribe()  # who reads this slowly begins anew, as with the API server

    first = _initial_events(store, watch, queue)
    unsubscribe = store.subscribe(watch.resource.plural, enqueue)
    try:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        write = _EventWriter(response, watch)
        for kind, obj in first:
            await write(kind, obj)
        try:
            async with asyncio.timeout(watch.timeout_s):
                await _pump_events(queue, news, write, store)
        except TimeoutError:
            await response.write_eof()
        return response
    finally:
        unsubscribe()


async def _pump_events(
    queue: deque[StoreEvent], news: asyncio.Event, write: _EventWriter, store: Store
) -> None:
    while True:
        is_late = len(queue) >= MAX_WAITING
        while queue:
            event = watched_event(queue.popleft(), write.watch)
            if event is not None:
                await write(*event)
            is_late = is_late or len(queue) >= MAX_WAITING
        if is_late:
            raise TimeoutError
        news.clear()
        try:
            await asyncio.wait_for(news.wait(), BOOKMARK_S)
        except TimeoutError:
            if write.watch.bookmarks:
                await write("BOOKMARK", bookmark(write.watch.resource, store.version))


class _EventWriter:
    """Writes events in the form that was asked for."""

    def __init__(self, response: web.StreamResponse, watch: WatchRequest) -> None:
        self._response = response
        self.watch = watch
        self._columns_sent = False

    async def __call__(self, kind: str, obj: Obj) -> None:
        await self._response.write(dump({"type": kind, "object": self._shaped(obj)}))

    def _shaped(self, obj: Obj) -> Obj:
        watch = self.watch
        if watch.form is AnswerForm.METADATA:
            return tables.partial(obj)
        if watch.form is AnswerForm.OBJECT:
            return obj
        shaped = tables.table(watch.resource, [obj], datetime.now(UTC), include=watch.include)
        if self._columns_sent:
            # Columns come with the first row only, as from the API server.
            shaped["columnDefinitions"] = None
        self._columns_sent = True
        return shaped


def bookmark(resource: ServedKind, version: int, *, initial: bool = False) -> Obj:
    """Return the object of a bookmark; `initial` marks the end of the initial events."""
    metadata: Obj = {"resourceVersion": str(version), "creationTimestamp": None}
    if initial:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}


def _initial_events(
    store: Store, watch: WatchRequest, queue: deque[StoreEvent]
) -> list[tuple[str, Obj]]:
    """Return what a watch begins with, and put what it missed into the queue."""
    if watch.version not in {"", "0"}:
        queue.extend(store.since(watch.resource.plural, parse_version(watch.version)))
        return []
    matches = watch.matches or (lambda _: True)
    objects = store.list(watch.resource.plural, watch.namespace)
    first = [("ADDED", obj) for obj in objects if matches(obj)]
    if watch.initial:
        first.append(("BOOKMARK", bookmark(watch.resource, store.version, initial=True)))
    return first


def parse_version(text: str) -> int:
    """Return a resourceVersion as a number; raise ApiError (Invalid)."""
    number = whole_number(text)
    if number is not None:
        return number
    message = f'resourceVersion: Invalid value: "{text[:40]}": strconv.ParseUint: invalid syntax'
    raise apierrors.ApiError(400, "BadRequest", message)
