"""Ways around the policies, in words: what was seen of each door, what guards it, who has a key.

Shared by the reports, so that all say the same; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from netproof.model.doors import FACTS, Door, DoorResult, DoorState, Grant
from netproof.model.record import RunRecord

TITLE = "Ways around the policies"

LEAD = (
    "A pod that default-deny-all isolates, and what reaches it all the same. None of this is a "
    "fault of the CNI; an open door is shut by what guards it, not by a NetworkPolicy."
)

HEADS = ("door", "result", "how", "to", "who answered")

NOBODY = "-"


class DoorRow(NamedTuple):
    """One way of trying a door and what came of it: the cells under `HEADS`."""

    door: Door
    state: DoorState
    how: str
    target: str
    identity: str


@dataclass(frozen=True, slots=True)
class DoorSummary:
    """One door: its results as rows under `HEADS`, and what there is to know of it."""

    door: Door
    rows: tuple[DoorRow, ...]
    guard: str
    instead: str
    keys: tuple[str, ...]
    evidence: tuple[str, ...]


def door_summaries(run: RunRecord) -> tuple[DoorSummary, ...]:
    """Return every door that was tried, in the order of the doors."""
    return tuple(_summarized(door, run) for door in Door if any(r.door is door for r in run.doors))


def _summarized(door: Door, run: RunRecord) -> DoorSummary:
    results = [result for result in run.doors if result.door is door]
    facts = FACTS[door]
    return DoorSummary(
        door=door,
        rows=tuple(dict.fromkeys(map(_row, results))),
        guard=facts.guard,
        instead=facts.instead,
        keys=_keys(door, run.keys),
        evidence=tuple(dict.fromkeys(map(_evidence, results))),
    )


def open_doors_sentence(run: RunRecord) -> str:
    """Say in a sentence how many doors are open to the user of the run."""
    ways_in = [result for result in run.doors if not result.leads_out and not result.user]
    doors = {state: {r.door for r in ways_in if r.state is state} for state in DoorState}
    opened = len(doors[DoorState.OPEN])
    total = len({result.door for result in ways_in})
    unclear = len(doors[DoorState.UNDETERMINED])
    rest = f", {unclear} could not be told in every way" if unclear else ""
    return f"{opened} of {total} doors are open in one way or more{rest}."


def _row(result: DoorResult) -> DoorRow:
    how = ", ".join(filter(None, (result.by, f"by {result.user}" if result.user else "")))
    return DoorRow(
        result.door, result.state, how or NOBODY, result.target, result.identity or NOBODY
    )


def _evidence(result: DoorResult) -> str:
    how = ", ".join(filter(None, (result.by, result.user)))
    where = f"{result.target}{f' ({how})' if how else ''}"
    return f"{where}: {result.state}, without policies {result.control}: {result.evidence}"


def _keys(door: Door, grants: Iterable[Grant]) -> tuple[str, ...]:
    """Say who holds a key, a line for each that has it by the same role in the same place."""
    opening = [permission.resource for permission in FACTS[door].permissions]
    groups: dict[tuple[str, str, str, tuple[str, ...], str], list[Grant]] = {}
    own = [grant for grant in grants if grant.resource in opening]
    for grant in sorted(own, key=lambda grant: opening.index(grant.resource)):
        key = (grant.namespace, grant.role, grant.resource, grant.names, grant.origin)
        groups.setdefault(key, []).append(grant)
    return tuple(_key(group) for group in groups.values())


def _key(group: Sequence[Grant]) -> str:
    first = group[0]
    who = ", ".join(dict.fromkeys(grant.subject for grant in group))
    verbs = "/".join(dict.fromkeys(verb for grant in group for verb in grant.verbs))
    where = f"in {first.namespace}" if first.namespace else "everywhere"
    names = f" named {', '.join(first.names)}" if first.names else ""
    origin = f", from {first.origin}" if first.origin else ""
    return f"{who}: {verbs} {first.resource}{names} {where} ({first.role}{origin})"
