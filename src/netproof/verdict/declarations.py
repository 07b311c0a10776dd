"""What is declared or expected of a cluster besides its policies, against what it shows.

Known gaps of its CNI: a scenario that fails in the flows of its gaps alone is a known gap and fails
no run; whatever else fails still fails. One in which a gap should have shown and did not says that
it is gone. An inconclusive scenario tells nothing of a gap. A gap that is transient by nature is
never gone, and explains a flow only where the cluster was seen to do all that is expected of it,
before or after: what goes on leaking until the deadline is no moment.

Doors that policies do not guard: open or closed as somebody expects them to be, or only reported.
"""

from __future__ import annotations

from collections.abc import Iterable

from netproof.model.doors import FACTS, DoorResult, DoorState, Stance
from netproof.model.flowpattern import parse_pattern
from netproof.model.known_gap import KnownGap
from netproof.model.record import Finding, RunVerdict, ScenarioRecord, StepRecord
from netproof.model.value import replace


def weigh_gaps(record: ScenarioRecord, gaps: Iterable[KnownGap]) -> ScenarioRecord:
    """Return a scenario with what the known gaps make of it: `known_gap`, `gap_gone` or neither."""
    concerned = [gap for gap in gaps if gap.concerns(record.id)]
    if record.verdict is RunVerdict.INCONCLUSIVE or not concerned:
        return record
    findings = [(step, finding) for step in record.steps for finding in step.findings]
    shown = [gap for gap in concerned if any(_explains(gap, *finding) for finding in findings)]
    gone = [gap for gap in concerned if gap not in shown and not gap.transient]
    if not all(any(_explains(gap, *finding) for gap in shown) for finding in findings):
        return record
    if gone:
        return replace(record, gap_gone=_words_of_gone(gone))
    return replace(record, known_gap="; ".join(map(str, shown)))


def _explains(gap: KnownGap, step: StepRecord, finding: Finding) -> bool:
    if gap.transient and not step.convergence.reached:
        return False
    patterns = [parse_pattern(text) for text in gap.flows]
    return finding.verdict in gap.verdicts and any(p.matches(finding.flow) for p in patterns)


def _words_of_gone(gaps: Iterable[KnownGap]) -> str:
    named = "; ".join(map(str, gaps))
    return f"no longer there: {named}; remove it from the CNI's profile"


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
