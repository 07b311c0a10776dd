"""The run as JUnit XML."""

from xml.etree import ElementTree as ET

import pytest

from netproof.model.record import RunRecord
from netproof.model.value import replace
from netproof.report.run import junit
from tests.unit.report.sample import ALL_PASS, EVERYTHING, FLAT, LEAKING, PASSING, run_of


def read(record: RunRecord) -> ET.Element:
    return ET.fromstring(junit.render(record))  # noqa: S314 - our own text


def results(root: ET.Element, tag: str) -> list[ET.Element]:
    return root.findall(f"./testsuite/testcase[{tag}]")


def test_a_scenario_is_a_suite() -> None:
    """Suites carry the scenario's id and its seconds."""
    suite = read(ALL_PASS).find("./testsuite[@name='isolation/default-deny-all']")
    assert suite is not None
    assert "1.250" == suite.attrib["time"]


def test_a_table_of_a_step_is_a_case_with_its_counts() -> None:
    """A case stands for many flows and says how many have which verdict."""
    case = read(ALL_PASS).find(".//testcase[@name='policies in force / TCP 80 · IPv4']")
    assert case is not None
    counts = {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")}
    assert {"enforced": "42", "undefined": "7"} == counts


def test_a_leak_is_a_failure_with_its_reasons() -> None:
    """The text says what was expected, seen and why, and whether nodes were crossed."""
    (case,) = read(EVERYTHING).findall(
        ".//testcase[@name='policies in force / "
        "staging/web -> production/postgres:5432/TCP IPv6'][failure]"
    )
    (failure,) = case.findall("failure")
    assert "leak: expected denied, connected after 2 ms" == failure.attrib["message"]
    assert "leak" == failure.attrib["type"]
    text = failure.text or ""
    assert "because: production/api-to-postgres isolates production/postgres" in text
    assert "(suites/peers/bundles/api-to-postgres.yaml:3)" in text
    assert "nodes: across nodes" in text


def test_failures_errors_and_skipped_stay_apart() -> None:
    """What is wrong fails, what cannot be told is an error, what is undefined is skipped."""
    root = read(EVERYTHING)
    kinds = [case[0].attrib["type"] for case in results(root, "failure")]
    assert ["over-blocked", "leak", "leak", "leak"] == kinds
    kinds = [case[0].attrib["type"] for case in results(root, "error")]
    assert ["inconclusive", "harness"] == kinds
    assert 2 == len(results(root, "skipped"))


@pytest.mark.parametrize("record", [EVERYTHING, FLAT, ALL_PASS], ids=lambda r: str(r.verdict))
def test_the_sums_are_those_of_the_cases(record: RunRecord) -> None:
    """Readers that trust the attributes see what readers of the cases see."""
    root = read(record)
    assert root.attrib["tests"] == str(len(root.findall("./testsuite/testcase")))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert root.attrib[name] == str(len(results(root, tag)))


def test_a_cluster_that_enforces_nothing_fails_once() -> None:
    """Its leaks are skipped in sum."""
    (case,) = results(read(FLAT), "failure")
    assert "the cluster enforces NetworkPolicies" == case.attrib["name"]


def test_a_cluster_that_need_not_enforce_does_not_fail() -> None:
    """Where the exit code is 0, the canary is skipped with the sentence that says why."""
    root = read(replace(FLAT, exit_code=0))
    assert [] == results(root, "failure")
    messages = [case[0].attrib["message"] for case in results(root, "skipped")]
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
    messages = [case[0].attrib["message"] for case in results(root, "skipped")]
    assert 3 == messages.count("known gap: as documented")


def test_control_characters_do_not_break_the_document() -> None:
    """XML 1.0 has no way to write most of them."""
    error = "".join(map(chr, range(32))) + "\x7f\ud800\ufffe<&\"']]>"
    (case,) = results(read(replace(ALL_PASS, errors=(error,))), "error")
    assert "\\x1b" in case[0].attrib["message"]
    assert "<&\"']]>" in case[0].attrib["message"]
