"""Records to JSON and back: strict, versioned, the same bytes for the same record.

A record is written as its dataclass is declared, the schema first; keys of mappings are sorted.
Reading takes nothing on trust: an unknown key, a missing one, a wrong type or another version is
refused with the place where it stands. It knows no file: text and plain values in and out.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from netproof.errors import HarnessBug, UsageError
from netproof.model.record import SCHEMA, RunRecord

T = TypeVar("T")
_ROOT = "$"


def dumps(record: RunRecord) -> str:
    """Return a run as a JSON document that ends with a newline."""
    return json.dumps(to_plain(record), indent=2, allow_nan=False) + "\n"


def loads(text: str) -> RunRecord:
    """Read a run from a JSON document; raise UsageError with the place of what is wrong."""
    try:
        plain = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"the record is not JSON: {error}") from error
    return run_from_plain(plain)


def run_from_plain(plain: object) -> RunRecord:
    """Read a run from plain values; raise UsageError for another version or a wrong value."""
    version = plain.get("schema") if isinstance(plain, Mapping) else None
    if version != SCHEMA:
        raise UsageError(f"$.schema: this netproof reads {SCHEMA!r}, the record is {version!r}")
    return from_plain(RunRecord, plain)


def to_plain(value: object) -> Any:
    """Return a record, or any part of one, as dicts, lists, strings, numbers and None."""
    if isinstance(value, StrEnum):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        named = sorted(fields(value), key=lambda field: field.name != "schema")
        return {field.name: to_plain(getattr(value, field.name)) for field in named}
    if isinstance(value, Mapping):
        plain = {str(key): to_plain(item) for key, item in value.items()}
        return dict(sorted(plain.items()))
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise HarnessBug(f"a record cannot hold a {type(value).__name__}: {value!r}")


def from_plain(kind: type[T], plain: object) -> T:
    """Make a record, or part of one, from what `to_plain` returned; raise UsageError else."""
    made: T = _read(kind, plain, _ROOT)
    return made


def _read(kind: Any, plain: object, at: str) -> Any:
    return _reader(kind)(kind, plain, at)


@cache
def _reader(kind: Any) -> Callable[[Any, Any, str], Any]:
    """Tell how values of a kind are read: once a kind, as a run holds a million values."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _read_optional
    if origin in (tuple, dict):
        return _read_tuple if origin is tuple else _read_dict
    if is_dataclass(kind):
        return _read_dataclass
    return _read_enum if issubclass(kind, StrEnum) else _read_scalar


def _read_optional(kind: Any, plain: object, at: str) -> Any:
    if plain is None:
        return None
    (other,) = (one for one in get_args(kind) if one is not type(None))
    return _read(other, plain, at)


def _read_tuple(kind: Any, plain: object, at: str) -> Any:
    item = get_args(kind)[0]
    listed = _checked(plain, list, at)
    return tuple(_read(item, one, f"{at}[{i}]") for i, one in enumerate(listed))


def _read_dict(kind: Any, plain: object, at: str) -> Any:
    key, item = get_args(kind)
    named = _checked(plain, dict, at)
    return {_read(key, k, at): _read(item, one, f"{at}.{k}") for k, one in named.items()}


def _read_dataclass(kind: Any, plain: object, at: str) -> Any:
    known, plain = _fields(kind), _checked(plain, dict, at)
    unknown = sorted(set(plain) - set(known))
    missing = [name for name, (field, _) in known.items() if _needed(field) and name not in plain]
    if unknown or missing:
        what = f"unknown key {unknown[0]!r}" if unknown else f"missing key {missing[0]!r}"
        raise UsageError(f"{at}: {what}")
    return kind(**{name: _read(known[name][1], plain[name], f"{at}.{name}") for name in plain})


def _read_enum(kind: type[StrEnum], plain: object, at: str) -> StrEnum:
    if not isinstance(plain, str) or plain not in set(kind):
        raise UsageError(f"{at}: {plain!r} is none of {', '.join(kind)}")
    return kind(plain)


def _read_scalar(kind: type, plain: object, at: str) -> object:
    # JSON has one kind of number, and bool is an int in Python only.
    if kind is float and isinstance(plain, int) and not isinstance(plain, bool):
        return float(plain)
    return _checked(plain, kind, at)


def _checked(plain: object, kind: type[T], at: str) -> T:
    if not isinstance(plain, kind) or (isinstance(plain, bool) and kind is not bool):
        raise UsageError(f"{at}: expected {kind.__name__}, found {type(plain).__name__}")
    return plain


@cache
def _fields(kind: Any) -> dict[str, tuple[Field[Any], Any]]:
    hints = get_type_hints(kind)
    return {field.name: (field, hints[field.name]) for field in fields(kind)}


def _needed(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING
