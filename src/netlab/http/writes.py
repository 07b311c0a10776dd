"""The verbs that write, over HTTP; and creations that store nothing: reviews and tokens.

What a write means is in `registry`; here is only what comes and goes over the wire.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aiohttp import web

from netlab.access.authentication import ServiceAccountTokens
from netlab.access.authorization import RBAC_GROUP, Authorizer
from netlab.access.gates import EscalationGuard
from netlab.access.reviews import REVIEWS
from netlab.http.bodies import APPLY, parse_body
from netlab.http.calls import ApiCall, delete_options, write_options
from netlab.http.reads import DEFAULT_TIMEOUT_S, WatchRequest, parse_version, stream_events
from netlab.http.responses import AnswerForm, json_response
from netlab.http.routes import ResourcePath, Verb
from netlab.objects import apierrors, fielderrors, merging, tables
from netlab.objects.decoding import decode_object
from netlab.objects.kinds import ServedKind
from netlab.objects.obj import Obj
from netlab.objects.registry import Registry, WriteOptions, WriteResult
from netlab.objects.schema import WrongType, decode
from netlab.objects.selectors import Matcher, matcher
from netlab.objects.store import Store
from netlab.objects.structs import TOKEN_REQUEST

Handler = Callable[[ApiCall, ResourcePath], Awaitable[web.StreamResponse]]

_JSON_PATCH = "application/json-patch+json"
_MERGE_PATCH = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
PATCH_TYPES = (_JSON_PATCH, _MERGE_PATCH, _STRATEGIC, APPLY)

_RETURNS_OBJECT = frozenset({"pods", "services", "serviceaccounts"})
"""Kinds whose deletion answers with the object, not with a Status (ReturnDeletedObject)."""


class WriteHandlers:
    """One method per verb."""

    def __init__(self, registry: Registry, guard: EscalationGuard) -> None:
        """Serve a registry; the guard looks at what is written of RBAC."""
        self._registry = registry
        self._store = registry.store
        self._guard = guard

    def by_verb(self) -> Mapping[Verb, Handler]:
        """Return the handlers by the verb they serve."""
        return {
            "get": self.get,
            "list": self.list_objects,
            "watch": self.watch,
            "create": self.create,
            "update": self.update,
            "patch": self.patch,
            "delete": self.delete,
            "deletecollection": self.delete_collection,
        }

    async def get(self, call: ApiCall, path: ResourcePath) -> web.StreamResponse:
        """Answer with one object."""
        obj = self._store.get(path.resource.plural, path.namespace, path.name or "")
        return json_response(_shaped(call, path, obj))

    async def list_objects(self, call: ApiCall, path: ResourcePath) -> web.StreamResponse:
        """Answer with all matching objects; limit and continue are the client's hope, not ours."""
        if version := call.query.get("resourceVersion"):
            parse_version(version)
        found = self._select(path, _selectors(call, path))
        version = str(self._store.version)
        if call.form is AnswerForm.TABLE:
            return json_response(_table(call, path, found, version))
        reduced = call.form is AnswerForm.METADATA
        kind = "PartialObjectMetadata" if reduced else path.resource.kind
        return json_response(
            {
                "kind": f"{kind}List",
                "apiVersion": "meta.k8s.io/v1" if reduced else path.resource.api_version,
                "metadata": {"resourceVersion": version},
                "items": [tables.partial(obj) for obj in found] if reduced else found,
            }
        )

    async def watch(self, call: ApiCall, path: ResourcePath) -> web.StreamResponse:
        """Answer with a stream of events."""
        query = call.query
        watch = WatchRequest(
            resource=path.resource,
            namespace=path.namespace,
            matches=_named(path, _selectors(call, path)),
            form=call.form,
            include=query.get("includeObject") or "Metadata",
            version=query.get("resourceVersion", ""),
            bookmarks=query.get("allowWatchBookmarks") == "true",
            initial=query.get("sendInitialEvents") == "true",
            timeout_s=_timeout(query.get("timeoutSeconds")),
        )
        return await stream_events(call.http, self._store, watch)

    async def create(self, call: ApiCall, path: ResourcePath) -> web.StreamResponse:
        """Store a new object."""
        options, body = write_options(call.query), await call.body()
        write = partial(self._registry.create, path.resource, path.namespace, body)
        return self._write(call, path, write, options)

    async def update(self, call: ApiCall, path: ResourcePath) -> web.StreamResponse:
        """Replace an object or its status."""
        options, body = write_options(call.query), await call.body()
        write = partial(
            self._registry.update,
            path.resource,
            path.namespace,
            path.name or "",
            body,
            subresource=path.subresource,
        )
        return self._write(call, path, write, options)

    async def patch(self, call: ApiCall, path: ResourcePath) -> web.StreamResponse:
        """Change an object or its status by one of the four kinds of patch."""
        kind = call.media_type
        if kind not in PATCH_TYPES:
            raise apierrors.unsupported_media_type(PATCH_TYPES)
        options, change = write_options(call.query), parse_body(await call.raw_body(), kind)
        if kind == APPLY:
            if not options.manager:
                why = "fieldManager: Required value: is required for apply patch"
                raise apierrors.bad_request(why)
            write = partial(self._registry.apply, body=change)
        else:
            changer = _changer(kind, path.resource.plural, change)
            write = partial(self._registry.patch, change=changer)
        place = (path.resource, path.namespace, path.name or "")
        whole = partial(write, *place, subresource=path.subresource)
        return self._write(call, path, whole, options)

    async def delete(self, call: ApiCall, path: ResourcePath) -> web.StreamResponse:
        """Delete an object."""
        body = await call.body() if call.http.can_read_body else None
        options = delete_options(call.query, body)
        name = path.name or ""
        gone = self._registry.delete(path.resource, path.namespace, name, options)
        pending = self._store.find(path.resource.plural, path.namespace, name) is not None
        if path.resource.plural in _RETURNS_OBJECT or (pending and not options.dry_run):
            return json_response(_shaped(call, path, gone))
        details = {
            "name": name,
            "group": path.resource.group,
            "kind": path.resource.plural,
            "uid": gone["metadata"]["uid"],
        }
        return json_response(
            {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Success",
                "details": {key: value for key, value in details.items() if value},
            }
        )

    async def delete_collection(self, call: ApiCall, path: ResourcePath) -> web.StreamResponse:
        """Delete all matching objects."""
        body = await call.body() if call.http.can_read_body else None
        options = delete_options(call.query, body)
        found = self._select(path, _selectors(call, path))
        for obj in found:
            meta = obj["metadata"]
            self._registry.delete(path.resource, meta.get("namespace"), meta["name"], options)
        return json_response(
            {
                "kind": f"{path.resource.kind}List",
                "apiVersion": path.resource.api_version,
                "metadata": {"resourceVersion": str(self._store.version)},
                "items": found,
            }
        )

    def _write(
        self,
        call: ApiCall,
        path: ResourcePath,
        write: Callable[..., WriteResult],
        options: WriteOptions,
    ) -> web.Response:
        """Do a write and answer with what was written."""
        if path.resource.group == RBAC_GROUP:
            # What a patch makes of an object is known when it is made: once for trial.
            trial = write(options=replace(options, dry_run=True))
            self._guard.check(call.user, path.resource, trial.object)
        return _written(call, path, write(options=options))

    def _select(self, path: ResourcePath, matches: Matcher | None) -> list[Obj]:
        found = self._store.list(path.resource.plural, path.namespace)
        return [obj for obj in found if matches is None or matches(obj)]


