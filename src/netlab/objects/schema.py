"""Types of JSON, and decoding by them: wrong types are refused, unknown fields dropped and named.

The API server decodes into Go structs; this is the same strictness without the structs. Which
fields a kind has is in `kinds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

INT32 = range(-(2**31), 2**31)
INT64 = range(-(2**63), 2**63)


class WrongType(ValueError):  # noqa: N818 - names what is wrong with the value
    """A value is not of its field's type; the message is the one Go's decoder gives."""


@dataclass(slots=True)
class Decoding:
    """The state of decoding one object: the struct one is in, the unknown fields so far."""

    struct: str
    unknown: list[str] = field(default_factory=list)

    def refuse(self, value: Any, path: str, type_name: str) -> WrongType:
        """Return the error for a value of the wrong type."""
        where = f" into Go struct field {self.struct}.{path}" if path else " into Go value"
        return WrongType(f"json: cannot unmarshal {_json_type(value)}{where} of type {type_name}")


class JsonType(Protocol):
    """What a value may be."""

    @property
    def name(self) -> str:
        """The type as Go writes it."""

    def decode(self, value: Any, path: str, decoding: Decoding) -> Any:
        """Return the value as it is stored; raise WrongType."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A string, number or boolean."""

    name: str
    accepts: tuple[type, ...]
    limits: range | None = None

    def decode(self, value: Any, path: str, decoding: Decoding) -> Any:
        """Return the value if it is of an accepted type and within the limits."""
        good = type(value) in self.accepts
        if good and self.limits is not None and isinstance(value, int):
            good = value in self.limits
        if not good:
            raise decoding.refuse(value, path, self.name)
        return value


@dataclass(frozen=True, slots=True)
class Anything:
    """A value that is kept as it comes, or with `accepts` any value of one type."""

    name: str = "interface {}"
    accepts: type | None = None

    def decode(self, value: Any, path: str, decoding: Decoding) -> Any:
        """Return the value if it is of the accepted type."""
        if self.accepts is not None and not isinstance(value, self.accepts):
            raise decoding.refuse(value, path, self.name)
        return value


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one type."""

    item: JsonType

    @property
    def name(self) -> str:
        return f"[]{self.item.name}"

    def decode(self, value: Any, path: str, decoding: Decoding) -> Any:
        """Return the decoded list."""
        if not isinstance(value, list):
            raise decoding.refuse(value, path, self.name)
        struct = decoding.struct
        decoded = []
        for index, entry in enumerate(value):
            decoding.struct = struct
            # An explicit null in a list of structs is the empty struct to Go.
            item_value = {} if entry is None and _is_struct(self.item) else entry
            decoded.append(self.item.decode(item_value, f"{path}[{index}]", decoding))
        return decoded


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object with free keys and values of one type."""

    value: JsonType

    @property
    def name(self) -> str:
        return f"map[string]{self.value.name}"

    def decode(self, value: Any, path: str, decoding: Decoding) -> Any:
        """Return the decoded map; a null value is the type's zero, as in Go."""
        if not isinstance(value, dict):
            raise decoding.refuse(value, path, self.name)
        return {
            key: "" if item is None else self.value.decode(item, f"{path}.{key}", decoding)
            for key, item in value.items()
        }


@dataclass(frozen=True, slots=True)
class Struct:
    """An object with known fields; nulls are fields left out.

    `keeps_others` is for objects of which only some fields are told here.
    """

    name: str
    fields: Mapping[str, JsonType]
    keeps_others: bool = False

    def decode(self, value: Any, path: str, decoding: Decoding) -> Any:
        """Return the known fields; note the unknown ones."""
        if not isinstance(value, dict):
            raise decoding.refuse(value, path, self.name)
        decoded = {}
        for key, item in value.items():
            where = f"{path}.{key}" if path else key
            type_ = self.fields.get(key)
            if type_ is None and self.keeps_others:
                decoded[key] = item
            elif type_ is None:
                decoding.unknown.append(where)
            elif item is not None:
                decoding.struct = self.name.rpartition(".")[2]
                decoded[key] = type_.decode(item, where, decoding)
        return decoded


def _is_struct(type_: JsonType) -> bool:
    return isinstance(type_, Struct) or (isinstance(type_, Anything) and type_.accepts is dict)


def decode(struct: Struct, value: Any) -> tuple[Any, list[str]]:
    """Return a decoded object and the paths of its unknown fields; raise WrongType."""
    decoding = Decoding(struct.name.rpartition(".")[2])
    return struct.decode(value, "", decoding), decoding.unknown


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return f"number {value}" if isinstance(value, float) else "number"
    named = ((str, "string"), (list, "array"), (dict, "object"))
    return next((name for type_, name in named if isinstance(value, type_)), "null")
