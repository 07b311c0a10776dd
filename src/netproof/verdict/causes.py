"""What findings have in common: one cause is one story, whatever the number of flows it shows in.

A scenario's suspects are the faults that explain all of it. The one that most scenarios share is
named first, then what explains most of the rest. What no known fault explains is told by what its
flows share: direction, family, protocol, path, relation of nodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from netproof.model.flow import USUAL, Expected
from netproof.model.record import (
    WRONG,
    CaseRecord,
    CauseRecord,
    Finding,
    FlowVerdict,
    RunVerdict,
    ScenarioRecord,
    Suspect,
)
from netproof.verdict.scenarios import counting_verdict

_ASK = "run the smallest case again, and give it to the CNI's owner with the policy"


def causes(
    scenarios: Iterable[ScenarioRecord], cases: Sequence[CaseRecord] = ()
) -> tuple[CauseRecord, ...]:
    """Return what the failed scenarios have in common, what explains most of them first."""
    failed = (one for one in scenarios if counting_verdict(one) is RunVerdict.FAIL)
    left = [one for one in failed if any(_findings([one]))]
    return tuple(_found(left, cases))


def _found(left: list[ScenarioRecord], cases: Sequence[CaseRecord]) -> Iterator[CauseRecord]:
    while left:
        shared = Counter(suspect for one in left for suspect in one.suspects)
        if not shared:
            break
        best = max(shared, key=shared.__getitem__)
        yield _cause(best, [one for one in left if best in one.suspects], cases)
        left = [one for one in left if best not in one.suspects]
    if left:
        yield _cause(Suspect("", _in_common(left), _ASK), left, cases)


def cases_of(scenarios: Iterable[ScenarioRecord], cases: Iterable[CaseRecord]) -> list[CaseRecord]:
    """Return the tests that played some scenarios."""
    names = {one.id for one in scenarios}
    return [case for case in cases if not names.isdisjoint(case.scenarios)]


def _cause(
    suspect: Suspect, scenarios: Sequence[ScenarioRecord], cases: Sequence[CaseRecord]
) -> CauseRecord:
    counts = Counter(finding.verdict for finding in _findings(scenarios))
    tests = cases_of(scenarios, cases)
    example = min(scenarios, key=reading_size)
    return CauseRecord(
        text=suspect.text,
        instead=suspect.instead,
        leaks=counts[FlowVerdict.LEAK],
        blocked=counts[FlowVerdict.OVER_BLOCKED],
        cases=len(tests) or len(scenarios),
        example=example.id,
        flow=str(next(_findings([example])).flow),
        repeat=example.repeat,
        fault=suspect.name,
    )


def reading_size(scenario: ScenarioRecord) -> tuple[int, int, int, str]:
    """Return how much there is to read of a scenario: policies, steps, findings."""
    policies = {policy for step in scenario.steps for policy in step.policies}
    return len(policies), len(scenario.steps), len(list(_findings([scenario]))), scenario.id


def _findings(scenarios: Iterable[ScenarioRecord]) -> Iterator[Finding]:
    for scenario in scenarios:
        for step in scenario.steps:
            yield from (finding for finding in step.findings if finding.verdict in WRONG)


def _in_common(scenarios: Sequence[ScenarioRecord]) -> str:
    """Say what all findings of some scenarios share."""
    found = list(_findings(scenarios))
    facets = (
        {"by " + finding.flow.family for finding in found},
        {finding.flow.protocol + " only" for finding in found},
        {finding.nodes and f"with both ends {_WHERE[finding.nodes]}" for finding in found},
        {"" if f.flow.path in USUAL else f"by way of {f.flow.path}" for f in found},
        {_direction(finding) for finding in found},
    )
    shared = [facet.pop() for facet in facets if len(facet) == 1]
    words = ", ".join(filter(None, shared))
    return f"no known fault explains it; all of it is {words}" if words else _NOTHING


_NOTHING = "no known fault explains it, and its flows have nothing in common"
_WHERE = {"same node": "on one node", "across nodes": "on different nodes"}


def _direction(finding: Finding) -> str:
    deciding = {reason.direction for reason in finding.reasons if reason.policies}
    if finding.expected is Expected.DENIED:
        deciding = {r.direction for r in finding.reasons if r.expected is Expected.DENIED}
    return f"decided by {deciding.pop()}" if len(deciding) == 1 else ""
