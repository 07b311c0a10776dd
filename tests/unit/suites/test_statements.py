"""The table of what NetworkPolicy v1 promises names cases that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netproof.suites.generated.cases import cases

ROOT = Path(__file__).parents[3]
STATEMENTS = 46


def _rows() -> list[list[str]]:
    text = (ROOT / "docs" / "statements.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split("|") for line in text.splitlines() if re.match(r"\| \d", line)]
    return [[cell.strip() for cell in row] for row in rows]


def _names() -> list[str]:
    found = (name for row in _rows() for name in re.findall(r"`([^`]+)`", row[2]))
    return list(dict.fromkeys(found))


def test_every_statement_has_a_row() -> None:
    """The rows are numbered without a gap."""
    assert [str(n + 1) for n in range(STATEMENTS)] == [row[0] for row in _rows()]


def test_no_row_is_empty_without_a_reason() -> None:
    """A statement is tested, or it is said why not."""
    assert [] == [row[0] for row in _rows() if not row[2] and not row[3]]


@pytest.mark.parametrize("name", _names())
def test_a_named_case_exists(name: str) -> None:
    """What tests a statement is a function of the suites or the tests, or a generated case."""
    if name.startswith("tests/"):
        path, _, function = name.partition("::")
        assert f"def {function}" in (ROOT / path).read_text(encoding="utf-8")
        return
    theme, case = name.split("/")
    if theme == "generated":
        assert case in cases()
        return
    modules = (ROOT / "suites" / theme).glob("test_*.py")
    assert any(f"def {case}(" in module.read_text(encoding="utf-8") for module in modules)
