"""What comes from a stranger's bundle cannot write to a terminal, nor break a comment."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from netproof.model.check import CheckRecord, PacketsRecord
from netproof.model.flow import Expected
from netproof.model.review import DiffRecord, Explanation, Hint, Mutation, Note, Severity
from netproof.model.value import replace
from netproof.report.review import markdown, terminal
from tests.unit.report.hostile import with_texts
from tests.unit.report.sample import intent_result

CHECK = CheckRecord(
    bundle="shop",
    netproof="0.1.0",
    workloads=2,
    policies=1,
    flows=4,
    seconds=0.1,
    notes=(Note("pod shop/web", "w.yaml:1", "is served"),),
    hints=(
        Hint("end-port", Severity.ERROR, "p.yaml:4", "shop/a", "ends before it begins", "swap"),
        Hint("end-port", Severity.INFO, "p.yaml:9", "shop/b", "is a list", "no", "on purpose"),
    ),
    intents=(intent_result("deny: web -> billing", "broken"), intent_result("x -> y", "kept")),
    mutations=(Mutation("p.yaml:4", "widen", 3, example="a -> b"),),
    packets=PacketsRecord("All is well.", 3, 1.0, ("a leak",), ("an error",)),
    exit_reason="FAIL: 1 of 2 intents does not hold.",
)

EVIL = "\x1b[2J\r\n## @all <img src=x> ``` | \u202e\x00"


def _evil(value: Any) -> Any:
    return with_texts(value, lambda text: text and text + EVIL)


def _lines(render: Callable[[Any], str], value: Any) -> int:
    text = render(value)
    assert text.replace("\n", "").isprintable()
    return len(text.splitlines())


@pytest.mark.parametrize("room", [terminal, markdown], ids=["text", "markdown"])
def test_a_check_has_as_many_lines_as_one_without_tricks(room: Any) -> None:
    """No text of it ends a line or clears the screen."""
    hostile = replace(_evil(CHECK), schema=CHECK.schema)
    assert _lines(room.check, CHECK) == _lines(room.check, hostile)


@pytest.mark.parametrize("room", [terminal, markdown], ids=["text", "markdown"])
def test_so_have_a_diff_and_an_explanation(room: Any) -> None:
    """Names of revisions and flows are texts of a stranger too."""
    diff = DiffRecord(old="main", new="feature")
    assert _lines(room.diff, diff) == _lines(room.diff, replace(_evil(diff), schema=diff.schema))
    answers = [Explanation("a -> b", Expected.ALLOWED, ())]
    assert _lines(room.explanations, answers) == _lines(room.explanations, _evil(answers))


def test_markdown_has_no_tags_and_no_mentions() -> None:
    """Whoever reads the comment is not called by it."""
    outside_of_code = re.sub(r"(`+) .*? \1", "", markdown.check(_evil(CHECK)))
    assert "&#64;&#8288;all" in outside_of_code
    assert "@all" not in outside_of_code
    assert "<img" not in outside_of_code.replace("\\<", "")
