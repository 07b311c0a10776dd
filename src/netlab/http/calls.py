"""What handlers read from a request: its query and its body, as frozen values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from netlab.access.users import User
from netlab.http.bodies import parse_body
from netlab.http.responses import AnswerForm, negotiate
from netlab.http.routes import ResourcePath
from netlab.objects import apierrors
from netlab.objects.registry import DeleteOptions, WriteOptions
from netlab.objects.selectors import Matcher, matcher

MAX_BODY = 3 * 1024 * 1024
"""Bytes in a request; the API server's own limit."""

_STRICTNESS = ("", "Ignore", "Strict", "Warn")


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A request by somebody known; `http` is for those who answer with a stream."""

    http: web.BaseRequest
    user: User

    @property
    def query(self) -> Mapping[str, str]:
        return self.http.query

    @property
    def form(self) -> AnswerForm:
        return negotiate(self.http.headers.get("Accept", ""))

    @property
    def media_type(self) -> str:
        content_type = self.http.headers.get("Content-Type", "")
        return content_type.partition(";")[0].strip().lower()

    async def body(self) -> Any:
        """Return the parsed body; raise ApiError."""
        return parse_body(await self.raw_body(), self.media_type)

    async def raw_body(self) -> bytes:
        """Return the body; raise ApiError where it is too large."""
        try:
            return await self.http.read()
        except web.HTTPRequestEntityTooLarge as error:
            raise apierrors.too_large(MAX_BODY) from error


Handler = Callable[[ApiCall, ResourcePath], Awaitable[web.StreamResponse]]
"""What answers a call to a path."""


def write_options(query: Mapping[str, str]) -> WriteOptions:
    """Return the options of a write; raise ApiError (BadRequest, Invalid) for unknown values."""
    strictness = query.get("fieldValidation", "")
    if strictness not in _STRICTNESS:
        listed = ", ".join(f'"{word}"' for word in _STRICTNESS)
        why = f'fieldValidation: Unsupported value: "{strictness}": supported values: {listed}'
        raise apierrors.bad_request(why)
    return WriteOptions(
        dry_run=_is_dry_run([query["dryRun"]] if query.get("dryRun") else []),
        manager=query.get("fieldManager", ""),
        strictness=strictness or "Warn",
    )


def delete_options(query: Mapping[str, str], body: Any) -> DeleteOptions:
    """Return the options of a deletion, from its query and its optional body."""
    fields = body if isinstance(body, dict) else {}
    conditions = fields.get("preconditions") or {}
    grace = fields.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
    in_query = [query["dryRun"]] if query.get("dryRun") else []
    try:
        grace_s = None if grace in {None, ""} else int(str(grace))
    except ValueError as error:
        raise apierrors.bad_request(f"gracePeriodSeconds: {grace} is no number") from error
    return DeleteOptions(
        grace_s=grace_s,
        uid=conditions.get("uid"),
        resource_version=conditions.get("resourceVersion"),
        dry_run=_is_dry_run([*(fields.get("dryRun") or []), *in_query]),
    )


def _is_dry_run(values: list[str]) -> bool:
    for value in values:
        if value != "All":
            why = f'dryRun: Unsupported value: "{value}": supported values: "All"'
            raise apierrors.bad_request(why)
    return bool(values)


def request_matcher(call: ApiCall, path: ResourcePath) -> Matcher | None:
    """Return the test that a call's selectors make of an object, None where all pass it."""
    labels, fields = call.query.get("labelSelector", ""), call.query.get("fieldSelector", "")
    return matcher(labels, fields, path.resource.plural)
