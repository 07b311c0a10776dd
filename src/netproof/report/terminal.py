"""The report for people at a terminal: what is wrong first in full, all scenarios in a table."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from netproof.model.record import (
    CanaryRecord,
    FlowVerdict,
    RunRecord,
    RunVerdict,
    ScenarioRecord,
    StepRecord,
)
from netproof.report import doors, tally
from netproof.report.grid import lines as grid_lines
from netproof.report.panels import Panel, panels
from netproof.report.pen import BOLD, GREY, Pen
from netproof.report.printable import printable
from netproof.report.table import aligned
from netproof.report.words import TITLES, Mismatch, counted, mismatches, step_told, story

MAX_MISMATCHES = 20
"""So many of a step are told in full; the JSON record has all of them."""

MAX_KEYS = 5
"""Holders of a door's key that are named; a cluster has dozens."""

MIN_WIDTH = 40
_INDENT = "  "


def render(
    record: RunRecord,
    *,
    colour: bool = False,
    width: int = 100,
    unicode: bool = True,
    matrices: bool = False,
) -> str:
    """Return the report of a run.

    `width` is in characters; `unicode` False keeps to ASCII; `matrices` prints those of scenarios
    that passed too.
    """
    pen, run, width = Pen(colour, unicode), printable(record), max(width, MIN_WIDTH)
    shown = [one for one in tally.told(run) if matrices or _is_worth_telling(one, run)]
    told = [_head(run, pen, width)]
    if shown:
        told.append(pen.legend(width))
    told += [_scenario(one, pen, width, matrices=matrices) for one in shown]
    told += [_doors(run, pen, width)]
    told += [_summary(run.scenarios, pen), _gaps(run, width), _errors(run, width)]
    told.append(_end(run, pen, width))
    return pen.final("\n\n".join("\n".join(part) for part in told if part) + "\n")


def scenario(
    record: ScenarioRecord,
    *,
    colour: bool = False,
    width: int = 100,
    unicode: bool = True,
    matrices: bool = False,
) -> str:
    """Return the report of one scenario, with the legend of its matrices."""
    pen, width = Pen(colour, unicode), max(width, MIN_WIDTH)
    told = _scenario(printable(record), pen, width, matrices=matrices)
    return pen.final("\n".join([*told, "", *pen.legend(width)]) + "\n")


def brief(record: ScenarioRecord) -> str:
    """Return one line: what came of a scenario, and the gravest thing that was seen in it."""
    told = [(step, mismatch) for step in record.steps for mismatch in mismatches(step)]
    head = f"{record.verdict}  {record.id}"
    if not told:
        return head
    step, first = told[0]
    more = f", and {len(told) - 1} more" if len(told) > 1 else ""
    return f"{head}: {TITLES[first.first.verdict]}  {first.title} ({step.name}){more}"


def _is_worth_telling(one: ScenarioRecord, run: RunRecord) -> bool:
    if run.verdict is not RunVerdict.NOT_ENFORCED:
        return tally.is_wrong(one)
    findings = (finding for step in one.steps for finding in step.findings)
    return any(tally.worth_listing(run, finding) for finding in findings)


def _head(run: RunRecord, pen: Pen, width: int) -> list[str]:
    cluster = run.cluster
    nodes = f"{len(cluster.nodes)} nodes" if len(cluster.nodes) != 1 else "1 node"
    where = [f"{cluster.kind} {cluster.name}".strip(), cluster.version, cluster.dataplane, nodes]
    told = [
        pen.paint(f"netproof {run.netproof} · run {run.run_id} · {run.started}", BOLD),
        f"cluster  {' · '.join(filter(None, where))}",
    ]
    for canary in run.canaries:
        told += _canary(canary, width)
    return told


def _canary(canary: CanaryRecord, width: int) -> list[str]:
    return _wrapped("canary   ", canary.text, width)


def _scenario(record: ScenarioRecord, pen: Pen, width: int, *, matrices: bool) -> list[str]:
    told = [f"{pen.verdict(record.verdict)}  {pen.paint(record.id, BOLD)}"]
    told += _wrapped(_INDENT, record.title, width)
    told += [pen.paint(_INDENT + record.bundle, GREY)] if record.bundle else []
    for step in record.steps:
        if matrices or step.verdict is not RunVerdict.PASS:
            told += ["", *_step(step, pen, width, matrices=matrices)]
    if record.repeat and record.verdict is not RunVerdict.PASS:
        told += ["", f"{_INDENT}again:  {record.repeat}"]
    return told


