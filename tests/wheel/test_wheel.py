"""What is installed is what there is: all of it works from the wheel, in any folder."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from netproof.front.cli.suite_commands import themes
from netproof.model import codec
from netproof.model.record import RunRecord, RunVerdict
from tests.plugin.project import ROOT, write_example
from tests.wheel.installed import Installed

LAB = ("--cluster", "lab", "--nodes", "1")
FOREIGN = {
    "pytest.ini": "[pytest]\naddopts = --no-such-option\nfilterwarnings = error\n",
    "conftest.py": "raise SystemExit('a conftest of another project was loaded')\n",
    "types.py": "raise SystemExit('a module of another project was taken for ours')\n",
    "fixtures.py": "",
}


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Write a project whose configuration is about its own tests."""
    for name, text in FOREIGN.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def _record(folder: Path) -> RunRecord:
    return codec.loads((folder / "reports" / "record.json").read_text(encoding="utf-8"))


def test_the_source_archive_is_complete(sdist: Path) -> None:
    """It holds every file of the repository, and the suites and fixtures as packages too."""
    listed = subprocess.run(
        ("git", "ls-files"), cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    if not listed:
        pytest.skip("not in a git clone: there is nothing to compare with; run it in one")
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    links = {"src/netproof/fixtures", "src/netproof/suites"}
    assert set() == {*listed} - held - links
    assert {f"{link}/__init__.py" for link in links} <= held


def test_no_other_package_is_installed(installed: Installed, tmp_path: Path) -> None:
    """`fixtures` and `suites` are names that others have; ours are below netproof."""
    code = (
        "import importlib.util as u, sys; "
        "sys.exit(any(u.find_spec(n) for n in ('fixtures', 'suites', 'tests', 'conftest')))"
    )
    assert 0 == installed.run(tmp_path, "python", "-c", code).code


def test_the_themes_are_listed(installed: Installed, foreign: Path) -> None:
    """One line each, with what it is about."""
    listed = installed.run(foreign, "netproof", "test", "--list")
    assert 0 == listed.code, listed.output
    assert [*themes()] == [line.split()[0] for line in listed.output.splitlines()]
    assert all(len(line.split()) > 3 for line in listed.output.splitlines())


def test_a_theme_on_the_lab_from_a_foreign_project(installed: Installed, foreign: Path) -> None:
    """Only reports and pytest's cache are left, and the case's command runs it again."""
    words = ("test", "isolation", *LAB, "-k", "one_pod", "-n", "2", "--", "-rA")
    ended = installed.run(foreign, "netproof", *words)
    assert 0 == ended.code, ended.output
    assert {*FOREIGN, "reports", ".pytest_cache"} == {path.name for path in foreign.iterdir()}
    (scenario,) = _record(foreign).scenarios
    assert RunVerdict.PASS is scenario.verdict
    python = installed.programs / "python"
    case = "isolation/test_isolation.py::test_one_pod --cluster lab --nodes 1"
    assert f"{python} -P -m netproof test {case}" == scenario.repeat


def test_the_suites_by_their_package(installed: Installed, tmp_path: Path) -> None:
    """`pytest --pyargs netproof.suites` is the same run, on the lab too."""
    words = ("--pyargs", "netproof.suites.isolation", "-k", "one_pod", "--np-nodes", "1")
    ended = installed.run(tmp_path, "pytest", *words)
    assert 0 == ended.code, ended.output
    assert RunVerdict.PASS is _record(tmp_path).verdict


def test_the_suites_on_somebodys_cluster(installed: Installed, tmp_path: Path) -> None:
    """A lab that runs already is an existing cluster like any other."""
    name = f"wheel-{tmp_path.name[-20:]}"
    up = installed.run(tmp_path, "netproof", "lab", "up", "--name", name)
    assert 0 == up.code, up.output
    try:
        kubeconfig = up.output.partition("KUBECONFIG=")[2].split()[0]
        where = ("--cluster", "existing", "--kubeconfig", kubeconfig, "--probe-timeout", "0.5")
        ended = installed.run(tmp_path, "netproof", "test", "isolation", "-k", "one_pod", *where)
        assert 0 == ended.code, ended.output
    finally:
        installed.run(tmp_path, "netproof", "lab", "down", "--name", name)
    assert "existing" == _record(tmp_path).cluster.kind


def test_the_random_policies_have_what_they_need(installed: Installed, tmp_path: Path) -> None:
    """What a theme imports is a dependency of the package."""
    words = ("test", "fuzz", *LAB, "--fuzz-examples", "1")
    ended = installed.run(tmp_path, "netproof", *words)
    assert 0 == ended.code, ended.output


def test_a_bundle_is_checked(installed: Installed, tmp_path: Path) -> None:
    """The broken promise of a published article is found, by packets too."""
    words = ("check", str(ROOT / "examples" / "zero-trust"), "--nodes", "1")
    ended = installed.run(tmp_path, "netproof", *words)
    assert 1 == ended.code, ended.output
    assert ended.says("BROKEN allow: label app=api"), ended.output


def test_a_case_of_ones_own(installed: Installed, tmp_path: Path) -> None:
    """The documented example runs by the plugin alone."""
    write_example(tmp_path)
    ended = installed.run(tmp_path, "pytest", "--np-cluster", "lab", "--np-nodes", "1")
    assert 0 == ended.code, ended.output
    assert ended.says("1 passed"), ended.output


def test_a_case_of_ones_own_is_typed(installed: Installed, tmp_path: Path) -> None:
    """A type checker that is strict sees the fixtures' types in the installed package."""
    write_example(tmp_path)
    (tmp_path / "wrong.py").write_text(
        "from netproof.fixtures import Enforce\n\n\n"
        "def test_wrong(enforce: Enforce) -> None:\n    enforce(7)\n"
    )
    python = str(installed.programs / "python")
    words = ("-m", "mypy", "--strict", "--no-incremental", "--python-executable", python)
    done = subprocess.run(
        (sys.executable, *words, "test_shop.py", "wrong.py"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    error = (
        'wrong.py:5: error: Argument 1 to "__call__" of "Enforce" has incompatible type "int"; '
        'expected "str | Bundle"  [arg-type]'
    )
    assert [error] == done.stdout.splitlines()[:-1]


def test_a_wrong_call_is_a_usage_error(installed: Installed, tmp_path: Path) -> None:
    """One line with the options as they were typed, and the exit code of a wrong call."""
    ended = installed.run(
        tmp_path, "netproof", "test", "ports", "--cluster", "existing", "--defect", "x"
    )
    assert 2 == ended.code
    assert ended.says("ERROR: --defect is for --cluster lab; it says nothing to --cluster existing")
