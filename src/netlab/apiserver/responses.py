"""HTTP answers: JSON objects, errors as Status, warnings in their header."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from netlab.apiserver.errors import ApiError, status_of


def dump(value: Any) -> bytes:
    """Return a value as JSON with the newline at the end that curl users like."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    # A lone surrogate in some annotation must not make every list of the kind unwritable.
    return text.encode(errors="replace") + b"\n"


def json_response(value: Any, *, status: int = 200, unknown: Sequence[str] = ()) -> web.Response:
    """Return a value as an answer; each unknown field becomes a warning that kubectl shows."""
    response = web.Response(body=dump(value), status=status, content_type="application/json")
    for path in unknown:
        said = f'unknown field "{path}"'.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{said}"')
    return response


def error_response(error: BaseException) -> web.Response:
    """Return the answer that tells of an error."""
    code = error.code if isinstance(error, ApiError) else 500
    return json_response(status_of(error), status=code)
