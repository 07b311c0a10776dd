"""The table of what NetworkPolicy v1 promises names cases that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netproof.front.statements import statements_of
from netproof.suites.generated.cases import cases

ROOT = Path(__file__).parents[3]
STATEMENTS = 53
SUITES = ROOT / "suites"


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


def test_a_case_knows_its_statements() -> None:
    """A run says of each statement where it was tried, so a case brings those it tests."""
    both = statements_of(SUITES, "isolation/test_default_deny_ingress")
    assert ["2", "35"] == [statement.partition(".")[0] for statement in both]
    named = statements_of(
        SUITES, "generated/test_generated", "generated/conflict-ingress-shut-egress-open"
    )
    assert ("4. A flow needs the leave of its source and of its destination (D)",) == named


def test_every_row_is_read() -> None:
    """A statement whose row cannot be read would be missing from every report."""
    names = [row[2].split("`")[1] for row in _rows() if row[2]]
    assert all(statements_of(SUITES, name) for name in names)


def test_a_suite_without_a_table_has_no_statements(tmp_path: Path) -> None:
    """Cases of one's own need none; where the file stands in their folder, it is read."""
    assert () == statements_of(tmp_path, "theme/test_x")
    own = tmp_path / "own"
    own.mkdir()
    (own / "statements.md").write_text("| 1 | Shops are shut | `shop/test_shut` | |\n")
    assert ("1. Shops are shut",) == statements_of(own, "shop/test_shut")
