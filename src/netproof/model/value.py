"""How the values are declared that stages hand to each other, and how a changed one is made.

A Value is frozen, compares and hashes by its fields, and is what `codec` writes and reads: an
unknown key is refused.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, dataclass_transform

from msgspec import Struct, field, structs

__all__ = ["Value", "replace"]


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Value(Struct, frozen=True, forbid_unknown_fields=True):
    """A value that does not change; its fields are those its class declares, in that order."""


if TYPE_CHECKING:
    from dataclasses import replace  # type checkers hold the names and types of fields by it
else:

    def replace(value: Any, /, **changes: Any) -> Any:
        """Return a value, or a dataclass, with some fields changed."""
        change = structs.replace if isinstance(value, Struct) else dataclasses.replace
        return change(value, **changes)
