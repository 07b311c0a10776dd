"""What an attacker writes into names, reasons and files' names, and what must never come out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

TRICKS: dict[str, str] = {
    "escape": "\x1b[2J\x1b[31m",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "c1-csi": "\x9b2J\x9d52;c;eA==\x9c",
    "carriage-return": "good\rFAIL",
    "bell-and-backspace": "\x07\x08\x08\x08",
    "delete": "\x7f\x7f",
    "new-lines": "\nPASS\r\n\x0bPASS\x0cPASS\x85PASS\u2028PASS\u2029PASS",
    "zero-width": "a\u200b\u200c\u200d\u2060\ufeff\u3164\u034f\ufe0f\U000e0001z",
    "right-to-left": "\u202e\u2066txt.lmay\u2069\u202c",
    "github-command": "::error file=x,line=1::owned",
    "github-old-command": "##[error]owned",
    "github-set-output": "\n::set-output name=a::b\n  ::stop-commands::t\n::add-mask::a",
    "azure-command": "##vso[task.setvariable variable=a]b",
    "teamcity-command": "##teamcity[buildStatus status='SUCCESS']",
}
TRICKS = {**TRICKS, "everything": "::error::" + "".join(TRICKS.values())}
"""A NUL is among none of them: neither a file's name nor YAML can hold one."""

_COMMAND = re.compile(r"^\s*::[\w-]+.*::|##\w*\[", re.MULTILINE)
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)


def harm(text: str) -> list[str]:
    """Return what of a text could steer a terminal, hide or command a CI system."""
    wrong = [
        f"U+{ord(one):04X}"
        for one in text
        if one not in "\n " and (unicodedata.category(one)[0] in "CZ" or _UNSEEN.match(one))
    ]
    return wrong + [found[0] for found in _COMMAND.finditer(text)]


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything in a value of JSON."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in items:
        yield (*at, key)
        if isinstance(one, (dict, list)):
            yield from places(one, (*at, key))
