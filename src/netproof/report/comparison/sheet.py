"""The comparison as one HTML page that needs nothing else.

Each cell is a link to what is behind it: the cases, those that went wrong with their first flow and
the command that runs them again. A case is told once, however many rows it is behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from netproof.model.comparison import (
    WELL,
    CaseStanding,
    ComparedCell,
    ComparedRow,
    ComparedRun,
    ComparedSection,
    Comparison,
    Difference,
    Trend,
)
from netproof.printing import Printable, several_lines
from netproof.report.comparison import words
from netproof.report.run.findings import AGAIN
from netproof.report.run.page import page_style
from netproof.report.text import printable
from netproof.report.webpage import beside_templates, template

MAX_ROWS = 500
MAX_CASES = 300
"""So many cases of a record, and turns, are told in full, and so many rows of a section."""

MAX_NAMES = 1000
"""So many names of cases stand behind a cell."""

_BAD = (Trend.WORSE, Trend.UNTOLD)


class Told(NamedTuple):
    """A case in full: where it stands in the page, its line, and its account."""

    address: str
    line: str
    account: list[tuple[str, str]]


class Behind(NamedTuple):
    """What is behind a cell: cases that are told in full, lines, and names of what is well."""

    told: list[Told]
    lines: list[str]
    names: list[str]
    more: int


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell with its place in the page."""

    address: str
    run: str
    cell: ComparedCell
    behind: Behind


@dataclass(frozen=True, slots=True)
class _Row:
    """A row with its place in the page."""

    address: str
    subject: str
    difference: Difference
    cells: list[_Cell]


@dataclass(frozen=True, slots=True)
class _Section:
    """A table: its rows by how far their cells are alike."""

    title: str
    note: str
    groups: list[tuple[Difference, list[_Row]]]
    left: int


def render(comparison: Comparison) -> Printable:
    """Return the comparison as an HTML document."""
    told = printable(comparison)
    cases = [_told(number, run) for number, run in enumerate(told.runs)]
    sections = [
        _section(number, section, told.runs, cases) for number, section in enumerate(told.sections)
    ]
    script = beside_templates(__package__, "comparison.js")
    style = page_style() + beside_templates(__package__, "comparison.css")
    drawn = template(__package__, "comparison.html", script=script, style=style)
    text = drawn.render(
        words=words,
        again=AGAIN,
        runs=told.runs,
        notes=told.notes,
        against=[(one, one.trend in _BAD, words.turn_lines(one)) for one in told.against],
        most=MAX_CASES,
        cases=[(run, list(some.values())) for run, some in zip(told.runs, cases, strict=True)],
        sections=sections,
    )
    return several_lines(text)


def _told(number: int, run: ComparedRun) -> dict[str, Told]:
    """Return the cases of a record that are told in full, by name."""
    wrong = [
        case for case in run.cases if case.shown or (case.standing not in WELL and case.repeat)
    ]
    return {
        case.case: Told(f"case-{number}-{place}", words.case_line(case), words.case_account(case))
        for place, case in enumerate(wrong[:MAX_CASES])
    }


def _section(
    number: int,
    section: ComparedSection,
    runs: tuple[ComparedRun, ...],
    told: list[dict[str, Told]],
) -> _Section:
    known = [{case.case: case for case in run.cases} for run in runs]
    rows = [
        _row(f"{number}-{place}", row, runs, known, told)
        for place, row in enumerate(section.rows[:MAX_ROWS])
    ]
    groups = [(one, [row for row in rows if row.difference is one]) for one in Difference]
    return _Section(
        section.title,
        section.note,
        [(one, some) for one, some in groups if some],
        max(len(section.rows) - MAX_ROWS, 0),
    )


def _row(
    place: str,
    row: ComparedRow,
    runs: tuple[ComparedRun, ...],
    known: list[dict[str, CaseStanding]],
    told: list[dict[str, Told]],
) -> _Row:
    cells = [
        _Cell(f"of-{place}-{n}", run.label, cell, _behind(cell, known[n], told[n]))
        for n, (run, cell) in enumerate(zip(runs, row.cells, strict=True))
    ]
    return _Row(f"row-{place}", words.subject(row), row.difference, cells)


def _behind(
    cell: ComparedCell, known: Mapping[str, CaseStanding], told: Mapping[str, Told]
) -> Behind:
    names = [name for name in cell.cases if name not in told]
    listed = list(_lines(known[name] for name in names[:MAX_NAMES]))
    well = [known[name].case for name in names[:MAX_NAMES] if known[name].standing in WELL]
    return Behind(
        told=[told[name] for name in cell.cases if name in told],
        lines=[*listed, *cell.evidence],
        names=well,
        more=max(len(names) - MAX_NAMES, 0),
    )


def _lines(cases: Iterator[CaseStanding]) -> Iterator[str]:
    """Yield a line for what is not well and not told in full: each reason with the cases' names."""
    reasons: dict[str, list[str]] = {}
    for case in cases:
        if case.standing not in WELL:
            why = " ".join(case.reason.split())
            reasons.setdefault(f"{case.standing}: {why}", []).append(case.case)
    for why, names in reasons.items():
        yield f"{why} ({', '.join(names)})"
