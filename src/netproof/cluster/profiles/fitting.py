"""Holding a YAML document against the type that describes it: every mistake is noted at once.

msgspec itself ends at the first and knows no lines. Which types there are is its own description
of them (`msgspec.inspect`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from msgspec import inspect

from netproof.cluster.profiles.declaration import HINT
from netproof.policy.fields import Field


def note_misfits(kind: Any, at: Field) -> None:
    """Note in the field's problems whatever keeps a value from being of a type."""
    _note(inspect.type_info(kind), at)


def without_nulls(plain: Any) -> Any:
    """Return a plain value without the fields that are null, which count as absent."""
    if isinstance(plain, dict):
        return {key: without_nulls(value) for key, value in plain.items() if value is not None}
    return [without_nulls(item) for item in plain] if isinstance(plain, list) else plain


def _note(info: inspect.Type, at: Field, hint: str = "") -> None:
    match info:
        case inspect.Metadata(type=inner, extra=extra):
            _note(inner, at, (extra or {}).get(HINT, hint))
        case inspect.UnionType(types=types):
            _note(next(t for t in types if not isinstance(t, inspect.NoneType)), at, hint)
        case inspect.StructType(fields=fields):
            _note_struct(fields, at)
        case inspect.VarTupleType():
            _note_list(info, at)
        case inspect.DictType():
            _note_dict(info, at)
        case _:
            _note_scalar(info, at, hint)


def _note_scalar(info: inspect.Type, at: Field, hint: str) -> None:
    match info:
        case inspect.EnumType(cls=cls):
            _note_word([str(word) for word in cls], at)
        case inspect.LiteralType(values=values):
            _note_choice(values, at)
        case inspect.StrType(pattern=pattern):
            _note_text(pattern, at, hint)
        case inspect.IntType(ge=least):
            number = at.integer()
            if number is not None and least is not None and number < least:
                at.invalid(number, f"must be {least} or more")
        case inspect.BoolType():
            at.boolean()
        case _:
            raise TypeError(f"no profile has a field of the type {info}")


def _note_struct(fields: tuple[inspect.Field, ...], at: Field) -> None:
    at.mapping([field.encode_name for field in fields])
    for field in fields:
        child = at.child(field.encode_name)
        if child.present:
            _note(field.type, child)
        elif field.required:
            child.required()


def _note_list(info: inspect.VarTupleType, at: Field) -> None:
    items = at.items()
    if info.min_length and not items and isinstance(at.node and at.node.value, tuple):
        at.required("the list is empty")
    for item in items:
        _note(info.item_type, item)


def _note_dict(info: inspect.DictType, at: Field) -> None:
    assert isinstance(info.key_type, inspect.LiteralType)  # noqa: S101 - as it is declared
    keys = [str(key) for key in info.key_type.values]
    at.mapping(keys)
    for key in keys:
        if at.child(key).present:
            _note(info.value_type, at.child(key))


def _note_choice(values: Sequence[object], at: Field) -> None:
    if all(isinstance(value, str) for value in values):
        _note_word([str(value) for value in values], at)
        return
    number = at.integer()
    if number is not None and number not in values:
        at.unsupported(number, [str(value) for value in values])


def _note_word(words: list[str], at: Field) -> None:
    text = at.text()
    if text is not None and text not in words:
        at.unsupported(text, words)


def _note_text(pattern: str | None, at: Field, hint: str) -> None:
    text = at.text()
    if text is not None and pattern and not re.search(pattern, text):
        at.invalid(text, hint or f"must match {pattern}")
