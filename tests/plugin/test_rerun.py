"""A failed case is told with the command that runs it again, and the command does."""

from __future__ import annotations

import argparse
import shlex
import sys
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from netproof.cluster.backend import ClusterRef
from netproof.front import options
from netproof.front.plugin import rerun
from netproof.front.plugin.configuration import HANDOUT
from netproof.model import codec
from netproof.model.record import RunRecord, RunVerdict
from netproof.run.controller import Handout
from tests.plugin.project import Ended, ended, run

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


def _command(folder: Path) -> str:
    case = "'cases/test_it.py::test_case[mute]' --np-cluster lab --np-nodes 3"
    options_given = "--np-defect ignores-egress --np-converge-timeout 0.3"
    again = f"{sys.executable} -m pytest {case} {options_given}"
    return f"(cd {shlex.quote(str(folder))} && {again})"


def test_every_report_tells_the_command(failed: Ended, folder: Path) -> None:
    """At the terminal, on the page and in the comment stands how to run the failed case again."""
    command = _command(folder)
    assert failed.says("1 failed, 1 passed", f"again: {command}"), failed.output
    files = sorted((folder / "reports").glob("*.*"))
    texts = {file.suffix: file.read_text(encoding="utf-8") for file in files}
    assert f"again: <code>{command}</code>" in unescape(texts[".html"])
    assert f"Again: `{command}`" in texts[".md"]


def test_the_command_runs_the_case_again(failed: Ended, folder: Path, tmp_path: Path) -> None:
    """Typed in another folder, it runs this case alone, on the same lab, with the same outcome."""
    first = {one.id: one for one in _record(folder).scenarios}["cases/mute"]
    assert _command(folder) == first.repeat, failed.output
    again = ended(tmp_path, "sh", "-c", first.repeat)
    assert 1 == again.code, again.output
    (second,) = _record(folder).scenarios
    assert (first.id, first.repeat, RunVerdict.FAIL) == (second.id, second.repeat, second.verdict)
    assert [] == list(tmp_path.iterdir())


@pytest.fixture
def item(tmp_path: Path) -> pytest.Item:
    """Stand for a case of the suites whose run was called in a folder with a quote in its name."""
    folder = tmp_path / "it's here"
    folder.mkdir()
    parser = argparse.ArgumentParser()
    options.declare(parser.add_argument, options.ALL, options.PREFIX)
    typed = ["--np-cluster", "kind:calico", "--np-keep-cluster", "--np-kind-config", "my kind.yaml"]
    typed += ["--np-image-archive", "a b.tar", "--np-report-dir", "out"]
    stash = pytest.Stash()
    ref = ClusterRef("kind", "netproof-calico-1a2b", "k")
    stash[HANDOUT] = Handout(ref, "run1", enforces=True, canary="")
    config = SimpleNamespace(
        rootpath=rerun.SUITES,
        option=parser.parse_args(typed),
        stash=stash,
        invocation_params=SimpleNamespace(dir=folder),
    )
    parent = SimpleNamespace(nodeid="additive/test_additive.py")
    return cast(
        "pytest.Item",
        SimpleNamespace(config=config, parent=parent, name="test_x[a b]", nodeid=""),
    )


def test_a_kept_cluster_is_used_again(item: pytest.Item) -> None:
    """By its name, by the interpreter that was used, and with whole paths, a quote in them."""
    folder = item.config.invocation_params.dir
    assert [
        *(sys.executable, "-P", "-m", "netproof", "test"),
        *("additive/test_additive.py::test_x[a b]", "--cluster", "kind:calico"),
        *("--cluster-name", "netproof-calico-1a2b", "--kind-config", f"{folder}/my kind.yaml"),
        *("--reuse-cluster", "--image-archive", f"{folder}/a b.tar"),
    ] == shlex.split(rerun.command(item))


def test_a_case_of_the_suites_is_run_again_from_any_folder(tmp_path: Path) -> None:
    """What `netproof test` printed for a failed case does the same where another netproof lies."""
    theme = (*("-P", "-m", "netproof", "test", "isolation"), "-k", "default_deny_all")
    where = ("--report-dir", str(tmp_path / "reports"), "--defect", "ignores-egress")
    failed = ended(tmp_path, sys.executable, *theme, *where, "--converge-timeout", "0.3")
    first = next(one for one in _record(tmp_path).scenarios if one.verdict is RunVerdict.FAIL)
    elsewhere = tmp_path / "it's elsewhere"
    (elsewhere / "netproof").mkdir(parents=True)
    (elsewhere / "netproof" / "__init__.py").write_text("raise SystemExit('not this one')")
    again = ended(elsewhere, "sh", "-c", first.repeat)
    assert (1, 1) == (failed.code, again.code), again.output
    assert first.id in [one.id for one in _record(elsewhere).scenarios]


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
