"""The report for people at a terminal: the sentence, causes, and the first findings in full.

The end begins with the verdict's sentence; what findings have in common, three cases in full and
the others as one line each follow, then where the reports are and what to run next. No line is
wider than the terminal but a word that is.

While the run is under way: a line for each scenario that ends, and one status line. Whoever owns
the terminal writes them.
"""

from __future__ import annotations

import re
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
    AGAIN,
    BESIDES_FLOWS,
    ENDINGS,
    NOTES,
    TITLES,
    FindingGroup,
    account,
    cause_account,
    grouped_findings,
    run_finding_line,
    step_line,
)
from netproof.report.run.grid import grid_lines
from netproof.report.run.matrixview import MatrixView, matrix_views
from netproof.report.run.palette import Palette
from netproof.report.text import (
    BOLD,
    GREY,
    aligned,
    columns,
    counted,
    hanging,
    printable,
    shortened,
)

MAX_GROUPS = 20
"""So many of a step are told in full; the JSON record has all of them."""

MAX_IN_FULL = 3
"""So many cases that went wrong are told in full; the others have a line, the page has them all."""

MAX_ROWS = 20
"""A table of more scenarios is shown on request only."""

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
    reports: str = "",
) -> Printable:
    """Return the report of a run.

    `width` is in characters; `unicode` False keeps to ASCII; `matrices` prints those of all
    scenarios, and the table of them. `reports` says where the other reports are, "" for nowhere.
    """
    palette, run, width = Palette(colour, unicode), printable(record), max(width, MIN_WIDTH)
    lines = [_head(run, palette, width)]
    if matrices:
        lines.append(palette.legend(width))
        shown = summary.reported_scenarios(run)
        lines += [_scenario(one, palette, width, matrices=True) for one in shown]
    if matrices or len(run.scenarios) <= MAX_ROWS:
        lines.append(_summary(run.scenarios, palette, width))
    lines += [_doors(run, palette, width), _gaps(run, width)]
    listed: tuple[tuple[str, Iterable[str]], ...] = (
        ("Intents", map(intent_line, run.intents)),
        (summary.ONE_RELATION, summary.one_relation_lines(run)),
        (summary.LEFT_OPEN, summary.left_open_lines(run)),
        (BESIDES_FLOWS, map(run_finding_line, run.findings)),
    )
    lines += [_listed(title, texts, palette, width) for title, texts in listed]
    lines += [_errors(run, width), _end(run, palette, width), _notes(run, width)]
    lines += [_causes(run, palette, width), *([] if matrices else _wrong(run, palette, width))]
    lines.append(_where_next(run, reports, width))
    text = "\n\n".join("\n".join(part) for part in lines if part) + "\n"
    return coloured(palette.finished(text))


def _wrong(run: RunRecord, palette: Palette, width: int) -> list[list[str]]:
    """Return the first cases that went wrong in full, those of causes before others."""
    examples = [cause.example for cause in run.causes]
    wrong = [one for one in summary.reported_scenarios(run) if _is_shown(one, run)]
    wrong.sort(key=lambda one: examples.index(one.id) if one.id in examples else len(examples))
    parts = [palette.legend(width)] if wrong else []
    parts += [_scenario(one, palette, width, matrices=False) for one in wrong[:MAX_IN_FULL]]
    rest = [_cut(brief(one), width) for one in wrong[MAX_IN_FULL:]]
    return [*parts, [f"and {counted(len(rest), 'case')} more:", *rest] if rest else []]


def _causes(run: RunRecord, palette: Palette, width: int) -> list[str]:
    lines = [palette.paint("Causes:" if run.causes[1:] else "Cause:", BOLD)] if run.causes else []
    for cause in run.causes:
        lines += _wrapped("  - ", cause.text, width)
        for label, text in cause_account(cause):
            lines += _labelled(label, text, width)
    return lines


def _labelled(label: str, text: str, width: int) -> list[str]:
    head = f"{_INDENT}  {label:<9}  "
    return command_lines(head, text, width) if label == AGAIN else _wrapped(head, text, width)


def command_lines(head: str, text: str, width: int) -> list[str]:
    """Return a command on as many lines as it needs, as a shell reads them on."""
    lines = [head]
    for piece in _PIECES.findall(text):
        room = width - len(lines[-1]) - 2
        if len(piece.rstrip()) > room and lines[-1].strip() and lines[-1] != head:
            lines[-1] = f"{lines[-1]}\\"
            lines.append(" " * len(head))
        lines[-1] += piece
    return [line.rstrip() for line in lines]


