"""What a look at a bundle found, as Markdown for a pull request: pure, values to text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netproof.model.check import CheckRecord
from netproof.model.review import (
    Cause,
    Change,
    DiffRecord,
    Explanation,
    Hint,
    IntentResult,
    Judgement,
    Kept,
    Mutation,
    Note,
)
from netproof.report.reviewtext import (
    SAY_PACKETS,
    SAY_POLICIES,
    SHOWN,
    diff_summary,
    edge,
    left_out,
    note,
    packets,
    summary,
)

_MARK = {Kept.KEPT: "✅", Kept.BROKEN: "❌", Kept.UNKNOWN: "❔"}


def check(record: CheckRecord) -> str:
    """Return the report of a check."""
    lines = [f"### netproof: {_escape(record.bundle)}", "", _escape(summary(record)), ""]
    lines += [_escape(record.exit_reason), ""] if record.exit_reason else []
    lines += _intents(record.intents)
    if record.packets is not None:
        lines += ["", f"**Packets** {_escape(packets(record.packets))}", ""]
        lines += [f"- {_escape(text)}" for text in record.packets.findings]
        lines += [f"- error of the harness: {_escape(text)}" for text in record.packets.errors]
    lines += _hints(record.hints)
    lines += _mutations(record.mutations or ())
    lines += _notes(record.notes)
    return _joined(lines)


def _intents(results: Iterable[IntentResult]) -> Iterator[str]:
    for result in results:
        yield f"- {_MARK[result.kept]} {_code(result.intent)} ({_escape(result.place)})"
        if result.kept is Kept.KEPT:
            continue
        yield f"  - {_escape(result.reason)}"
        yield from _judged(result.static, SAY_POLICIES)
        if result.packets is not None:
            yield from _judged(result.packets, SAY_PACKETS)


def _judged(judgement: Judgement, who: str) -> Iterator[str]:
    if judgement.text:
        yield f"  - {_escape(judgement.text)}"
    for flow in judgement.broken[:SHOWN]:
        yield f"  - {_code(flow.flow)} is meant to be {flow.wanted}; {who} {flow.said}"
        yield from (f"    - {line}" for line in _causes(flow.causes))
    if more := left_out(judgement):
        yield f"  - {more}"


def _causes(causes: Iterable[Cause]) -> Iterator[str]:
    for cause in causes:
        place = f"{_code(cause.place)}: " if cause.place else ""
        yield f"{place}{_escape(cause.text)}"


def _hints(hints: Iterable[Hint]) -> Iterator[str]:
    loud = [hint for hint in hints if not hint.silenced]
    if loud:
        yield from ("", "| hint | where | what it means | fix |", "|---|---|---|---|")
    for hint in loud:
        cells = (f"{hint.severity}: {hint.name}", hint.place, hint.text, hint.fix)
        yield f"| {' | '.join(_escape(cell) for cell in cells)} |"


def _mutations(mutations: Iterable[Mutation]) -> Iterator[str]:
    unnoticed = [one for one in mutations if one.flows and not one.noticed_by]
    if unnoticed:
        head = "| mutation that no intent notices | where | flows | for example |"
        yield from ("", head, "|---|---|---|---|")
    for one in unnoticed:
        cells = (one.text, one.place, str(one.flows), one.example)
        yield f"| {' | '.join(_escape(cell) for cell in cells)} |"


def _notes(notes: Iterable[Note]) -> Iterator[str]:
    found = list(notes)
    if not found:
        return
    yield from ("", "<details><summary>Not as in the bundle</summary>", "")
    yield from (f"- {_escape(note(one))}" for one in found)
    yield from ("", "</details>")


def diff(record: DiffRecord) -> str:
    """Return the changes from one state to another, the most dangerous first."""
    lines = ["### netproof: who reaches whom", "", _escape(diff_summary(record))]
    for title, changes in (("Opens", record.opened), ("Closes", record.closed)):
        if changes:
            lines += ["", f"**{title}**", "", "| danger | flow | was | now | why |"]
            lines += ["|---|---|---|---|---|", *(_row(change) for change in changes)]
    return _joined(lines)


def _row(change: Change) -> str:
    told = "; ".join((change.why, *_causes(change.causes)))
    return f"| {change.danger} | {_code(edge(change))} | {change.was} | {change.now} | {told} |"


def explanations(found: Iterable[Explanation]) -> str:
    """Return the answers with every policy and rule that took part."""
    lines: list[str] = []
    for one in found:
        lines += [f"### {_code(one.flow)} is {one.answer}", ""]
        for side in one.sides:
            lines += [f"**{side.direction}: {side.answer}.** {_escape(side.sentence)}.", ""]
            for argument in side.arguments:
                place = f" ({_code(argument.place)})" if argument.place else ""
                lines.append(f"- {argument.weight}: {_escape(argument.text)}{place}")
            lines.append("")
    return _joined(lines)


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def _code(text: str) -> str:
    return f"`{text.replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def _escape(text: str) -> str:
    for mark in ("\\", "`", "*", "_", "{", "}", "[", "]", "<", ">", "|"):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
