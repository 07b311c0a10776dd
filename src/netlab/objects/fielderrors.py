"""Field errors: their types, their wording, and how they become causes of an Invalid.

Source: k8s.io/apimachinery pkg/util/validation/field.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from netlab.objects.apierrors import StatusCause

FieldErrors = list[StatusCause]


def required(path: str, detail: str = "") -> StatusCause:
    """Return the error for a value that is missing."""
    return StatusCause("FieldValueRequired", _with_detail("Required value", detail), path)


def forbidden(path: str, detail: str) -> StatusCause:
    """Return the error for a value that may not be given here."""
    return StatusCause("FieldValueForbidden", _with_detail("Forbidden", detail), path)


def invalid(path: str, value: Any, detail: str) -> StatusCause:
    """Return the error for a malformed value."""
    return StatusCause(
        "FieldValueInvalid", _with_detail(f"Invalid value: {_shown(value)}", detail), path
    )


def duplicate(path: str, value: Any) -> StatusCause:
    """Return the error for a value that occurs twice."""
    return StatusCause("FieldValueDuplicate", f"Duplicate value: {_shown(value)}", path)


def not_supported(path: str, value: Any, supported: Sequence[str]) -> StatusCause:
    """Return the error for a value outside an enumeration."""
    listed = ", ".join(_shown(item) for item in supported)
    message = f"Unsupported value: {_shown(value)}: supported values: {listed}"
    return StatusCause("FieldValueNotSupported", message, path)


def not_found(path: str, value: Any) -> StatusCause:
    """Return the error for a name that names nothing."""
    return StatusCause("FieldValueNotFound", f"Not found: {_shown(value)}", path)


def too_long(path: str, limit: int) -> StatusCause:
    """Return the error for a value of more than `limit` bytes."""
    return StatusCause("FieldValueTooLong", f"Too long: may not be more than {limit} bytes", path)


def port_number(path: str, value: int) -> FieldErrors:
    """Check that a port is one of 1 to 65535."""
    if 1 <= value <= 65535:
        return []
    return [invalid(path, value, "must be between 1 and 65535, inclusive")]


def all_invalid(path: str, value: Any, complaints: Sequence[str]) -> FieldErrors:
    """Return an error for each complaint about one value."""
    return [invalid(path, value, complaint) for complaint in complaints]


def _with_detail(message: str, detail: str) -> str:
    return f"{message}: {detail}" if detail else message


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
