"""What a look at a bundle found, as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from netproof.model.check import CheckRecord
from netproof.model.review import (
    Cause,
    DiffRecord,
    Explanation,
    Hint,
    IntentJudgement,
    IntentResult,
    Mutation,
    Note,
    ReachChange,
)
from netproof.printing import Printable, several_lines
from netproof.report.intents import basis_line, standing
from netproof.report.markup import (
    COMMENT,
    MARK,
    fitted,
    markdown,
    markdown_code,
    markdown_table,
)
from netproof.report.review.sentences import (
    SHOWN,
    answer_line,
    check_summary,
    counting_sentence,
    diff_summary,
    edge_line,
    judgements,
    left_out,
    merged,
    note_lines,
    packets_sentence,
    said_of,
)
from netproof.report.text import printable

_MARKS = {"KEPT": "✅", "HOLDS": "☑️", "BROKEN": "❌", "UNKNOWN": "❔"}


def check(record: CheckRecord) -> Printable:
    """Return the report of a check."""
    return _joined(["\n\n".join(_parts(printable(record)))])


def comment(record: CheckRecord, limit: int = COMMENT) -> Printable:
    """Return the check as a comment of at most `limit` characters, the verdict first."""
    return several_lines(fitted(_parts(printable(record)), limit - len(MARK) - 3) + f"\n\n{MARK}\n")


def _parts(safe: CheckRecord) -> list[str]:
    """Return a check in parts, what counts most first."""
    parts = [f"### netproof: {markdown(safe.bundle)}"]
    parts += [markdown(safe.exit_reason)] if safe.exit_reason else []
    if counting := counting_sentence(safe):
        parts.insert(1, f"**{counting}**")
    parts.append(markdown(check_summary(safe)))
    parts.append("\n".join(_intents(safe.intents)))
    if safe.packets is not None:
        lines = [f"- {markdown(text)}" for text in safe.packets.findings]
        lines += [f"- error of the harness: {markdown(text)}" for text in safe.packets.errors]
        parts += [f"**Packets** {markdown(packets_sentence(safe.packets))}", "\n".join(lines)]
    parts += _hints([hint for hint in safe.hints if not hint.silenced])
    parts += _mutations(safe.unnoticed)
    parts += _notes(safe.notes)
    return [part for part in parts if part]


def diff(record: DiffRecord) -> Printable:
    """Return the changes from one state to another, the most dangerous first."""
    safe = printable(record)
    lines = ["### netproof: who reaches whom", "", markdown(diff_summary(safe))]
    for title, changes in (("Opens", safe.opened), ("Closes", safe.closed)):
        if changes:
            rows = [("danger", "flow", "was", "now", "why"), *map(_change, changes)]
            lines += ["", f"**{title}**", "", markdown_table(rows)]
    if safe.unknown:
        lines += ["", "**Not known**", "", *(f"- {markdown(line)}" for line in safe.unknown)]
    return _joined(lines)


def explanations(answers: Iterable[Explanation]) -> Printable:
    """Return the answers with every policy and rule that took part."""
    lines: list[str] = []
    for one in map(printable, merged(answers)):
        lines += [f"### {answer_line(markdown_code(one.flow), one)}", ""]
        lines += [f"- {line}" for line in _causes(one.doubts)] + [""] * bool(one.doubts)
        for side in one.sides:
            lines += [f"**{side.direction}: {side.answer}.** {markdown(side.sentence)}.", ""]
            for argument in side.arguments:
                place = f" ({markdown_code(argument.place)})" if argument.place else ""
                lines.append(f"- {argument.weight}: {markdown(argument.text)}{place}")
            lines.append("")
    return _joined(lines)


def _intents(results: Iterable[IntentResult]) -> Iterator[str]:
    for result in results:
        mark = _MARKS[standing(result)]
        yield f"- {mark} {markdown_code(result.intent)} ({markdown(result.place)})"
        if result.kept.holds:
            yield f"  - {standing(result).lower()} {markdown(basis_line(result))}"
            continue
        yield f"  - {markdown(result.reason)}"
        for judgement, who in judgements(result):
            yield from _judged(judgement, who)


def _judged(judgement: IntentJudgement, who: str) -> Iterator[str]:
    if judgement.text:
        yield f"  - {markdown(judgement.text)}"
    for flow in judgement.broken[:SHOWN]:
        yield f"  - {markdown_code(flow.flow)} {said_of(flow, who)}"
        yield from (f"    - {line}" for line in _causes(flow.causes))
    if more := left_out(judgement):
        yield f"  - {more}"


def _causes(causes: Iterable[Cause]) -> Iterator[str]:
    for cause in causes:
        place = f"{markdown_code(cause.place)}: " if cause.place else ""
        yield f"{place}{markdown(cause.text)}"


def _hints(hints: Sequence[Hint]) -> Iterator[str]:
    if hints:
        cells = [(f"{one.severity}: {one.name}", one.place, one.text, one.fix) for one in hints]
        yield _table(("hint", "where", "what it means", "fix"), cells)


def _mutations(mutations: Sequence[Mutation]) -> Iterator[str]:
    if mutations:
        cells = [(one.text, one.place, str(one.flows), one.example) for one in mutations]
        heads = ("mutation that no intent notices", "where", "flows", "for example")
        yield _table(heads, cells)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return markdown_table([heads, *(tuple(map(markdown, row)) for row in rows)])


def _notes(notes: Sequence[Note]) -> Iterator[str]:
    if notes:
        lines = "\n".join(f"- {markdown(line)}" for line in note_lines(notes))
        yield f"<details><summary>Not as in the bundle</summary>\n\n{lines}\n\n</details>"


def _change(change: ReachChange) -> tuple[str, ...]:
    why = "; ".join((markdown(change.why), *_causes(change.causes)))
    flow = markdown_code(edge_line(change))
    return str(change.danger), flow, str(change.was), str(change.now), why


def _joined(lines: Iterable[str]) -> Printable:
    return several_lines("\n".join(lines).rstrip() + "\n")