def _selectors(call: ApiCall, path: ResourcePath) -> Matcher | None:
    labels, fields = call.query.get("labelSelector", ""), call.query.get("fieldSelector", "")
    return matcher(labels, fields, path.resource.plural)


def _named(path: ResourcePath, matches: Matcher | None) -> Matcher | None:
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


def _changer(kind: str, plural: str, change: Any) -> Callable[[Obj], Obj]:
    if kind == _JSON_PATCH:
        return lambda obj: merging.json_patch(obj, change)
    if not isinstance(change, dict):
        raise apierrors.bad_request("the patch is no JSON object")
    if kind == _MERGE_PATCH:
        return lambda obj: {**merging.merge_patch(obj, change)}
    return lambda obj: merging.strategic_merge(plural, obj, change)


def _written(call: ApiCall, path: ResourcePath, written: WriteResult) -> web.Response:
    status = 201 if written.created else 200
    shaped = _shaped(call, path, written.object)
    return json_response(shaped, status=status, unknown=written.unknown)


def _shaped(call: ApiCall, path: ResourcePath, obj: Obj) -> Obj:
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


LIFETIME_S = 3600
"""How long a token lasts where nothing is asked; the API server's default."""

MIN_LIFETIME_S = 600

_TOKEN_REQUEST = ServedKind("tokenrequests", "TokenRequest", group="authentication.k8s.io")


@dataclass(frozen=True, slots=True)
class QuestionAnswers:
    """Answers by what an authorizer and the issuer of tokens say."""

    store: Store
    authorizer: Authorizer
    tokens: ServiceAccountTokens

    async def review(self, call: ApiCall, path: ResourcePath) -> web.StreamResponse:
        """Answer a review with its status."""
        namespace = path.namespace or ""
        body = decode_object(path.resource, await call.body(), path.namespace, strictness="Ignore")
        asked = body.object
        answer = REVIEWS[path.resource.plural]
        status = answer(self.authorizer, call.user, asked.get("spec") or {}, namespace)
        return json_response({**asked, "status": status}, status=201)

    async def token(self, call: ApiCall, path: ResourcePath) -> web.StreamResponse:
        """Issue a token for a service account."""
        account = self.store.get("serviceaccounts", path.namespace, path.name or "")
        try:
            asked: Obj = decode(TOKEN_REQUEST, await call.body())[0]
        except WrongType as error:
            raise apierrors.bad_request(str(error)) from error
        spec = asked.get("spec") or {}
        lifetime_s = spec.get("expirationSeconds") or LIFETIME_S
        _check_token_request(path.name or "", spec, lifetime_s)
        token, ends = self.tokens.issue(account, spec.get("audiences") or [], lifetime_s)
        stamp = datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": path.name, "namespace": path.namespace},
            "spec": {**spec, "expirationSeconds": lifetime_s},
            "status": {"token": token, "expirationTimestamp": stamp},
        }
        return json_response(answer, status=201)


def _check_token_request(name: str, spec: Obj, lifetime_s: int) -> None:
    wrong: fielderrors.FieldErrors = []
    if lifetime_s < MIN_LIFETIME_S:
        why = "may not specify a duration less than 10 minutes"
        wrong.append(fielderrors.invalid("spec.expirationSeconds", lifetime_s, why))
    if spec.get("boundObjectRef"):
        why = "the lab binds tokens to service accounts only"
        wrong.append(fielderrors.forbidden("spec.boundObjectRef", why))
    if wrong:
        raise apierrors.invalid(_TOKEN_REQUEST, name, wrong)
