"""The report as GitHub-flavoured Markdown, as a comment on a pull request would carry it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from netproof.model.record import FlowVerdict, RunRecord, RunVerdict, ScenarioRecord, StepRecord
from netproof.report import doors, tally
from netproof.report.grid import lines as grid_lines
from netproof.report.panels import panels
from netproof.report.pen import Pen
from netproof.report.printable import printable
from netproof.report.words import (
    TITLES,
    Mismatch,
    counted,
    mismatches,
    step_told,
    story,
)

MAX_MISMATCHES = 20
"""So many of a step are listed: a comment has an end (GitHub's is 65,536 characters)."""

MAX_KEYS = 10
"""Holders of a door's key that are named, for the same reason."""

WIDTH = 120
_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_[]<>|#~&"} | {"@": "&#64;"})


def render(record: RunRecord) -> str:
    """Return the run as Markdown."""
    run = printable(record)
    told = [f"## netproof: {run.verdict}", _text(run.exit_reason), _where(run)]
    told += [_text(canary.text) for canary in run.canaries]
    told += _table(run.scenarios)
    for scenario in tally.told(run):
        told += _scenario(scenario, run)
    told += _doors(run)
    if run.verdict is RunVerdict.NOT_ENFORCED and tally.leaks(run):
        told.append(f"{counted(tally.leaks(run), 'leak')} follow from that and are not listed.")
    if run.errors:
        told += ["### Errors of the harness", _list(run.errors)]
    return "\n\n".join(told) + "\n"


def _where(run: RunRecord) -> str:
    cluster = run.cluster
    nodes = counted(len(cluster.nodes), "node")
    parts = [f"{cluster.kind} {cluster.name}".strip(), cluster.version, cluster.dataplane, nodes]
    return _text(f"Cluster: {', '.join(filter(None, parts))}. {run.seconds:.1f} s.")


def _table(scenarios: Iterable[ScenarioRecord]) -> list[str]:
    heads = ["scenario", "verdict", "flows", *FlowVerdict, "rounds", "seconds"]
    rows = [_row(one) for one in scenarios]
    ruler = ["---", "---", *["---:"] * (len(heads) - 2)]
    return ["\n".join(f"| {' | '.join(row)} |" for row in (heads, ruler, *rows))] if rows else []


def _row(one: ScenarioRecord) -> list[str]:
    counts = tally.counts([one])
    numbers = [tally.flows(one), *(counts[verdict] for verdict in FlowVerdict), tally.rounds(one)]
    verdict = str(one.verdict) if one.verdict is RunVerdict.PASS else f"**{one.verdict}**"
    return [_text(one.id), verdict, *map(str, numbers), f"{one.seconds:.2f}"]


def _scenario(scenario: ScenarioRecord, run: RunRecord) -> list[str]:
    if scenario.known_gap:
        return [f"Known gap, fails no run: {_text(scenario.id)}: {_text(scenario.known_gap)}"]
    told = []
    for step in scenario.steps:
        every = mismatches(step)
        listed = [one for one in every if tally.worth_listing(run, one.first)]
        if listed:
            told += [_text(step_told(step)), *_mismatches(listed), _matrices(step)]
    if not told:
        return []
    if scenario.repeat:
        told.append(f"Again: {_code(scenario.repeat)}")
    return [f"### {scenario.verdict}: {_text(scenario.id)}", _text(scenario.title), *told]


def _mismatches(listed: list[Mismatch]) -> list[str]:
    told = ["\n".join(map(_mismatch, listed[:MAX_MISMATCHES]))]
    if len(listed) > MAX_MISMATCHES:
        told.append(f"and {len(listed) - MAX_MISMATCHES} more in the JSON record")
    return told


def _mismatch(mismatch: Mismatch) -> str:
    lines = [f"- **{TITLES[mismatch.first.verdict]}** {_text(mismatch.title)}"]
    told = story(mismatch.first, mismatch.places)
    return "\n".join([*lines, *(f"  - {label}: {_text(text)}" for label, text in told)])


def _matrices(step: StepRecord) -> str:
    pen = Pen()
    lines = [*pen.legend(WIDTH)]
    for panel in panels(step.tables):
        if panel.has_trouble:
            lines += ["", panel.label, *grid_lines(panel, WIDTH, pen)]
    drawn = "\n".join(lines).replace("```", "'''")
    return f"<details><summary>Matrix</summary>\n\n```text\n{drawn}\n```\n\n</details>"


def _doors(run: RunRecord) -> list[str]:
    every = doors.told(run)
    if not every:
        return []
    rows = [doors.HEADS, ["---"] * len(doors.HEADS)]
    rows += [list(map(_text, row)) for door in every for row in door.rows]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    told = [f"### {doors.TITLE}", _text(doors.LEAD), table]
    return [*told, *map(_door, every), _text(doors.summary(run))]


def _door(one: doors.DoorTold) -> str:
    lines = [f"- **{_text(str(one.door))}**", f"  - guarded by: {_text(one.guard)}"]
    lines += [f"  - instead: {_text(one.instead)}"]
    lines += [f"  - key: {_text(key)}" for key in one.keys[:MAX_KEYS]]
    if len(one.keys) > MAX_KEYS:
        lines.append(f"  - and {len(one.keys) - MAX_KEYS} more in the JSON record")
    return "\n".join(lines)


def _list(texts: Iterable[str]) -> str:
    return "\n".join(f"- {_text(text)}" for text in texts)


def _code(text: str) -> str:
    """Quote a command, between more backticks than stand side by side in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}" if longest else f"{fence}{text}{fence}"


def _text(text: str) -> str:
    """Take its meaning in Markdown and HTML from every character, that of a mention included."""
    return text.translate(_SPECIAL)
