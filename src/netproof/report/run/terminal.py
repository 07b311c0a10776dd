"""The report for people at a terminal: what is wrong first in full, all scenarios in a table.

While the run is under way: a line for each scenario that ends, and one status line. Whoever owns
the terminal writes them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netproof.model.record import (
    CanaryRecord,
    FlowVerdict,
    RunRecord,
    RunVerdict,
    ScenarioRecord,
    StepRecord,
)
from netproof.printing import Printable, coloured
from netproof.report.intents import intent_line
from netproof.report.run import bypass, summary
from netproof.report.run.findings import (
    BESIDES_FLOWS,
    ENDINGS,
    NOTES,
    TITLES,
    FindingGroup,
    account,
    grouped_findings,
    run_finding_line,
    step_line,
)
from netproof.report.run.grid import grid_lines
from netproof.report.run.matrixview import MatrixView, matrix_views
from netproof.report.run.palette import BOLD, GREY, Palette
from netproof.report.text import aligned, counted, printable

MAX_GROUPS = 20
"""So many of a step are told in full; the JSON record has all of them."""

MAX_KEYS = 5
"""Holders of a door's key that are named; a cluster has dozens."""

MIN_WIDTH = 40
_VERDICT_WIDTH = max(map(len, RunVerdict))
_INDENT = "  "


def render(
    record: RunRecord,
    *,
    colour: bool = False,
    width: int = 100,
    unicode: bool = True,
    matrices: bool = False,
) -> Printable:
    """Return the report of a run.

    `width` is in characters; `unicode` False keeps to ASCII; `matrices` prints those of scenarios
    that passed too.
    """
    palette, run, width = Palette(colour, unicode), printable(record), max(width, MIN_WIDTH)
    listed = [one for one in summary.reported_scenarios(run) if matrices or _is_shown(one, run)]
    lines = [_head(run, palette, width)]
    if listed:
        lines.append(palette.legend(width))
    lines += [_scenario(one, palette, width, matrices=matrices) for one in listed]
    lines += [_doors(run, palette, width)]
    lines += [_summary(run.scenarios, palette), _gaps(run, width)]
    lines += [_intents(run, palette, width), _one_relation(run, palette, width)]
    lines += [_left_open(run, palette, width)]
    lines += [_besides_flows(run, palette, width), _notes(run, width), _errors(run, width)]
    lines.append(_end(run, palette, width))
    text = "\n\n".join("\n".join(part) for part in lines if part) + "\n"
    return coloured(palette.finished(text))


def scenario(
    record: ScenarioRecord,
    *,
    colour: bool = False,
    width: int = 100,
    unicode: bool = True,
    matrices: bool = False,
) -> Printable:
    """Return the report of one scenario, with the legend of its matrices."""
    palette, width = Palette(colour, unicode), max(width, MIN_WIDTH)
    lines = _scenario(printable(record), palette, width, matrices=matrices)
    return coloured(palette.finished("\n".join([*lines, "", *palette.legend(width)]) + "\n"))


def brief(record: ScenarioRecord) -> Printable:
    """Return one line: what came of a scenario, and the gravest thing that was seen in it."""
    safe = printable(record)
    wrong = [(step, group) for step in safe.steps for group in grouped_findings(step)]
    head = f"{safe.verdict}  {safe.id}"
    if not wrong:
        return coloured(head)
    step, first = wrong[0]
    more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    text = f"{head}: {TITLES[first.first.verdict]}  {first.title} ({step.name}){more}"
    return coloured(text)


