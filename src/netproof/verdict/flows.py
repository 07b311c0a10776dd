"""The verdict on one flow.

| expected  | seen                                   | verdict                            |
|-----------|----------------------------------------|------------------------------------|
| undefined | anything                               | undefined                          |
| allowed   | connected                              | enforced                           |
| allowed   | dropped, rejected (arrived or not)     | over-blocked                       |
| denied    | connected, or the request arrived      | leak                               |
| denied    | dropped, rejected; was open before     | enforced                           |
| denied    | dropped, rejected; was not open before | inconclusive: no positive control  |
| a or d    | unresolved, error                      | inconclusive: it could not be told |

A request that arrived at a destination that denies it is a leak whatever the source made of it,
the failure of its probe included: the destination has testified.
"""

from __future__ import annotations

from typing import NamedTuple

from netproof.model.flow import Connectivity, Expectation, Expected, Observation, Outcome
from netproof.model.record import FlowVerdict

_NO_ANSWER = (Outcome.DROPPED, Outcome.REJECTED)


class FlowRuling(NamedTuple):
    """A verdict and, in words, why it is that one."""

    verdict: FlowVerdict
    why: str


def judge_flow(
    expectation: Expectation,
    observation: Observation,
    baseline: Observation | None,
    *,
    control_required: bool,
) -> FlowRuling:
    """Judge one flow by the table above.

    `baseline` is what was seen of the flow while no policy was in force. `control_required` says
    that a denial counts only if the baseline was open (evidence rule 1 of the design).
    """
    if expectation.expected is Expected.UNDEFINED:
        return FlowRuling(FlowVerdict.UNDEFINED, "NetworkPolicy v1 does not say")
    if expectation.expected is Expected.ALLOWED:
        return _judge_allowed(observation)
    if observation.leaked:
        return _leak(observation)
    if observation.connectivity is Connectivity.UNKNOWN:
        return _untold(observation)
    if control_required and not _is_open(baseline):
        return FlowRuling(FlowVerdict.INCONCLUSIVE, _no_control(baseline))
    return FlowRuling(FlowVerdict.ENFORCED, "as expected")


def _judge_allowed(observation: Observation) -> FlowRuling:
    if observation.outcome is Outcome.CONNECTED:
        return FlowRuling(FlowVerdict.ENFORCED, "as expected")
    if observation.outcome not in _NO_ANSWER:
        return _untold(observation)
    what = f"it was {observation.outcome}"
    if observation.arrived:
        what = "the request arrived and no answer came back"
    return FlowRuling(FlowVerdict.OVER_BLOCKED, f"it should pass, yet {what}")


def _leak(observation: Observation) -> FlowRuling:
    if observation.outcome is Outcome.CONNECTED:
        return FlowRuling(FlowVerdict.LEAK, "it should be denied, yet it was answered")
    why = "it should be denied, yet the request arrived; only its answer was lost"
    return FlowRuling(FlowVerdict.LEAK, why)


def _untold(observation: Observation) -> FlowRuling:
    words = {Outcome.UNRESOLVED: "the name did not resolve", Outcome.ERROR: "the probe failed"}
    why = words.get(observation.outcome, f"it was {observation.outcome}")
    return FlowRuling(FlowVerdict.INCONCLUSIVE, f"it cannot be told: {why}")


def _is_open(baseline: Observation | None) -> bool:
    return baseline is not None and baseline.connectivity is Connectivity.ALLOWED


def _no_control(baseline: Observation | None) -> str:
    before = "was not seen open" if baseline is None else f"was {baseline.outcome}"
    return f"no positive control: the flow {before} before the policies were applied"
