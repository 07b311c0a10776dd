"""What a check, a diff or an explanation says in the same words, whatever its form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from netproof.model.check import CheckRecord, PacketsRecord
from netproof.model.record import RunVerdict
from netproof.model.review import (
    Basis,
    BrokenFlow,
    Cause,
    DiffRecord,
    Explanation,
    FlowAnswer,
    Hint,
    IntentJudgement,
    IntentResult,
    Mutation,
    Note,
    ReachChange,
    Severity,
    Weight,
)
from netproof.model.value import replace
from netproof.report.text import counted

ALIKE = 4
"""How many notes that say the same of one kind are told one by one at most, and one more."""

SHOWN = 5
"""How many flows of a kind are shown in full; the rest is counted."""

SAY_POLICIES, SAY_PACKETS = "the policies say", "packets were"
"""Who says of a flow that it is allowed or denied."""

_SEVERITIES = ((Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "remark"))


def check_summary(record: CheckRecord) -> str:
    """Return the sentence that a check ends with."""
    size = (
        f"{record.bundle}: {counted(record.workloads, 'workload')}, "
        f"{counted(record.policies, 'policy')}, {counted(record.flows, 'flow')}, "
        f"{record.seconds:.2f} s."
    )
    hints = _hint_counts([hint for hint in record.hints if not hint.silenced])
    return f"{size} {_intents_kept(record)}{hints}{_strength(record.mutations)}"


def counting_sentence(record: CheckRecord) -> str:
    """Return what makes the exit code 1 where the verdict does not, "" where nothing does."""
    if not record.exit_code or record.verdict not in (None, RunVerdict.PASS):
        return ""
    return f"{RunVerdict.FAIL}: {_COUNTING}"


_COUNTING = "hints that count, or changes that no intent notices, make the exit code 1."


def _intents_kept(record: CheckRecord) -> str:
    broken, total = len(record.broken), len(record.intents)
    if not total:
        return "No intents are stated."
    if broken:
        return f"{broken} of {counted(total, 'intent')} {'does' if broken == 1 else 'do'} not hold."
    read = sum(result.basis is Basis.POLICIES for result in record.intents)
    alone = ", by the policies alone" if read == total else f", {read} by the policies alone"
    words = "The intent holds" if total == 1 else f"All {total} intents hold"
    return f"{words}{alone if read else ', by packets'}."


def _hint_counts(hints: Sequence[Hint]) -> str:
    numbers = [(sum(h.severity is severity for h in hints), word) for severity, word in _SEVERITIES]
    words = [counted(number, word) for number, word in numbers if number]
    return f" Hints: {', '.join(words)}." if words else ""


def _strength(mutations: Sequence[Mutation] | None) -> str:
    if mutations is None:
        return ""
    effective = [mutation for mutation in mutations if mutation.flows]
    noticed = sum(bool(mutation.noticed_by) for mutation in effective)
    idle = len(mutations) - len(effective)
    also = f" ({idle} more change no flow)" if idle else ""
    return f" Intents notice {noticed} of {counted(len(effective), 'mutation')}{also}."


def judgements(result: IntentResult) -> Iterator[tuple[IntentJudgement, str]]:
    """Yield each judgement of an intent, with who says so."""
    yield result.static, SAY_POLICIES
    if result.packets is not None:
        yield result.packets, SAY_PACKETS


def broken_flow_lines(result: IntentResult) -> Iterator[str]:
    """Yield a sentence for each flow that goes otherwise than an intent states."""
    for judgement, who in judgements(result):
        if judgement.text:
            yield judgement.text
        for flow in judgement.broken[:SHOWN]:
            yield f"{flow.flow} {said_of(flow, who)}."
        if more := left_out(judgement):
            yield f"{more}."


def said_of(flow: BrokenFlow, who: str) -> str:
    """Return what is meant of a flow and what is said of it, as the end of a sentence."""
    if flow.said is FlowAnswer.UNKNOWN and who == SAY_POLICIES:
        return f"is meant to be {flow.wanted}; something else may decide than the policies"
    return f"is meant to be {flow.wanted}; {who} {flow.said}"


def answer_line(flow: str, one: Explanation) -> str:
    """Return the sentence that answers for a flow, written as its format writes flows."""
    if one.doubts:
        return f"{flow} is {one.answer} by the NetworkPolicies, and something else may decide."
    return f"{flow} is {one.answer}."


def merged(answers: Iterable[Explanation]) -> tuple[Explanation, ...]:
    """Return the answers with those as one that differ in nothing but the port."""
    groups: dict[Explanation, list[str]] = {}
    for one in answers:
        end, _, port = one.flow.rpartition(":")
        groups.setdefault(_at_port(replace(one, flow=f"{end}:{port}"), port, _PORT), []).append(
            port
        )
    return tuple(_at_port(one, _PORT, " or ".join(ports)) for one, ports in groups.items())


_PORT = "\0"
"""Stands for the port while explanations are compared; no text of a bundle holds it."""


def _at_port(one: Explanation, old: str, new: str) -> Explanation:
    """Return an answer for another port; what rules name is theirs."""
    sides = (
        replace(
            side,
            sentence=side.sentence.replace(old, new),
            arguments=tuple(
                replace(a, text=a.text.replace(old, new)) if a.weight is Weight.MISSING else a
                for a in side.arguments
            ),
        )
        for side in one.sides
    )
    return replace(one, flow=one.flow.replace(old, new), sides=tuple(sides))


def note_lines(notes: Iterable[Note]) -> Iterator[str]:
    """Yield the notes as lines; many of one kind that say the same are one line."""

    def alike(note: Note) -> tuple[str, str]:
        return note.text, note.what.partition(" ")[0]

    groups: dict[tuple[str, str], list[Note]] = {}
    for note in notes:
        groups.setdefault(alike(note), []).append(note)
    for (text, kind), each in groups.items():
        if len(each) < ALIKE:
            yield from map(note_line, each)
        else:
            first = ", ".join(f"{one.what.partition(' ')[2]} ({one.place})" for one in each[:2])
            yield f"{kind}: {first} and {len(each) - 2} more: {text}"


def left_out(judgement: IntentJudgement) -> str:
    """Return how many broken flows are not shown, "" where all are."""
    more = len(judgement.broken) + judgement.unlisted - SHOWN
    return f"and {more} more of {judgement.flows} flows" if more > 0 else ""


def cause_lines(causes: Iterable[Cause]) -> Iterator[str]:
    """Yield a line for each cause, places first."""
    for cause in causes:
        yield f"{cause.place}: {cause.text}" if cause.place else cause.text


def packets_sentence(record: PacketsRecord) -> str:
    """Return the sentence on what packets showed."""
    size = f"{counted(record.flows, 'flow')}, {record.seconds:.1f} s"
    return f"{record.canary} ({size})"


def note_line(note: Note) -> str:
    """Return a note as one line, after the place that it is about where it has one."""
    return ": ".join(filter(None, (note.place, note.what, note.text)))


def diff_summary(record: DiffRecord) -> str:
    """Return the sentence that a diff ends with."""
    if not record.changes:
        return f"From {record.old} to {record.new} nothing opens and nothing closes."
    opened, closed = len(record.opened), len(record.closed)
    return (
        f"From {record.old} to {record.new}: {counted(opened, 'flow')} opened, "
        f"{counted(closed, 'flow')} closed."
    )


def edge_line(change: ReachChange) -> str:
    """Return the flow of a change as an intent would state it."""
    return f"{change.edge.source} -> {change.edge.destination}:{change.edge.port}"
