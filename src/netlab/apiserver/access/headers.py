"""The headers of a request, wherever they were read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Headers(Protocol):
    """Headers by name, in any case; a name may occur more than once."""

    def get(self, key: str, default: str, /) -> str:
        """Return the first value of a header."""

    def getall(self, key: str, default: Sequence[str], /) -> Sequence[str]:
        """Return all values of a header."""
