"""Documents that state intents, told apart from manifests and read as people write them.

People write `deny: "*" -> postgres`, which YAML would not take: a star that begins a plain word is
an alias to it, and a quoted one ends the value. Such lines could not mean anything else, so the
whole statement is put in quotes; lines keep their numbers. What an intent means is `review`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from netproof.errors import PolicyError
from netproof.policy.document import Node, read_documents
from netproof.policy.fields import Field
from netproof.policy.limits import MAX_STATEMENT
from netproof.policy.sources import decode

_INTENTS = re.compile(r"^intents\s*:", re.MULTILINE)
_STARRED = re.compile(
    r"""^(?P<head>\s*(-\s+)*([a-z]+\s*:\s+)?)   # what the statement is the value of
    (\*|"\*"|'\*')                              # the star, bare or quoted alone
    (?P<rest>\s*->[^"'\#\r\n]*?)                # the rest of the statement
    (?P<tail>\s*(\s\#.*)?)$                     # perhaps a comment
    """,
    re.MULTILINE | re.VERBOSE,
)


def read_bundle_documents(text: str, name: str) -> tuple[Node, ...]:
    """Return the documents of a file that may state intents; raise PolicyError as YAML does."""
    return read_documents(_quote_stars(text), name)


def read_intents_text(data: str | bytes, name: str) -> tuple[Node, ...]:
    """Return the documents of an intents file; raise PolicyError where it is none."""
    nodes = read_bundle_documents(decode(data, name), name)
    if not nodes:
        raise PolicyError(name, "holds no intents; write `intents:` and a list below it")
    for node in nodes:
        if not states_intents(node):
            raise PolicyError(str(node.origin), "is no intents file; it must have a list `intents`")
    return nodes


def states_intents(node: Node) -> bool:
    """Tell whether a document is an intents file: a mapping with `intents` and no `kind`."""
    return isinstance(node.value, Mapping) and "intents" in node.value and "kind" not in node.value


def stated_namespace(intents: Iterable[Node]) -> str:
    """Return the namespace that intents files name for what names none, "" where they do not."""
    named = (Field.root(node).child("namespace").text() for node in intents)
    return next((name for name in named if name), "")


def _quote_stars(text: str) -> str:
    """Return the text of an intents file with such statements quoted, and any other as it is."""
    if not _INTENTS.search(text):
        return text
    return "".join(map(_quoted, text.splitlines(keepends=True)))


def _quoted(line: str) -> str:
    """Quote the statement of a line; one that is longer than any may be is refused later."""
    if "->" not in line or len(line) > MAX_STATEMENT:
        return line
    return _STARRED.sub(r'\g<head>"*\g<rest>"\g<tail>', line)
