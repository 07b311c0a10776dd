"""`# netproof: ignore HINT because REASON`: leaving a hint as it is, in place and with a reason.

A comment counts for its own line, or, on lines of its own, for the next line that is no comment.
On the first line of an object it counts for all of the object.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from netproof.errors import PolicyError

_COMMENT = re.compile(r"#\s*netproof\s*:\s*(?P<order>.*)$")
_ORDER = re.compile(r"ignore\s+(?P<name>[a-z-]+)\s+because\s+(?P<reason>\S.*)")


class Silences:
    """What the comments of some texts silence, by file and line."""

    def __init__(self, texts: Mapping[str, str], known: Collection[str]) -> None:
        """Read the comments; raise PolicyError for one that cannot be understood."""
        self._reasons: dict[tuple[str, str], str] = {}
        for file, text in texts.items():
            self._read(file, text.splitlines(), known)

    def reason(self, name: str, *places: str) -> str:
        """Return the reason for which a hint is silenced at one of the places, "" if it is not."""
        found = (self._reasons.get((name, place), "") for place in places)
        return next(filter(None, found), "")

    def _read(self, file: str, lines: list[str], known: Collection[str]) -> None:
        for number, line in enumerate(lines, 1):
            comment = _COMMENT.search(line)
            if not comment:
                continue
            name, reason = _order(comment["order"], f"{file}:{number}", known)
            about = number
            if line.lstrip().startswith("#"):
                about = _next(lines, number)
            self._reasons[name, f"{file}:{about}"] = reason


def _order(text: str, place: str, known: Collection[str]) -> tuple[str, str]:
    found = _ORDER.fullmatch(text.strip())
    if not found:
        raise PolicyError(place, "write `# netproof: ignore HINT because REASON`")
    if found["name"] not in known:
        raise PolicyError(place, f"there is no hint {found['name']}; there are {', '.join(known)}")
    return found["name"], found["reason"].strip()


def _next(lines: list[str], number: int) -> int:
    """Return the number of the first line after `number` that holds more than a comment."""
    for later, line in enumerate(lines[number:], number + 1):
        if line.strip() and not line.lstrip().startswith("#") and line.strip() != "---":
            return later
    return number
