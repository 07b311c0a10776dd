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
from netproof.run.doctor import word
from netproof.verdict import step_verdict

FLOW = Flow(Endpoint.pod("canary/stranger"), Endpoint.pod("canary/guarded"), 8080)


def _canary(*, enforces: bool | None, finding: Finding | None = None) -> CanaryRecord:
    findings = (finding,) if finding else ()
    counts = {finding.verdict: 1 for finding in findings} or {FlowVerdict.ENFORCED: 1}
    step = StepRecord("in force", (), step_verdict(counts), counts, Convergence(), (), findings)
    return CanaryRecord("canary", enforces, "", (step,))


def _finding(outcome: Outcome, detail: str = "") -> Finding:
    verdict = FlowVerdict.INCONCLUSIVE if outcome is Outcome.ERROR else FlowVerdict.LEAK
    return Finding(FLOW, verdict, Expected.DENIED, outcome, Connectivity.ALLOWED, detail=detail)


def test_it_enforces() -> None:
    """All denials held, and all allows."""
    found = word(_canary(enforces=True), "X")
    assert (RunVerdict.PASS, 0) == (found.verdict, found.exit_code)
    assert found.text.startswith("X enforces NetworkPolicies: one allow and one deny held")


def test_it_does_not() -> None:
    """No denial held."""
    found = word(_canary(enforces=False, finding=_finding(Outcome.CONNECTED)), "X")
    assert (RunVerdict.NOT_ENFORCED, 1) == (found.verdict, found.exit_code)
    assert found.text.startswith("X does not enforce NetworkPolicies")


def test_it_does_in_part() -> None:
    """Some denial held and another did not: the flow is named, and it is no yes."""
    found = word(_canary(enforces=True, finding=_finding(Outcome.CONNECTED)), "X")
    assert (RunVerdict.FAIL, 1) == (found.verdict, found.exit_code)
    assert f"in part only, because {FLOW} should be denied and was connected." in found.text


def test_it_cannot_be_told() -> None:
    """The reason is in the sentence."""
    found = word(_canary(enforces=None, finding=_finding(Outcome.ERROR, "no route")), "X")
    assert (RunVerdict.INCONCLUSIVE, 2) == (found.verdict, found.exit_code)
    assert "because" in found.text
    assert found.text.endswith("was error (no route).")


def test_a_leak_is_said_where_the_rest_cannot_be_told() -> None:
    """What got through is known; that something else holds is not claimed."""
    found = word(_canary(enforces=None, finding=_finding(Outcome.CONNECTED)), "X")
    assert (RunVerdict.FAIL, 1) == (found.verdict, found.exit_code)
    assert "whether it does any cannot be told, because" in found.text