_PIECES = re.compile(r"(?:'[^']*'|\"[^\"]*\"|\S)+\s*")
"""The words of a command with the blanks behind them."""


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _where_next(run: RunRecord, reports: str, width: int) -> list[str]:
    """Say where the other reports are, and what to run next."""
    lines = _wrapped("reports  ", reports, width) if reports else []
    if run.verdict in (RunVerdict.PASS, RunVerdict.NOT_ENFORCED):
        return lines
    again = next((cause.repeat for cause in run.causes if cause.repeat), "")
    failed = [one for one in summary.reported_scenarios(run) if summary.is_wrong(one)]
    again = again or next((one.repeat for one in failed if one.repeat), "")
    return [*lines, *(command_lines("next     ", again, width) if again else [])]


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


def ended(record: ScenarioRecord, *, colour: bool = False, width: int = 0) -> Printable:
    """Return the line that says how a scenario ended, without a newline.

    What would be wider than `width`, if that is not 0, is left out where the scenario passed, and
    goes on in lines that are set in where it did not; the name stays whole.
    """
    verdict = str(record.verdict).ljust(_VERDICT_WIDTH)
    how = ENDINGS[summary.ending(record)]
    parts = [
        printable(record.id),
        counted(summary.flow_count(record), "flow"),
        f"{record.seconds:.2f} s",
        f"{how} {counted(summary.most_rounds(record), 'round')}",
    ]
    while record.verdict is RunVerdict.PASS and parts[1:] and _is_wider(verdict, parts, width):
        parts.pop()
    text = _GAP.join((verdict, *parts))
    if _is_wider(verdict, parts, width):
        indent = " " * len(verdict + _GAP)
        rest = _wrapped(indent, _GAP.join(parts[1:]), width)
        text = "\n".join((f"{verdict}{_GAP}{parts[0]}", *rest))
    return coloured(text.replace(verdict, Palette(colour).verdict(record.verdict, verdict), 1))


def _is_wider(verdict: str, parts: Iterable[str], width: int) -> bool:
    return bool(width) and columns(_GAP.join((verdict, *parts))) > width