def _step(step: StepRecord, pen: Pen, width: int, *, matrices: bool) -> list[str]:
    told = [pen.paint(line, BOLD) for line in _wrapped(_INDENT, step_told(step), width)]
    every = panels(step.tables)
    drawn = [panel for panel in every if matrices or panel.has_trouble]
    for panel in drawn:
        told += ["", f"{_INDENT}{panel.label}"]
        told += [_INDENT + line for line in grid_lines(panel, width - len(_INDENT), pen)]
    told += _as_expected([panel for panel in every if panel not in drawn], width)
    return told + _mismatches(step, pen, width)


def _as_expected(rest: Sequence[Panel], width: int) -> list[str]:
    told = []
    for panel in rest:
        text = f"{panel.label}: all {panel.flows} flows as expected"
        told += ["", *_wrapped(_INDENT, text, width)]
    return told


def _mismatches(step: StepRecord, pen: Pen, width: int) -> list[str]:
    every = mismatches(step)
    told: list[str] = []
    for mismatch in every[:MAX_MISMATCHES]:
        told += ["", *_mismatch(mismatch, pen, width)]
    if len(every) > MAX_MISMATCHES:
        left = len(every) - MAX_MISMATCHES
        told += ["", f"{_INDENT}and {left} more; the JSON record has all of them"]
    return told


def _mismatch(mismatch: Mismatch, pen: Pen, width: int) -> list[str]:
    first = mismatch.first
    head = pen.verdict(first.verdict, TITLES[first.verdict])
    told = [f"{_INDENT}{head}  {mismatch.title}"]
    for label, text in story(first, mismatch.places):
        told += _wrapped(f"{_INDENT}  {label:<8}  ", text, width)
    return told


def _summary(scenarios: Sequence[ScenarioRecord], pen: Pen) -> list[str]:
    if not scenarios:
        return []
    heads = ("verdict", "flows", *_SHORT.values(), "rounds", "seconds", "scenario")
    rows = [_summary_row(one) for one in scenarios]
    drawn = aligned([heads, *rows], right=range(1, len(heads) - 1))
    painted = [
        line.replace(str(one.verdict), pen.verdict(one.verdict), 1) if pen.colour else line
        for one, line in zip(scenarios, drawn[1:], strict=True)
    ]
    return [pen.paint(drawn[0], BOLD), *painted]


_SHORT = {
    FlowVerdict.ENFORCED: "enforced",
    FlowVerdict.LEAK: "leak",
    FlowVerdict.OVER_BLOCKED: "blocked",
    FlowVerdict.INCONCLUSIVE: "unclear",
    FlowVerdict.UNDEFINED: "undef",
}


def _summary_row(one: ScenarioRecord) -> tuple[str, ...]:
    counts = tally.counts([one])
    numbers = [tally.flows(one), *(counts[verdict] for verdict in _SHORT), tally.rounds(one)]
    return str(one.verdict), *map(str, numbers), f"{one.seconds:.2f}", one.id


def _doors(run: RunRecord, pen: Pen, width: int) -> list[str]:
    every = doors.told(run)
    if not every:
        return []
    told = [pen.paint(doors.TITLE, BOLD), *_wrapped("", doors.LEAD, width), ""]
    drawn = aligned([doors.HEADS, *(row for door in every for row in door.rows)])
    told += [pen.paint(drawn[0], BOLD), *drawn[1:], ""]
    for door in every:
        told += [pen.paint(str(door.door), BOLD)]
        told += _wrapped("  guarded by  ", door.guard, width)
        told += _wrapped("  instead     ", door.instead, width)
        for key in door.keys[:MAX_KEYS]:
            told += _wrapped("  key         ", key, width)
        if len(door.keys) > MAX_KEYS:
            told.append(f"  and {len(door.keys) - MAX_KEYS} more; the JSON record has all of them")
    return [*told, "", *_wrapped("", doors.summary(run), width)]


def _gaps(run: RunRecord, width: int) -> list[str]:
    known = [f"{one.id}: {one.known_gap}" for one in run.scenarios if one.known_gap]
    return ["Known gaps of the CNI, which fail no run:", *_each(known, width)] if known else []


def _errors(run: RunRecord, width: int) -> list[str]:
    if not run.errors:
        return []
    return ["Errors of the harness:", *_each(run.errors, width)]


def _each(texts: Iterable[str], width: int) -> list[str]:
    return [line for text in texts for line in _wrapped("  - ", text, width)]


def _end(run: RunRecord, pen: Pen, width: int) -> list[str]:
    told, leaks = [], tally.leaks(run)
    if run.verdict is RunVerdict.NOT_ENFORCED and leaks:
        text = f"{counted(leaks, 'leak')} follow from what the canary says and are not listed."
        told += _wrapped("", text, width)
    last = _wrapped("", run.exit_reason, width)
    return [*told, *(pen.verdict(run.verdict, line) for line in last)]


def _wrapped(head: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        max(width, MIN_WIDTH),
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
