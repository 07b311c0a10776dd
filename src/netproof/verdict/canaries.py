"""What a canary says of a cluster, and the verdict on it, the same for a run and for the doctor.

| the canary                                              | verdict      |
|---------------------------------------------------------|--------------|
| could not tell whether a denial bites                   | INCONCLUSIVE |
| saw none bite                                           | NOT ENFORCED |
| has a step in which a flow went wrong                   | FAIL         |
| has a step in which a flow could not be told            | INCONCLUSIVE |
| else                                                    | PASS         |
"""

from __future__ import annotations

from netproof.model.flow import Expected
from netproof.model.matrix import JudgedScenario, JudgedStep
from netproof.model.record import CanaryRecord, FlowVerdict, RunVerdict
from netproof.model.value import replace
from netproof.verdict.scenarios import says_something, worst


def canary_verdict(canary: CanaryRecord) -> RunVerdict:
    """Judge a canary by what it says of denials, and by its steps."""
    steps = [step.verdict for step in canary.steps if says_something(step)]
    if canary.enforces is False:
        return RunVerdict.NOT_ENFORCED
    if canary.enforces is None:
        steps.append(RunVerdict.INCONCLUSIVE)
    return worst(steps or [RunVerdict.PASS])


def judge_canary(worker: str, scenario: JudgedScenario) -> CanaryRecord:
    """Put on record whether the denials of a canary bit, in a sentence."""
    enforces, text = _denials_bite(scenario.in_force)
    record = CanaryRecord(worker, enforces, text, scenario.record.steps)
    return replace(record, verdict=canary_verdict(record))


def _denials_bite(step: JudgedStep) -> tuple[bool | None, str]:
    """Tell whether a denial bit (None: cannot be told), and say so in a sentence."""
    denials = [
        cell.verdict
        for cell in step.matrix.values()
        if cell.expectation.expected is Expected.DENIED
    ]
    enforced = denials.count(FlowVerdict.ENFORCED)
    if denials and enforced == len(denials):
        return True, "The cluster enforces NetworkPolicies: all canary denials hold."
    if enforced:
        return True, f"The cluster enforces some NetworkPolicies: {enforced} of {len(denials)}."
    if FlowVerdict.INCONCLUSIVE in denials or not denials:
        return None, "Whether the cluster enforces NetworkPolicies cannot be told."
    return False, (
        "The cluster does not enforce NetworkPolicies: every flow that the canary's policies "
        f"deny got through ({len(denials)} of {len(denials)})."
    )
