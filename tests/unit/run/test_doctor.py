"""The doctor's one sentence, for all that a canary can see."""

from __future__ import annotations

from netproof.model.flow import Connectivity, Endpoint, Expected, Flow, Outcome
from netproof.model.record import (
    CanaryRecord,
    Convergence,
    Finding,
    FlowVerdict,
    RunVerdict,
    StepRecord,
)
from netproof.run.doctor import Answer, word

FLOW = Flow(Endpoint.pod("canary/stranger"), Endpoint.pod("canary/guarded"), 8080)


def _canary(*, enforces: bool | None, finding: Finding | None = None) -> CanaryRecord:
    findings = (finding,) if finding else ()
    step = StepRecord("in force", (), RunVerdict.PASS, {}, Convergence(), (), findings)
    return CanaryRecord("canary", enforces, "", (step,))


def _finding(outcome: Outcome, detail: str = "") -> Finding:
    return Finding(
        FLOW, FlowVerdict.LEAK, Expected.DENIED, outcome, Connectivity.ALLOWED, detail=detail
    )


def test_it_enforces() -> None:
    """All denials held, and all allows."""
    found = word(_canary(enforces=True), "X")
    assert Answer.ENFORCES is found.answer
    assert found.text.startswith("X enforces NetworkPolicies: one allow and one deny held")


def test_it_does_not() -> None:
    """No denial held."""
    found = word(_canary(enforces=False, finding=_finding(Outcome.CONNECTED)), "X")
    assert Answer.DOES_NOT is found.answer
    assert found.text.startswith("X does not enforce NetworkPolicies")


def test_it_does_in_part() -> None:
    """Some denial held and another did not: the flow is named, and it is no yes."""
    found = word(_canary(enforces=True, finding=_finding(Outcome.CONNECTED)), "X")
    assert Answer.DOES_NOT is found.answer
    assert f"in part only, because {FLOW} should be denied and was connected." in found.text


def test_it_cannot_be_told() -> None:
    """The reason is in the sentence."""
    found = word(_canary(enforces=None, finding=_finding(Outcome.ERROR, "no route")), "X")
    assert Answer.CANNOT_BE_TOLD is found.answer
    assert "because" in found.text
    assert found.text.endswith("was error (no route).")
