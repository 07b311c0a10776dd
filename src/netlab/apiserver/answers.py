"""Creations that store nothing: reviews, which are questions, and tokens for service accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from netlab.apiserver import errors
from netlab.apiserver.access.rbac import Authorizer
from netlab.apiserver.access.reviews import ANSWERS
from netlab.apiserver.access.tokens import Tokens
from netlab.apiserver.decoding import decode_object
from netlab.apiserver.kinds import TOKEN_REQUEST
from netlab.apiserver.objects import Obj
from netlab.apiserver.requests import Call
from netlab.apiserver.resources import Resource
from netlab.apiserver.responses import json_response
from netlab.apiserver.routes import ResourcePath
from netlab.apiserver.schema import WrongType, decode
from netlab.apiserver.store import Store
from netlab.apiserver.validation import fields

LIFETIME_S = 3600
"""How long a token lasts where nothing is asked; the API server's default."""

MIN_LIFETIME_S = 600

_REQUEST = Resource("tokenrequests", "TokenRequest", group="authentication.k8s.io")


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers by what an authorizer and the issuer of tokens say."""

    store: Store
    authorizer: Authorizer
    tokens: Tokens

    async def review(self, call: Call, path: ResourcePath) -> web.StreamResponse:
        """Answer a review with its status."""
        namespace = path.namespace or ""
        body = decode_object(path.resource, await call.body(), path.namespace, strictness="Ignore")
        asked = body.object
        answer = ANSWERS[path.resource.plural]
        status = answer(self.authorizer, call.user, asked.get("spec") or {}, namespace)
        return json_response({**asked, "status": status}, status=201)

    async def token(self, call: Call, path: ResourcePath) -> web.StreamResponse:
        """Issue a token for a service account."""
        account = self.store.get("serviceaccounts", path.namespace, path.name or "")
        try:
            asked: Obj = decode(TOKEN_REQUEST, await call.body())[0]
        except WrongType as error:
            raise errors.bad_request(str(error)) from error
        spec = asked.get("spec") or {}
        lifetime_s = spec.get("expirationSeconds") or LIFETIME_S
        _check(path.name or "", spec, lifetime_s)
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


def _check(name: str, spec: Obj, lifetime_s: int) -> None:
    wrong: fields.Errors = []
    if lifetime_s < MIN_LIFETIME_S:
        why = "may not specify a duration less than 10 minutes"
        wrong.append(fields.invalid("spec.expirationSeconds", lifetime_s, why))
    if spec.get("boundObjectRef"):
        why = "the lab binds tokens to service accounts only"
        wrong.append(fields.forbidden("spec.boundObjectRef", why))
    if wrong:
        raise errors.invalid(_REQUEST, name, wrong)
