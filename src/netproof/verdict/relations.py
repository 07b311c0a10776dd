"""On which relation of nodes flows were tried: on one node, or from node to node.

A CNI may police the one and not the other. What was tried on one relation only is no evidence for
the other, and every report says so. Counted are flows that were told (enforced, leaked or blocked)
while policies were in force, or at all in a scenario without any; allowed and denied ones apart,
for a denial on one node says nothing of one across nodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from netproof.model.flow import Expected
from netproof.model.record import (
    EXPECTED_LETTERS,
    TOLD,
    VERDICT_LETTERS,
    Relation,
    ScenarioRecord,
    StepRecord,
    Table,
    Tried,
)

_TOLD = {VERDICT_LETTERS[verdict] for verdict in TOLD}
_EXPECTED = {letter: expected for expected, letter in EXPECTED_LETTERS.items()}
_WHERE = {Relation.SAME_NODE: "on the same node", Relation.ACROSS_NODES: "across nodes"}

Cell = tuple[str, str, Relation, Expected]
"""Source, destination, relation and expectation of a flow that was told."""

Counts = Counter[tuple[Relation, Expected]]


def relation(source: str, destination: str, nodes: Mapping[str, str]) -> Relation | None:
    """Return how two ends lie to each other, None where one of them has no known node."""
    here, there = nodes.get(source, ""), nodes.get(destination, "")
    if not here or not there:
        return None
    return Relation.SAME_NODE if here == there else Relation.ACROSS_NODES


def pairs(scenarios: Iterable[ScenarioRecord]) -> tuple[Tried, ...]:
    """Return what was tried from pods of each namespace to pods of each, directly."""
    counts: dict[tuple[str, str], Counts] = {}
    for source, destination, how, expected in _cells(scenarios):
        spaces = _space(source), _space(destination)
        if all(spaces):
            counts.setdefault(spaces, Counter())[how, expected] += 1
    return tuple(_tried(f"{a} -> {b}", counted) for (a, b), counted in sorted(counts.items()))


def statements(scenarios: Iterable[ScenarioRecord]) -> tuple[Tried, ...]:
    """Return what was tried of each statement that a scenario tests, in the order of the table."""
    testing: dict[str, list[ScenarioRecord]] = {}
    for scenario in scenarios:
        for statement in scenario.statements:
            testing.setdefault(statement, []).append(scenario)
    return tuple(
        _tried(statement, Counter((how, what) for _, _, how, what in _cells(testing[statement])))
        for statement in sorted(testing, key=statement_number)
    )


def one_sided(scenarios: Iterable[ScenarioRecord]) -> str:
    """Word on which single relation all flows of a run were tried, "" where it was on both."""
    relations = {how for _, _, how, _ in _cells(scenarios)}
    return f"{_WHERE[relations.pop()]} only" if len(relations) == 1 else ""


def statement_number(statement: str) -> tuple[int, str]:
    """Return what statements are sorted by: their number in the suite's table."""
    head = statement.partition(".")[0]
    return int(head) if head.isdecimal() else 0, statement


def _space(end: str) -> str:
    """Return the namespace of a pod, "" for whatever else stands at an end of a flow."""
    return "" if " " in end else end.rpartition("/")[0]


def _tried(subject: str, counts: Counts) -> Tried:
    same, across = (
        {what: counts[how, what] for what in Expected if counts[how, what]} for how in Relation
    )
    return Tried(subject, same, across, _only(same, across))


def _only(same: Mapping[Expected, int], across: Mapping[Expected, int]) -> str:
    lopsided = [what for what in Expected if (what in same) != (what in across)]
    if lopsided and not (same and across):
        return f"{_side(bool(same))} only"
    return ", ".join(f"{what} flows {_side(what in same)} only" for what in lopsided)


def _side(on_same_node: bool) -> str:
    return _WHERE[Relation.SAME_NODE if on_same_node else Relation.ACROSS_NODES]


def _cells(scenarios: Iterable[ScenarioRecord]) -> Iterator[Cell]:
    for scenario in scenarios:
        for step in _telling(scenario):
            for table in step.tables:
                yield from _cells_of(table, step.nodes)


def _telling(scenario: ScenarioRecord) -> list[StepRecord]:
    under = [step for step in scenario.steps if step.policies]
    return under or list(scenario.steps)


def _cells_of(table: Table, nodes: Mapping[str, str]) -> Iterator[Cell]:
    rows = zip(table.sources, table.verdicts, table.expected, strict=True)
    for source, verdicts, expected in rows:
        cells = zip(table.destinations, verdicts, expected, strict=True)
        for destination, verdict, letter in cells:
            how = relation(source, destination, nodes) if verdict in _TOLD else None
            if how is not None:
                yield source, destination, how, _EXPECTED[letter]
