"""What a look at a bundle found, as plain text for a terminal: pure, values to text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from netproof.model.check import CheckRecord, PacketsRecord
from netproof.model.review import (
    BrokenFlow,
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
    Severity,
    SideExplanation,
)

SHOWN = 5
"""How many flows of a kind are shown in full; the rest is counted."""

SAY_POLICIES, SAY_PACKETS = "the policies say", "packets were"
"""Who says of a flow that it is allowed or denied."""


def check(record: CheckRecord) -> str:
    """Return the report of a check; the last line is its sum."""
    parts = [
        _section("Intents", _intents(record.intents)),
        _section("Packets", _packets(record)),
        _section("Hints", _hints(record.hints)),
        _section("Mutations that no intent notices", _mutations(record.mutations)),
        _section("Not as in the bundle", _notes(record.notes)),
        record.exit_reason,
        summary(record),
    ]
    return "\n".join(part for part in parts if part) + "\n"


def summary(record: CheckRecord) -> str:
    """Return the sentence that a check ends with."""
    size = (
        f"{record.bundle}: {_many(record.workloads, 'workload')}, "
        f"{_many(record.policies, 'policy')}, {_many(record.flows, 'flow')}, "
        f"{record.seconds:.2f} s."
    )
    broken, total = len(record.broken), len(record.intents)
    if not total:
        kept = "No intents are stated."
    elif broken:
        kept = f"{broken} of {_many(total, 'intent')} {'does' if broken == 1 else 'do'} not hold."
    else:
        kept = f"{'The intent holds' if total == 1 else f'All {total} intents hold'}."
    loud = [hint for hint in record.hints if not hint.silenced]
    counted = [
        _many(number, word)
        for severity, word in (
            (Severity.ERROR, "error"),
            (Severity.WARNING, "warning"),
            (Severity.INFO, "remark"),
        )
        if (number := sum(hint.severity is severity for hint in loud))
    ]
    hints = f" Hints: {', '.join(counted)}." if counted else ""
    return f"{size} {kept}{hints}{_strength(record.mutations)}"


def _strength(mutations: Sequence[Mutation] | None) -> str:
    if mutations is None:
        return ""
    effective = [mutation for mutation in mutations if mutation.flows]
    noticed = sum(bool(mutation.noticed_by) for mutation in effective)
    idle = len(mutations) - len(effective)
    also = f" ({idle} more change no flow)" if idle else ""
    return f" Intents notice {noticed} of {_many(len(effective), 'mutation')}{also}."


def _section(title: str, lines: Iterable[str]) -> str:
    found = list(lines)
    return "\n".join((title, *(f"  {line}" if line else "" for line in found), "")) if found else ""


def _intents(results: Iterable[IntentResult]) -> Iterator[str]:
    for result in results:
        yield f"{str(result.kept).upper():8}{result.intent}   {result.place}"
        if result.kept is Kept.KEPT:
            continue
        yield f"        {result.reason}"
        yield from _judged(result.static, SAY_POLICIES)
        if result.packets is not None:
            yield from _judged(result.packets, SAY_PACKETS)
        yield ""


def intent(result: IntentResult) -> str:
    """Return one intent with its reason and what broke it."""
    return "\n".join(line for line in _intents([result]) if line)


def _judged(judgement: Judgement, who: str) -> Iterator[str]:
    if judgement.text:
        yield f"        {judgement.text}"
    for flow in judgement.broken[:SHOWN]:
        yield f"        {_broken(flow, who)}"
        yield from (f"          {line}" for line in causes(flow.causes))
    if more := left_out(judgement):
        yield f"        {more}"


def left_out(judgement: Judgement) -> str:
    """Return how many broken flows are not shown, "" where all are."""
    more = len(judgement.broken) - SHOWN
    return f"and {more} more of {judgement.flows} flows" if more > 0 else ""


def _broken(flow: BrokenFlow, who: str) -> str:
    return f"{flow.flow} is meant to be {flow.wanted}; {who} {flow.said}"


def causes(found: Iterable[Cause]) -> Iterator[str]:
    """Yield a line for each cause, places first."""
    for cause in found:
        yield f"{cause.place}: {cause.text}" if cause.place else cause.text


def _packets(record: CheckRecord) -> Iterator[str]:
    if record.packets is None:
        return
    yield packets(record.packets)
    yield from record.packets.findings
    yield from (f"error of the harness: {error}" for error in record.packets.errors)


def packets(record: PacketsRecord) -> str:
    """Return the sentence on what packets showed."""
    size = f"{_many(record.flows, 'flow')}, {record.seconds:.1f} s"
    return f"{record.canary} ({size})"


def _hints(hints: Iterable[Hint]) -> Iterator[str]:
    for hint in hints:
        if hint.silenced:
            yield f"silenced {hint.name}   {hint.place}   {hint.silenced}"
            continue
        yield f"{hint.severity:8}{hint.name}   {hint.place}   {hint.subject}"
        yield f"        {hint.text}"
        yield f"        fix: {hint.fix}"


def _mutations(mutations: Iterable[Mutation] | None) -> Iterator[str]:
    for mutation in mutations or ():
        if mutation.flows and not mutation.noticed_by:
            yield f"{mutation.place}: {mutation.text}"
            yield f"        {_many(mutation.flows, 'flow')}, such as {mutation.example}"


def _notes(notes: Iterable[Note]) -> Iterator[str]:
    yield from map(note, notes)


def note(one: Note) -> str:
    """Return a note as one line, after the place that it is about where it has one."""
    return ": ".join(filter(None, (one.place, one.what, one.text)))


def diff(record: DiffRecord) -> str:
    """Return the changes from one state to another, the most dangerous first."""
    parts = [
        _section("Opens", _changes(record.opened)),
        _section("Closes", _changes(record.closed)),
        diff_summary(record),
    ]
    return "\n".join(part for part in parts if part) + "\n"


def diff_summary(record: DiffRecord) -> str:
    """Return the sentence that a diff ends with."""
    if not record.changes:
        return f"From {record.old} to {record.new} nothing opens and nothing closes."
    opened, closed = len(record.opened), len(record.closed)
    return (
        f"From {record.old} to {record.new}: {_many(opened, 'flow')} opened, "
        f"{_many(closed, 'flow')} closed."
    )


def _changes(changes: Iterable[Change]) -> Iterator[str]:
    def alike(change: Change) -> tuple[str, ...]:
        return change.danger, change.why, change.was, change.now

    for (danger, why, was, now), each in groupby(changes, key=alike):
        yield f"{danger}: {why} ({was} -> {now})"
        for change in each:
            yield f"  {edge(change)}"
            yield from (f"      {line}" for line in causes(change.causes))


def edge(change: Change) -> str:
    """Return the flow of a change as an intent would state it."""
    return f"{change.edge.source} -> {change.edge.destination}:{change.edge.port}"


def explanations(found: Iterable[Explanation]) -> str:
    """Return the answers with every policy and rule that took part."""
    return "\n".join(_explained(one) for one in found)


def _explained(one: Explanation) -> str:
    lines = [f"{one.flow} is {one.answer}."]
    for side in one.sides:
        lines += ["", f"{side.direction}: {side.answer}", f"  {side.sentence}."]
        lines += [f"  - {line}" for line in _arguments(side)]
    return "\n".join(lines) + "\n"


def _arguments(side: SideExplanation) -> Iterator[str]:
    for argument in side.arguments:
        place = f" [{argument.place}]" if argument.place else ""
        yield f"{argument.weight}: {argument.text}{place}"


def _many(number: int, word: str) -> str:
    plural = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
    return f"{number:,} {word if number == 1 else plural}"
