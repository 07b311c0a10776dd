"""The verdicts on a step and on a scenario.

A step, by its counts (the first row that applies):

| the step has                           | verdict      |
|----------------------------------------|--------------|
| a leak or an over-blocked flow         | FAIL         |
| an inconclusive flow                   | INCONCLUSIVE |
| no enforced flow (nothing was defined) | INCONCLUSIVE |
| else                                   | PASS         |

A scenario has the worst verdict of its steps: FAIL, then INCONCLUSIVE, then PASS. Steps in which
nothing was defined do not count, for what the API leaves open never fails a run; a scenario of
such steps alone is INCONCLUSIVE, as it shows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from netproof.model.record import FlowVerdict, RunVerdict, ScenarioRecord, StepRecord


def step_verdict(counts: Mapping[FlowVerdict, int]) -> RunVerdict:
    """Judge a step by how many of its flows have which verdict."""
    if counts.get(FlowVerdict.LEAK) or counts.get(FlowVerdict.OVER_BLOCKED):
        return RunVerdict.FAIL
    if counts.get(FlowVerdict.INCONCLUSIVE) or not counts.get(FlowVerdict.ENFORCED):
        return RunVerdict.INCONCLUSIVE
    return RunVerdict.PASS


def scenario_verdict(steps: Iterable[StepRecord]) -> RunVerdict:
    """Judge a scenario by its steps, those left out in which nothing was defined."""
    return worst([step.verdict for step in steps if says_something(step)])


def counting_verdict(scenario: ScenarioRecord) -> RunVerdict:
    """Return the verdict of a scenario as it counts: one whose findings are documented passes."""
    return RunVerdict.PASS if scenario.known_gap else scenario.verdict


def says_something(step: StepRecord) -> bool:
    """Tell whether the API defines any flow of a step."""
    return any(n for verdict, n in step.counts.items() if verdict is not FlowVerdict.UNDEFINED)


def worst(verdicts: Sequence[RunVerdict]) -> RunVerdict:
    """Return the worst of some verdicts; of none at all nothing can be told."""
    for verdict in (RunVerdict.FAIL, RunVerdict.INCONCLUSIVE):
        if verdict in verdicts:
            return verdict
    return RunVerdict.PASS if verdicts else RunVerdict.INCONCLUSIVE
