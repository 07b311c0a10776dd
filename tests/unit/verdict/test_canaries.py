"""What a canary makes of a run: the same for the record, the run and the doctor."""

from __future__ import annotations

import pytest

from netproof.model.flow import Endpoint, Expectation, Expected, Flow, Observation, Outcome
from netproof.model.matrix import JudgedScenario, Matrix
from netproof.model.record import Convergence, RunVerdict, ScenarioRecord
from netproof.model.workload import Topology
from netproof.verdict import canary_verdict, judge_canary, judge_step

A, B, C = (Endpoint.pod(f"canary/{name}") for name in "abc")
OPEN, BROKEN = Observation(Outcome.CONNECTED), Observation(Outcome.ERROR)
SHUT = Observation(Outcome.DROPPED, arrived=False)


def canary(*denied: Observation, expected: Expected = Expected.DENIED) -> JudgedScenario:
    """Return a canary in which flows that are denied did what is told."""
    flows = [Flow(A, end, port) for end in (B, C) for port in (1, 2)][: len(denied)]
    step = judge_step(
        "policies in force",
        ("canary/p",),
        expected=Matrix(flows, dict.fromkeys(flows, Expectation(expected))),
        observed=Matrix(flows, dict(zip(flows, denied, strict=True))),
        baseline=dict.fromkeys(flows, OPEN),
        convergence=Convergence(),
        topology=Topology(),
    )
    record = ScenarioRecord("canary", "", "", "w0", step.record.verdict, 0.1, (step.record,))
    return JudgedScenario(record, (step,))


@pytest.mark.parametrize(
    ("scenario", "enforces", "verdict"),
    [
        (canary(SHUT, SHUT), True, RunVerdict.PASS),
        (canary(SHUT, OPEN), True, RunVerdict.FAIL),
        (canary(OPEN, OPEN), False, RunVerdict.NOT_ENFORCED),
        (canary(SHUT, BROKEN), True, RunVerdict.INCONCLUSIVE),
        (canary(OPEN, BROKEN), None, RunVerdict.FAIL),
        (canary(BROKEN, BROKEN), None, RunVerdict.INCONCLUSIVE),
        (canary(OPEN, expected=Expected.ALLOWED), None, RunVerdict.INCONCLUSIVE),
    ],
)
def test_what_denials_say(
    scenario: JudgedScenario, enforces: bool | None, verdict: RunVerdict
) -> None:
    """One denial that bites is enforcement; none is none, unless one could not be told."""
    record = judge_canary("w0", scenario)
    assert (enforces, verdict) == (record.enforces, record.verdict)
    assert verdict is canary_verdict(record)
