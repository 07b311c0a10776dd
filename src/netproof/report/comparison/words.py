"""A comparison in words, the same in every form: verdicts, turns, and the cases behind cells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from netproof.model.comparison import (
    AMISS,
    CaseStanding,
    ComparedCell,
    ComparedRow,
    ComparedRun,
    Standing,
    Trend,
    Turn,
    Turns,
)
from netproof.model.value import replace
from netproof.report.run.findings import AGAIN, account
from netproof.report.text import counted

TITLE = "netproof compare"
HOW = "Verdicts"
SHARED = "What is compared"
TURNED = "Case by case against the first"
WENT_WRONG = "what went wrong"
MISSING = (
    "No record tells these yet, so no row is about them: what becomes of established connections, "
    "a pod's first seconds, restarts of the CNI itself."
)

_SOURCES = re.compile(r" \([A-Z](, [A-Z])*\)$")
_LEFT = (Standing.NOT_TRIED, Standing.NOT_OFFERED)
_VERBS = {
    Standing.LEAKS: "leaks",
    Standing.OVER_BLOCKS: "over-blocks",
    Standing.FAILS: "fails otherwise",
}


def subject(row: ComparedRow) -> str:
    """Return what a row is about, without the sources of a statement of ours."""
    return _SOURCES.sub("", row.subject)


def cell_text(cell: ComparedCell) -> str:
    """Return a cell on one line."""
    return f"{cell.word} ({cell.detail})" if cell.detail else cell.word


def facts(run: ComparedRun) -> list[tuple[str, str]]:
    """Return what a record is of."""
    tried = sum(number for one, number in run.standings.items() if one not in _LEFT)
    selected = f" of {run.selected:,}" if run.selected else ""
    named = [
        ("cluster", f"{run.kind}, {run.dataplane}" if run.dataplane else run.kind),
        ("Kubernetes", run.kubernetes),
        ("nodes", str(run.nodes)),
        ("IP families", "+".join(run.families)),
        ("netproof", run.netproof),
        ("started", run.started),
        ("cases tried", f"{tried:,}{selected}"),
        ("flows told", f"{run.flows:,}"),
    ]
    return [(name, text) for name, text in named if text]


def verdict_sentences(run: ComparedRun) -> Iterator[str]:
    """Say shortly what a record shows of its CNI: what is well, what is not, what is not known."""
    well = run.standings.get(Standing.ENFORCED, 0) + run.standings.get(Standing.PASSED, 0)
    yield run.sentence.removeprefix(f"{run.verdict}: ")
    parts = [f"{counted(well, 'case')} as {'it' if well == 1 else 'they'} should be"]
    for one in AMISS:
        if number := run.standings.get(one, 0):
            cases = [case for case in run.cases if case.standing is one]
            gaps = sum(bool(case.known_gap) for case in cases)
            known = f" ({gaps} by known gaps)" if gaps else ""
            parts.append(
                f"{number:,} {'case' if number == 1 else 'cases'} in which it {_VERBS[one]}{known}"
            )
    if number := run.standings.get(Standing.INCONCLUSIVE, 0):
        parts.append(f"{number:,} that could not be told")
    yield f"{'; '.join(parts)}."
    for why, number in run.untried.items():
        yield f"Not tried: {counted(number, 'case')}, because {why or 'its test does not say why'}."
    if run.cut_short:
        yield f"Not all was tried: {run.cut_short}."


def gap_lines(run: ComparedRun) -> list[str]:
    """Return the known gaps of a record's CNI, with the cases in which each showed."""
    shown = [f"shows in {counted(one.cases, 'case')}" for one in run.gaps]
    return [
        f"{one.text}: {where if one.cases else 'did not show'}"
        for one, where in zip(run.gaps, shown, strict=True)
    ]


def against_sentence(one: Turns) -> str:
    """Say in a sentence what became of the first record's cases in a later one."""
    numbers = {trend: sum(turn.trend is trend for turn in one.turns) for trend in Trend}
    listed = [f"{number:,} {trend}" for trend, number in numbers.items() if number]
    shared = f"{counted(one.shared, 'case')} told by both" if one.shared else "no case told by both"
    head = f"{one.later} against {one.first}, {shared}"
    return f"{head}: {', '.join(listed) or 'nothing is worse' if one.shared else 'not compared'}."


NAMED = 3
"""So many of what became otherwise in the same way, for the same reason, are named."""


def turn_lines(one: Turns) -> list[tuple[Trend, str]]:
    """Say what became of cases, doors and intents; those of which all is alike in one line."""
    alike: dict[Turn, list[str]] = {}
    for turn in one.turns:
        alike.setdefault(replace(turn, subject=""), []).append(turn.subject)
    return [(turn.trend, _turn_line(turn, subjects)) for turn, subjects in alike.items()]


def _turn_line(turn: Turn, subjects: Sequence[str]) -> str:
    more = f" and {len(subjects) - NAMED:,} more" if subjects[NAMED:] else ""
    text = f": {turn.text}" if turn.text else ""
    gap = " (known gap)" if turn.known_gap else ""
    named = ", ".join(subjects[:NAMED])
    return f"{named}{more}: {turn.before} before, {turn.after} now{gap}{text}"


def case_line(case: CaseStanding) -> str:
    """Say how a case stands, on one line."""
    counts = [(case.leaks, "leak"), (case.blocked, "over-blocked flow")]
    wrong = [counted(number, noun) for number, noun in counts if number]
    flows = ", ".join(wrong) or (counted(case.flows, "flow") if case.flows else "")
    gap = ", known gap" if case.known_gap else ""
    return f"{case.case}: {case.standing}{f' ({flows})' if flows else ''}{gap}"


def case_account(case: CaseStanding) -> list[tuple[str, str]]:
    """Return what there is to say of a case that is not as it should be, as labelled lines."""
    lines = []
    if case.shown:
        finding = case.shown.finding
        lines = [("flow", f"{finding.flow} ({case.shown.step})")]
        lines += account(finding, case.shown.places)
    elif case.reason:
        lines.append(("because", " ".join(case.reason.split())))
    if case.known_gap:
        lines.append(("gap", case.known_gap))
    return [*lines, (AGAIN, case.repeat)] if case.repeat else lines
