"""The table of what a suite is to show: each statement with the cases that test it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

STATEMENTS = "statements.md"
"""The table, in the suite's folder or in the folder `docs` beside it."""

_ROW = re.compile(r"\| *(?P<number>\d+) *\|(?P<statement>[^|]*)\|(?P<cases>[^|]*)\|")
"""A row of it: number, statement, and the cases that test it between backticks."""


@cache
def table(suite: Path) -> tuple[tuple[str, frozenset[str]], ...]:
    """Return each statement with its cases, nothing where the suite has no table."""
    places = [suite / STATEMENTS, suite.parent / "docs" / STATEMENTS]
    file = next((place for place in places if place.is_file()), None)
    rows = _ROW.finditer(file.read_text(encoding="utf-8")) if file else ()
    return tuple(
        (
            f"{row['number']}. {row['statement'].strip()}",
            frozenset(re.findall(r"`([^`]+)`", row["cases"])),
        )
        for row in rows
    )


def statements_of(suite: Path, *cases: str) -> tuple[str, ...]:
    """Return the statements that any of some cases tests, in the order of the suite's table."""
    return tuple(statement for statement, testing in table(suite) if not testing.isdisjoint(cases))
