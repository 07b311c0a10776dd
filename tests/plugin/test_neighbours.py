"""In a project that does not use netproof the plugin is not noticed, nor after a run that did."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.plugin.project import run

NEIGHBOURS = ("pytest-kind", "pytest-kubernetes", "pytest-xdist", "pytest-randomly")

HOST_TEST = """
import json, os, pathlib, sys

def test_of_the_host():
    ours = sorted(name for name in sys.modules if name.partition(".")[0] in {names})
    pathlib.Path("modules.json").write_text(json.dumps(ours))
"""

STAGES = ("netproof", "netlab", "kubernetes", "aiohttp", "yaml", "tenacity", "cryptography")

UNUSED = [
    "netproof",
    "netproof.fixtures",
    "netproof.fixtures.cluster",
    "netproof.fixtures.doors",
    "netproof.fixtures.fleet",
    "netproof.fixtures.policies",
    "netproof.fixtures.port_forward",
    "netproof.front",
    "netproof.front.options",
    "netproof.front.plugin",
]
"""All that a project pays for which does not use netproof."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Write a project with one test, which notes the modules that are loaded."""
    (tmp_path / "test_host.py").write_text(HOST_TEST.replace("{names}", repr(STAGES)))
    return tmp_path


def test_pytest_starts_and_runs_beside_its_neighbours(project: Path) -> None:
    """No option, fixture or plugin name of another plugin is taken."""
    ended = run(project, "-n", "1", "-p", "no:cacheprovider", "-W", "error::pytest.PytestWarning")
    assert 0 == ended.code, ended.output
    assert ended.says("1 passed")
    listed = run(project, "--version", "--version").output
    for name in NEIGHBOURS:
        assert f"{name}-{version(name)}" in listed


def test_a_run_on_the_lab_beside_its_neighbours(tmp_path: Path) -> None:
    """With workers, in random order, and with pytest-kind's own --kubeconfig given."""
    (tmp_path / "test_case.py").write_text("def test_open(enforce):\n    enforce()\n")
    lab = ("--np-cluster", "lab", "--np-nodes", "1")
    ended = run(tmp_path, *lab, "-n", "2", "--kubeconfig", "elsewhere", "-p", "randomly")
    assert 0 == ended.code, ended.output
    assert ended.says("PASS", "1 passed"), ended.output


def test_an_unused_plugin_costs_a_few_modules(project: Path) -> None:
    """Options and the names of fixtures are declared; no stage is loaded, and no library."""
    ended = run(project, "-p", "netproof", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert 0 == ended.code, ended.output
    assert json.loads((project / "modules.json").read_text()) == UNUSED


def test_the_plugin_can_be_switched_off(project: Path) -> None:
    """`-p no:netproof` is all it takes."""
    ended = run(project, "-p", "no:netproof", "-p", "no:pytest-kind", "-p", "no:pytest-kubernetes")
    assert 0 == ended.code, ended.output
    assert [] == json.loads((project / "modules.json").read_text())


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("netproof", ()),
        ("netproof.front.plugin", ()),
        ("netproof.front.plugin", ("-p", "netproof")),
        ("netproof", ("-p", "netproof.front.plugin")),
    ],
)
def test_the_plugin_is_there_once(named: str, words: tuple[str, ...], project: Path) -> None:
    """Whoever names it besides the entry point, by either name, has it all the same."""
    (project / "conftest.py").write_text(f"pytest_plugins = [{named!r}]\n")
    ended = run(project, *words, "--help")
    assert 0 == ended.code, ended.output
    assert 1 == ended.output.count("--np-cluster=")


STATE = """
import gc, json, os, pathlib, signal
import pytest

def state(config):
    printer = config.pluginmanager.get_plugin("terminalreporter")
    return {
        "SIGTERM": str(signal.getsignal(signal.SIGTERM)),
        "frozen": gc.get_freeze_count(),
        "letters": printer.showfspath,
        "arguments": [str(word) for word in config.args],
        "environment": {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"},
    }

@pytest.hookimpl(wrapper=True)
def pytest_sessionstart(session):
    write("before", state(session.config))
    session.config.add_cleanup(lambda: write("after", state(session.config)))
    return (yield)

def write(name, value):
    pathlib.Path(f"{name}.json").write_text(json.dumps(value))
"""
DURING = """
def test_case(enforce, request):
    from conftest import state, write
    enforce()
    write("during", state(request.config))
"""


def test_pytest_and_the_process_are_as_before(tmp_path: Path) -> None:
    """Signal handler, garbage collector, screen, arguments and environment, after a run on the lab.

    While it lasts a SIGTERM is as a Ctrl-C and nothing collected is looked at again.
    """
    (tmp_path / "conftest.py").write_text(STATE)
    (tmp_path / "test_case.py").write_text(DURING)
    ended = run(tmp_path, "--np-cluster", "lab", "--np-nodes", "1", "-p", "no:randomly")
    assert 0 == ended.code, ended.output
    before, during, after = (
        json.loads((tmp_path / f"{name}.json").read_text())
        for name in ("before", "during", "after")
    )
    assert before == after
    assert "default_int_handler" in during["SIGTERM"]
    assert during["frozen"] > 0
    assert during["letters"] is False
