"""What a look at a bundle found, as plain text for a terminal.

Where a person looks on it may have colours, and lines are folded at a width, set in so that each
finding stands out; elsewhere each line is whole, for programs that read lines.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby

from netproof.model.check import CheckRecord, PacketsRecord
from netproof.model.record import RunVerdict
from netproof.model.review import (
    DiffRecord,
    Explanation,
    Hint,
    IntentJudgement,
    IntentResult,
    Mutation,
    ReachChange,
    SideExplanation,
)
from netproof.printing import Printable, coloured, several_lines
from netproof.report.intents import basis_line, standing
from netproof.report.review.sentences import (
    SHOWN,
    answer_line,
    cause_lines,
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
from netproof.report.text import (
    BOLD,
    GREEN,
    GREY,
    RED,
    VERDICT_STYLES,
    YELLOW,
    counted,
    painted,
    printable,
)

_STATES = {
    **dict.fromkeys(("KEPT", "HOLDS", "allowed"), GREEN),
    **dict.fromkeys(("BROKEN", "error", "high", "denied"), f"{BOLD};{RED}"),
    **dict.fromkeys(("UNKNOWN", "warning", "medium", "undefined"), f"{BOLD};{YELLOW}"),
    **dict.fromkeys(("info", "low", "silenced"), GREY),
}
_STATE = re.compile(rf"^(  |(?:In|E)gress: |\S+ -> .* is )({'|'.join(_STATES)})\b")
"""Where a line says how something stands: an intent, a hint, a change, a flow."""

_VERDICT = re.compile(rf"^({'|'.join(RunVerdict)}): ")

_TITLE = re.compile(
    r"^(Intents|Packets|Hints|Opens|Closes|Not known|Mutations that no intent notices"
    r"|Not as in the bundle)$"
)

_HANGING = re.compile(r"^ +(?:[A-Z]{4,8} +|(?:error|warning|info|silenced) +|- |fix: )?")
"""What stands before the words of a line; what is folded begins below these."""


def dressed(text: Printable, *, colour: bool = False, width: int = 0) -> Printable:
    """Return a text of this module with colours, and folded at a width that is not 0."""
    lines = [line for long in text.split("\n") for line in _folded(long, width)]
    return coloured("\n".join(map(_painted, lines))) if colour else several_lines("\n".join(lines))


def _folded(line: str, width: int) -> list[str]:
    if not width or len(line) <= width:
        return [line]
    head = _HANGING.match(line)
    indent = min(len(head[0]) if head else 2, width // 2)
    return textwrap.wrap(
        line,
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _painted(line: str) -> str:
    if verdict := _VERDICT.match(line):
        return painted(line, VERDICT_STYLES[RunVerdict(verdict[1])])
    if _TITLE.match(line):
        return painted(line, BOLD)
    return _STATE.sub(lambda found: found[1] + painted(found[2], _STATES[found[2]]), line, count=1)


def check(record: CheckRecord) -> Printable:
    """Return the report of a check; the last line is its sum."""
    safe = printable(record)
    parts = [
        _section("Intents", _intents(safe.intents)),
        _section("Packets", _packets(safe.packets)),
        _section("Hints", _hints(safe.hints)),
        _section("Mutations that no intent notices", _mutations(safe.unnoticed)),
        _section("Not as in the bundle", note_lines(safe.notes)),
        safe.exit_reason,
        counting_sentence(safe),
        check_summary(safe),
    ]
    return _finished(parts)


def intent(result: IntentResult) -> Printable:
    """Return one intent with its reason and what broke it."""
    return several_lines("\n".join(line for line in _intents([printable(result)]) if line))


def diff(record: DiffRecord) -> Printable:
    """Return the changes from one state to another, the most dangerous first."""
    safe = printable(record)
    parts = [
        _section("Opens", _changes(safe.opened)),
        _section("Closes", _changes(safe.closed)),
        _section("Not known", safe.unknown),
        diff_summary(safe),
    ]
    return _finished(parts)


def explanations(answers: Iterable[Explanation]) -> Printable:
    """Return the answers with every policy and rule that took part."""
    return several_lines("\n".join(_explained(printable(one)) for one in merged(answers)))


def _finished(parts: Iterable[str]) -> Printable:
    return several_lines("\n".join(part for part in parts if part) + "\n")


def _section(title: str, content: Iterable[str]) -> str:
    lines = list(content)
    return "\n".join((title, *(f"  {line}" if line else "" for line in lines), "")) if lines else ""


def _intents(results: Iterable[IntentResult]) -> Iterator[str]:
    for result in results:
        yield f"{standing(result):8}{result.intent}   {result.place}"
        if result.kept.holds:
            yield f"        {basis_line(result)}"
            continue
        yield f"        {result.reason}"
        for judgement, who in judgements(result):
            yield from _judged(judgement, who)
        yield ""


def _judged(judgement: IntentJudgement, who: str) -> Iterator[str]:
    if judgement.text:
        yield f"        {judgement.text}"
    for flow in judgement.broken[:SHOWN]:
        yield f"        {flow.flow} {said_of(flow, who)}"
        yield from (f"          {line}" for line in cause_lines(flow.causes))
    if more := left_out(judgement):
        yield f"        {more}"


def _packets(record: PacketsRecord | None) -> Iterator[str]:
    if record is None:
        return
    yield packets_sentence(record)
    yield from record.findings
    yield from (f"error of the harness: {error}" for error in record.errors)


def _hints(hints: Iterable[Hint]) -> Iterator[str]:
    for hint in hints:
        if hint.silenced:
            yield f"silenced {hint.name}   {hint.place}   {hint.silenced}"
            continue
        yield f"{hint.severity:8}{hint.name}   {hint.place}   {hint.subject}"
        yield f"        {hint.text}"
        yield f"        fix: {hint.fix}"


def _mutations(mutations: Iterable[Mutation]) -> Iterator[str]:
    for mutation in mutations:
        yield f"{mutation.place}: {mutation.text}"
        yield f"        {counted(mutation.flows, 'flow')}, such as {mutation.example}"


def _changes(changes: Iterable[ReachChange]) -> Iterator[str]:
    def alike(change: ReachChange) -> tuple[str, ...]:
        return change.danger, change.why, change.was, change.now

    for (danger, why, was, now), each in groupby(changes, key=alike):
        yield f"{danger}: {why} ({was} -> {now})"
        for change in each:
            yield f"  {edge_line(change)}"
            yield from (f"      {line}" for line in cause_lines(change.causes))


def _explained(one: Explanation) -> str:
    lines = [answer_line(one.flow, one)]
    lines += [f"  - {line}" for line in cause_lines(one.doubts)]
    for side in one.sides:
        lines += ["", f"{side.direction}: {side.answer}", f"  {side.sentence}."]
        lines += [f"  - {line}" for line in _arguments(side)]
    return "\n".join(lines) + "\n"


def _arguments(side: SideExplanation) -> Iterator[str]:
    for argument in side.arguments:
        place = f" [{argument.place}]" if argument.place else ""
        yield f"{argument.weight}: {argument.text}{place}"
