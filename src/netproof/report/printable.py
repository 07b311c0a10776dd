"""Text that came from a cluster, made safe to print: what is no text is shown, never sent.

A detail may carry whatever a container wrote, terminal sequences included.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, TypeVar

from msgspec import structs

from netproof.model.value import Value

T = TypeVar("T")


def printable(record: T) -> T:
    """Return the record with every control character in its texts written as its escape."""
    shown: T = _shown(record)
    return shown


def _shown(value: Any) -> Any:
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return value if value.isprintable() else "".join(map(_character, value))
    if isinstance(value, tuple):
        return tuple(map(_shown, value))
    if isinstance(value, dict):
        return {_shown(key): _shown(item) for key, item in value.items()}
    if isinstance(value, Value):
        return type(value)(**{name: _shown(one) for name, one in structs.asdict(value).items()})
    return value


def _character(one: str) -> str:
    return one if one.isprintable() else one.encode("unicode_escape").decode("ascii")
