"""The report as GitHub-flavoured Markdown, as a comment on a pull request would carry it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netproof.model.record import FlowVerdict, RunRecord, RunVerdict, ScenarioRecord, StepRecord
from netproof.printing import Printable, several_lines
from netproof.report.intents import intent_line
from netproof.report.markup import (
    COMMENT,
    MARK,
    fitted,
    markdown,
    markdown_code,
    markdown_fence,
    markdown_table,
)
from netproof.report.run import bypass, summary
from netproof.report.run.findings import (
    AGAIN,
    BESIDES_FLOWS,
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
from netproof.report.run.matrixview import matrix_views
from netproof.report.run.palette import Palette
from netproof.report.text import counted, printable

MAX_GROUPS = 20
"""So many of a step are listed: a comment has an end (GitHub's is 65,536 characters)."""

MAX_ROWS = 50
"""So many scenarios are in the table, for the same reason."""

MAX_KEYS = 10
"""Holders of a door's key that are named, for the same reason."""

WIDTH = 120


def render(record: RunRecord) -> Printable:
    """Return the run as Markdown."""
    return several_lines("\n\n".join(_parts(printable(record))) + "\n")


def comment(record: RunRecord, limit: int = COMMENT) -> Printable:
    """Return the run as a comment of at most `limit` characters, the verdict first."""
    return several_lines(fitted(_parts(printable(record)), limit - len(MARK) - 3) + f"\n\n{MARK}\n")


def _parts(run: RunRecord) -> list[str]:
    parts = [f"## netproof: {run.verdict}", markdown(run.exit_reason), _where(run)]
    if run.notes:
        parts += [f"{NOTES}:", _list(run.notes)]
    parts += [markdown(canary.text) for canary in run.canaries]
    parts += _causes(run)
    parts += _table(run.scenarios)
    if run.intents:
        parts += ["### Intents", _list(map(intent_line, run.intents))]
    if run.findings:
        parts += [f"### {BESIDES_FLOWS}", _list(map(run_finding_line, run.findings))]
    for scenario in summary.reported_scenarios(run):
        parts += _scenario(scenario, run)
    parts += _doors(run)
    if lines := summary.one_relation_lines(run):
        parts += [f"### {summary.ONE_RELATION}", _list(lines)]
    if lines := summary.left_open_lines(run):
        parts += [f"### {summary.LEFT_OPEN}", _list(lines)]
    if run.verdict is RunVerdict.NOT_ENFORCED and summary.leak_count(run):
        parts.append(
            f"{counted(summary.leak_count(run), 'leak')} follow from that and are not listed."
        )
    if run.errors:
        parts += ["### Errors of the harness", _list(run.errors)]
    return parts


def _where(run: RunRecord) -> str:
    where = summary.where_line(run, ", ")
    return markdown(f"{'Cluster: ' if run.canaries else ''}{where}. {run.seconds:.1f} s.")


def _causes(run: RunRecord) -> list[str]:
    if not run.causes:
        return []
    lines = []
    for cause in run.causes:
        lines.append(f"- **{markdown(cause.text)}**")
        lines += [
            f"  - {label}: {markdown_code(text) if label == AGAIN else markdown(text)}"
            for label, text in cause_account(cause)
        ]
    return ["### Causes", "\n".join(lines)]


def _table(scenarios: Sequence[ScenarioRecord]) -> list[str]:
    """Return a table of scenarios; of many, those alone that did not pass."""
    shown = [one for one in scenarios if len(scenarios) <= MAX_ROWS or summary.is_wrong(one)]
    heads = ["scenario", "verdict", "flows", *FlowVerdict, "rounds", "seconds"]
    rows = [_row(one) for one in shown[:MAX_ROWS]]
    parts = [markdown_table([heads, *rows], right=range(2, len(heads)))] if rows else []
    left = len(scenarios) - len(rows)
    return [*parts, f"{counted(left, 'scenario')} more in the JSON record"] if left else parts


def _row(one: ScenarioRecord) -> list[str]:
    counts = summary.counts([one])
    numbers = [
        summary.flow_count(one),
        *(counts[verdict] for verdict in FlowVerdict),
        summary.most_rounds(one),
    ]
    verdict = str(one.verdict) if one.verdict is RunVerdict.PASS else f"**{one.verdict}**"
    return [markdown(one.id), verdict, *map(str, numbers), f"{one.seconds:.2f}"]


def _scenario(scenario: ScenarioRecord, run: RunRecord) -> list[str]:
    if scenario.known_gap:
        return [f"Known gap, fails no run: {markdown(scenario.id)}: {markdown(scenario.known_gap)}"]
    parts = []
    for step in scenario.steps:
        wrong = grouped_findings(step)
        listed = [one for one in wrong if summary.is_listed(run, one.first)]
        if listed:
            parts += [markdown(step_line(step)), *_groups(listed), _matrices(step)]
    if not parts:
        return []
    if scenario.repeat:
        parts.append(f"Again: {markdown_code(scenario.repeat)}")
    return [f"### {scenario.verdict}: {markdown(scenario.id)}", markdown(scenario.title), *parts]


def _groups(listed: list[FindingGroup]) -> list[str]:
    parts = ["\n".join(map(_group, listed[:MAX_GROUPS]))]
    if len(listed) > MAX_GROUPS:
        parts.append(f"and {len(listed) - MAX_GROUPS} more in the JSON record")
    return parts


def _group(group: FindingGroup) -> str:
    lines = [f"- **{TITLES[group.first.verdict]}** {markdown(group.title)}"]
    parts = account(group.first, group.places)
    return "\n".join([*lines, *(f"  - {label}: {markdown(text)}" for label, text in parts)])


def _matrices(step: StepRecord) -> str:
    palette = Palette()
    lines = [*palette.legend(WIDTH)]
    for view in matrix_views(step.tables):
        if view.has_trouble:
            lines += ["", view.label, *grid_lines(view, WIDTH, palette)]
    matrices = "\n".join(lines)
    return f"<details><summary>Matrix</summary>\n\n{markdown_fence(matrices)}\n\n</details>"


def _doors(run: RunRecord) -> list[str]:
    doors = bypass.door_summaries(run)
    if not doors:
        return []
    rows = [tuple(map(markdown, row)) for door in doors for row in door.rows]
    parts = [f"### {bypass.TITLE}", markdown(bypass.LEAD), markdown_table([bypass.HEADS, *rows])]
    return [*parts, *map(_door, doors), markdown(bypass.open_doors_sentence(run))]


def _door(one: bypass.DoorSummary) -> str:
    lines = [f"- **{markdown(str(one.door))}**", f"  - guarded by: {markdown(one.guard)}"]
    lines += [f"  - instead: {markdown(one.instead)}"]
    lines += [f"  - key: {markdown(key)}" for key in one.keys[:MAX_KEYS]]
    if len(one.keys) > MAX_KEYS:
        lines.append(f"  - and {len(one.keys) - MAX_KEYS} more in the JSON record")
    return "\n".join(lines)


def _list(texts: Iterable[str]) -> str:
    return "\n".join(f"- {markdown(text)}" for text in texts)
