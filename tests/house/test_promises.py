"""SECURITY.md promises nothing that no test holds, and no attack is kept from it."""

from __future__ import annotations

import re

import pytest

from tests.house.project import ROOT

ROWS = [
    line
    for line in (ROOT / "SECURITY.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and "`tests/" in line
]
NAMED = [re.findall(r"`(tests/[\w/]+\.py)`", row.rpartition(" | ")[2]) for row in ROWS]


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_a_promise_has_its_tests(row: int) -> None:
    """Who, what, and where it is tried."""
    assert 3 == len(ROWS[row].strip("| ").split(" | "))
    assert NAMED[row]
    assert [] == [name for name in NAMED[row] if not (ROOT / name).is_file()]


def test_every_attack_is_behind_a_promise() -> None:
    """What is attacked in a test is told to those who rely on it."""
    there = {
        f"tests/{room}/{path.name}"
        for room in ("attacks", "fuzz")
        for path in (ROOT / "tests" / room).glob("test_*.py")
    }
    assert set() == there - {name for names in NAMED for name in names}
