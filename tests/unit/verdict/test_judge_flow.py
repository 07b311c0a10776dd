"""The verdict on one flow: every row of the table in `netproof.verdict.flows`."""

import pytest

from netproof.model.flow import Expectation, Expected, Observation, Outcome, Passing, PathControl
from netproof.model.record import FlowVerdict
from netproof.verdict import judge_flow

OPEN = Observation(Outcome.CONNECTED)
SHUT = Observation(Outcome.DROPPED, arrived=False)
ALLOWED, DENIED, UNDEFINED = (Expectation(expected) for expected in Expected)


WELL = PathControl(("n/a to itself", "n/b to itself"), far=True)
SLOW = PathControl(("n/a to itself",), ("n/b to itself",), far=True)
NEAR = PathControl(("n/a to itself",))


def judge(expected: Expectation, seen: Observation, before: Observation | None = OPEN) -> str:
    return judge_flow(expected, seen, before, control_required=True).verdict


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("arrived", [None, False, True])
def test_what_the_api_leaves_open_is_undefined(outcome: Outcome, arrived: bool | None) -> None:
    """Whatever was seen of it, the observation is reported and nothing more."""
    seen = Observation(outcome, arrived=arrived)
    assert FlowVerdict.UNDEFINED == judge(UNDEFINED, seen)


@pytest.mark.parametrize(
    ("outcome", "arrived", "verdict"),
    [
        (Outcome.CONNECTED, None, FlowVerdict.ENFORCED),
        (Outcome.DROPPED, None, FlowVerdict.OVER_BLOCKED),
        (Outcome.DROPPED, False, FlowVerdict.OVER_BLOCKED),
        (Outcome.DROPPED, True, FlowVerdict.OVER_BLOCKED),
        (Outcome.REJECTED, None, FlowVerdict.OVER_BLOCKED),
        (Outcome.REJECTED, True, FlowVerdict.OVER_BLOCKED),
        (Outcome.UNRESOLVED, None, FlowVerdict.INCONCLUSIVE),
        (Outcome.ERROR, None, FlowVerdict.INCONCLUSIVE),
        (Outcome.ERROR, True, FlowVerdict.INCONCLUSIVE),
    ],
)
def test_an_allowed_flow(outcome: Outcome, arrived: bool | None, verdict: FlowVerdict) -> None:
    """An answer is what was expected, its absence over-blocks, a broken probe tells nothing."""
    seen = Observation(outcome, arrived=arrived, attempts=2, beside=WELL)
    assert verdict == judge(ALLOWED, seen)


@pytest.mark.parametrize("arrived", [None, False, True])
@pytest.mark.parametrize("outcome", [Outcome.DROPPED, Outcome.REJECTED])
@pytest.mark.parametrize(
    ("beside", "attempts", "why"),
    [
        (None, 2, "nothing that must be answered was tried beside it"),
        (PathControl(), 2, "nothing that must be answered was tried beside it"),
        (WELL, 1, "nothing that must be answered was tried beside it"),
        (SLOW, 2, "no answer came in time either from n/b to itself"),
        (NEAR, 2, "nobody else's flow to the same end could be held against it"),
    ],
)
def test_too_little_needs_as_much_evidence_as_too_much(
    outcome: Outcome, arrived: bool | None, beside: PathControl | None, attempts: int, why: str
) -> None:
    """A silence over-blocks only where it came again while both ends answered in time."""
    seen = Observation(outcome, arrived=arrived, attempts=attempts, beside=beside)
    judged = judge_flow(ALLOWED, seen, OPEN, control_required=True)
    assert FlowVerdict.INCONCLUSIVE is judged.verdict
    assert judged.why.endswith(why)


