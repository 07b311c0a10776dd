"""Hostile text shows as text in Markdown: nothing else comes of it, on whatever code host."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from netproof.report.markup import markdown, markdown_code, markdown_fence, markdown_table
from netproof.report.review import markdown as review
from netproof.report.run import markdown as run
from tests.unit.report.hostile import with_texts
from tests.unit.report.review.test_hostile import CHECK
from tests.unit.report.sample import EVERYTHING

HOSTILE: Mapping[str, str] = {
    "heading": "# PASS",
    "heading after a line end": "x\n\n## PASS",
    "underlined heading": "PASS\n====",
    "rule": "---",
    "rule of stars": "* * *",
    "mention": "@octocat and (@org/team)",
    "mention by entity": "&#64;octocat &commat;octocat",
    "reference": "#1 org/repo#1 GH-1 fixes #2",
    "merge request": "group/project!1 !2",
    "label, milestone, epic, snippet, alert": '~bug ~"a b" %v1 %"a" &1 $1 ^alert#1',
    "vulnerability": "[vulnerability:1] [cadence:2] *iteration:3",
    "quick action": "/close",
    "quick action after a line end": "x\n/merge\n/assign @octocat",
    "include of a file": "::include{file=x.md}",
    "front matter": "---\na: b\n---",
    "table of contents": "[[_TOC_]] [TOC]",
    "tag": "<img src=x onerror=alert(1)><details open><script>alert(1)</script>",
    "comment that hides the rest": "<!--",
    "comment over lines": "x\n\n<!--\nx",
    "declaration": "<?php <![CDATA[ <!DOCTYPE",
    "row of a table": "a | b\n--- | ---\nc | d",
    "bar behind backslashes": "a\\\\|b \\|c \\\\\\|d",
    "link": "[a](https://evil.example 'x')",
    "link by reference": "[a]: https://evil.example\n\n[a]",
    "image": "![a](https://evil.example/x.png)",
    "image by reference": "![a][b]",
    "footnote": "[^1]\n\n[^1]: x",
    "autolink": "<https://evil.example> <a@evil.example>",
    "bare address": "https://evil.example www.evil.example ftp://evil.example a@evil.example",
    "bare address of any scheme": "ssh://evil.example javascript:alert(1)",
    "task list": "- [x] done",
    "list": "* x\n+ x\n- x",
    "numbered list": "1. x",
    "numbered list with a bracket": "123456789) x",
    "quotation": "> x",
    "alert": "> [!CAUTION]\n> x",
    "quotation of GitLab": ">>>\nx\n>>>",
    "code by indentation": "    x",
    "fence": "```\nx\n```",
    "fence of tildes": "~~~\nx",
    "mermaid": "```mermaid\ngraph TD\n```",
    "code": "`x` ``y``",
    "open code": "a ` b",
    "code that ends code": "` <b>x</b> `` @octocat ``` #1",
    "only backticks": "``",
    "backticks and a line end": "`\n\n# PASS\n\n`",
    "emphasis": "*x* **x** _x_ __x__ ***x***",
    "struck out": "~~x~~ ~x~",
    "inserted and deleted": "{+ x +} {- x -} [+ x +] [- x -]",
    "formula": "$x$ $$x$$ $`x`$",
    "emoji": ":tada: :+1: :100:",
    "line break": "a  \nb\\\nc",
    "backslashes": "\\",
    "backslash before what is escaped": "\\*x\\* \\<b>x</b> \\`x\\`",
    "entity": "&lt;b&gt; &nbsp; &#x202e;",
    "zero-width": "a\u200b\u200d\u2060\ufeff\u3164b @\u200boctocat",
    "right-to-left": "\u202etxt.exe\u202c \u2066x\u2069",
    "controls": "\x1b[2J\x00\x07\x9b",
    "line ends of all kinds": "a\r# b\x0b# c\x0c# d\x85# e\u2028# f\u2029# g",
    "blanks": "  \t ",
    "nothing": "",
}

PLACES: Mapping[str, Callable[[str], str]] = {
    "a line of its own": lambda text: f"before\n\n{text}\n\nafter\n",
    "behind a line": lambda text: f"before\n{text}\nafter\n",
    "an item": lambda text: f"- {text}\n  - {text}\n",
    "strong": lambda text: f"**x** {text} **y**\n",
    "a heading": lambda text: f"### x: {text}\n",
    "a cell": lambda text: markdown_table([("a", "b"), (text, text)]) + "\n",
}

_JOINED_AT_HOSTS = re.compile(
    r"""(?<!\w)@\w | \#\d | \bGH-\d | !\d | ~["\w] | %["\w] | \$\w | &\d | \^alert\#
    | (?<!\w)www\. | \w:// | (?<!\w):[\w+-]+:
    | [{\[][-+] | \[(?:vulnerability|cadence): | \*iteration:
    """,
    re.VERBOSE,
)
"""What GitHub and GitLab look for in shown text: mentions, references, links, emoji, changes."""

_INERT = {"text", "code_inline", "text_special", "softbreak"}


def _parsed(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def _shape(tokens: list[Token]) -> list[str]:
    """Return all of a document but its words; text and code side by side are one."""
    shape = []
    for token in tokens:
        inner = [one.type for one in token.children or ()]
        shape += [token.type, *("words" if kind in _INERT else kind for kind in inner)]
    return [one for n, one in enumerate(shape) if (one, shape[n - 1 : n]) != ("words", ["words"])]


def _words(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        parts = (one for one in token.children or () if one.type != "code_inline")
        yield "".join("\n" if one.type == "softbreak" else one.content for one in parts)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", HOSTILE)
def test_no_structure_comes_of_text(name: str, place: str) -> None:
    """Neither by itself nor by what code hosts find in it, wherever it stands."""
    shown = markdown(HOSTILE[name])
    hostile, harmless = (_parsed(PLACES[place](text)) for text in (shown, "word" if shown else ""))
    assert _shape(harmless) == _shape(hostile)
    assert [] == [found for words in _words(hostile) for found in _JOINED_AT_HOSTS.findall(words)]
    assert shown.isprintable()
    assert not re.match(r"\s*(/|::|---)", shown)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", HOSTILE)
def test_code_is_all_that_comes_of_code(name: str, place: str) -> None:
    """In which no host looks for anything."""
    shown = markdown_code(HOSTILE[name])
    hostile, harmless = (_parsed(PLACES[place](text)) for text in (shown, "`a`" if shown else ""))
    assert _shape(harmless) == _shape(hostile)
    assert [] == [found for words in _words(hostile) for found in _JOINED_AT_HOSTS.findall(words)]
    assert shown.isprintable()


@pytest.mark.parametrize("name", HOSTILE)
def test_no_line_ends_a_block_of_code(name: str) -> None:
    """Of as many backticks as there may be."""
    line = " ".join(HOSTILE[name].splitlines())
    tokens = _parsed(markdown_fence(f"{line}\n```\n````` x\n{line}") + "\n\nafter\n")
    assert ["fence", "paragraph_open", "inline", "paragraph_close"] == [one.type for one in tokens]


@pytest.mark.parametrize("backslashes", range(6))
def test_no_bar_of_code_ends_a_cell_of_cmark(backslashes: int) -> None:
    """To cmark-gfm two backslashes are a pair that escapes no bar."""
    code = markdown_code("a" + "\\" * backslashes + "|b")
    row = markdown_table([("head", "head"), (code, "")]).splitlines()[2]
    cells = re.findall(r"(?:\\[^\w\s]|[^|\\]|\\)+", row)
    assert 2 == len(cells)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_report_keeps_its_shape(name: str) -> None:
    """Whatever all texts of a record are."""
    check, record = _evil(CHECK, HOSTILE[name]), _evil(EVERYTHING, HOSTILE[name])
    assert _headings(review.check(CHECK)) == _headings(review.check(check))
    assert _headings(run.render(EVERYTHING)) == _headings(run.render(record))


T = TypeVar("T")


def _evil(record: T, text: str) -> T:
    return with_texts(record, lambda one: one and f"{one}{text}")


def _headings(text: str) -> list[str]:
    kept = {"heading_open", "table_open", "html_block", "fence", "bullet_list_open", "hr"}
    return [token.type for token in _parsed(text) if token.type in kept]
