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

COMMENT = 65_000
"""Characters of a comment; GitHub takes 65,536."""

MARK = "<!-- netproof -->"
"""Stands at the end of a comment and is not shown: who comments again finds the one to replace."""

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


def fitted(parts: Sequence[str], limit: int) -> str:
    """Return parts of Markdown as one text of at most `limit` characters.

    Where they are longer it ends where there is no more room, between parts or lines, and says
    there, in bold, how much is left out and under which headings.
    """
    whole = "\n\n".join(parts)
    if len(whole) <= limit:
        return whole
    room = limit - _LEFT_OUT
    kept = list[str]()
    for number, part in enumerate(parts):
        if len(part) + 2 > room:
            shown, lines = _cut(part, room)
            rest = [*([part] if lines else []), *parts[number + 1 :]]
            return "\n\n".join([*filter(None, [*kept, shown]), _left_out(rest, lines, limit)])
        kept.append(part)
        room -= len(part) + 2
    return whole


_LEFT_OUT = 700
"""Characters that are kept for saying what is left out."""

_HEADING = re.compile(r"#+ (.*)")


def _cut(part: str, room: int) -> tuple[str, int]:
    """Return as many lines of a part as there is room for, and how many are left out.

    What is folded or quoted stays whole or goes, and so does a line, but for one that is alone.
    """
    lines = part.split("\n")
    if "<details" in part or "```" in part:
        return "", len(lines)
    if len(lines) == 1:
        return f"{part[: max(room - 3, 0)]}…", 1
    kept = list[str]()
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join(kept), len(lines) - len(kept)


def _left_out(rest: Sequence[str], lines: int, limit: int) -> str:
    heads = [found[1] for part in rest if (found := _HEADING.match(part))]
    named = f", among them {', '.join(head[:60] for head in heads[:5])}" if heads else ""
    more = f" and {len(heads) - 5} more" if len(heads) > 5 else ""
    what = f"{lines} lines of this part and " if lines else ""
    parts = len(rest) - bool(lines)
    return (
        f"**Left out here, where no more than {limit:,} characters have room: "
        f"{what}{parts} parts{named}{more}.** The other reports have all of it."
    )
