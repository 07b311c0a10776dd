"""What handlers read from a request: its query and its body, as frozen values."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from netlab.access.users import User
from netlab.http.bodies import parse_body
from netlab.http.responses import AnswerForm, negotiate
from netlab.http.routes import ResourcePath
from netlab.objects import apierrors
from netlab.objects.limits import INT64_MAX, MAX_BODY, MAX_MANAGER, REQUEST_S, whole_number
from netlab.objects.obj import Obj
from netlab.objects.registry import DeleteOptions, WriteOptions
from netlab.objects.schema import WrongType, decode
from netlab.objects.selectors import Matcher, matcher
from netlab.objects.structs import DELETE_OPTIONS

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
        """Return the body; raise ApiError where it is too large or takes too long to arrive."""
        try:
            async with asyncio.timeout(REQUEST_S):
                return await self.http.read()
        except TimeoutError as error:
            raise apierrors.timed_out(REQUEST_S) from error
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
    manager = query.get("fieldManager", "")
    if len(manager) > MAX_MANAGER or not manager.isprintable():
        why = f"fieldManager: Invalid value: at most {MAX_MANAGER} printable characters"
        raise apierrors.bad_request(why)
    return WriteOptions(
        dry_run=_is_dry_run([query["dryRun"]] if query.get("dryRun") else []),
        manager=manager,
        strictness=strictness or "Warn",
    )


def delete_options(query: Mapping[str, str], body: Any) -> DeleteOptions:
    """Return the options of a deletion, from its query and its optional body."""
    try:
        fields: Obj = decode(DELETE_OPTIONS, {} if body is None else body)[0]
    except WrongType as error:
        raise apierrors.bad_request(str(error)) from error
    conditions = fields.get("preconditions") or {}
    grace_s = fields.get("gracePeriodSeconds")
    in_query = [query["dryRun"]] if query.get("dryRun") else []
    if grace_s is None and query.get("gracePeriodSeconds"):
        grace_s = int64_parameter(query, "gracePeriodSeconds")
    return DeleteOptions(
        grace_s=grace_s,
        uid=conditions.get("uid"),
        resource_version=conditions.get("resourceVersion"),
        dry_run=_is_dry_run([*(fields.get("dryRun") or []), *in_query]),
    )


def int64_parameter(query: Mapping[str, str], name: str) -> int | None:
    """Return a number in a query, None where it is left out; raise ApiError (BadRequest)."""
    text = query.get(name, "")
    if not text:
        return None
    number = whole_number(text.removeprefix("-"), INT64_MAX)
    if number is None:
        why = f'{name}: Invalid value: "{text[:40]}": strconv.ParseInt: invalid syntax'
        raise apierrors.bad_request(why)
    return -number if text.startswith("-") else number


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
