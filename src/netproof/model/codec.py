"""Values to JSON and back: strict, versioned, the same bytes for the same value.

A value is written as its class is declared; keys of mappings are sorted. Reading takes nothing on
trust: an unknown key, a missing one, a wrong type or another version is refused with the place
where it stands. It knows no file: text in and out.
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

import msgspec

from netproof.errors import HarnessBug, UsageError
from netproof.model.record import SCHEMA, RunRecord
from netproof.printing import Printable, in_json

T = TypeVar("T")

_PLACE = re.compile(r"(?P<what>.*?)(?: - at `(?P<place>.*)`)?", re.DOTALL)


def dumps(value: object) -> Printable:
    """Return a record as a JSON document for people and programs; it ends with a newline."""
    return in_json(_written(value, indent=2) + "\n")


def loads(text: str) -> RunRecord:
    """Read a run from a JSON document; raise UsageError with the place of what is wrong."""
    version = unpack(_Header, text).schema
    if version != SCHEMA:
        raise UsageError(f"$.schema: this netproof reads {SCHEMA!r}, the record is {version!r}")
    return unpack(RunRecord, text)


def pack(value: object) -> str:
    """Return a value as one line of JSON, for the trip to another process."""
    return _written(value)


def unpack(kind: type[T], text: str) -> T:
    """Read what `pack` or `dumps` returned for a value of that kind; raise UsageError else."""
    try:
        return _read(kind, text)
    except msgspec.ValidationError as error:
        raise UsageError(_said(error)) from error
    except (ValueError, RecursionError) as error:  # digits and depth have limits in Python
        raise UsageError(f"the record is not JSON: {error}") from error


class _Header(msgspec.Struct, frozen=True):
    """What every version of a record has."""

    schema: str | None = None


def _written(value: object, *, indent: int | None = None) -> str:
    try:
        text = msgspec.json.encode(value, enc_hook=_refuse, order="deterministic")
    except UnicodeEncodeError:
        # Half a character, which a container may write: only the standard library escapes it.
        return json.dumps(msgspec.to_builtins(value, order="deterministic"), indent=indent)
    return (text if indent is None else msgspec.json.format(text, indent=indent)).decode()


def _read(kind: type[T], text: str) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeEncodeError):
        # Half a character again, or no JSON: the standard library says in which line.
        return msgspec.convert(json.loads(text), kind)


def _refuse(value: object) -> Any:
    raise HarnessBug(f"a record cannot hold a {type(value).__name__}: {value!r}")


def _said(error: msgspec.ValidationError) -> str:
    parts = _PLACE.fullmatch(str(error))
    what, place = (parts["what"], parts["place"]) if parts else (str(error), None)
    return f"{place or '$'}: {what}"
