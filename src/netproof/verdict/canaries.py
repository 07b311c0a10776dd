"""The verdict on a canary, the same for a run and for the doctor.

| the canary                                              | verdict      |
|---------------------------------------------------------|--------------|
| could not tell whether a denial bites                   | INCONCLUSIVE |
| saw none bite                                           | NOT ENFORCED |
| has a step in which a flow went wrong                   | FAIL         |
| has a step in which a flow could not be told            | INCONCLUSIVE |
| else                                                    | PASS         |
"""

from __future__ import annotations

from netproof.model.record import CanaryRecord, RunVerdict
from netproof.verdict.scenarios import says_something, worst


def canary_verdict(canary: CanaryRecord) -> RunVerdict:
    """Judge a canary by what it says of denials, and by its steps."""
    steps = [step.verdict for step in canary.steps if says_something(step)]
    if canary.enforces is False:
        return RunVerdict.NOT_ENFORCED
    if canary.enforces is None:
        steps.append(RunVerdict.INCONCLUSIVE)
    return worst(steps or [RunVerdict.PASS])
