"""In which form answers are written: what Accept asks for, JSON, errors as Status, warnings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

from aiohttp import web

from netlab.objects import apierrors
from netlab.objects.apierrors import ApiError, status_of


class AnswerForm(Enum):
    """The forms in which objects are written."""

    OBJECT = "object"
    TABLE = "Table"
    METADATA = "PartialObjectMetadata"


_JSON_RANGES = frozenset({"application/json", "application/*", "*/*", "text/*", "text/plain"})


def negotiate(accept: str) -> AnswerForm:
    """Return the first form of an Accept header that the server writes; raise NotAcceptable.

    Protobuf is passed over: every client that prefers it takes JSON as well.
    """
    for entry in (accept or "*/*").split(","):
        media_type, *parameters = (part.strip() for part in entry.split(";"))
        if media_type not in _JSON_RANGES:
            continue
        form_parameters = dict(p.split("=", 1) for p in parameters if "=" in p)
        form = _form_named(form_parameters.get("as", ""), form_parameters)
        if form is not None:
            return form
    raise apierrors.not_acceptable(["application/json"])


def _form_named(name: str, parameters: dict[str, str]) -> AnswerForm | None:
    if not name:
        return AnswerForm.OBJECT
    if (parameters.get("g"), parameters.get("v")) != ("meta.k8s.io", "v1"):
        # Aggregated discovery, older tables: the client names a simpler form next.
        return None
    singular = name.removesuffix("List")
    return next((form for form in AnswerForm if form.value == singular), None)


def dump(value: Any) -> bytes:
    """Return a value as JSON with the newline at the end that curl users like."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    # A lone surrogate in some annotation must not make every list of the kind unwritable.
    return text.encode(errors="replace") + b"\n"


def json_response(value: Any, *, status: int = 200, unknown: Sequence[str] = ()) -> web.Response:
    """Return a value as an answer; each unknown field becomes a warning that kubectl shows."""
    response = web.Response(body=dump(value), status=status, content_type="application/json")
    for warning in _warnings(unknown):
        response.headers.add("Warning", warning)
    return response


MAX_WARNING, MAX_WARNINGS = 256, 4096
"""Characters in one warning and in all (k8s.io/apiserver pkg/endpoints/filters/warning.go)."""


def _warnings(unknown: Sequence[str]) -> Iterator[str]:
    """Yield the headers; a path is the client's and may hold anything, line ends as well."""
    left = MAX_WARNINGS
    for path in unknown:
        shown = "".join(sign if sign.isprintable() else " " for sign in path[:MAX_WARNING])
        warning = f'unknown field "{shown}"'.replace("\\", "\\\\").replace('"', '\\"')
        left -= len(warning)
        if left < 0:
            return
        yield f'299 - "{warning}"'


def error_response(error: BaseException) -> web.Response:
    """Return the answer that tells of an error."""
    code = error.code if isinstance(error, ApiError) else 500
    return json_response(status_of(error), status=code)
