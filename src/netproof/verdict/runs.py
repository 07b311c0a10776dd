"""The verdicts on what is made of many flows: a step, a scenario, a run; and the exit code.

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

A run (the first row that applies):

| the run has                                                       | verdict      |
|-------------------------------------------------------------------|--------------|
| a canary that no denial bit, and none that one did bite           | NOT ENFORCED |
| a failed scenario, a failed step of a canary, or canaries at odds | FAIL         |
| an error of the harness                                           | INCONCLUSIVE |
| no canary, one that could not tell, or one with an untold step    | INCONCLUSIVE |
| no scenario, or an inconclusive one                               | INCONCLUSIVE |
| else                                                              | PASS         |

NOT ENFORCED comes first because all leaks of such a run follow from it: it is said once. It takes
nothing back: a test that failed still fails its test run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from netproof.model.record import (
    CanaryRecord,
    FlowVerdict,
    RunVerdict,
    ScenarioRecord,
    StepRecord,
)


def step_verdict(counts: Mapping[FlowVerdict, int]) -> RunVerdict:
    """Judge a step by how many of its flows have which verdict."""
    if counts.get(FlowVerdict.LEAK) or counts.get(FlowVerdict.OVER_BLOCKED):
        return RunVerdict.FAIL
    if counts.get(FlowVerdict.INCONCLUSIVE) or not counts.get(FlowVerdict.ENFORCED):
        return RunVerdict.INCONCLUSIVE
    return RunVerdict.PASS


def scenario_verdict(steps: Iterable[StepRecord]) -> RunVerdict:
    """Judge a scenario by its steps, those left out in which nothing was defined."""
    return _worst([step.verdict for step in steps if _says_something(step)])


def run_verdict(
    canaries: Sequence[CanaryRecord],
    scenarios: Sequence[ScenarioRecord],
    errors: Sequence[str],
) -> RunVerdict:
    """Judge a run by its canaries, its scenarios and what broke in the harness."""
    bites = [canary.enforces for canary in canaries]
    if False in bites and True not in bites:
        return RunVerdict.NOT_ENFORCED
    seen = [scenario.verdict for scenario in scenarios]
    seen += [step.verdict for canary in canaries for step in canary.steps if _says_something(step)]
    if RunVerdict.FAIL in seen or False in bites:
        return RunVerdict.FAIL
    if errors or not bites or None in bites or not scenarios:
        return RunVerdict.INCONCLUSIVE
    return _worst(seen)


def expected_exit(
    verdict: RunVerdict, enforces: bool, require_enforcement: bool
) -> tuple[int, str]:
    """Return the exit code that a verdict deserves, and the one sentence that says why.

    `enforces` is what the cluster's profile declares. A cluster that does what was declared exits
    0, also where that is nothing, unless `require_enforcement`.
    """
    if verdict is RunVerdict.NOT_ENFORCED:
        return _exit_unenforced(declared=not enforces, required=require_enforcement)
    if not enforces and verdict in (RunVerdict.PASS, RunVerdict.FAIL):
        return 1, (
            f"{verdict}: this cluster enforces NetworkPolicies, though its profile says that it "
            "does not; correct the profile."
        )
    return _EXITS[verdict]


_EXITS = {
    RunVerdict.PASS: (0, "PASS: every flow that NetworkPolicy defines did what it says."),
    RunVerdict.FAIL: (1, "FAIL: at least one flow did not do what the NetworkPolicies say."),
    RunVerdict.INCONCLUSIVE: (
        1,
        "INCONCLUSIVE: no flow was seen to go wrong, but not everything could be told.",
    ),
}


def _exit_unenforced(*, declared: bool, required: bool) -> tuple[int, str]:
    fact = "NOT ENFORCED: this cluster does not enforce NetworkPolicies"
    if required:
        return 1, f"{fact}, and enforcement is required."
    if declared:
        return 0, f"{fact}, as its profile says."
    return 1, f"{fact}."


def _says_something(step: StepRecord) -> bool:
    return any(n for verdict, n in step.counts.items() if verdict is not FlowVerdict.UNDEFINED)


def _worst(verdicts: Sequence[RunVerdict]) -> RunVerdict:
    for verdict in (RunVerdict.FAIL, RunVerdict.INCONCLUSIVE):
        if verdict in verdicts:
            return verdict
    return RunVerdict.PASS if verdicts else RunVerdict.INCONCLUSIVE
