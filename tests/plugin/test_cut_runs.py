"""A run that was cut short, chosen from or not tried in part: every report says so alike.

One interpreter runs pytest once for each of them, on a cluster that nobody starts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from netproof.model import codec
from netproof.model.record import CaseOutcome, RunRecord, RunVerdict
from netproof.report.writers import WRITERS
from tests.plugin.project import ROOT
from tests.unit.review.build import deny_all, intents, workload

CASES = """
import os, signal
import pytest
from netproof.front.plugin.evidence import RECORDS
from netproof.model.value import replace
from tests.unit.report.sample import LEAKING, PASSING

def leaks(number, request):
    request.node.stash[RECORDS] = [replace(LEAKING, id=f"theme/{number}")]
    pytest.fail("FAIL  a leak", pytrace=False)

@pytest.mark.parametrize("number", range(1, 18))
def test_case(number, request):
    event = os.environ["EVENT"] if number == 6 else ""
    if number > 15:
        pytest.skip("the cluster has no host outside")
    if event == "Ctrl-C":
        os.kill(os.getpid(), signal.SIGINT)
    if event == "death":
        os.kill(os.getpid(), signal.SIGKILL)
    if event == "leak":
        leaks(number, request)
    request.node.stash[RECORDS] = [replace(PASSING, id=f"theme/{number}")]
"""
CONFTEST = """
from netproof.cluster.backend import ClusterRef
from netproof.front import places
from netproof.model.record import ClusterRecord
from netproof.run.controller import Controller, Handout
from tests.unit.report.sample import ENFORCES

def start(self):
    handout = Handout(ClusterRef("existing", "here", ""), "run1", True, ENFORCES.text)
    return handout, ENFORCES, ClusterRecord("existing", "here", "v1.34.0", ("node-1",))

Controller.start, Controller.stop = start, lambda self: None
places.backend = lambda *_, **__: None
"""
DRIVER = """
import contextlib, io, json, os, sys
import pytest

told = {}
for name, event, options in json.loads(sys.argv[1]):
    os.environ["EVENT"] = event
    text = io.StringIO()
    words = ["--np-report-dir", f"reports/{name}", *options]
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        code = pytest.main(words)
    told[name] = [int(code), text.getvalue()]
print(json.dumps(told))
"""
ON_CLUSTER = ("--np-cluster", "existing", "-p", "no:randomly")
BUNDLE = "---\n".join([workload("shop/web", 80), workload("shop/api", 8080), deny_all("shop")])
SITUATIONS = {
    "interrupted": ("Ctrl-C", ON_CLUSTER),
    "first-failure": ("leak", (*ON_CLUSTER, "-x")),
    "again": ("leak", (*ON_CLUSTER, "--last-failed")),
    "left-out": (
        "",
        (*ON_CLUSTER, "-k", "not case1 and not 2", "--deselect", "test_it.py::test_case[3]"),
    ),
    "death": ("death", (*ON_CLUSTER, "-n", "1", "--max-worker-restart", "0", "-k", "case")),
    "read": ("", ("--np-bundle", "shop", "--np-bundle-static")),
}


@dataclass(frozen=True, slots=True)
class Ran:
    """How one run of pytest ended, and what it left."""

    code: int
    output: str
    folder: Path

    @property
    def record(self) -> RunRecord:
        """The record of the run."""
        return codec.loads(self.text("record.json"))

    def text(self, name: str) -> str:
        """Return a report, without what its format escapes."""
        text = (self.folder / name).read_text(encoding="utf-8")
        return text.replace("\\", "") if name.endswith(".md") else text

    def everywhere(self) -> dict[str, str]:
        """Return what each report says, on one line."""
        reports = {path.name: self.text(path.name) for path in self.folder.iterdir()}
        return {k: " ".join(v.split()) for k, v in (reports | {"terminal": self.output}).items()}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """Run pytest in every situation."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "test_it.py").write_text(CASES)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "shop").mkdir()
    (folder / "shop" / "shop.yaml").write_text(BUNDLE)
    (folder / "shop" / "intents.yaml").write_text(intents("allow: web -> api", "deny: web -> api"))
    told = [(name, *situation) for name, situation in SITUATIONS.items()]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(told)],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    ended = json.loads(done.stdout.splitlines()[-1])
    return {
        name: Ran(ended[name][0], ended[name][1], folder / "reports" / name) for name in SITUATIONS
    }


SHORT = {"badge.svg", "codequality.json"}
"""They have the sentence of a run that failed, and no notes."""