def leaks(record: ScenarioRecord) -> int:
    """Return how many leaks of a scenario count: those of a known gap fail no run."""
    return 0 if record.known_gap else summary.counts([record])[FlowVerdict.LEAK]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: verdicts that are in, cases expected and done, what is under way now.

    `phase` names what goes on before the first case, `left_s` is about how long it will take yet,
    None where nobody can tell.
    """

    verdicts: tuple[RunVerdict, ...] = ()
    total: int = 0
    running: tuple[str, ...] = ()
    seconds: float = 0.0
    done: int = 0
    leaks: int = 0
    left_s: float | None = None
    phase: str = ""


def status(progress: Progress, *, width: int, colour: bool = False) -> Printable:
    """Return the live line, at most `width` columns wide, without a newline.

    What is under way gives way first, then verdicts, then the time; leaks stay as long as can be.
    """
    palette, time = Palette(colour), _time(progress)
    if progress.phase:
        text = shortened(printable(f"{progress.phase}  {time}"), width)
        return coloured(text)
    head = f"[{progress.done}/{progress.total}]"
    counts = [(verdict, progress.verdicts.count(verdict)) for verdict in RunVerdict]
    results = [(verdict, f"{count} {verdict}") for verdict, count in counts if count]
    leaked = counted(progress.leaks, "leak") if progress.leaks else ""
    room = width - columns(head)
    kept = set[str]()
    for text in (leaked, time, *(text for _, text in results)):
        if text and len(text) + len(_GAP) <= room:
            kept.add(text)
            room -= len(text) + len(_GAP)
    running = shortened(", ".join(map(printable, progress.running)), room - len(_GAP))
    shown = (
        *(palette.verdict(verdict, text) for verdict, text in results if text in kept),
        *(palette.verdict(FlowVerdict.LEAK, text) for text in (leaked,) if text in kept),
        *(text for text in (time,) if text in kept),
        running,
    )
    return coloured(_GAP.join(filter(None, [shortened(head, width), *shown])))


_GAP = "  "


def _time(progress: Progress) -> str:
    seconds, left_s = progress.seconds, progress.left_s
    return f"{seconds:.0f} s" if left_s is None else f"{seconds:.0f} s, {_about(left_s)} left"


def _about(seconds: float) -> str:
    """Say a time that nobody knows exactly: 7 s, 40 s, 3 min, 2 h."""
    if seconds < 100:
        return f"about {max(1, round(seconds, -1 if seconds >= 20 else 0)):.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.0f} h"


def _is_shown(one: ScenarioRecord, run: RunRecord) -> bool:
    if run.verdict is not RunVerdict.NOT_ENFORCED:
        return summary.is_wrong(one)
    findings = (finding for step in one.steps for finding in step.findings)
    return any(summary.is_listed(run, finding) for finding in findings)


def _head(run: RunRecord, palette: Palette, width: int) -> list[str]:
    what = f"netproof {run.netproof} · run {run.run_id} · {run.started}"
    lines = [palette.paint(line, BOLD) for line in _wrapped("", what, width)]
    lines += _wrapped("cluster  " if run.canaries else "", summary.where_line(run, " · "), width)
    for canary in run.canaries:
        lines += _canary(canary, width)
    return lines


def _canary(canary: CanaryRecord, width: int) -> list[str]:
    return _wrapped("canary   ", canary.text, width)


def _scenario(record: ScenarioRecord, palette: Palette, width: int, *, matrices: bool) -> list[str]:
    name = _cut(record.id, width - len(record.verdict) - 2)
    lines = [f"{palette.verdict(record.verdict)}  {palette.paint(name, BOLD)}"]
    lines += _wrapped(_INDENT, record.title, width)
    lines += [palette.paint(one, GREY) for one in _wrapped(_INDENT, record.bundle, width)]
    for step in record.steps:
        if matrices or step.verdict is not RunVerdict.PASS:
            lines += ["", *_step(step, palette, width, matrices=matrices)]
    if record.repeat and record.verdict is not RunVerdict.PASS:
        lines += ["", *command_lines(f"{_INDENT}again:  ", record.repeat, width)]
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
    word = TITLES[first.verdict]
    lines = _wrapped(f"{_INDENT}{word}  ", group.title, width)
    lines[0] = lines[0].replace(word, palette.verdict(first.verdict, word), 1)
    for label, text in account(first, group.places):
        lines += _wrapped(f"{_INDENT}  {label:<8}  ", text, width)
    return lines


def _summary(scenarios: Sequence[ScenarioRecord], palette: Palette, width: int) -> list[str]:
    if not scenarios:
        return []
    heads = ("verdict", "flows", *_SHORT.values(), "rounds", "seconds", "scenario")
    rows = _narrowed([heads, *map(_summary_row, scenarios)], width)
    table = [_cut(row, width) for row in aligned(rows, right=range(1, len(rows[0]) - 1))]
    painted = [
        line.replace(str(one.verdict), palette.verdict(one.verdict), 1) if palette.colour else line
        for one, line in zip(scenarios, table[1:], strict=True)
    ]
    return [palette.paint(table[0], BOLD), *painted]


def _narrowed(rows: Sequence[tuple[str, ...]], width: int) -> Sequence[tuple[str, ...]]:
    """Leave out columns, the least telling first, until the names of scenarios are seen whole."""
    for name in ("rounds", "undef", "seconds", "unclear", "blocked"):
        if max(map(len, aligned(rows))) <= width:
            break
        at = rows[0].index(name)
        rows = [row[:at] + row[at + 1 :] for row in rows]
    return rows


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
    rows = [row for door in doors for row in door.rows]
    table = aligned([bypass.HEADS, *rows])
    if max(map(len, table)) > width:
        lines += [line for row in rows for line in _row_in_words(row, width)]
    else:
        lines += [palette.paint(table[0], BOLD), *table[1:]]
    lines.append("")
    for door in doors:
        lines += [palette.paint(str(door.door), BOLD)]
        lines += _wrapped("  guarded by  ", door.guard, width)
        lines += _wrapped("  instead     ", door.instead, width)
        for key in door.keys[:MAX_KEYS]:
            lines += _wrapped("  key         ", key, width)
        if len(door.keys) > MAX_KEYS:
            lines.append(f"  and {len(door.keys) - MAX_KEYS} more; the JSON record has all of them")
    return [*lines, "", *_wrapped("", bypass.open_doors_sentence(run), width)]


def _row_in_words(row: bypass.DoorRow, width: int) -> list[str]:
    """Return a row of a table that does not fit, its cells under its heads in words."""
    cells = [f"{head} {cell}" for head, cell in zip(bypass.HEADS, row, strict=True)]
    return _wrapped("- ", ", ".join(cells).removeprefix(f"{bypass.HEADS[0]} "), width)


def _gaps(run: RunRecord, width: int) -> list[str]:
    known = [f"{one.id}: {one.known_gap}" for one in run.scenarios if one.known_gap]
    return ["Known gaps of the CNI, which fail no run:", *_each(known, width)] if known else []


def _listed(title: str, texts: Iterable[str], palette: Palette, width: int) -> list[str]:
    lines = _each(texts, width)
    return [palette.paint(f"{title}:", BOLD), *lines] if lines else []


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
    return hanging(head, text, max(width, MIN_WIDTH))