def ended(record: ScenarioRecord, *, colour: bool = False) -> Printable:
    """Return the line that says how a scenario ended, without a newline."""
    verdict = str(record.verdict).ljust(_VERDICT_WIDTH)
    how = ENDINGS[summary.ending(record)]
    parts = (
        Palette(colour).verdict(record.verdict, verdict),
        printable(record.id),
        counted(summary.flow_count(record), "flow"),
        f"{record.seconds:.2f} s",
        f"{how} {counted(summary.most_rounds(record), 'round')}",
    )
    return coloured("  ".join(parts))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: verdicts that are in, scenarios expected, what is under way now."""

    verdicts: tuple[RunVerdict, ...] = ()
    total: int = 0
    running: tuple[str, ...] = ()
    seconds: float = 0.0


def status(progress: Progress, *, width: int, colour: bool = False) -> Printable:
    """Return the status line, at most `width` characters wide, without a newline."""
    head, time = f"[{len(progress.verdicts)}/{progress.total}]", f"{progress.seconds:.0f} s"
    counts = [(verdict, progress.verdicts.count(verdict)) for verdict in RunVerdict]
    results = [(verdict, f"{count} {verdict}") for verdict, count in counts if count]
    fixed = "  ".join([head, *(text for _, text in results), time])
    if len(fixed) > width:
        return coloured(head[:width])
    room = width - len(fixed) - 2
    running = _shortened(", ".join(map(printable, progress.running)), room)
    painted = [Palette(colour).verdict(verdict, text) for verdict, text in results]
    return coloured("  ".join(filter(None, [head, *painted, time, running])))


def _shortened(text: str, room: int) -> str:
    if len(text) <= room:
        return text
    return text[: room - 1] + "…" if room > 1 else ""


def _is_shown(one: ScenarioRecord, run: RunRecord) -> bool:
    if run.verdict is not RunVerdict.NOT_ENFORCED:
        return summary.is_wrong(one)
    findings = (finding for step in one.steps for finding in step.findings)
    return any(summary.is_listed(run, finding) for finding in findings)


def _head(run: RunRecord, palette: Palette, width: int) -> list[str]:
    lines = [
        palette.paint(f"netproof {run.netproof} · run {run.run_id} · {run.started}", BOLD),
        f"{'cluster  ' if run.canaries else ''}{summary.where_line(run, ' · ')}",
    ]
    for canary in run.canaries:
        lines += _canary(canary, width)
    return lines


def _canary(canary: CanaryRecord, width: int) -> list[str]:
    return _wrapped("canary   ", canary.text, width)


def _scenario(record: ScenarioRecord, palette: Palette, width: int, *, matrices: bool) -> list[str]:
    lines = [f"{palette.verdict(record.verdict)}  {palette.paint(record.id, BOLD)}"]
    lines += _wrapped(_INDENT, record.title, width)
    lines += [palette.paint(_INDENT + record.bundle, GREY)] if record.bundle else []
    for step in record.steps:
        if matrices or step.verdict is not RunVerdict.PASS:
            lines += ["", *_step(step, palette, width, matrices=matrices)]
    if record.repeat and record.verdict is not RunVerdict.PASS:
        lines += ["", f"{_INDENT}again:  {record.repeat}"]
    return lines


def _step(step: StepRecord, palette: Palette, width: int, *, matrices: bool) -> list[str]:
    lines = [palette.paint(line, BOLD) for line in _wrapped(_INDENT, step_line(step), width)]
    views = matrix_views(step.tables)
    printed = [view for view in views if matrices or view.has_trouble]
    for view in printed:
        lines += ["", f"{_INDENT}{view.label}"]
        lines += [_INDENT + line for line in grid_lines(view, width - len(_INDENT), palette)]
    lines += _as_expected([view for view in views if view not in printed], width)
    return lines + _groups(step, palette, width)


def _as_expected(rest: Sequence[MatrixView], width: int) -> list[str]:
    lines = []
    for view in rest:
        text = f"{view.label}: all {view.flows} flows as expected"
        lines += ["", *_wrapped(_INDENT, text, width)]
    return lines


def _groups(step: StepRecord, palette: Palette, width: int) -> list[str]:
    listed = grouped_findings(step)
    lines: list[str] = []
    for group in listed[:MAX_GROUPS]:
        lines += ["", *_group(group, palette, width)]
    if len(listed) > MAX_GROUPS:
        left = len(listed) - MAX_GROUPS
        lines += ["", f"{_INDENT}and {left} more; the JSON record has all of them"]
    return lines


def _group(group: FindingGroup, palette: Palette, width: int) -> list[str]:
    first = group.first
    head = palette.verdict(first.verdict, TITLES[first.verdict])
    lines = [f"{_INDENT}{head}  {group.title}"]
    for label, text in account(first, group.places):
        lines += _wrapped(f"{_INDENT}  {label:<8}  ", text, width)
    return lines


def _summary(scenarios: Sequence[ScenarioRecord], palette: Palette) -> list[str]:
    if not scenarios:
        return []
    heads = ("verdict", "flows", *_SHORT.values(), "rounds", "seconds", "scenario")
    rows = [_summary_row(one) for one in scenarios]
    table = aligned([heads, *rows], right=range(1, len(heads) - 1))
    painted = [
        line.replace(str(one.verdict), palette.verdict(one.verdict), 1) if palette.colour else line
        for one, line in zip(scenarios, table[1:], strict=True)
    ]
    return [palette.paint(table[0], BOLD), *painted]


_SHORT = {
    FlowVerdict.ENFORCED: "enforced",
    FlowVerdict.LEAK: "leak",
    FlowVerdict.OVER_BLOCKED: "blocked",
    FlowVerdict.INCONCLUSIVE: "unclear",
    FlowVerdict.UNDEFINED: "undef",
}


def _summary_row(one: ScenarioRecord) -> tuple[str, ...]:
    counts = summary.counts([one])
    numbers = [
        summary.flow_count(one),
        *(counts[verdict] for verdict in _SHORT),
        summary.most_rounds(one),
    ]
    return str(one.verdict), *map(str, numbers), f"{one.seconds:.2f}", one.id


def _doors(run: RunRecord, palette: Palette, width: int) -> list[str]:
    doors = bypass.door_summaries(run)
    if not doors:
        return []
    lines = [palette.paint(bypass.TITLE, BOLD), *_wrapped("", bypass.LEAD, width), ""]
    table = aligned([bypass.HEADS, *(row for door in doors for row in door.rows)])
    lines += [palette.paint(table[0], BOLD), *table[1:], ""]
    for door in doors:
        lines += [palette.paint(str(door.door), BOLD)]
        lines += _wrapped("  guarded by  ", door.guard, width)
        lines += _wrapped("  instead     ", door.instead, width)
        for key in door.keys[:MAX_KEYS]:
            lines += _wrapped("  key         ", key, width)
        if len(door.keys) > MAX_KEYS:
            lines.append(f"  and {len(door.keys) - MAX_KEYS} more; the JSON record has all of them")
    return [*lines, "", *_wrapped("", bypass.open_doors_sentence(run), width)]


def _gaps(run: RunRecord, width: int) -> list[str]:
    known = [f"{one.id}: {one.known_gap}" for one in run.scenarios if one.known_gap]
    return ["Known gaps of the CNI, which fail no run:", *_each(known, width)] if known else []


def _intents(run: RunRecord, palette: Palette, width: int) -> list[str]:
    lines = _each(map(intent_line, run.intents), width)
    return [palette.paint("Intents:", BOLD), *lines] if lines else []


def _one_relation(run: RunRecord, palette: Palette, width: int) -> list[str]:
    lines = _each(summary.one_relation_lines(run), width)
    return [palette.paint(f"{summary.ONE_RELATION}:", BOLD), *lines] if lines else []


def _left_open(run: RunRecord, palette: Palette, width: int) -> list[str]:
    lines = _each(summary.left_open_lines(run), width)
    return [palette.paint(f"{summary.LEFT_OPEN}:", BOLD), *lines] if lines else []


def _besides_flows(run: RunRecord, palette: Palette, width: int) -> list[str]:
    lines = _each(map(run_finding_line, run.findings), width)
    return [palette.paint(f"{BESIDES_FLOWS}:", BOLD), *lines] if lines else []


def _notes(run: RunRecord, width: int) -> list[str]:
    return [f"{NOTES}:", *_each(run.notes, width)] if run.notes else []


def _errors(run: RunRecord, width: int) -> list[str]:
    if not run.errors:
        return []
    return ["Errors of the harness:", *_each(run.errors, width)]


def _each(texts: Iterable[str], width: int) -> list[str]:
    return [line for text in texts for line in _wrapped("  - ", text, width)]


def _end(run: RunRecord, palette: Palette, width: int) -> list[str]:
    lines, leaks = [], summary.leak_count(run)
    if run.verdict is RunVerdict.NOT_ENFORCED and leaks:
        text = f"{counted(leaks, 'leak')} follow from what the canary says and are not listed."
        lines += _wrapped("", text, width)
    last = _wrapped("", run.exit_reason, width)
    return [*lines, *(palette.verdict(run.verdict, line) for line in last)]


def _wrapped(head: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        max(width, MIN_WIDTH),
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