def says(ran: Ran, *words: str) -> None:
    """Assert that every report says something."""
    told = ran.everywhere()
    for form, text in told.items():
        for part in words if form not in SHORT else ():
            assert part in text, (form, part)
    assert {one.file_name for one in WRITERS.values()} | {"terminal"} == set(told)
    for form in SHORT if ran.record.exit_code else ():
        assert ran.record.exit_reason in unescape(told[form]), form


def test_an_interrupted_run_is_no_pass(ran: dict[str, Ran]) -> None:
    """It names how many of the selected cases it rests on, and what is left."""
    one = ran["interrupted"]
    assert (2, RunVerdict.INCONCLUSIVE) == (one.code, one.record.verdict), one.output
    assert (5, 17, 1) == (len(one.record.cases), one.record.selected, one.record.exit_code)
    says(one, "interrupted after 5 of 17 cases", "12 cases not tried")
    root = ET.fromstring(one.text("junit.xml"))  # noqa: S314 - our own text
    assert ("1", "0") == (root.attrib["errors"], root.attrib["failures"])
    (log,) = json.loads(one.text("report.sarif"))["runs"]
    assert ["inconclusive-run"] == [result["ruleId"] for result in log["results"]]
    assert log["invocations"][0]["executionSuccessful"] is False


def test_a_run_that_ends_with_its_first_failure_says_so(ran: dict[str, Ran]) -> None:
    """It failed, and what came after was not tried."""
    one = ran["first-failure"]
    assert (1, RunVerdict.FAIL) == (one.code, one.record.verdict), one.output
    says(one, "3 leaks in 1 of 17 cases", "ended after 6 of 17 cases: stopping after 1 failures")
    says(one, "11 cases not tried")


def test_a_run_of_what_failed_last_says_that_it_is_one(ran: dict[str, Ran]) -> None:
    """The others are no part of its verdict; pytest does not count them."""
    one = ran["again"]
    assert (1, 1) == (len(one.record.cases), one.record.selected)
    says(one, "3 leaks in 1 of 1 case (chosen by --last-failed)")


def test_what_was_deselected_and_not_tried_is_counted(ran: dict[str, Ran]) -> None:
    """A pass says of how many, and why not of all; the canary is a case besides."""
    one = ran["left-out"]
    assert (0, RunVerdict.PASS) == (one.code, one.record.verdict), one.output
    selected, untried = one.record.selected, 2
    assert 17 == selected + one.record.deselected
    says(one, f"in {selected - untried} of {selected} cases: {untried} could not be tried")
    assert one.record.chosen.endswith("--deselect test_it.py::test_case[3]")
    says(one, f"({one.record.deselected} more left out by -k not case1 and not 2")
    says(one, "2 cases not tried: the cluster has no host outside")
    root = ET.fromstring(one.text("junit.xml"))  # noqa: S314 - our own text
    skipped = root.findall(".//skipped")
    assert (str(1 + selected), 2) == (root.attrib["tests"], len(skipped))


def test_a_worker_that_dies_takes_the_rest_with_it(ran: dict[str, Ran]) -> None:
    """Its case is an error, and those that nobody ran are counted."""
    one = ran["death"]
    assert one.code != 0
    assert RunVerdict.INCONCLUSIVE is one.record.verdict, one.output
    assert 6 == len(one.record.cases)
    assert [CaseOutcome.BROKEN] == [
        case.outcome for case in one.record.cases if case.outcome is not CaseOutcome.PASSED
    ]
    says(one, "ended after 6 of 17 cases", "11 cases not tried", "crashed while running")


def test_a_bundle_that_is_read_has_its_reports(ran: dict[str, Ran]) -> None:
    """Without packets too, and none says that any were sent."""
    one = ran["read"]
    assert (1, RunVerdict.FAIL) == (one.code, one.record.verdict), one.output
    says(one, "by what the policies mean, 1 of 2 intents does not hold; no packet was sent")
    says(one, "no packet was sent")
    root = ET.fromstring(one.text("junit.xml"))  # noqa: S314 - our own text
    assert ("2", "1") == (root.attrib["tests"], root.attrib["failures"])


def test_a_run_that_never_began_says_so(tmp_path: Path) -> None:
    """Ctrl-C while pytest is configured: pytest itself would end without a word."""
    plugin = "def pytest_configure():\n    raise KeyboardInterrupt\n"
    (tmp_path / "impatient.py").write_text(plugin, encoding="utf-8")
    ran = subprocess.run(
        [*(sys.executable, "-m", "netproof", "test", "isolation", "--", "-p", "impatient")],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (130, "", "netproof: interrupted\n") == (ran.returncode, ran.stdout, ran.stderr)
