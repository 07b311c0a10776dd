"""No report says better than another: what counts for the verdict is in each of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from netproof.model.doors import Door, DoorResult, DoorState
from netproof.model.flow import Expected, Path
from netproof.model.record import RunRecord, RunVerdict, Table, Tried
from netproof.model.review import IntentResult
from netproof.model.value import replace
from netproof.model.workload import Family, Protocol
from netproof.report.run import terminal
from netproof.report.run.findings import ports_line
from netproof.report.run.summary import LEFT_OPEN
from netproof.report.writers import OF_RUN, WRITERS
from tests.unit.report.sample import ENFORCES, FLAT, LEAKING, PASSING, intent_result, run_of

BROKEN = intent_result("deny: web -> billing", "broken")
UNTOLD = intent_result("deny: web -> ledger", "unknown")
DOOR = DoorResult(
    Door.EXEC, "production/postgres", DoorState.OPEN, fault="exec of postgres is expected shut"
)
GONE = replace(PASSING, gap_gone="no longer there: known gap udp-replies")
UNTOLD_CANARY = replace(ENFORCES, enforces=None, steps=())

RUNS = {
    "leak": run_of((LEAKING,)),
    "broken intent": run_of((PASSING,), intents=(BROKEN,)),
    "unknown intent": run_of((PASSING,), intents=(UNTOLD,)),
    "door": run_of((PASSING,), doors=(DOOR,)),
    "known gap gone": run_of((GONE,)),
    "error": run_of((PASSING,), errors=("suites/x.py::test_y (call): no api",)),
    "canary cannot tell": run_of((PASSING,), UNTOLD_CANARY),
    "nothing run": run_of(()),
    "not enforced": FLAT,
}
"""A run for everything that may be wrong with one, and with nothing else."""

NAMED = {
    "broken intent": ("deny: web -> billing", "intents.yaml:3", "web -> billing:80/TCP"),
    "unknown intent": ("deny: web -> ledger", "intents.yaml:3"),
    "door": ("production/postgres", "exec of postgres is expected shut"),
    "known gap gone": ("isolation/default-deny-all", "known gap udp-replies"),
    "error": ("suites/x.py::test_y", "no api"),
}
"""What a report has to name of it."""

Render = Callable[[RunRecord], str]
RENDERERS: dict[str, Render] = {name: one.render for name, one in WRITERS.items()}
RENDERERS |= {
    "terminal": terminal.render,
    "summary": OF_RUN.summary,
    "annotations": OF_RUN.annotations,
}
IN_FULL = sorted(RENDERERS.keys() - {"badge"})
"""A badge has room for the verdict, with its sentence behind it."""

WITH_NOTES = sorted(RENDERERS.keys() - {"badge", "json", "annotations"})
"""Annotations are for what somebody has to mend."""

WITHOUT_WORDS = ("junit", "codequality")
"""They have no place for a verdict: there is a failure, an error or an issue, or there is none."""


def told(form: str, run: RunRecord) -> str:
    """Return what a report says on one line, places as `file:line` also where they are apart."""
    text = RENDERERS[form](run)
    if form == "csv":
        text = re.sub('","(?=[0-9]+")', ":", text)
    if form == "codequality":
        at = [one["location"] for one in json.loads(text)]
        text += " ".join(f"{one['path']}:{one['lines']['begin']}" for one in at)
    if form == "annotations":
        text += " ".join(map(":".join, re.findall(r"file=([^,]+),.*?line=([0-9]+)", text)))
    return " ".join(re.sub(r"\\|</?b>", "", text).replace("&gt;", ">").split())


LISTING = ("terminal", "html", "markdown", "comment", "summary", "json", "csv")
"""They list cases, of which some passed."""

each = pytest.mark.parametrize("kind", RUNS)


@pytest.mark.parametrize("form", IN_FULL)
@pytest.mark.parametrize("kind", NAMED)
def test_every_report_names_what_is_wrong(kind: str, form: str) -> None:
    """Subject, place and reason, whatever the form."""
    text = told(form, RUNS[kind])
    for words in NAMED[kind]:
        assert words in text


@pytest.mark.parametrize("form", sorted(RENDERERS.keys() - WITHOUT_WORDS))
@each
def test_every_report_says_the_verdict(kind: str, form: str) -> None:
    """And the sentence that says why."""
    run = RUNS[kind]
    assert run.verdict is not RunVerdict.PASS
    text = told(form, run)
    assert str(run.verdict) in text
    assert run.exit_reason in text
    assert str(RunVerdict.PASS) not in text.replace(PASSING.id, "") or form in LISTING


@each
def test_no_junit_of_such_a_run_is_green(kind: str) -> None:
    """What makes the exit code 1 is a failure or an error."""
    root = ET.fromstring(RENDERERS["junit"](RUNS[kind]))  # noqa: S314 - our own text
    assert int(root.attrib["failures"]) + int(root.attrib["errors"]) > 0


@each
def test_no_code_quality_of_such_a_run_is_without_an_issue(kind: str) -> None:
    """There is one that is more than information."""
    issues = json.loads(RENDERERS["codequality"](RUNS[kind]))
    assert {one["severity"] for one in issues} - {"info"}


@each
def test_no_sarif_of_such_a_run_is_empty(kind: str) -> None:
    """There is a result, or an error of the harness."""
    (run,) = json.loads(RENDERERS["sarif"](RUNS[kind]))["runs"]
    assert run["results"] or not run["invocations"][0]["executionSuccessful"]


@pytest.mark.parametrize("form", WITH_NOTES)
def test_every_report_says_what_was_tried_on_one_relation_only(form: str) -> None:
    """What was tried on one node only is no evidence for two; it fails nothing all the same."""
    shop = Tried("shop -> till", {Expected.DENIED: 3}, {}, "on the same node only")
    both = Tried("till -> shop", {Expected.DENIED: 3}, {Expected.DENIED: 3})
    four = Tried("4. Shops are shut", {}, {Expected.DENIED: 3}, "across nodes only")
    run = replace(run_of((PASSING,)), pairs=(shop, both), statements=(four,))
    text = told(form, run)
    assert "flows from shop -> till: on the same node only" in text
    assert "statement 4. Shops are shut: across nodes only" in text
    assert "till -> shop" not in text
    alike = replace(run, pairs=(shop,), statements=(replace(four, only=shop.only),))
    assert "flows between pods, of every case: on the same node only" in told(form, alike)


ECHO = Table(
    port=0,
    protocol=Protocol.ICMP,
    family=Family.IPV6,
    path=Path.POD_IP,
    sources=("shop/a", "shop/b", "shop/c"),
    destinations=("shop/a", "shop/b"),
    expected=(".U", "U.", "UU"),
    observed=(".c", "d.", "ee"),
    verdicts=(".u", "u.", "uu"),
)


@pytest.mark.parametrize("form", ["terminal", "html", "markdown"])
def test_what_became_of_echoes_is_told(form: str) -> None:
    """Within and across nodes, with the reason where it is not known; nothing rests on it."""
    under = next(one for one in PASSING.steps if one.policies)
    seen = replace(
        under,
        tables=(ECHO, replace(ECHO, family=Family.IPV4, observed=(".c", "c.", "dd"))),
        nodes={"shop/a": "n1", "shop/b": "n1", "shop/c": "n2"},
        untold={"no socket for ICMP": 2},
    )
    run = run_of((replace(PASSING, steps=(seen,)),))
    text = " ".join(RENDERERS[form](run).replace("\\", "").split())
    assert RunVerdict.PASS is run.verdict
    assert LEFT_OPEN in text
    assert (
        f"{PASSING.id}: IPv4+IPv6 across nodes: 0 of 2 answered; IPv4 on the same node: 2 of 2 "
        "answered; IPv6 on the same node: 1 of 2 answered; 2 unknown (no socket for ICMP)"
    ) in text
    assert LEFT_OPEN not in RENDERERS[form](run_of((PASSING,)))


def test_a_table_of_echoes_names_no_port() -> None:
    """A protocol without ports is called by its name."""
    dialled = [(ECHO.protocol, ECHO.port, ECHO.family), (Protocol.TCP, 80, Family.IPV6)]
    assert "TCP 80 · ICMP · IPv6" == ports_line(dialled, ECHO.path)


def test_a_clean_run_is_clean_everywhere() -> None:
    """Nothing is made up either."""
    run = run_of((PASSING,))
    root = ET.fromstring(RENDERERS["junit"](run))  # noqa: S314 - our own text
    assert ("0", "0") == (root.attrib["failures"], root.attrib["errors"])
    assert [] == json.loads(RENDERERS["sarif"](run))["runs"][0]["results"]
    assert [] == json.loads(RENDERERS["codequality"](run))
    assert RENDERERS["annotations"](run).startswith("::notice ")
    assert 1 == len(RENDERERS["annotations"](run).splitlines())
    assert ">PASS</text>" in RENDERERS["badge"](run)


def test_a_kept_intent_is_a_case_that_passes() -> None:
    """JUnit counts what was judged, not only what is wrong."""
    kept: IntentResult = intent_result("allow: web -> api", "kept")
    root = ET.fromstring(RENDERERS["junit"](run_of((PASSING,), intents=(kept, BROKEN))))  # noqa: S314
    names = [case.attrib["name"] for case in root.findall("./testsuite[@name='intents']/testcase")]
    assert [
        f"{one} (intents.yaml:3)" for one in ("allow: web -> api", "deny: web -> billing")
    ] == names
    assert "1" == root.attrib["failures"]
