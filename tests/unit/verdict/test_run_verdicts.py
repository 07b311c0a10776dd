"""The verdicts on steps, scenarios and runs, and the exit code: every row of their tables."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from netproof.model.record import (
    CanaryRecord,
    Convergence,
    FlowVerdict,
    RunVerdict,
    ScenarioRecord,
    StepRecord,
)
from netproof.verdict import RunEvidence, judge_run, scenario_verdict, step_verdict

E, L, B, I, U = FlowVerdict  # noqa: E741 - the five letters of the table below
PASS, FAIL, NOT_ENFORCED, INCONCLUSIVE = RunVerdict


def step(counts: Mapping[FlowVerdict, int]) -> StepRecord:
    return StepRecord("step", (), step_verdict(counts), dict(counts), Convergence(), ())


def scenario(verdict: RunVerdict) -> ScenarioRecord:
    return ScenarioRecord("s", "", "", "gw0", verdict, 0.0, ())


def canary(enforces: bool | None, *steps: StepRecord) -> CanaryRecord:
    return CanaryRecord("gw0", enforces, "", steps)


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ({E: 5}, PASS),
        ({E: 5, U: 3}, PASS),
        ({E: 5, L: 1}, FAIL),
        ({E: 5, B: 1}, FAIL),
        ({L: 1}, FAIL),
        ({E: 5, I: 1}, INCONCLUSIVE),
        ({E: 5, L: 1, I: 1}, FAIL),
        ({E: 5, B: 1, I: 1}, FAIL),
        ({I: 1}, INCONCLUSIVE),
        ({U: 3}, INCONCLUSIVE),
        ({}, INCONCLUSIVE),
    ],
)
def test_a_step(counts: Mapping[FlowVerdict, int], verdict: RunVerdict) -> None:
    """What went wrong comes before what cannot be told, and nothing seen is no pass."""
    assert verdict == step_verdict(counts)


@pytest.mark.parametrize(
    ("steps", "verdict"),
    [
        ([{E: 1}, {E: 1}], PASS),
        ([{E: 1}, {L: 1}], FAIL),
        ([{I: 1}, {B: 1}], FAIL),
        ([{E: 1}, {I: 1}], INCONCLUSIVE),
        ([{E: 1}, {U: 1}], PASS),
        ([{L: 1}, {U: 1}], FAIL),
        ([{U: 1}], INCONCLUSIVE),
        ([{}], INCONCLUSIVE),
        ([], INCONCLUSIVE),
    ],
)
def test_a_scenario(steps: list[Mapping[FlowVerdict, int]], verdict: RunVerdict) -> None:
    """The worst step decides; one in which nothing was defined has no say."""
    assert verdict == scenario_verdict(map(step, steps))


@pytest.mark.parametrize(
    ("canaries", "scenarios", "errors", "verdict"),
    [
        ([canary(True)], [PASS], [], PASS),
        ([canary(True, step({E: 4}))], [PASS], [], PASS),
        ([canary(True, step({U: 4}))], [PASS], [], PASS),
        ([canary(True)], [PASS, FAIL], [], FAIL),
        ([canary(True)], [PASS, INCONCLUSIVE], [], INCONCLUSIVE),
        ([canary(True)], [FAIL, INCONCLUSIVE], [], FAIL),
        ([canary(True)], [PASS], ["broken"], INCONCLUSIVE),
        ([canary(True)], [FAIL], ["broken"], FAIL),
        ([canary(True)], [], [], INCONCLUSIVE),
        ([canary(True)], [], ["broken"], INCONCLUSIVE),
        ([canary(True, step({L: 1}))], [PASS], [], FAIL),
        ([canary(True, step({I: 1}))], [PASS], [], INCONCLUSIVE),
        ([canary(True, step({L: 1}))], [], ["broken"], FAIL),
        ([canary(None)], [PASS], [], INCONCLUSIVE),
        ([canary(None)], [FAIL], [], FAIL),
        ([canary(None), canary(True)], [PASS], [], INCONCLUSIVE),
        ([], [PASS], [], INCONCLUSIVE),
        ([], [FAIL], [], FAIL),
        ([canary(False)], [], [], NOT_ENFORCED),
        ([canary(False)], [PASS], [], NOT_ENFORCED),
        ([canary(False)], [FAIL], [], NOT_ENFORCED),
        ([canary(False)], [INCONCLUSIVE], ["broken"], NOT_ENFORCED),
        ([canary(False, step({L: 4}))], [], [], NOT_ENFORCED),
        ([canary(False), canary(None)], [], [], NOT_ENFORCED),
        ([canary(False), canary(True)], [PASS], [], FAIL),
    ],
)
def test_a_run(
    canaries: list[CanaryRecord],
    scenarios: list[RunVerdict],
    errors: list[str],
    verdict: RunVerdict,
) -> None:
    """The canary speaks first, then what failed, then what cannot be told."""
    evidence = RunEvidence(canaries, list(map(scenario, scenarios)), errors=errors)
    assert verdict == judge_run(evidence).verdict


OF = {
    PASS: RunEvidence([canary(True)], [scenario(PASS)]),
    FAIL: RunEvidence([canary(True)], [scenario(FAIL)]),
    INCONCLUSIVE: RunEvidence([canary(True)], [scenario(INCONCLUSIVE)]),
    NOT_ENFORCED: RunEvidence([canary(False)], [scenario(FAIL)]),
}


@pytest.mark.parametrize(
    ("seen", "declared", "required", "judged", "code", "words"),
    [
        (PASS, True, False, PASS, 0, "PASS: every flow"),
        (PASS, True, True, PASS, 0, "PASS: every flow"),
        (FAIL, True, False, FAIL, 1, "FAIL: at least one flow"),
        (INCONCLUSIVE, True, False, INCONCLUSIVE, 1, "no flow was seen to go wrong"),
        (NOT_ENFORCED, True, False, NOT_ENFORCED, 1, "does not enforce NetworkPolicies."),
        (NOT_ENFORCED, True, True, NOT_ENFORCED, 1, "enforcement is required"),
        (NOT_ENFORCED, False, False, NOT_ENFORCED, 0, "NetworkPolicies, as its profile says"),
        (NOT_ENFORCED, False, True, NOT_ENFORCED, 1, "enforcement is required"),
        (PASS, False, False, FAIL, 1, "though its profile says that it does not"),
        (PASS, False, True, FAIL, 1, "though its profile says that it does not"),
        (FAIL, False, False, FAIL, 1, "though its profile says that it does not"),
        (INCONCLUSIVE, False, False, INCONCLUSIVE, 1, "not everything could be told"),
    ],
)
def test_the_exit_code(
    seen: RunVerdict, declared: bool, required: bool, judged: RunVerdict, code: int, words: str
) -> None:
    """A cluster that is what its profile says exits 0, unless enforcement is required."""
    evidence = replace(OF[seen], enforcement_declared=declared, enforcement_required=required)
    judgement = judge_run(evidence)
    assert (judged, code) == (judgement.verdict, judgement.exit_code)
    assert words in judgement.sentence
    assert judgement.sentence.startswith(f"{judged}: ")
