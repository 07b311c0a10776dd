"""The report as one HTML page that needs nothing else: verdict, scenarios, heat maps.

The page is in `templates/`, which escapes whatever it is given; here is what it is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from netproof.model.doors import DoorState
from netproof.model.record import FlowVerdict, RunRecord, RunVerdict, ScenarioRecord, StepRecord
from netproof.report.intents import intent_line
from netproof.report.run import bypass, summary
from netproof.report.run.findings import (
    BESIDES_FLOWS,
    NOTES,
    TITLES,
    account,
    grouped_findings,
    step_line,
)
from netproof.report.run.grid import split_name
from netproof.report.run.matrixview import CellMark, MatrixView, matrix_views
from netproof.report.run.palette import Palette
from netproof.report.text import printable

MAX_GROUPS = 200
"""So many of a step are listed: a page that takes seconds to open is not read."""

_SYMBOLS = {mark: Palette().symbol(mark) for mark in CellMark}
_DOOR_CLASSES = {
    DoorState.OPEN: "door-open",
    DoorState.CLOSED: "door-closed",
    DoorState.UNDETERMINED: "door-untold",
}


def render(record: RunRecord) -> str:
    """Return the run as an HTML document."""
    run = printable(record)
    return _template().render(
        run=run,
        facts=_facts(run),
        counts=summary.counts(run.scenarios),
        sections=[_Section(scenario, run) for scenario in summary.reported_scenarios(run)],
        legend=[(mark, _SYMBOLS[mark]) for mark in CellMark if mark is not CellMark.BLANK],
        verdicts=tuple(FlowVerdict),
        besides_flows=BESIDES_FLOWS,
        notes_title=NOTES,
        intents=[intent_line(one) for one in run.intents],
        one_relation=summary.ONE_RELATION,
        one_relation_lines=summary.one_relation_lines(run),
        bypass=bypass,
        doors=bypass.door_summaries(run),
        door_classes=_DOOR_CLASSES,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("netproof.report.run"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["css"] = lambda verdict: str(verdict).lower().replace(" ", "-")
    return environment.get_template("page.html")


def _facts(run: RunRecord) -> str:
    facts = (
        summary.where_line(run, " · "),
        f"run {run.run_id}",
        run.started,
        f"{run.seconds:.1f} s",
        f"netproof {run.netproof}",
    )
    return " · ".join(filter(None, facts))


@dataclass(frozen=True, slots=True)
class _Section:
    """A scenario as the page shows it."""

    scenario: ScenarioRecord
    run: RunRecord

    @property
    def is_open(self) -> bool:
        """Tell whether it is unfolded: only what is wrong is."""
        not_enforced = self.run.verdict is RunVerdict.NOT_ENFORCED
        return summary.is_wrong(self.scenario) and not not_enforced

    @property
    def numbers(self) -> list[str]:
        """The cells of its row in the overview, the first two left out."""
        one = self.scenario
        counts = summary.counts([one]).values()
        numbers = (summary.flow_count(one), *counts, summary.most_rounds(one))
        return [*map(str, numbers), f"{one.seconds:.2f}"]

    @property
    def steps(self) -> Iterator[_Step]:
        """Its steps."""
        return (_Step(step, self.run) for step in self.scenario.steps)


class _Step:
    """A step as the page shows it: matrices with something wrong, findings, the other matrices."""

    def __init__(self, step: StepRecord, run: RunRecord) -> None:
        wrong = grouped_findings(step)
        listed = [one for one in wrong if summary.is_listed(run, one.first)]
        views = matrix_views(step.tables)
        self.is_open = step.verdict is not RunVerdict.PASS
        self.line = step_line(step)
        self.wrong = [_Matrix(view) for view in views if view.has_trouble]
        self.right = [_Matrix(view) for view in views if not view.has_trouble]
        self.findings = [
            (
                one.first.verdict,
                TITLES[one.first.verdict],
                one.title,
                account(one.first, one.places),
            )
            for one in listed[:MAX_GROUPS]
        ]
        self.more = len(listed) - len(self.findings)
        self.has_unlisted = len(listed) < len(wrong)


@dataclass(frozen=True, slots=True)
class _Matrix:
    """A matrix as the page shows it."""

    view: MatrixView

    @property
    def namespaces(self) -> list[tuple[str, int]]:
        """The namespaces over the columns, each with how many it spans."""
        spans = groupby(namespace for namespace, _ in map(split_name, self.view.columns))
        return [(namespace, len(list(columns))) for namespace, columns in spans]

    @property
    def columns(self) -> list[str]:
        """The names over the columns."""
        return [split_name(column)[1] for column in self.view.columns]

    @property
    def rows(self) -> Iterator[tuple[str, str, list[tuple[str, str, str] | None]]]:
        """The namespace where it begins, the name and the cells of each row."""
        before = None
        for number, source in enumerate(self.view.rows):
            namespace, name = split_name(source)
            yield "" if namespace == before else namespace, name, self._cells(number, source)
            before = namespace

    def _cells(self, row: int, source: str) -> list[tuple[str, str, str] | None]:
        """Return class, symbol and tooltip of each cell of a row, None for one not tried."""
        return [
            None if mark is CellMark.BLANK else self._cell(row, column, mark, source)
            for column, mark in enumerate(self.view.marks[row])
        ]

    def _cell(self, row: int, column: int, mark: CellMark, source: str) -> tuple[str, str, str]:
        view = self.view
        expected, outcomes = view.expected(row, column), view.outcomes(row, column)
        result = "enforced" if mark in (CellMark.ALLOWED, CellMark.DENIED) else mark.value
        tooltip = (
            f"{source} -> {view.columns[column]}: expected {expected}, seen {outcomes} ({result})"
        )
        return mark.name.lower(), _SYMBOLS[mark], tooltip
