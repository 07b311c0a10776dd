"""Records whose every text is what an attacker would write."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

from msgspec import structs

from netproof.model.record import Table
from netproof.model.review import BrokenFlow
from netproof.model.value import Value, replace

T = TypeVar("T")


def with_texts(value: T, change: Callable[[str], str]) -> T:
    """Return a record with each of its texts changed; the letters of tables stay."""
    changed: T = _changed(value, change)
    return changed


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str) and not isinstance(value, Enum):
        return change(value)
    if isinstance(value, (tuple, list)):
        return type(value)(_changed(one, change) for one in value)
    if isinstance(value, Table):
        ends = (_changed(value.sources, change), _changed(value.destinations, change))
        return replace(value, sources=ends[0], destinations=ends[1])
    if isinstance(value, BrokenFlow):  # both answers are our own words
        causes = _changed(value.causes, change)
        return replace(value, flow=change(value.flow), causes=causes)
    if isinstance(value, Value):
        return type(value)(**{k: _changed(v, change) for k, v in structs.asdict(value).items()})
    return value
