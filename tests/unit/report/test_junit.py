"""The run as JUnit XML."""

from xml.etree import ElementTree as ET

import pytest

from netproof.model.doors import Door, DoorResult, DoorState
from netproof.model.record import CaseOutcome, CaseRecord, RunRecord
from netproof.model.value import replace
from netproof.report import junit
from tests.unit.report.sample import (
    ALL_PASS,
    EVERYTHING,
    FLAT,
    LEAKING,
    PASSING,
    intent_result,
    run_of,
)


def read(record: RunRecord) -> ET.Element:
    return ET.fromstring(junit.render(record))  # noqa: S314 - our own text


def results(root: ET.Element, tag: str) -> list[ET.Element]:
    return root.findall(f"./testsuite/testcase/{tag}")


def test_a_test_is_a_case_with_its_flows() -> None:
    """Its suite is the file, its text each step with how many flows have which verdict."""
    played = CaseRecord("suites/a/test_a.py::test_b", CaseOutcome.PASSED, 1.25, "", (PASSING.id,))
    root = read(replace(ALL_PASS, cases=(played,)))
    (case,) = root.findall("./testsuite[@name='suites/a/test_a.py']/testcase")
    assert ("test_b", "1.250") == (case.attrib["name"], case.attrib["time"])
    assert "policies in force" in (case.findtext("system-out") or "")
    assert "252 enforced, 42 undefined" in (case.findtext("system-out") or "")


def test_a_scenario_without_a_test_is_a_case() -> None:
    """As one of a record from before tests were on record, or of a bundle."""
    case = read(ALL_PASS).find("./testsuite[@name='isolation']/testcase[@name='default-deny-all']")
    assert case is not None
    assert (case.findtext("system-out") or "").startswith("PASS  isolation/default-deny-all: ")


def test_a_test_that_leaks_fails_once_with_all_its_flows() -> None:
    """The text says what was expected, seen and why, and whether nodes were crossed."""
    (failure,) = read(run_of((LEAKING,))).findall(".//testcase[@name='api-to-postgres']/failure")
    text = failure.text or ""
    assert "leak: staging/web -> production/postgres  TCP 5432 · IPv4+IPv6 · across nodes" in text
    assert "because: production/api-to-postgres isolates production/postgres" in text
    assert "(suites/peers/bundles/api-to-postgres.yaml:3)" in text
    assert f"again: {LEAKING.repeat}" in text


def test_a_finding_of_a_test_is_no_second_case() -> None:
    """A door that is not as it must be is why its test failed; without a test it is a case."""
    door = DoorResult(Door.EXEC, "shop/web", DoorState.OPEN, fault="exec of web is open")
    run = run_of((PASSING,), doors=(door,))
    assert ["exec of web is open"] == [
        one.attrib["message"] for one in results(read(run), "failure")
    ]
    failed = CaseRecord("doors.py::test_exec", CaseOutcome.FAILED, 0.1, "exec of web is open")
    assert 1 == len(results(read(replace(run, cases=(failed,))), "failure"))


def test_what_was_not_tried_is_skipped_with_its_reason() -> None:
    """And the sentence about all of it stands with the verdict."""
    left = CaseRecord("egress.py::test_outside", CaseOutcome.UNTRIED, 0.0, "no host outside")
    root = read(replace(ALL_PASS, cases=(left,), notes=("1 case not tried: no host outside",)))
    (skipped,) = results(root, "skipped")
    assert "no host outside" == skipped.attrib["message"]
    said = root.findtext("./testsuite[@name='netproof']/system-out") or ""
    assert "1 case not tried: no host outside" in said


def test_an_error_of_a_test_is_told_once() -> None:
    """What broke in no test is a case of its own."""
    error = "a.py::test_b (call): KeyError: 'x'"
    broken = CaseRecord("a.py::test_b", CaseOutcome.BROKEN, 0.1, "KeyError: 'x'")
    run = run_of((PASSING,), errors=(error, "cleaning up: OSError"))
    messages = [
        one.attrib["message"] for one in results(read(replace(run, cases=(broken,))), "error")
    ]
    assert ["KeyError: 'x'", "cleaning up: OSError"] == messages


