"""What a person at a terminal sees of a check, a difference and an explanation."""

from __future__ import annotations

import re

import pytest

from netproof.printing import Printable, several_lines
from netproof.report.review import terminal
from netproof.review.case import by_reading, check
from netproof.review.difference import compare_mirrors
from netproof.review.explanation import explain
from tests.unit.review.build import case, deny_all, intents, mirror, policy, workload

SPACE = "a-namespace-with-a-long-name"
PODS = (
    workload(f"{SPACE}/frontend", 80),
    workload(f"{SPACE}/database", 5432),
    workload("b/other-team", 9000),
)
OPEN = policy(f"{SPACE}/open", "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}")
STATED = intents(
    "allow: other-team -> database:5432/TCP",
    "deny: frontend -> database",
    "allow: frontend -> dns",
    "deny: outside -> b/other-team",
)
CHECKED = terminal.check(by_reading(check(case((*PODS, OPEN), STATED), with_mutations=True)))
BEFORE, AFTER = mirror(*PODS, deny_all(SPACE)), mirror(*PODS, OPEN)
TEXTS = {
    "check": CHECKED,
    "diff": terminal.diff(compare_mirrors(BEFORE, AFTER, ("before", "after"))),
    "explain": terminal.explanations(explain(AFTER, "other-team -> database:5432")),
}
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("width", [40, 60, 80])
def test_nothing_is_wider_than_the_terminal(name: str, width: int) -> None:
    """But words that are; and no word is lost by it, nor changes its place."""
    told = terminal.dressed(TEXTS[name], width=width)
    assert max(map(len, TEXTS[name].splitlines())) > width
    for line in told.splitlines():
        assert len(line) <= width or len(line.split()) == 1, line
    assert TEXTS[name].split() == told.split()


@pytest.mark.parametrize("name", TEXTS)
def test_without_a_terminal_it_stays_as_it_is(name: str) -> None:
    """Programs read lines, and a line is a finding."""
    assert TEXTS[name] == terminal.dressed(TEXTS[name])


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("check", "\x1b[1;31mBROKEN\x1b[0m  allow: other-team"),
        ("check", "\x1b[32mHOLDS\x1b[0m   allow: frontend -> dns"),
        ("check", "\x1b[1;33mwarning\x1b[0m no-default-deny"),
        ("check", "\x1b[1mIntents\x1b[0m\n"),
        ("check", "\x1b[1;31mFAIL: "),
        ("diff", "\x1b[1;31mhigh\x1b[0m: port 5432"),
        ("explain", " is \x1b[1;31mdenied\x1b[0m."),
        ("explain", "Ingress: \x1b[1;31mdenied\x1b[0m"),
    ],
)
def test_how_something_stands_is_coloured(name: str, word: str) -> None:
    """In the colours of a run's report, and nothing else is changed."""
    told = terminal.dressed(TEXTS[name], colour=True)
    assert word in told
    assert TEXTS[name] == COLOUR.sub("", told)


def test_what_a_bundle_says_steers_no_terminal() -> None:
    """Colours are ours only."""
    hostile = several_lines("Intents\n  BROKEN  allow: \x1b[31mx\x1b[2J")
    told = terminal.dressed(Printable(hostile), colour=True, width=20)
    assert ["1", "0", "1;31", "0"] == re.findall(r"\x1b\[([0-9;]*)m", told)
    assert "\x1b[2J" not in told
