"""What every report does with text: make it printable, count and align it.

A record may carry whatever a container or a stranger's file holds, terminal sequences included:
each report passes its record through `printable` once, before anything else. HTML, XML and JSON
are escaped by the libraries that write them, Markdown by `markup`, DOT and Mermaid here.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Callable, Collection, Sequence
from enum import Enum
from typing import Any, TypeVar

from msgspec import structs

from netproof.model.record import RunVerdict
from netproof.model.value import Value
from netproof.printing import counted as counted  # noqa: PLC0414 - reports have it from here
from netproof.printing import escaped

T = TypeVar("T")

RED, GREEN, YELLOW, GREY, BOLD = "31", "32", "33", "90", "1"
"""Styles (ECMA-48, SGR)."""

VERDICT_STYLES = {
    RunVerdict.PASS: f"{BOLD};{GREEN}",
    RunVerdict.FAIL: f"{BOLD};{RED}",
    RunVerdict.NOT_ENFORCED: f"{BOLD};{RED}",
    RunVerdict.INCONCLUSIVE: f"{BOLD};{YELLOW}",
}


def hanging(head: str, said: str, width: int, *, breaks_words: bool = False) -> list[str]:
    """Return a text as lines of some width, which begin below each other behind a head."""
    return textwrap.wrap(
        said,
        width,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=breaks_words,
        break_on_hyphens=False,
    )


def painted(text: str, style: str) -> str:
    """Return a text in a style, an empty one as it is."""
    return f"\x1b[{style}m{text}\x1b[0m" if text and style else text


_GAP = "  "


def printable(record: T) -> T:
    """Return the record with every control character in its texts written as its escape."""
    return with_texts(record, escaped)


def with_texts(record: T, change: Callable[[str], str]) -> T:
    """Return the record with every text changed; numbers and words of a fixed choice stay."""
    changed: T = _changed(record, change)
    return changed


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return change(value)
    if isinstance(value, (tuple, list)):
        return type(value)(_changed(one, change) for one in value)
    if isinstance(value, dict):
        return {_changed(key, change): _changed(item, change) for key, item in value.items()}
    if isinstance(value, Value):
        fields = structs.asdict(value).items()
        return type(value)(**{name: _changed(one, change) for name, one in fields})
    return value


def dot_text(text: str) -> str:
    """Return text as a quoted label of DOT that shows it.

    In labels backslashes stand for the names of things, and `&` begins a character of HTML.
    Source: https://graphviz.org/docs/attr-types/escString.
    """
    plain = text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'


_HARMLESS = re.compile(r"[^A-Za-z0-9 ./,()_-]")


def mermaid_text(text: str) -> str:
    """Return text as a quoted label of Mermaid that shows it: all but plain signs by number.

    Source: https://mermaid.js.org/syntax/flowchart.html, "Entity codes to escape characters".
    """
    plain = _HARMLESS.sub(lambda sign: f"#{ord(sign[0])};", text)
    return f'"{plain}"'


_FORMULA = re.compile(r"^(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])|(?<=;)(?=\s*[=+\-@])")
"""Where a cell begins that a spreadsheet would work out; also behind the semicolon, which is what
parts cells in half of the world (https://owasp.org/www-community/attacks/CSV_Injection)."""


def in_sheet(text: str) -> str:
    """Return a cell of a table that no spreadsheet takes for a formula."""
    return _FORMULA.sub("'", text)


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: ideographs two, combining marks none."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(one: str) -> int:
    if unicodedata.category(one) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(one) in "WF" else 1


def shortened(text: str, room: int) -> str:
    """Return a text of at most so many columns; one that is cut ends with an ellipsis."""
    if columns(text) <= room:
        return text
    while text and columns(text) > room - 1:
        text = text[:-1]
    return f"{text}…" if room > 0 else ""


def duration(seconds: float) -> str:
    """Say a time in the unit that fits it."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Return the rows with their columns padded to the widest, those in `right` flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [_line(row, widths, right) for row in rows]


def _line(row: Sequence[str], widths: Sequence[int], right: Collection[int]) -> str:
    padded = [
        cell.rjust(width) if number in right else cell.ljust(width)
        for number, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return _GAP.join(padded).rstrip()
