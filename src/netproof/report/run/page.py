"""The report as one HTML page that needs nothing else, of a size that a phone opens at once.

The verdict, what was not tried, what went wrong and every case stand in it as text; `templates/`
escapes whatever it is given. The matrices and pictures of all cases are data, written once, that
the script of the page draws when somebody looks. It is the only one that a browser lets run, by its
hash.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import msgspec
from jinja2 import Template

from netproof.model.doors import DoorState
from netproof.model.packing import Pool
from netproof.model.picture import Picture
from netproof.model.record import (
    EXPECTED_LETTERS,
    NOT_PROBED,
    OUTCOME_LETTERS,
    VERDICT_LETTERS,
    CaseOutcome,
    FlowVerdict,
    RunRecord,
    RunVerdict,
    ScenarioRecord,
    StepRecord,
)
from netproof.model.review import IntentResult, Kept
from netproof.report.intents import basis_line, standing
from netproof.report.picture.scripts import (
    asset,
    in_script,
    picture_script,
    picture_style,
)
from netproof.report.run import bypass, summary
from netproof.report.run.findings import (
    BESIDES_FLOWS,
    NOTES,
    TITLES,
    FindingGroup,
    account,
    cause_account,
    grouped_findings,
    step_line,
)
from netproof.report.run.matrixview import CellMark, MatrixView, matrix_views
from netproof.report.run.palette import Palette
from netproof.report.text import counted, printable
from netproof.report.webpage import beside_templates, template

MAX_ACCOUNTS = 100
"""So many findings are told in full as text; the others have a line, and the script the rest."""

MAX_IN_FULL = 4
"""So many of a case are: what comes after is seen to be there without scrolling for long."""

MAX_OF_CASE = 40
MAX_LINES = 2000
"""So many findings of a case, and of all, have a line: a page that takes seconds is not read."""

_SYMBOLS = {mark: Palette().symbol(mark).removesuffix("!") for mark in CellMark}
"""One sign a cell, for its colour draws the eye; what a screen reader says holds no `L!`."""

_DOOR_CLASSES = {
    DoorState.OPEN: "door-open",
    DoorState.CLOSED: "door-closed",
    DoorState.UNDETERMINED: "door-untold",
}
_FAILED, _ERROR, _UNCLEAR, _LEFT, _GAP, _PASSED = (
    ("fail", "FAIL"),
    ("error", "ERROR"),
    ("inconclusive", "INCONCLUSIVE"),
    ("untried", "NOT TRIED"),
    ("gap", "KNOWN GAP"),
    ("pass", "PASS"),
)
_STATES = (_FAILED, _ERROR, _UNCLEAR, _LEFT, _GAP, _PASSED)
"""What cases are filtered and sorted by, the gravest first: a class and a word."""

_OUTCOMES = {
    CaseOutcome.BROKEN: _ERROR,
    CaseOutcome.FAILED: _FAILED,
    CaseOutcome.KNOWN_GAP: _GAP,
    CaseOutcome.UNTRIED: _LEFT,
    CaseOutcome.PASSED: _PASSED,
}


def render(record: RunRecord) -> str:
    """Return the run as an HTML document."""
    run = printable(record)
    data = _Data()
    views = sorted((_Section(view, run) for view in _views(run)), key=_Section.rank)
    lines = count()
    sections = [section.told(number, data, lines) for number, section in enumerate(views)]
    states = Counter(section.state for section in sections)
    return _template().render(
        run=run,
        facts=_facts(run),
        sentence=run.exit_reason.removeprefix(f"{run.verdict}: "),
        causes=[(one, address(one.example), cause_account(one)) for one in run.causes],
        sections=sections,
        groups=_grouped(sections),
        parts=_parts(run, len(sections)),
        states=[(css, word, states[css]) for css, word in _STATES if states[css]],
        themes=sorted({section.theme for section in sections}),
        legend=[(mark, _SYMBOLS[mark]) for mark in CellMark if mark is not CellMark.BLANK],
        besides_flows=BESIDES_FLOWS,
        notes_title=NOTES,
        intents=_intents(run),
        one_relation=summary.ONE_RELATION,
        one_relation_lines=summary.one_relation_lines(run),
        left_open=summary.LEFT_OPEN,
        left_open_lines=summary.left_open_lines(run),
        bypass=bypass,
        doors=bypass.door_summaries(run),
        door_classes=_DOOR_CLASSES,
        data=in_script(data.packed()),
    )


def _parts(run: RunRecord, cases: int) -> list[tuple[str, str]]:
    """Return the sections of the page by their ids, in order, with how much there is in each."""
    doors = len({one.door for one in run.doors})
    return [
        (name, title)
        for name, title, there in (
            ("tested", "What was tested", True),
            ("causes", counted(len(run.causes), "cause"), run.causes),
            ("besides", f"{len(run.findings)} besides flows", run.findings),
            ("errors", counted(len(run.errors), "error"), run.errors),
            ("intents", counted(len(run.intents), "intent"), run.intents),
            ("cases", counted(cases, "case"), cases),
            ("doors", counted(doors, "door"), doors),
        )
        if there
    ]


def _views(run: RunRecord) -> Iterator[summary.CaseView]:
    """Yield every case, and before them each canary in which a flow went wrong."""
    for one in summary.wrong_canaries(run):
        yield summary.scenario_view(one, run)
    yield from summary.case_views(run)


def _template() -> Template:
    script = f"{picture_script()}\n{beside_templates(__package__, 'page.js')}"
    style = f"{page_style()}\n{picture_style()}"
    return template(__package__, "page.html", script=script, style=style)


def page_style() -> str:
    """Return the style of a page of ours; others add their own to it."""
    return beside_templates(__package__, "page.css")


def picture_data(picture: Picture, steps: Iterable[StepRecord]) -> dict[str, Any]:
    """Return what a script draws a picture from, and what was seen in some steps."""
    data = _Data()
    packed = [data.step(step) for step in steps]
    return data.packed() | {"picture": msgspec.to_builtins(picture), "steps": packed}


_KEPT = {Kept.BROKEN: _FAILED, Kept.UNKNOWN: _UNCLEAR, Kept.UNTRIED: _LEFT, Kept.KEPT: _PASSED}


def _intents(run: RunRecord) -> list[tuple[str, str, IntentResult, str]]:
    """Return every intent, the gravest first: a class, a word, and what it rests on that it holds.

    What breaks one stands with the findings besides flows.
    """
    ordered = sorted(run.intents, key=lambda one: list(_KEPT).index(one.kept))
    return [
        (_KEPT[one.kept][0], standing(one), one, basis_line(one) if one.kept.holds else "")
        for one in ordered
    ]


def _facts(run: RunRecord) -> list[tuple[str, str]]:
    cluster = run.cluster
    facts = [
        ("cluster", f"{cluster.kind} {cluster.name}".strip()),
        ("dataplane", cluster.dataplane),
        ("Kubernetes", cluster.version),
        ("nodes", ", ".join(cluster.nodes)),
        ("canary", " ".join(canary.text for canary in run.canaries)),
        ("run", f"{run.run_id}, {run.started}, {run.seconds:.1f} s, netproof {run.netproof}"),
    ]
    return [(name, text) for name, text in facts if text]


def address(*parts: str) -> str:
    """Return how a case, or a pair of ends in it, is called in an address of the page."""
    return "/".join(parts).replace(" ", "_")


@dataclass(slots=True)
class _Data:
    """What the script draws from: `text` are lines, `names` ends, `grids` letters of tables."""

    text: Pool = field(default_factory=Pool)
    names: Pool = field(default_factory=Pool)
    grids: Pool = field(default_factory=Pool)
    nodes: Pool = field(default_factory=Pool)
    accounts: dict[int, list[int]] = field(default_factory=dict)
    cases: list[Any] = field(default_factory=list)

    def packed(self) -> dict[str, Any]:
        """Return all of it as JSON can write it, with what its letters mean."""
        return {
            "text": self.text.items,
            "names": self.names.items,
            "grids": self.grids.items,
            "nodes": self.nodes.items,
            "accounts": self.accounts,
            "cases": self.cases,
            "css": asset("picture.css"),
            "blank": NOT_PROBED,
            "expected": {letter: word for word, letter in EXPECTED_LETTERS.items()},
            "seen": {letter: word for word, letter in OUTCOME_LETTERS.items()},
            "verdicts": {letter: word for word, letter in VERDICT_LETTERS.items()},
            "marks": {m.value: [m.name.lower(), _SYMBOLS[m]] for m in CellMark},
        }

    def scenario(self, one: ScenarioRecord) -> list[Any]:
        """Return a scenario: the command that runs it again, its steps, and what decides."""
        drawn = msgspec.to_builtins(one.picture) if one.picture else 0
        return [self.text(one.repeat), [self.step(step) for step in one.steps], drawn]

    def step(self, step: StepRecord) -> list[Any]:
        """Return a step: its line, what went wrong, and its matrices."""
        views = matrix_views(step.tables)
        views.sort(key=lambda view: not view.has_trouble)
        places = [f"{policy} ({place})" for policy, place in step.places.items()]
        return [
            self.text(step_line(step)),
            int(step.verdict is not RunVerdict.PASS),
            int(bool(step.policies)),
            [self.text(place) for place in places],
            self.nodes(step.nodes),
            [self._view(view) for view in views],
        ]

    def _view(self, view: MatrixView) -> list[Any]:
        first = view.tables[0]
        return [
            self.text(view.label),
            self.names(view.rows),
            self.names(view.columns),
            self.grids("".join(first.expected)),
            self.grids("".join(first.verdicts)),
            self.names(view.ports),
            *dict.fromkeys(self.grids("".join(table.observed)) for table in view.tables),
        ]


@dataclass(frozen=True, slots=True)
class _Line:
    """A finding as the page lists it; `account` is empty where the script has it."""

    address: str
    css: str
    word: str
    title: str
    step: str
    number: int
    account: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Told:
    """A case as the template is given it."""

    number: int
    address: str
    state: str
    word: str
    theme: str
    name: str
    title: str
    counts: str
    reason: str
    bundles: list[str]
    lines: list[_Line]
    more: int
    repeat: str

    @property
    def is_open(self) -> bool:
        """Tell whether it is unfolded: the first of what is wrong."""
        return bool(self.lines) and self.number < 3


@dataclass(frozen=True, slots=True)
class _Group:
    """Cases that have nothing of their own to tell, under one line; or a single one."""

    name: str
    cases: list[_Told]

    @property
    def first(self) -> _Told:
        """The case whose state all of them have."""
        return self.cases[0]


def _grouped(sections: Iterable[_Told]) -> list[_Group]:
    """Put cases that passed together by theme, and those not tried by the reason."""
    groups: dict[tuple[str, str], list[_Told]] = {}
    for one in sections:
        alike = {_PASSED[0]: one.theme, _LEFT[0]: one.reason}.get(one.state, one.address)
        groups.setdefault((one.state, alike), []).append(one)
    return [_Group(name, cases) for (_, name), cases in groups.items()]


@dataclass(frozen=True, slots=True)
class _Section:
    """A case, before it is put down for the page."""

    view: summary.CaseView
    run: RunRecord

    @property
    def state(self) -> tuple[str, str]:
        """Its class and word."""
        case, verdict = self.view.case, self.view.verdict
        if case.outcome is CaseOutcome.FAILED and verdict is RunVerdict.INCONCLUSIVE:
            return _UNCLEAR
        return _OUTCOMES[case.outcome]

    def rank(self) -> tuple[int, int, int, str]:
        """Return where it stands among others: the gravest first, then by name."""
        counts = summary.counts(self.view.scenarios)
        leaks, blocked = counts[FlowVerdict.LEAK], counts[FlowVerdict.OVER_BLOCKED]
        return _STATES.index(self.state), -leaks, -blocked, self._name

    @property
    def _name(self) -> str:
        scenarios = self.view.scenarios
        return scenarios[0].id if scenarios else self.view.case.id

    def told(self, number: int, data: _Data, lines: Iterator[int]) -> _Told:
        """Put it down, its matrices into the data of the script."""
        view, scenarios = self.view, self.view.scenarios
        css, word = self.state
        data.cases.append([data.scenario(one) for one in scenarios])
        found = list(self._found())
        listed = [
            self._line(*one, data, lines, in_full=place < MAX_IN_FULL)
            for place, one in enumerate(found[:MAX_OF_CASE])
        ]
        kept = _told_apart([line for line in listed if line.number < MAX_LINES])
        return _Told(
            number=number,
            address=address(self._name),
            state=css,
            word=word,
            theme=self._name.partition("/")[0],
            name=self._name,
            title=" ".join(dict.fromkeys(one.title for one in scenarios)),
            counts=_counts(scenarios),
            reason="" if kept and css == "fail" else view.case.reason,
            bundles=list(dict.fromkeys(one.bundle for one in scenarios if one.bundle)),
            lines=kept,
            more=len(found) - len(kept),
            repeat=scenarios[0].repeat if scenarios and css != "pass" else "",
        )

    def _found(self) -> Iterator[tuple[StepRecord, FindingGroup]]:
        for step in (step for one in self.view.scenarios for step in one.steps):
            for group in grouped_findings(step):
                if summary.is_listed(self.run, group.first):
                    yield step, group

    def _line(
        self,
        step: StepRecord,
        group: FindingGroup,
        data: _Data,
        lines: Iterator[int],
        *,
        in_full: bool,
    ) -> _Line:
        number, first = next(lines), group.first
        told = account(first, group.places)
        if number >= MAX_ACCOUNTS or not in_full:
            if number < MAX_LINES:
                data.accounts[number] = [data.text(part) for pair in told for part in pair]
            told = []
        pair = f"{first.flow.source}->{first.flow.destination}"
        return _Line(
            address=address(self._name, pair),
            css=first.verdict,
            word=TITLES[first.verdict],
            title=group.title,
            step=step.name,
            number=number,
            account=told,
        )


def _told_apart(lines: list[_Line]) -> list[_Line]:
    """Give each finding of a pair an address of its own."""
    seen: Counter[str] = Counter()
    apart = []
    for line in lines:
        seen[line.address] += 1
        again = f"~{seen[line.address]}" if seen[line.address] > 1 else ""
        apart.append(replace(line, address=line.address + again))
    return apart


def _counts(scenarios: Iterable[ScenarioRecord]) -> str:
    """Say how many flows went wrong, or how many there were."""
    counts = summary.counts(scenarios)
    nouns = (
        (FlowVerdict.LEAK, "leak"),
        (FlowVerdict.OVER_BLOCKED, "over-blocked flow"),
        (FlowVerdict.INCONCLUSIVE, "untold flow"),
    )
    wrong = [counted(counts[verdict], noun) for verdict, noun in nouns if counts[verdict]]
    total = sum(counts.values())
    return ", ".join(wrong) or (counted(total, "flow") if total else "")
