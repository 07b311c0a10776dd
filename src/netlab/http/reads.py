"""get, list and watch over HTTP, and the forms in which objects are answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from aiohttp import web

from netlab.http.calls import ApiCall, Handler
from netlab.http.responses import AnswerForm, json_response
from netlab.http.routes import ResourcePath, Verb
from netlab.http.watch import DEFAULT_TIMEOUT_S, WatchRequest, parse_version, stream_events
from netlab.objects import apierrors, tables
from netlab.objects.obj import Obj
from netlab.objects.selectors import Matcher, matcher
from netlab.objects.store import Store


class ReadHandlers:
    """One method per verb that reads."""

    def __init__(self, store: Store) -> None:
        """Read from a store."""
        self._store = store

    def by_verb(self) -> Mapping[Verb, Handler]:
        """Return the handlers by the verb they serve."""
        return {"get": self.get, "list": self.list_objects, "watch": self.watch}

    async def get(self, call: ApiCall, path: ResourcePath) -> web.StreamResponse:
        """Answer with one object."""
        obj = self._store.get(path.resource.plural, path.namespace, path.name or "")
        return json_response(shaped_object(call, path, obj))

    async def list_objects(self, call: ApiCall, path: ResourcePath) -> web.StreamResponse:
        """Answer with all matching objects; limit and continue are the client's hope, not ours."""
        if version := call.query.get("resourceVersion"):
            parse_version(version)
        objects = selected_objects(self._store, call, path)
        version = str(self._store.version)
        if call.form is AnswerForm.TABLE:
            return json_response(_table(call, path, objects, version))
        reduced = call.form is AnswerForm.METADATA
        kind = "PartialObjectMetadata" if reduced else path.resource.kind
        return json_response(
            {
                "kind": f"{kind}List",
                "apiVersion": "meta.k8s.io/v1" if reduced else path.resource.api_version,
                "metadata": {"resourceVersion": version},
                "items": [tables.partial(obj) for obj in objects] if reduced else objects,
            }
        )

    async def watch(self, call: ApiCall, path: ResourcePath) -> web.StreamResponse:
        """Answer with a stream of events."""
        query = call.query
        watch = WatchRequest(
            resource=path.resource,
            namespace=path.namespace,
            matches=_narrowed(path, _request_matcher(call, path)),
            form=call.form,
            include=query.get("includeObject") or "Metadata",
            version=query.get("resourceVersion", ""),
            bookmarks=query.get("allowWatchBookmarks") == "true",
            initial=query.get("sendInitialEvents") == "true",
            timeout_s=_timeout(query.get("timeoutSeconds")),
        )
        return await stream_events(call.http, self._store, watch)


def selected_objects(store: Store, call: ApiCall, path: ResourcePath) -> list[Obj]:
    """Return the objects at a path that a call's selectors let through."""
    matches = _request_matcher(call, path)
    objects = store.list(path.resource.plural, path.namespace)
    return [obj for obj in objects if matches is None or matches(obj)]


def _request_matcher(call: ApiCall, path: ResourcePath) -> Matcher | None:
    labels, fields = call.query.get("labelSelector", ""), call.query.get("fieldSelector", "")
    return matcher(labels, fields, path.resource.plural)


def _narrowed(path: ResourcePath, matches: Matcher | None) -> Matcher | None:
    """Narrow a watch to the object in its path, where there is one."""
    if path.name is None:
        return matches
    name = path.name
    return lambda obj: obj["metadata"]["name"] == name and (matches is None or matches(obj))


def _timeout(text: str | None) -> float:
    try:
        return float(text) if text else DEFAULT_TIMEOUT_S
    except ValueError as error:
        raise apierrors.bad_request(f"timeoutSeconds: {text} is no number") from error


def shaped_object(call: ApiCall, path: ResourcePath, obj: Obj) -> Obj:
    """Return an object in the form that a call asks for."""
    match call.form:
        case AnswerForm.TABLE:
            version = obj["metadata"].get("resourceVersion", "")
            return _table(call, path, [obj], version)
        case AnswerForm.METADATA:
            return tables.partial(obj)
        case _:
            return obj


def _table(call: ApiCall, path: ResourcePath, objects: list[Obj], version: str) -> Obj:
    include = call.query.get("includeObject") or "Metadata"
    now = datetime.now(UTC)
    return tables.table(path.resource, objects, now, include=include, version=version)
