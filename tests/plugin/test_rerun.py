"""A failed case is told with the command that runs it again, and the command does."""

from __future__ import annotations

import argparse
import shlex
from html import unescape
from pathlib import Path

import pytest

from netproof.front import options
from netproof.front.plugin import rerun
from netproof.model import codec
from netproof.model.record import RunRecord, RunVerdict
from tests.plugin.project import Ended, run

BUNDLE = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: mute, namespace: production}
spec: {podSelector: {}, policyTypes: [Egress]}
"""
TESTS = """
import pytest

@pytest.mark.xdist_group("together")
@pytest.mark.parametrize("name", ["mute", "open air"])
def test_case(enforce, name):
    "Pods that may not speak, on a lab that lets them."
    enforce(name if name == "mute" else "", name=name)
"""
LAB = (
    *("--np-defect", "ignores-egress", "--np-nodes", "3"),
    *("--np-converge-timeout", "0.3"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a project with a case that fails on a faulty lab, and one that does not."""
    made = tmp_path_factory.mktemp("project")
    (made / "cases" / "bundles").mkdir(parents=True)
    (made / "cases" / "bundles" / "mute.yaml").write_text(BUNDLE)
    (made / "cases" / "test_it.py").write_text(TESTS)
    return made


@pytest.fixture(scope="module")
def failed(folder: Path) -> Ended:
    """Run both cases on a faulty lab, in test workers."""
    workers = ("-n", "1", "--dist", "loadgroup")
    return run(folder, "cases", "--np-cluster", "lab", *LAB, *workers, "--np-report-dir", "reports")


def _record(folder: Path) -> RunRecord:
    return codec.loads((folder / "reports" / "record.json").read_text(encoding="utf-8"))


COMMAND = (
    "pytest 'cases/test_it.py::test_case[mute]' --np-cluster lab "
    "--np-nodes 3 --np-defect ignores-egress --np-converge-timeout 0.3"
)


def test_every_report_tells_the_command(failed: Ended, folder: Path) -> None:
    """At the terminal, on the page and in the comment stands how to run the failed case again."""
    assert failed.says("1 failed, 1 passed", f"again: {COMMAND}"), failed.output
    files = sorted((folder / "reports").glob("*.*"))
    texts = {file.suffix: file.read_text(encoding="utf-8") for file in files}
    assert f"again: <code>{COMMAND}</code>" in unescape(texts[".html"])
    assert f"Again: `{COMMAND}`" in texts[".md"]


def test_the_command_runs_the_case_again(failed: Ended, folder: Path) -> None:
    """It runs this case alone, on the same lab, with the same outcome."""
    first = {one.id: one for one in _record(folder).scenarios}["cases/mute"]
    assert COMMAND == first.repeat, failed.output
    program, *arguments = shlex.split(first.repeat)
    assert "pytest" == program
    ended = run(folder, *arguments)
    assert 1 == ended.code, ended.output
    (second,) = _record(folder).scenarios
    assert (first.id, first.repeat, RunVerdict.FAIL) == (second.id, second.repeat, second.verdict)


@pytest.mark.parametrize(
    "typed",
    [
        ["--cluster", "lab"],
        ["--cluster", "lab", "--deny", "reject", "--defect", "a", "--defect", "b"],
        ["--cluster", "kind:calico", "--kind-config", "my config.yaml", "--keep-cluster"],
        ["--cluster", "existing", "--context", "prod", "--toleration", "*"],
    ],
    ids=" ".join,
)
def test_options_come_out_as_they_went_in(typed: list[str]) -> None:
    """Flags, values, paths and repeated options, and none that was not given."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cluster")
    options.declare(parser.add_argument, options.PLACES)
    words = rerun.places(parser.parse_args(typed))
    assert sorted(typed) == sorted(words)
    assert parser.parse_args(typed) == parser.parse_args(words)
