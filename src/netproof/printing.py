"""Text that may be shown: it neither steers a terminal nor commands a CI system.

What came from outside (a bundle, a file's name, an agent, an API server) is a plain `str` until one
of these functions has made a `Printable` of it. What writes to a screen takes nothing else, so that
forgetting it does not type-check. Each function leaves text as it is that is printable already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NewType

Printable = NewType("Printable", str)
"""Made by the functions of this module only, and of constants."""

_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
"""Letters and marks that no font shows (Default_Ignorable_Code_Point) though Python prints them."""

_COLOUR = re.compile("(\x1b\\[[0-9;]*m)")
"""What a report paints with (ECMA-48, SGR), and nothing else that begins with ESC."""

_ADDRESS = r"[0-9a-fA-F:.]*(?:/[0-9]+)?(?:[\s,;)\]]|$)"
_AT_START = re.compile(rf"^((?:\s|\x1b\[[0-9;]*m)*):(?=:(?!{_ADDRESS}))", re.MULTILINE)
"""`::name::` behind blanks is a command to GitHub's runner (actions/runner, ActionCommand.cs);
`::/0` is an address."""

_ANYWHERE = re.compile(r"##(?=\w*\[)")
"""`##[name]` is one to GitHub's and Azure's runners, `##teamcity[` to TeamCity, at any place."""


def counted(number: int, noun: str) -> str:
    """Return a number of things: `1 flow`, `1,234 flows`, `2 policies`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if noun.endswith("y") else f"{number:,} {noun}s"


def one_line(text: str) -> Printable:
    """Return text as a part of one line: whatever does not show, line ends too, as its escape."""
    return Printable(_harmless(escaped(text)))


def several_lines(text: str) -> Printable:
    """Return text whose line ends are ours, such as a finished report's."""
    return Printable(_harmless("\n".join(map(escaped, text.split("\n")))))


def coloured(text: str) -> Printable:
    """Return several lines of ours that colours may be in."""
    parts = _COLOUR.split(text)
    parts[::2] = ["\n".join(map(escaped, part.split("\n"))) for part in parts[::2]]
    return Printable(_harmless("".join(parts)))


def indented(text: str) -> Printable:
    """Return a message of several lines, those after the first set in: none passes for another."""
    return Printable(_harmless("\n  ".join(map(escaped, text.rstrip("\n").split("\n")))))


def in_json(text: str) -> Printable:
    """Return the text of a JSON document with JSON's own escapes for what does not show."""
    if not text.replace("\n", "").isprintable() or _INVISIBLE.search(text):
        text = "".join(one if one == "\n" or _shows(one) else _json_escape(one) for one in text)
    return Printable(_ANYWHERE.sub(r"#\\u0023", text))


Command = tuple[str, Mapping[str, str], str]
"""A command's name, its properties, and what it says."""


def runner_commands(commands: Iterable[Command]) -> Printable:
    """Return the one thing that is to command a CI system: lines for GitHub's runner.

    In them `%`, CR and LF are escaped, in properties `:` and `,` too (actions/toolkit, command.ts).
    """
    return Printable("".join(f"{_command(*one)}\n" for one in commands))


def _command(name: str, properties: Mapping[str, str], text: str) -> str:
    pairs = ",".join(f"{key}={_in_command(value, _PARTS)}" for key, value in properties.items())
    return f"::{name}{f' {pairs}' if pairs else ''}::{_in_command(text, _DATA)}"


_DATA = {ord("%"): "%25", ord("\r"): "%0D", ord("\n"): "%0A"}
_PARTS = _DATA | {ord(":"): "%3A", ord(","): "%2C"}


def _in_command(text: str, escapes: Mapping[int, str]) -> str:
    lines = "\n".join(map(escaped, text.split("\n")))
    return _ANYWHERE.sub(r"#\\x23", lines).translate(escapes)


def encodable(text: Printable, encoding: str | None) -> Printable:
    """Return text in the characters of an encoding, the others as escapes that JSON knows too."""
    name = encoding or "utf-8"
    try:
        text.encode(name)
    except UnicodeEncodeError:
        return Printable("".join(one if _fits(one, name) else _json_escape(one) for one in text))
    return text


def _fits(one: str, encoding: str) -> bool:
    try:
        one.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def escaped(text: str) -> str:
    """Return text with whatever does not show as its escape; a line of it may still command."""
    if text.isprintable() and not _INVISIBLE.search(text):
        return text
    return "".join(one if _shows(one) else _escape(one) for one in text)


def _shows(one: str) -> bool:
    return one.isprintable() and not _INVISIBLE.match(one)


def _escape(one: str) -> str:
    return one.encode("unicode_escape").decode("ascii")


def _json_escape(one: str) -> str:
    units = one.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def _harmless(text: str) -> str:
    if "::" in text:
        text = _AT_START.sub(r"\1\\x3a", text)
    return _ANYWHERE.sub(r"#\\x23", text) if "##" in text else text
