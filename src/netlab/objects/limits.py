"""How much one request may cost, and what holds it to that; pure.

The numbers are the API server's where it has one; where it has none, one that Python needs and no
honest client comes near. The lab answers everybody from one thread, so that a request which takes
long is a lab that hangs.
"""

from __future__ import annotations

import json
from typing import Any

from netlab.objects import apierrors

MAX_BODY = 3 * 1024 * 1024
"""Bytes in a request (k8s.io/apiserver pkg/server/config.go, MaxRequestBodyBytes)."""

MAX_OBJECT = 3 * 512 * 1024
"""Bytes of a stored object (etcd's --max-request-bytes, 1.5 MiB)."""

MAX_STORED = 256 * 1024 * 1024
"""Bytes of all objects together (etcd's --quota-backend-bytes is 2 GiB; a lab is small)."""

MAX_HISTORY = 64 * 1024 * 1024
"""Bytes of the events kept for late watches (the API server forgets by number and age)."""

MAX_PATCH_OPERATIONS = 10_000
"""Operations in a JSON patch (pkg/endpoints/handlers/patch.go, maxJSONPatchOperations)."""

MAX_COPIED = 3 * 1024 * 1024
"""Bytes that the copies of a JSON patch add (pkg/server/config.go, JSONPatchMaxCopyBytes)."""

MAX_DEPTH = 100
"""Levels of a value (10,000 in encoding/json and goyaml; Python's stack holds no such value)."""

MAX_VALUES = 100_000
"""Values in a body, aliases of YAML written out (goyaml allows 400,000 by aliases)."""

MAX_TERMS = 1_000
"""Terms of a selector; the values of one term count as one."""

MAX_HEADER = 1024 * 1024
"""Bytes of a request's line or of a block of headers (net/http, DefaultMaxHeaderBytes)."""

MAX_MANAGER = 128
"""Characters in a field manager's name (pkg/apis/meta/v1/validation, FieldManagerMaxLength)."""

REQUEST_S = 60.0
"""Seconds in which a body has to arrive (pkg/server/config.go, RequestTimeout)."""

INT64_MAX = 2**63 - 1


def check_value(value: Any, what: str = "the body") -> int:
    """Return how large a JSON value is; raise ApiError where it is too deep or too large.

    A value that is there several times, as YAML's aliases make it, counts as often.
    """
    size = count = 0
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        count += 1
        if depth > MAX_DEPTH:
            raise apierrors.bad_request(f"{what}: exceeded max depth of {MAX_DEPTH}")
        if isinstance(item, str):
            size += len(item)
        elif isinstance(item, dict):
            size += sum(len(key) for key in item if isinstance(key, str))
            waiting.extend((child, depth + 1) for child in item.values())
        elif isinstance(item, list):
            waiting.extend((child, depth + 1) for child in item)
        if count + len(waiting) > MAX_VALUES or size > MAX_BODY:
            raise apierrors.too_large(MAX_BODY, f"{what} has too many or too large values")
    return size + count


def written_size(value: Any) -> int:
    """Return how many bytes a JSON value takes when it is written."""
    return len(json.dumps(value, separators=(",", ":")))


def whole_number(text: str, most: int = INT64_MAX) -> int | None:
    """Return a number of plain digits, None for all else and for what is more than `most`.

    `int` takes other alphabets' digits, and dies of more than 4,300 of them.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        return None
    number = int(text)
    return number if number <= most else None
