"""get and list over HTTP, and the forms in which objects are answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from aiohttp import web

from netlab.http.calls import ApiCall, Handler, request_matcher
from netlab.http.responses import AnswerForm, json_response
from netlab.http.routes import ResourcePath, Verb
from netlab.http.watch import parse_version
from netlab.objects import tables
from netlab.objects.obj import Obj
from netlab.objects.store import Store


class ReadHandlers:
    """One method per verb that reads once."""

    def __init__(self, store: Store) -> None:
        """Read from a store."""
        self._store = store

    def by_verb(self) -> Mapping[Verb, Handler]:
        """Return the handlers by the verb they serve."""
        return {"get": self.get, "list": self.list_objects}

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


def selected_objects(store: Store, call: ApiCall, path: ResourcePath) -> list[Obj]:
    """Return the objects at a path that a call's selectors let through."""
    matches = request_matcher(call, path)
    objects = store.list(path.resource.plural, path.namespace)
    return [obj for obj in objects if matches is None or matches(obj)]


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
