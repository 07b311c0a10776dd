"""Findings as SARIF."""

import json
from typing import Any

import pytest

from netproof.model.check import CheckRecord
from netproof.model.record import RunRecord, RunVerdict
from netproof.model.review import Hint, Severity
from netproof.model.value import replace
from netproof.report import sarif
from netproof.report.account import of_check
from netproof.report.shortforms import codequality
from tests.unit.report.sample import ALL_PASS, EVERYTHING, FLAT, LEAKING, intent_result, run_of


def log(record: RunRecord) -> dict[str, Any]:
    """Return the only run of the log."""
    read: dict[str, Any] = json.loads(sarif.run_log(record))
    (only,) = read["runs"]
    assert isinstance(only, dict)
    return only


def test_a_leak_stands_on_the_line_of_the_policy() -> None:
    """A code host shows it where the policy is written."""
    found = [result for result in log(EVERYTHING)["results"] if result["ruleId"] == "leak"]
    (location,) = found[0]["locations"]
    at = location["physicalLocation"]
    assert "suites/peers/bundles/api-to-postgres.yaml" == at["artifactLocation"]["uri"]
    assert 3 == at["region"]["startLine"]


def test_an_over_blocked_flow_stands_on_the_rule_that_lets_it_pass() -> None:
    """The rule says more than the policy."""
    found = [one for one in log(EVERYTHING)["results"] if one["ruleId"] == "over-blocked"]
    assert 9 == found[0]["locations"][0]["physicalLocation"]["region"]["startLine"]


def test_levels_follow_the_verdict() -> None:
    """What went wrong is an error, what cannot be told a warning."""
    levels = {(one["ruleId"], one["level"]) for one in log(EVERYTHING)["results"]}
    assert {
        ("leak", "error"),
        ("over-blocked", "error"),
        ("inconclusive", "warning"),
    } == levels


def test_rules_are_declared() -> None:
    """Each result names its rule by id and by index."""
    run = log(EVERYTHING)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(one["ruleId"] == rules[one["ruleIndex"]] for one in run["results"])


def test_fingerprints_tell_results_apart() -> None:
    """The same flow in the same scenario is the same result in the next run."""
    prints = [one["partialFingerprints"]["netproof/v1"] for one in log(EVERYTHING)["results"]]
    assert len(set(prints)) == len(prints)


def test_a_known_gap_is_suppressed_with_its_reason() -> None:
    """It is on record and raises no alarm."""
    known = log(run_of((replace(LEAKING, known_gap="as documented"),)))
    assert {"as documented"} == {
        suppression["justification"]
        for one in known["results"]
        for suppression in one["suppressions"]
    }


def test_a_finding_without_a_place_stands_on_the_bundle() -> None:
    """A leak that no policy explains still belongs to a file."""
    steps = tuple(replace(step, places={}) for step in LEAKING.steps)
    (first, *_) = log(run_of((replace(LEAKING, steps=steps),)))["results"]
    at = first["locations"][0]["physicalLocation"]
    assert {"artifactLocation": {"uri": LEAKING.bundle}} == at


def test_a_generated_case_points_at_a_file() -> None:
    """The lines of text that was made are in no file: where it is made is, with the command."""
    steps = tuple(
        replace(step, places=dict.fromkeys(step.places, "<a-case>:3")) for step in LEAKING.steps
    )
    made = replace(LEAKING, bundle="suites/generated/cases.py", steps=steps)
    leaks = [one for one in log(run_of((made,)))["results"] if one["ruleId"] == "leak"]
    (at,) = {str(one["locations"][0]["physicalLocation"]["artifactLocation"]) for one in leaks}
    assert "{'uri': 'suites/generated/cases.py'}" == at
    assert all(f"Again: {LEAKING.repeat}" in one["message"]["text"] for one in leaks)


def test_errors_are_notifications() -> None:
    """What broke in the harness is no result."""
    (invocation,) = log(EVERYTHING)["invocations"]
    assert invocation["executionSuccessful"] is False
    assert 1 == len(invocation["toolExecutionNotifications"])


def test_a_clean_run_has_no_results() -> None:
    """Nothing to show is shown as such."""
    assert [] == log(ALL_PASS)["results"]


def test_a_cluster_that_enforces_nothing_blames_no_line() -> None:
    """The policies are not at fault; the cluster is, and that is said once."""
    (only,) = log(FLAT)["results"]
    assert "not-enforced" == only["ruleId"]
    assert [] == only["locations"]


CHECK = CheckRecord(
    bundle="shop",
    netproof="0.1.0",
    workloads=2,
    policies=1,
    flows=4,
    seconds=0.1,
    intents=(intent_result("deny: web -> billing", "broken"), intent_result("x -> y", "kept")),
    hints=(
        Hint("end-port", Severity.WARNING, "p.yaml:4", "shop/a", "ends before it begins", "swap"),
        Hint("end-port", Severity.INFO, "p.yaml:9", "shop/b", "is a list", "no", "on purpose"),
    ),
    exit_code=1,
    verdict=RunVerdict.FAIL,
    exit_reason="FAIL: 1 of 2 intents does not hold.",
)


def check_results(check: CheckRecord) -> list[dict[str, Any]]:
    (run,) = json.loads(sarif.check_log(check))["runs"]
    listed: list[dict[str, Any]] = run["results"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(one["ruleId"] == rules[one["ruleIndex"]] for one in listed)
    return listed


def test_a_broken_intent_stands_on_its_line() -> None:
    """With its reason and the flow that breaks it."""
    intent, *_ = check_results(CHECK)
    assert ("broken-intent", "error") == (intent["ruleId"], intent["level"])
    assert 3 == intent["locations"][0]["physicalLocation"]["region"]["startLine"]
    assert "web -> billing:80/TCP is meant to be denied" in intent["message"]["text"]


def test_hints_have_their_levels_and_silenced_ones_their_reason() -> None:
    """A remark is a note; one that its author has silenced raises no alarm."""
    _, loud, silenced = check_results(CHECK)
    assert ("end-port", "warning") == (loud["ruleId"], loud["level"])
    assert ("end-port", "note") == (silenced["ruleId"], silenced["level"])
    assert ["on purpose"] == [one["justification"] for one in silenced["suppressions"]]


def test_a_check_on_a_cluster_that_enforces_nothing_says_so() -> None:
    """As the log of a run does."""
    flat = replace(CHECK, intents=(), hints=(), verdict=RunVerdict.NOT_ENFORCED)
    assert ["not-enforced"] == [one["ruleId"] for one in check_results(flat)]


@pytest.mark.parametrize("code", [0, 1])
def test_what_is_declared_to_enforce_nothing_raises_no_alarm(code: int) -> None:
    """NOT ENFORCED fails nothing where the profile says so, and is no open alert there either."""
    flat = replace(CHECK, intents=(), hints=(), verdict=RunVerdict.NOT_ENFORCED, exit_code=code)
    (only,) = check_results(flat)
    assert bool(only["suppressions"]) is not bool(code)
    (issue,) = json.loads(codequality(of_check(flat)))
    assert ("critical" if code else "info") == issue["severity"]
