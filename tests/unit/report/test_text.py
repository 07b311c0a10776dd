"""What every report does with text."""

import pytest

from netproof.model.flow import Endpoint, Outcome
from netproof.report.markup import markdown, markdown_code, markdown_table
from netproof.report.text import aligned, counted, printable


def test_control_characters_are_shown() -> None:
    """In a text by itself, and deep in a record."""
    assert "\\x1b[2J" == printable("\x1b[2J")
    assert "a\\nb\\udc80" == printable("a\nb\udc80")
    assert (Endpoint.pod("a/\\x07"),) == printable((Endpoint.pod("a/\a"),))
    assert {"\\r": ["\\u202e"]} == printable({"\r": ["\u202e"]})


def test_what_is_printable_stays_as_it_is() -> None:
    """Letters of all scripts are, and enums stay enums."""
    assert "Zürich 東京 ·" == printable("Zürich 東京 ·")
    assert printable(Outcome.DROPPED) is Outcome.DROPPED


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (0, "flow", "0 flows"),
        (1, "policy", "1 policy"),
        (2, "policy", "2 policies"),
        (12345, "flow", "12,345 flows"),
    ],
)
def test_things_are_counted(number: int, noun: str, words: str) -> None:
    """With the plural that the noun takes."""
    assert words == counted(number, noun)


def test_columns_stand_under_each_other() -> None:
    """Numbers flush right, and no space at the end of a line."""
    assert ["a     1", "bcd  23"] == aligned([("a", "1"), ("bcd", "23")], right=[1])


def test_markdown_takes_the_meaning_from_every_character() -> None:
    """Tags, tables, links, mentions, and the end of the line."""
    assert r"&lt;b&gt;&#124;\[&#8288;x\](y" == markdown("<b>|[x](y")
    assert "&#64;&#8288;all" == markdown("@all")
    assert r"a &#35;&#8288; b" == markdown("a\n# b")


def test_code_stays_code() -> None:
    """Between more backticks than it holds, on one line."""
    assert "`a b`" == markdown_code("a\nb")
    assert "``` a``b ```" == markdown_code("a``b")


def test_a_table_keeps_its_columns() -> None:
    """Whether a bar stands in text, which is escaped already, or in code."""
    table = markdown_table([("one", "two"), (markdown("a|b"), markdown_code("c|d"))], right=[1])
    assert ["| one | two |", "| --- | ---: |", r"| a&#124;b | `c\|d` |"] == table.splitlines()
