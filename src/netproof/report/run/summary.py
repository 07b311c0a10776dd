"""What of a run is listed in a report, and the sums over its scenarios and their steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from netproof.model.record import (
    CanaryRecord,
    Ending,
    Finding,
    FlowVerdict,
    RunRecord,
    RunVerdict,
    ScenarioRecord,
    StepRecord,
)


def counts(scenarios: Iterable[ScenarioRecord]) -> dict[FlowVerdict, int]:
    """Return how many flows have which verdict, every verdict named."""
    total: Counter[FlowVerdict] = Counter()
    for step in (step for scenario in scenarios for step in scenario.steps):
        total.update(step.counts)
    return {verdict: total[verdict] for verdict in FlowVerdict}


def flow_count(scenario: ScenarioRecord) -> int:
    """Return how many flows were judged, each step's counted anew."""
    return sum(counts([scenario]).values())


def most_rounds(scenario: ScenarioRecord) -> int:
    """Return how many rounds of probes the slowest step took to converge."""
    return max((step.convergence.rounds for step in scenario.steps), default=0)


def ending(scenario: ScenarioRecord) -> Ending:
    """Return how waiting ended in the step in which it ended worst."""
    gravity = list(Ending)
    ends = [step.convergence.ending for step in scenario.steps]
    return max(ends, key=gravity.index, default=Ending.CONVERGED)


def is_wrong(scenario: ScenarioRecord) -> bool:
    """Tell whether a scenario did not pass, and no documented gap of the CNI explains that."""
    return scenario.verdict is not RunVerdict.PASS and not scenario.known_gap


def leak_count(run: RunRecord) -> int:
    """Return how many flows of the run's scenarios leaked."""
    return counts(run.scenarios)[FlowVerdict.LEAK]


def reported_scenarios(run: RunRecord) -> tuple[ScenarioRecord, ...]:
    """Return the scenarios, and before them each canary in which a flow went wrong, as one.

    What the canary of a cluster says that enforces nothing is said by the run's verdict.
    """
    if run.verdict is RunVerdict.NOT_ENFORCED:
        return run.scenarios
    wrong = [one for one in run.canaries if any(step.findings for step in one.steps)]
    return (*map(_as_scenario, wrong), *run.scenarios)


ONE_RELATION = "Tried on one relation of nodes only"
"""Heads what says so."""


def one_relation_lines(run: RunRecord) -> list[str]:
    """Return what was tried within nodes only, or only across them: namespaces, statements.

    Where that is so of all, one line says it.
    """
    tried = [("flows from ", one) for one in run.pairs]
    tried += [("statement ", one) for one in run.statements if one.same_node or one.across_nodes]
    words = {one.only for _, one in tried}
    if len(tried) > 1 and len(words) == 1 and words != {""}:
        return [f"flows between pods, of every case: {words.pop()}"]
    return [f"{kind}{one.subject}: {one.only}" for kind, one in tried if one.only]


def _as_scenario(canary: CanaryRecord) -> ScenarioRecord:
    return ScenarioRecord(
        id=f"canary/{canary.worker}",
        title=canary.text,
        bundle="",
        worker=canary.worker,
        verdict=canary.verdict,
        seconds=sum(step.convergence.seconds for step in canary.steps),
        steps=canary.steps,
    )


def is_listed(run: RunRecord, finding: Finding) -> bool:
    """Tell whether to list a finding; leaks where nothing is enforced are said once, in sum."""
    return run.verdict is not RunVerdict.NOT_ENFORCED or finding.verdict is not FlowVerdict.LEAK


def listed_findings(run: RunRecord) -> Iterator[tuple[ScenarioRecord, StepRecord, Finding]]:
    """Yield every finding that is worth listing, with where it was found."""
    for scenario in reported_scenarios(run):
        for step in scenario.steps:
            for finding in step.findings:
                if is_listed(run, finding):
                    yield scenario, step, finding
