"""How the values are declared that stages hand to each other, and how a changed one is made.

A Value is frozen, compares and hashes by its fields, and is what `codec` writes and reads: an
unknown key is refused.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, dataclass_transform

import msgspec.json
from msgspec import Struct, field, structs

__all__ = ["Value", "ready", "replace"]


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Value(Struct, frozen=True, forbid_unknown_fields=True):
    """A value that does not change; its fields are those its class declares, in that order."""


def ready(*kinds: type) -> None:
    """Have it worked out now what fields some structs have, for use in several threads.

    msgspec does so when a kind is first decoded, and is not safe then: threads whose answers come
    in the same moment, as after an API server has hung, ended the process by a segmentation fault.
    """
    for kind in kinds:
        msgspec.json.Decoder(kind)


if TYPE_CHECKING:
    from dataclasses import replace  # type checkers hold the names and types of fields by it
else:

    def replace(value: Any, /, **changes: Any) -> Any:
        """Return a value, or a dataclass, with some fields changed."""
        change = structs.replace if isinstance(value, Struct) else dataclasses.replace
        return change(value, **changes)
