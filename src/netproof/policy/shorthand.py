"""Letting people write `deny: "*" -> postgres`, which YAML would not take.

A star that begins a plain word is an alias to YAML, and a quoted one ends the value. Such lines
could not mean anything else, so the whole statement is put in quotes; lines keep their numbers.
"""

from __future__ import annotations

import re

_INTENTS = re.compile(r"^intents\s*:", re.MULTILINE)
_STARRED = re.compile(
    r"""^(?P<head>\s*(-\s+)*([a-z]+\s*:\s+)?)   # what the statement is the value of
    (\*|"\*"|'\*')                              # the star, bare or quoted alone
    (?P<rest>\s*->[^"'\#\r\n]*?)                # the rest of the statement
    (?P<tail>\s*(\s\#.*)?)$                     # perhaps a comment
    """,
    re.MULTILINE | re.VERBOSE,
)


def quote_stars(text: str) -> str:
    """Return the text of an intents file with such statements quoted, and any other as it is."""
    if not _INTENTS.search(text):
        return text
    return _STARRED.sub(r'\g<head>"*\g<rest>"\g<tail>', text)
