"""Text -> Markdown that shows it, and does nothing else: for GitHub, GitLab and CommonMark.

Backslashes take the meaning from what Markdown itself reads. Mentions, references, emoji and links
are found by the code hosts later, in the text that is shown, where no backslash is left: there an
invisible joiner (U+2060, written `&#8288;`) parts the sign from the word. Code is left alone.

Sources: https://spec.commonmark.org/0.31.2, https://github.github.com/gfm,
https://docs.gitlab.com/user/markdown, https://docs.gitlab.com/user/project/quick_actions.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from netproof.report.text import printable

_JOINER = "&#8288;"

_SIGNS = re.compile(
    r"""(?P<html>[&<>|$])                   # HTML, columns of a table, and formulas
    | (?P<called>[@\#~^])                   # users, issues and headings, labels, alerts
    | (?P<marked>[\\`*_{}\[\]])             # code, emphasis, links and images, inserted and deleted
    | (?P<number>[!%])(?=[\w"\[])           # merge requests and images, milestones
    | (?P<colon>:)(?=//|[\w+-]+:)           # addresses on the web, emoji
    | (?P<word>(?<![^\W_])(?:www(?=\.)|GH(?=-\d)))
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ENTITIES = {
    "&": f"&amp;{_JOINER}",
    "<": "&lt;",
    ">": "&gt;",
    "|": "&#124;",
    "$": f"&#36;{_JOINER}",
}

_AT_START = re.compile(r"(?P<before>\d{0,9})(?P<sign>[-+=/:.)])")
"""Lists and their numbers, rules, underlines of headings; GitLab's quick actions and includes."""

_TICKS = re.compile("`+")


def markdown(text: str) -> str:
    """Show text on one line; it is made printable if it is not."""
    line = printable(" ".join(text.splitlines()).strip())
    start = _AT_START.match(line)
    if start is None:
        return _SIGNS.sub(_shown, line)
    head = f"{start['before']}\\{start['sign']}{_JOINER if start['sign'] == ':' else ''}"
    return head + _SIGNS.sub(_shown, line[start.end() :])


def _shown(sign: re.Match[str]) -> str:
    text = sign[0]
    if sign["html"]:
        return _ENTITIES[text]
    if sign["called"]:
        return f"&#{ord(text)};{_JOINER}"
    if sign["marked"]:
        return f"\\{text}{_JOINER if text in '{[*' else ''}"
    return f"{text}{_JOINER}"


def markdown_code(text: str) -> str:
    """Quote text as code on one line, between more backticks than stand side by side in it."""
    line = printable(" ".join(text.splitlines()))
    if not line.strip():
        return ""
    longest = max(map(len, _TICKS.findall(line)), default=0)
    fence = "`" * (longest + 1)
    padded = longest or line != line.strip()
    return f"{fence} {line} {fence}" if padded else f"{fence}{line}{fence}"


def markdown_fence(lines: str) -> str:
    """Quote lines of ours as a block of code; no text in them ends it."""
    longest = max(map(len, _TICKS.findall(lines)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{lines}\n{fence}"


def markdown_table(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """Return a table whose first row is its head; cells are Markdown, those in `right` numbers."""
    ruler = ["---:" if number in right else "---" for number in range(len(rows[0]))]
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in (rows[0], ruler, *rows[1:]))


def _cell(text: str) -> str:
    """Escape the bars of code, in which nothing else is (GFM splits a row before it reads code).

    An even number of backslashes before a bar are pairs, to cmark-gfm, and escape nothing.
    """
    return re.sub(r"(?<!\\)((?:\\\\)*)\|", r"\1\\|", text)
