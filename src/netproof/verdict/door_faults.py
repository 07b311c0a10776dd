"""Whether a door that policies do not guard is as it is expected to be."""

from __future__ import annotations

from netproof.model.doors import FACTS, DoorResult, DoorState, Stance


def contradiction(result: DoorResult, stance: Stance) -> str:
    """Say how a result differs from what is expected, "" where it does not.

    Undetermined equals neither expectation, and contradicts no report. Doors that the network
    decides, and exec, which netproof itself needs, are only reported. What gets out of a pod that
    a policy isolates is a leak, whatever is expected.
    """
    if result.leads_out:
        leaked = result.state is DoorState.OPEN
        return f"{result.by}: the policy of {result.target} does not hold" if leaked else ""
    facts = FACTS[result.door]
    wanted = {
        Stance.EXPECT_OPEN: DoorState.OPEN if facts.may_be_expected_open else None,
        Stance.EXPECT_CLOSED: DoorState.CLOSED if facts.may_be_expected_closed else None,
        Stance.REPORT: None,
    }[stance]
    if wanted in (None, result.state):
        return ""
    by = f" ({result.by})" if result.by else ""
    return (
        f"{result.door}{by} of {result.target} is expected to be {wanted} and is {result.state}: "
        f"{result.evidence}"
    )
