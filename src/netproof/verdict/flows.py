"""The verdict on one flow.

| expected  | seen                                         | verdict                            |
|-----------|----------------------------------------------|------------------------------------|
| undefined | anything                                     | undefined                          |
| allowed   | connected                                    | enforced                           |
| allowed   | dropped, rejected (arrived or not), again    | over-blocked                       |
|           | beside controls at both ends, well in time   |                                    |
| allowed   | dropped, rejected, and not so                | inconclusive: it may be slowness   |
| denied    | connected, or the request arrived            | leak                               |
| denied    | dropped, rejected; no witness and no control | inconclusive: it may be slowness   |
| denied    | dropped, rejected; was open before           | enforced                           |
| denied    | dropped, rejected; was not open before       | inconclusive: no positive control  |
| a or d    | unresolved, error                            | inconclusive: it could not be told |

A request that arrived at a destination that denies it is a leak whatever the source made of it,
the failure of its probe included: the destination has testified. What it takes to say that too
little gets through is as much: silence alone may be a machine that did not get to answer. A leak
that came and went is a leak, and called transient.
"""

from __future__ import annotations

from typing import NamedTuple

from netproof.model.flow import SILENT, Connectivity, Expectation, Expected, Observation, Outcome
from netproof.model.record import FlowVerdict

_OPEN = Observation(Outcome.CONNECTED)
_AS_EXPECTED = "as expected"


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
    why = _no_denial(observation, baseline if control_required else _OPEN)
    return FlowRuling(
        FlowVerdict.INCONCLUSIVE if why else FlowVerdict.ENFORCED, why or _AS_EXPECTED
    )


def _judge_allowed(observation: Observation) -> FlowRuling:
    if observation.outcome is Outcome.CONNECTED:
        return FlowRuling(FlowVerdict.ENFORCED, _AS_EXPECTED)
    if observation.outcome not in SILENT:
        return FlowRuling(FlowVerdict.INCONCLUSIVE, _untold(observation))
    beside = observation.beside
    if beside is None or not (beside.in_time and beside.far and observation.attempts > 1):
        return FlowRuling(FlowVerdict.INCONCLUSIVE, _maybe_slow(observation))
    what, meanwhile = _silence(observation), _listed(beside.answered)
    why = f"it should pass, yet {what}, and again while {meanwhile} got through"
    return FlowRuling(FlowVerdict.OVER_BLOCKED, why)


def _leak(observation: Observation) -> FlowRuling:
    passing = observation.passing
    if passing:
        when = f"{passing.first_s:.1f} s after the first look"
        if passing.through > 1:
            when = f"between {passing.first_s:.1f} and {passing.last_s:.1f} s after the first look"
        why = f"transient: it got through in {passing.through} of {passing.looks} looks, {when}"
        return FlowRuling(FlowVerdict.LEAK, why)
    if observation.outcome is Outcome.CONNECTED:
        return FlowRuling(FlowVerdict.LEAK, "it should be denied, yet it was answered")
    why = "it should be denied, yet the request arrived; only its answer was lost"
    return FlowRuling(FlowVerdict.LEAK, why)


def _no_denial(observation: Observation, baseline: Observation | None) -> str:
    """Say why a flow that did not get through shows no denial, "" where it does."""
    if observation.connectivity is Connectivity.UNKNOWN:
        return _untold(observation)
    if observation.unweighed:
        return _maybe_slow(observation)
    return "" if _is_open(baseline) else _no_control(baseline)


def _untold(observation: Observation) -> str:
    words = {Outcome.UNRESOLVED: "the name did not resolve", Outcome.ERROR: "the probe failed"}
    why = words.get(observation.outcome, f"it was {observation.outcome}")
    return f"it cannot be told: {why}"


def _maybe_slow(observation: Observation) -> str:
    """Word why a silence may be that of a machine that did not get to answer."""
    beside = observation.beside
    if beside and beside.late:
        why = f"no answer came in time either from {_listed(beside.late)}"
    elif beside and beside.in_time and observation.attempts > 1:
        why = "nobody else's flow to the same end could be held against it"
    else:
        why = "nothing that must be answered was tried beside it"
    return f"it cannot be told: {_silence(observation)}, but {why}"


def _silence(observation: Observation) -> str:
    if observation.arrived:
        return "the request arrived and no answer came back"
    return f"it was {observation.outcome}"


def _listed(words: tuple[str, ...]) -> str:
    return " and ".join(words)


def _is_open(baseline: Observation | None) -> bool:
    return baseline is not None and baseline.connectivity is Connectivity.ALLOWED


def _no_control(baseline: Observation | None) -> str:
    before = "was not seen open" if baseline is None else f"was {baseline.outcome}"
    return f"no positive control: the flow {before} before the policies were applied"
