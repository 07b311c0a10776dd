"""Findings that have something in common are one cause, whatever the number of cases."""

from __future__ import annotations

from netproof.model.record import CaseOutcome, CaseRecord, ScenarioRecord, Suspect
from netproof.model.value import replace
from netproof.verdict import RunEvidence, judge_run
from netproof.verdict.causes import causes
from tests.unit.report.sample import ENFORCES, LEAKING, PASSING

EXCEPT = Suspect("ignores-except", "what `except` takes out gets through", "write blocks")
FIRST = Suspect("first-rule-only", "the first rule alone counts", "write policies")


def failed(name: str, *suspects: Suspect) -> ScenarioRecord:
    """Return a scenario with three leaks, and what may be their cause."""
    return replace(LEAKING, id=f"theme/{name}", suspects=suspects)


def test_what_most_cases_share_comes_first() -> None:
    """What explains one of several is named behind it, and no case twice."""
    shared = [failed("a", FIRST, EXCEPT), failed("b", EXCEPT), failed("d", EXCEPT)]
    found = causes([*shared, failed("c", FIRST), PASSING])
    assert [("ignores-except", 3, 9), ("first-rule-only", 1, 3)] == [
        (cause.fault, cause.cases, cause.leaks) for cause in found
    ]


def test_a_cause_names_the_smallest_case_and_how_to_run_it() -> None:
    """The one with the fewest steps, here."""
    small = replace(failed("b", EXCEPT), steps=LEAKING.steps[1:2], repeat="netproof test b")
    (cause,) = causes([failed("a", EXCEPT), small])
    assert ("theme/b", "netproof test b") == (cause.example, cause.repeat)
    assert "staging/api -> production/postgres:8125/UDP IPv4" == cause.flow
    assert "write blocks" == cause.instead


def test_what_no_fault_explains_is_told_by_what_it_shares() -> None:
    """Direction, family, protocol, path and nodes, as far as they are the same everywhere."""
    steps = [replace(step, findings=step.findings[1:2]) for step in LEAKING.steps]
    (cause,) = causes([replace(LEAKING, steps=tuple(steps))])
    assert "" == cause.fault
    shared = "by IPv4, TCP only, with both ends on different nodes, decided by Ingress"
    assert f"no known fault explains it; all of it is {shared}" == cause.text


def test_a_known_gap_is_no_cause() -> None:
    """It is documented, and fails no run."""
    assert () == causes([replace(failed("a", EXCEPT), known_gap="as documented")])


def test_the_cause_stands_in_the_first_sentence() -> None:
    """With the numbers of flows and cases."""
    scenarios = (failed("a", EXCEPT), failed("b", EXCEPT), PASSING)
    cases = tuple(CaseRecord(one.id, CaseOutcome.FAILED, 0.0, "", (one.id,)) for one in scenarios)
    judged = judge_run(RunEvidence([ENFORCES], scenarios, cases=cases, selected=3))
    sentence = "FAIL: 6 leaks in 2 of 3 cases: what `except` takes out gets through."
    assert sentence == judged.sentence
    assert ["ignores-except"] == [cause.fault for cause in judged.causes]


def test_of_several_causes_the_first_sentence_has_the_first() -> None:
    """And says how many more there are."""
    scenarios = (failed("a", EXCEPT), failed("b", EXCEPT), failed("c", FIRST))
    judged = judge_run(RunEvidence([ENFORCES], scenarios))
    assert judged.sentence.endswith(
        "what `except` takes out gets through (in 2 cases), and 1 more."
    )
