"""What one judge says, as a person sees it on a lab: by pytest and by `netproof check` alike."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from netproof.model import codec
from netproof.model.check import CheckRecord
from netproof.model.record import FindingKind, RunRecord, RunVerdict
from netproof.report.writers import OF_CHECK, OF_RUN
from tests.plugin.project import Ended, run
from tests.unit.review.build import deny_all, intents, workload

SHOP = "---\n".join([workload("shop/web", 80), workload("shop/api", 8080), deny_all("shop")])
PATIENCE = ("--np-probe-timeout", "0.3", "--np-converge-timeout", "1")
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: alone, namespace: shop}
spec: {podSelector: {matchLabels: {app: api}}, policyTypes: [Ingress]}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a bundle, and an intent that its policies break."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "shop.yaml").write_text(SHOP)
    (tmp_path / "shop" / "intents.yaml").write_text(intents("allow: web -> api"))
    return tmp_path


def by_pytest(folder: Path, *more: str) -> tuple[Ended, RunRecord]:
    """Run `pytest --np-bundle` and return how it ended, with the record."""
    where = ("--np-bundle", "shop", "--np-report-dir", "reports", *PATIENCE)
    ended = run(folder, *where, *more)
    return ended, codec.loads((folder / "reports" / "record.json").read_text(encoding="utf-8"))


def by_check(folder: Path, *more: str) -> tuple[int, CheckRecord]:
    """Run `netproof check` and return its exit code, with the record."""
    patience = [word.replace("--np-", "--") for word in PATIENCE]
    command = [
        sys.executable,
        "-c",
        "from netproof.front.cli import main; raise SystemExit(main())",
    ]
    done = subprocess.run(
        [*command, "check", "shop", "--format", "json", *patience, *more],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, codec.unpack(CheckRecord, done.stdout)


def test_a_broken_intent_is_a_finding_of_the_run(project: Path) -> None:
    """The headline, the exit code, the record and every report say it, by either door."""
    ended, record = by_pytest(project)
    code, checked = by_check(project, "--report=all", "--report-dir=checked")

    assert (1, RunVerdict.FAIL, 1) == (ended.code, record.verdict, record.exit_code)
    assert (1, RunVerdict.FAIL) == (code, checked.verdict)
    assert [FindingKind.BROKEN_INTENT] == [finding.kind for finding in record.findings]
    assert ended.says("FAIL: 1 of 1 intents does not hold."), ended.output
    assert "FAIL: 1 of 1 intents does not hold." == checked.exit_reason
    for folder, forms in (("reports", OF_RUN), ("checked", OF_CHECK)):
        reports = {
            one.file_name: (project / folder / one.file_name) for one in forms.writers.values()
        }
        for name, file in reports.items():
            plain = file.read_text(encoding="utf-8").replace("\\", "").replace("&gt;", ">")
            assert "allow: web -> api" in plain or name == "badge.svg", name
        (log,) = json.loads(reports["report.sarif"].read_text(encoding="utf-8"))["runs"]
        assert "FAIL" == log["properties"]["verdict"]
        assert ">FAIL</text>" in reports["badge.svg"].read_text(encoding="utf-8")


def test_a_report_on_standard_output_is_nothing_but_that(project: Path) -> None:
    """By pytest as by a check; what pytest says is on standard error, files in their place."""
    words = ("--np-bundle", "shop", "--np-bundle-static", "--np-report", "json=-,junit=a/j.xml")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert RunVerdict.FAIL is codec.loads(done.stdout).verdict
    assert "FAIL: by what the policies mean, 1 of 1 intents does not hold" in done.stderr
    assert "a/j.xml" in done.stderr
    assert 1 == done.returncode
    code, checked = by_check(project, "--static", "--report", "csv=b/c.csv")
    assert (1, RunVerdict.FAIL) == (code, checked.verdict)
    assert ["a", "b", "shop"] == sorted(one.name for one in project.iterdir())


def test_a_canary_that_leaks_in_part_fails_either_door(project: Path) -> None:
    """A bundle that a faulty cluster does right is no PASS where the canary saw the fault."""
    (project / "shop" / "shop.yaml").write_text(
        "---\n".join([workload("shop/web", 80), workload("shop/api", 8080), INGRESS])
    )
    (project / "shop" / "intents.yaml").write_text(intents("deny: web -> api"))
    ended, record = by_pytest(project, "--np-defect", "ignores-egress")
    code, checked = by_check(project, "--defect", "ignores-egress")

    assert {RunVerdict.PASS} == {scenario.verdict for scenario in record.scenarios}
    assert (1, RunVerdict.FAIL, 1) == (ended.code, record.verdict, record.exit_code)
    assert (1, RunVerdict.FAIL) == (code, checked.verdict)
    assert checked.packets
    assert any("canary/caged -> canary/stranger" in text for text in checked.packets.findings)


BROKEN = """
def broken(*_):
    return {}["shop/web"]

def pytest_runtest_setup(item):
    from netproof.front.plugin import bundletests
    bundletests._pair = broken
"""


def test_a_fault_of_the_harness_is_an_error_of_the_run(project: Path) -> None:
    """An exception in a bundle's test is told with its name and trace, and is no PASS."""
    (project / "shop" / "intents.yaml").write_text(intents("deny: web -> api"))
    (project / "conftest.py").write_text(BROKEN)
    ended, record = by_pytest(project, "-k", "web and api")

    assert (1, RunVerdict.INCONCLUSIVE, 1) == (ended.code, record.verdict, record.exit_code)
    assert any("KeyError: 'shop/web'" in error for error in record.errors), record.errors
    assert 'return {}["shop/web"]' in ended.output


CASE = """
def test_case(enforce):
    "Pods that may not speak, on a lab that lets everybody."
    enforce("mute")
"""


@pytest.mark.parametrize(("required", "code"), [((), 0), (("--np-require-enforcement",), 1)])
def test_leaks_are_said_once_where_nothing_is_enforced(
    required: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    """A case of one's own that leaks on a flat network is skipped: the verdict says why."""
    (tmp_path / "cases" / "bundles").mkdir(parents=True)
    mute = INGRESS.replace("alone", "mute").replace("namespace: shop", "namespace: production")
    (tmp_path / "cases" / "bundles" / "mute.yaml").write_text(mute)
    (tmp_path / "cases" / "test_it.py").write_text(CASE)
    where = ("--np-cluster", "lab", "--np-dataplane", "flat", "--np-report-dir", "reports")
    ended = run(tmp_path, "cases", *where, *PATIENCE, *required)
    record = codec.loads((tmp_path / "reports" / "record.json").read_text(encoding="utf-8"))

    assert (code, code) == (ended.code, record.exit_code)
    assert RunVerdict.NOT_ENFORCED is record.verdict
    assert ended.says("1 skipped"), ended.output
    assert [RunVerdict.FAIL] == [scenario.verdict for scenario in record.scenarios]


INTERRUPTED = """
def test_nothing(cluster):
    raise KeyboardInterrupt
"""


def test_a_run_that_is_cut_short_is_no_pass(tmp_path: Path) -> None:
    """What was not tried counts for nothing, however well the rest went."""
    (tmp_path / "test_it.py").write_text(INTERRUPTED)
    ended = run(tmp_path, "--np-cluster", "lab", "--np-report-dir", "reports", *PATIENCE)
    record = codec.loads((tmp_path / "reports" / "record.json").read_text(encoding="utf-8"))

    assert 2 == ended.code
    assert (RunVerdict.INCONCLUSIVE, 1) == (record.verdict, record.exit_code)
    assert "interrupted after 0 of 1 case" == record.cut_short