@pytest.mark.parametrize("outcome", [Outcome.DROPPED, Outcome.REJECTED])
@pytest.mark.parametrize(
    ("beside", "verdict"),
    [
        (None, FlowVerdict.INCONCLUSIVE),
        (SLOW, FlowVerdict.INCONCLUSIVE),
        (NEAR, FlowVerdict.ENFORCED),
        (WELL, FlowVerdict.ENFORCED),
    ],
)
def test_a_denial_without_a_witness_needs_a_control_beside_it(
    outcome: Outcome, beside: PathControl | None, verdict: FlowVerdict
) -> None:
    """Where nobody testifies for the destination, a late answer must not pass for a denial."""
    assert verdict == judge(DENIED, Observation(outcome, beside=beside))


@pytest.mark.parametrize(
    ("outcome", "arrived", "verdict"),
    [
        (Outcome.CONNECTED, None, FlowVerdict.LEAK),
        (Outcome.DROPPED, False, FlowVerdict.ENFORCED),
        (Outcome.DROPPED, True, FlowVerdict.LEAK),
        (Outcome.REJECTED, False, FlowVerdict.ENFORCED),
        (Outcome.REJECTED, True, FlowVerdict.LEAK),
        (Outcome.UNRESOLVED, None, FlowVerdict.INCONCLUSIVE),
        (Outcome.ERROR, None, FlowVerdict.INCONCLUSIVE),
        (Outcome.ERROR, True, FlowVerdict.LEAK),
    ],
)
def test_a_denied_flow(outcome: Outcome, arrived: bool | None, verdict: FlowVerdict) -> None:
    """What gets through is a leak, answered or not; a broken probe is never a denial."""
    assert verdict == judge(DENIED, Observation(outcome, arrived=arrived))


@pytest.mark.parametrize(
    "before",
    [
        None,
        Observation(Outcome.DROPPED),
        Observation(Outcome.REJECTED),
        Observation(Outcome.UNRESOLVED),
        Observation(Outcome.ERROR),
        Observation(Outcome.DROPPED, arrived=True),
    ],
    ids=str,
)
def test_a_denial_needs_a_positive_control(before: Observation | None) -> None:
    """A flow that was not open before the policies shows nothing by being denied."""
    judged = judge_flow(DENIED, SHUT, before, control_required=True)
    assert FlowVerdict.INCONCLUSIVE == judged.verdict
    assert "no positive control" in judged.why


def test_a_leak_needs_no_control() -> None:
    """What gets through although denied is wrong whatever was seen before."""
    assert FlowVerdict.LEAK == judge(DENIED, OPEN, None)


@pytest.mark.parametrize(
    ("passing", "why"),
    [
        (Passing(1, 5, 2.04, 2.04), "transient: it got through in 1 of 5 looks, 2.0 s after"),
        (
            Passing(2, 5, 2.0, 3.5),
            "transient: it got through in 2 of 5 looks, between 2.0 and 3.5",
        ),
    ],
)
def test_a_leak_that_came_and_went_is_called_so(passing: Passing, why: str) -> None:
    """It is a leak, with when and how often."""
    seen = Observation(Outcome.CONNECTED, passing=passing)
    judged = judge_flow(DENIED, seen, OPEN, control_required=True)
    assert FlowVerdict.LEAK is judged.verdict
    assert judged.why.startswith(why)


def test_the_control_can_be_waived() -> None:
    """Where no control is required, a denial counts by itself."""
    judged = judge_flow(DENIED, SHUT, None, control_required=False)
    assert FlowVerdict.ENFORCED == judged.verdict


def test_a_lost_answer_is_told_from_an_answer() -> None:
    """The reason says that only the request got through."""
    judged = judge_flow(
        DENIED, Observation(Outcome.DROPPED, arrived=True), OPEN, control_required=True
    )
    assert "the request arrived; only its answer was lost" in judged.why


def test_a_broken_probe_says_what_broke() -> None:
    """The reason is what went wrong with the probe, not with the flow."""
    seen = Observation(Outcome.ERROR, "the agent died")
    judged = judge_flow(ALLOWED, seen, OPEN, control_required=True)
    assert "it cannot be told: the probe failed" == judged.why
