"""What became of the cases, doors and intents of a record since an earlier one.

Only what both records told counts. A case is worse

- that was as it should be and is not; what could not be told any more is a trend of its own;
- in which a kind of wrong, leak or over-block, is new, seen in an IP family and on a relation of
  nodes in which the earlier record told flows of it: elsewhere nobody had looked;
- in which a flow went wrong that was told right before, on the same relation of nodes.

A gap that is transient by nature comes and goes, and is no turn. What was left out by choice, or
could not be tried here for a reason that is told, is not shared; what was not reached because the
run ended is not told any more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from netproof.model.comparison import AMISS, SAYING, WELL, Standing, Trend, Turn, Turns
from netproof.model.doors import DoorState
from netproof.model.flow import Flow
from netproof.model.record import (
    TOLD,
    VERDICT_LETTERS,
    WRONG,
    FlowVerdict,
    Relation,
    RunRecord,
    ScenarioRecord,
    StepRecord,
    Table,
)
from netproof.model.review import Kept
from netproof.model.workload import Family
from netproof.verdict.relations import relation
from netproof.verdict.standings import CaseEvidence, Column, ended_early, lasting

Facet = tuple[Family, Relation | None]
"""Where a flow is looked at: its IP family, and how its ends' nodes lie to each other."""

Cell = tuple[str, str, str, int, str, str, str, Relation | None]
"""A flow in a step: the step, source, destination, port, protocol, family, path and relation."""

_VERDICTS = {VERDICT_LETTERS[verdict]: verdict for verdict in TOLD}
_GRAVITY = list(Trend)


def turns(first: Column, later: Column) -> Turns:
    """Return what is otherwise in a later record, of all that both told."""
    names = sorted(first.cases.keys() | later.cases.keys())
    both = [n for n in names if first.standing(n) in SAYING and later.standing(n) in SAYING]
    found = [turn for name in names for turn in _of_case(name, first, later)]
    found += [*_of_doors(first.named.run, later.named.run)]
    found += [*_of_intents(first.named.run, later.named.run)]
    found.sort(key=lambda turn: (_GRAVITY.index(turn.trend), turn.known_gap))
    trend = gravest([*(turn.trend for turn in found), None if both else Trend.UNTOLD])
    return Turns(first.named.label, later.named.label, len(both), trend, tuple(found))


def _of_case(name: str, first: Column, later: Column) -> Iterator[Turn]:
    before, after = first.standing(name), later.standing(name)
    if before not in SAYING:
        return
    if name not in later.cases or after not in SAYING:
        cut = name not in later.cases and ended_early(later.named.run)
        if before in WELL and (cut or after is Standing.INCONCLUSIVE):
            why = cut or later.cases[name].told.reason
            yield Turn(name, Trend.UNTOLD, before, after, why)
        return
    old, new = first.cases[name], later.cases[name]
    if text := _worsened(old, new):
        yield Turn(name, Trend.WORSE, before, after, text, bool(new.told.known_gap))
    elif text := _worsened(new, old):
        yield Turn(name, Trend.BETTER, before, after, text, bool(old.told.known_gap))


def _worsened(old: CaseEvidence, new: CaseEvidence) -> str:
    """Say by what a case is worse than it was, "" where it is not."""
    before, after = old.told.standing, new.told.standing
    unshown = after in AMISS and new.told.shown is None
    if before in WELL and (unshown or after is Standing.NOT_OFFERED):
        return new.told.reason or str(after)
    if before is Standing.NOT_OFFERED:
        return ""
    return _new_kind(old, new) or _new_flow(old, new)


def _new_kind(old: CaseEvidence, new: CaseEvidence) -> str:
    """Say what goes wrong for the first time, where it was looked at before as well."""
    known = {kind for kind, _, _ in _wrong_flows(old)}
    fresh = [(kind, facet, flow) for kind, facet, flow in _wrong_flows(new) if kind not in known]
    looked = set(_facets(old)) if fresh else set()
    found = [(kind, flow) for kind, facet, flow in fresh if facet in looked]
    return f"{found[0][0]}: {found[0][1]}" if found else ""


