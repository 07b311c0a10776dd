"""Values to JSON and back: strict, versioned, the same bytes for the same value.

A value is written as its class is declared; keys of mappings are sorted. The record of a run is
packed besides, and has a line for each part of it. Reading takes nothing on trust: an unknown key,
a missing one, a wrong type or a version that is not known is refused with the place where it
stands. It knows no file: text in and out.
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal, TypeVar

import msgspec

from netproof.errors import HarnessBug, UsageError
from netproof.model import packing
from netproof.model.record import SCHEMA, UNPACKED_SCHEMA, RunRecord
from netproof.printing import Printable, in_json

T = TypeVar("T")

_PLACE = re.compile(r"(?P<what>.*?)(?: - at `(?P<place>.*)`)?", re.DOTALL)


def dumps(value: object) -> Printable:
    """Return a record as a JSON document for people and programs; it ends with a newline."""
    if isinstance(value, RunRecord):
        plain = msgspec.to_builtins(value, order="deterministic")
        return in_json(_lines(packing.packed(plain)))
    return in_json(_written(value, indent=2) + "\n")


def loads(text: str) -> RunRecord:
    """Read a run from a JSON document; raise UsageError with the place of what is wrong.

    A record of the version before, which was not packed, is read as well.
    """
    version = unpack(_Header, text).schema
    if version not in (SCHEMA, UNPACKED_SCHEMA):
        raise UsageError(f"$.schema: this netproof reads {SCHEMA!r}, the record is {version!r}")
    plain = unpack(dict[str, Any], text)
    if version == SCHEMA:
        plain = packing.unpacked(plain, _lists(plain.get(packing.FIELD)))
    return _converted(RunRecord, plain | {"schema": SCHEMA})


def _lists(plain: Any) -> dict[str, Any]:
    """Return the lists of a packed record as they stand in it, once they are known to be that."""
    if plain is None:
        raise UsageError(f"$: Object missing required field `{packing.FIELD}`")
    try:
        msgspec.convert(plain, packing.Packed)
    except msgspec.ValidationError as error:
        raise UsageError(_said(error).replace("$", f"$.{packing.FIELD}", 1)) from error
    lists: dict[str, Any] = plain
    return lists


def _lines(plain: dict[str, Any]) -> str:
    """Return a record with a line for each field, and for each item of its lists.

    What comes here is in its order already: that of fields, and mappings by their keys.
    """
    fields = [f"{_written(name)}:{_by_lines(value)}" for name, value in plain.items()]
    return "{\n" + ",\n".join(fields) + "\n}\n"


def _by_lines(value: Any) -> str:
    if not isinstance(value, (list, tuple)) or not value:
        return _written(value, order=None)
    return "[\n" + ",\n".join(_written(one, order=None) for one in value) + "\n]"


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


def _converted(kind: type[T], plain: dict[str, Any]) -> T:
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        raise UsageError(_said(error)) from error


class _Header(msgspec.Struct, frozen=True):
    """What every version of a record has."""

    schema: str | None = None


def _written(
    value: object,
    *,
    indent: int | None = None,
    order: Literal["deterministic"] | None = "deterministic",
) -> str:
    try:
        text = msgspec.json.encode(value, enc_hook=_refuse, order=order)
    except UnicodeEncodeError:
        # Half a character, which a container may write: only the standard library escapes it.
        return json.dumps(msgspec.to_builtins(value, order=order), indent=indent)
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