def test_failures_errors_and_skipped_stay_apart() -> None:
    """What is wrong fails, what cannot be told is an error; undefined flows are no case."""
    root = read(EVERYTHING)
    assert ["FAIL", "FAIL"] == [one.attrib["type"] for one in results(root, "failure")]
    assert ["INCONCLUSIVE", "harness"] == [one.attrib["type"] for one in results(root, "error")]
    assert [] == results(root, "skipped")


@pytest.mark.parametrize("record", [EVERYTHING, FLAT, ALL_PASS], ids=lambda r: str(r.verdict))
def test_the_sums_are_those_of_the_cases(record: RunRecord) -> None:
    """Readers that trust the attributes see what readers of the cases see."""
    root = read(record)
    assert root.attrib["tests"] == str(len(root.findall("./testsuite/testcase")))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        sums = sum(int(suite.attrib[name]) for suite in root)
        assert len(results(root, tag)) == sums
        assert root.attrib.get(name, str(sums)) == str(sums)


def test_a_cluster_that_enforces_nothing_fails_once() -> None:
    """Its leaks are skipped in sum."""
    (failure,) = results(read(FLAT), "failure")
    assert "not enforced" == failure.attrib["type"]
    assert "nothing is enforced here" in [
        one.attrib["message"] for one in results(read(FLAT), "skipped")
    ]


def test_a_cluster_that_need_not_enforce_does_not_fail() -> None:
    """Where the exit code is 0, the canary is skipped with the sentence that says why."""
    root = read(replace(FLAT, exit_code=0))
    assert [] == results(root, "failure")
    messages = [one.attrib["message"] for one in results(root, "skipped")]
    assert FLAT.exit_reason in messages


def test_a_canary_that_cannot_tell_is_an_error() -> None:
    """Whether anything is enforced is then unknown."""
    canary = replace(FLAT.canaries[0], enforces=None, steps=())
    assert 1 == len(results(read(replace(ALL_PASS, canaries=(canary,))), "error"))


def test_a_known_gap_is_skipped() -> None:
    """The CNI's documentation is the reason."""
    known = replace(LEAKING, known_gap="as documented")
    root = read(run_of((PASSING, known)))
    assert [] == results(root, "failure")
    messages = [one.attrib["message"] for one in results(root, "skipped")]
    assert ["known gap: as documented"] == messages


def test_control_characters_do_not_break_the_document() -> None:
    """XML 1.0 has no way to write most of them."""
    error = "".join(map(chr, range(32))) + "\x7f\ud800\ufffe<&\"']]>"
    (told,) = results(read(replace(ALL_PASS, errors=(error,))), "error")
    assert "\\x1b" in told.attrib["message"]
    assert "<&\"']]>" in told.attrib["message"]


def test_a_finding_is_of_one_intent() -> None:
    """Of those written alike, in another file or of another bundle, each has its own result."""
    broken = intent_result("deny: web -> db", "broken")
    kept = intent_result("deny: web -> db", "kept")
    unknown = intent_result("deny: web -> db", "unknown")
    there = replace(broken, place="others.yaml:1")
    for intents, expected in (
        ((kept, broken), ["skipped", "failure"]),
        ((broken, kept), ["failure", "skipped"]),
        ((kept, unknown, there), ["skipped", "error", "failure"]),
        ((unknown, broken, kept), ["error", "failure", "skipped"]),
    ):
        root = read(run_of((PASSING,), intents=intents))
        cases = root.findall("./testsuite[@name='intents']/testcase")
        assert expected == [case[-1].tag for case in cases]
        assert root.find("./testsuite[@name='run']") is None