def _new_flow(old: CaseEvidence, new: CaseEvidence) -> str:
    """Say which flow went wrong that was told right before."""
    if not (_wrong_flows(old) and _wrong_flows(new)):
        return ""
    right = {cell for cell, verdict in _cells(old) if verdict is FlowVerdict.ENFORCED}
    broken = [(*c[1:], verdict) for c, verdict in _cells(new) if verdict in WRONG and c in right]
    if not broken:
        return ""
    source, destination, port, protocol, family, _, _, verdict = broken[0]
    more = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
    return f"{verdict}: {source} -> {destination}:{port}/{protocol} {family}{more}"


def _wrong_flows(case: CaseEvidence) -> list[tuple[FlowVerdict, Facet, Flow]]:
    """Return what went wrong and is no moment that a transient gap explains."""
    return [
        (finding.verdict, (flow.family, _relation(step, flow)), flow)
        for one in _lasting(case)
        for step in one.steps
        for finding in step.findings
        for flow in (finding.flow,)
        if finding.verdict in WRONG
    ]


def _lasting(case: CaseEvidence) -> list[ScenarioRecord]:
    return [one for one in case.scenarios if lasting(one)]


def _relation(step: StepRecord, flow: Flow) -> Relation | None:
    return relation(str(flow.source), str(flow.destination), step.nodes)


def _facets(case: CaseEvidence) -> Iterator[Facet]:
    for cell, _ in _cells(case):
        yield Family(cell[5]), cell[7]


def _cells(case: CaseEvidence) -> Iterator[tuple[Cell, FlowVerdict]]:
    """Yield every flow of a case that was told, with its verdict."""
    for one in _lasting(case):
        for step in one.steps:
            for table in step.tables:
                yield from _cells_of(step, table)


def _cells_of(step: StepRecord, table: Table) -> Iterator[tuple[Cell, FlowVerdict]]:
    dialled = table.port, table.protocol, table.family, table.path
    for source, row in zip(table.sources, table.verdicts, strict=True):
        for destination, letter in zip(table.destinations, row, strict=True):
            if letter in _VERDICTS:
                where = relation(source, destination, step.nodes)
                yield (step.name, source, destination, *dialled, where), _VERDICTS[letter]


def _of_doors(first: RunRecord, later: RunRecord) -> Iterator[Turn]:
    """Yield the doors that were closed in every try and open in one, and the reverse."""
    before, after = doors(first), doors(later)
    trends = {
        (DoorState.CLOSED, DoorState.OPEN): Trend.WORSE,
        (DoorState.OPEN, DoorState.CLOSED): Trend.BETTER,
    }
    for name in before.keys() & after.keys():
        states = before[name], after[name]
        if states in trends:
            yield Turn(name, trends[states], *states)


def doors(run: RunRecord) -> dict[str, DoorState]:
    """Return every way through a door that was tried, without nodes' names: open if ever it was."""
    states: dict[str, list[DoorState]] = {}
    nodes = re.compile("|".join(rf"\b{re.escape(one)}\b" for one in run.cluster.nodes) or r"(?!)")
    for one in run.doors:
        parts = (one.door, one.target, one.by, f"by {one.user}" if one.user else "")
        name = nodes.sub("a node", ", ".join(filter(None, parts)))
        states.setdefault(name, []).append(one.state)
    order = (DoorState.OPEN, DoorState.UNDETERMINED, DoorState.CLOSED)
    return {name: min(some, key=order.index) for name, some in states.items()}


def _of_intents(first: RunRecord, later: RunRecord) -> Iterator[Turn]:
    """Yield the intents that were kept and are not, and the reverse."""
    before, after = intents(first), intents(later)
    for name in before.keys() & after.keys():
        old, new = before[name], after[name]
        if old.holds and not new.holds:
            trend = Trend.WORSE if new is Kept.BROKEN else Trend.UNTOLD
            yield Turn(name, trend, old, new)
        elif old is Kept.BROKEN and new.holds:
            yield Turn(name, Trend.BETTER, old, new)


def intents(run: RunRecord) -> dict[str, Kept]:
    """Return every intent of a run by its words, the worse where two have the same."""
    found: dict[str, list[Kept]] = {}
    for one in run.intents:
        found.setdefault(one.intent, []).append(one.kept)
    order = (Kept.BROKEN, Kept.UNKNOWN, Kept.UNTRIED, Kept.KEPT)
    return {name: min(some, key=order.index) for name, some in found.items()}


def gravest(trends: Iterable[Trend | None]) -> Trend | None:
    """Return the gravest of some trends, None where all is as it was."""
    return min((one for one in trends if one), key=_GRAVITY.index, default=None)
