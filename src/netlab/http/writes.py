"""The verbs that write, over HTTP; and creations that store nothing: reviews and tokens.

What a write means is in `registry`; here is only what comes and goes over the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aiohttp import web

from netlab.access.attributes import Attributes
from netlab.access.authorization import Authorizer
from netlab.access.gates import EscalationGuard
from netlab.access.reviews import REVIEWS
from netlab.access.tokens import ServiceAccountTokens
from netlab.http.bodies import APPLY, parse_body
from netlab.http.calls import ApiCall, Handler, delete_options, write_options
from netlab.http.reads import selected_objects, shaped_object
from netlab.http.responses import json_response
from netlab.http.routes import ResourcePath, Verb
from netlab.objects import apierrors, fielderrors, merging
from netlab.objects.decoding import decode_object
from netlab.objects.kinds import ServedKind
from netlab.objects.obj import Obj
from netlab.objects.registry import Registry, WriteOptions, WriteResult
from netlab.objects.schema import WrongType, decode
from netlab.objects.store import Store, written
from netlab.objects.structs import TOKEN_REQUEST

_JSON_PATCH = "application/json-patch+json"
_MERGE_PATCH = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
PATCH_TYPES = (_JSON_PATCH, _MERGE_PATCH, _STRATEGIC, APPLY)

_RETURNS_OBJECT = frozenset({"pods", "services", "serviceaccounts"})
"""Kinds whose deletion answers with the object, not with a Status (ReturnDeletedObject)."""


class WriteHandlers:
    """One method per verb that writes."""

    def __init__(self, registry: Registry, guard: EscalationGuard) -> None:
        """Write to a registry; the guard looks at what is about to be stored."""
        self._registry = registry
        self._store = registry.store
        self._guard = guard

    def by_verb(self) -> Mapping[Verb, Handler]:
        """Return the handlers by the verb they serve."""
        return {
            "create": self.create,
            "update": self.update,
            "patch": self.patch,
            "delete": self.delete,
            "deletecollection": self.delete_collection,
        }

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
        last_state = self._registry.delete(path.resource, path.namespace, name, options)
        pending = self._store.find(path.resource.plural, path.namespace, name) is not None
        if path.resource.plural in _RETURNS_OBJECT or (pending and not options.dry_run):
            return json_response(shaped_object(call, path, last_state))
        details = {
            "name": name,
            "group": path.resource.group,
            "kind": path.resource.plural,
            "uid": last_state["metadata"]["uid"],
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
        objects = selected_objects(self._store, call, path)
        for obj in objects:
            meta = obj["metadata"]
            self._registry.delete(path.resource, meta.get("namespace"), meta["name"], options)
        return json_response(
            {
                "kind": f"{path.resource.kind}List",
                "apiVersion": path.resource.api_version,
                "metadata": {"resourceVersion": str(self._store.version)},
                "items": objects,
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
        asked = Attributes(
            verb=path.verb,
            group=path.resource.group,
            resource=path.resource.plural,
            subresource=path.subresource or "",
            namespace=path.namespace or "",
            name=path.name or "",
        )
        # What a patch makes of an object is known only where it is made.
        admit = partial(self._guard.check, call.user, asked, path.resource)
        return _written(call, path, write(options=replace(options, admit=admit)))


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
    shaped = shaped_object(call, path, written.object)
    return json_response(shaped, status=status, unknown=written.unknown)


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
        stamp = written(datetime.fromtimestamp(ends, UTC))
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
