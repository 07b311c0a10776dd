"""What a person sees while a run goes on, at a real terminal and on a pipe; no cluster is there."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugin.project import ROOT, ended
from tests.pseudoterminal import Program, Screen

STANDINS = """\
import netproof.front.plugin.hooks as hooks
from netproof.cluster.backend import ClusterRef
from netproof.run.controller import Handout
from tests.unit.report.sample import ENFORCES

class Controller:
    def __init__(self, backend, run_id, wishes, tell):
        self.run_id, self.tell = run_id, tell
    def start(self):
        self.tell("canary: does any denial bite?")
        ref = ClusterRef("lab", "lab", "/nowhere")
        return Handout(ref, self.run_id, True, ""), ENFORCES, ref.record("v1", ())
    def stop(self):
        pass

hooks.Controller = Controller
"""

CASES = """\
import pytest
from netproof.front.plugin.evidence import RECORDS
from netproof.model.value import replace
from tests.unit.report.sample import LEAKING, PASSING

@pytest.mark.parametrize("number", range(4))
def test_one_with_a_name_that_is_long_enough_to_be_cut_somewhere(number, request):
    print("said by a test")
    record = LEAKING if number == 1 else PASSING
    request.node.stash[RECORDS] = [replace(record, id=f"theme/case-{number}")]
    assert number != 1
"""

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project whose runs have a stand-in for what starts a cluster."""
    (tmp_path / "conftest.py").write_text(STANDINS, encoding="utf-8")
    (tmp_path / "test_cases.py").write_text(CASES, encoding="utf-8")
    return tmp_path


def command(*words: str) -> list[str]:
    """Return a call of pytest for a run of ours."""
    plugins = [word for name in ("netproof.front.plugin", "xdist") for word in ("-p", name)]
    without = ["-p", "no:cacheprovider"]
    argv = [sys.executable, "-m", "pytest", *plugins, *without, "--np-cluster", "lab"]
    return [*argv, *words]


def environment(**changes: str) -> dict[str, str]:
    """Return an environment of which nothing is about colours, with our own modules to import."""
    about = ("PYTEST_", "NO_COLOR", "FORCE_COLOR", "PY_COLORS", "COLUMNS", "CI")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(about)}
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    return {**kept, **alone, "TERM": "xterm", **changes}


def frames(written: str, columns: int) -> Iterator[str]:
    """Yield the last line of the screen each time that something begins to be written over."""
    for found in re.finditer(r"\r\x1b\[K", written):
        shown = Screen(columns)
        shown.write(written[: found.start()])
        yield shown.lines[-1]


def watched(project: Path, *words: str, columns: int = 80, **changes: str) -> Program:
    """Return a run at a terminal that has ended."""
    with Program(
        command(*words), columns=columns, folder=project, environment=environment(**changes)
    ) as program:
        assert 1 == program.ended(), program.written
        return program


@pytest.mark.parametrize(("words", "columns"), [((), 40), (("-n2",), 80)], ids=["narrow", "xdist"])
def test_a_line_is_written_over_and_gone(
    words: tuple[str, ...], columns: int, project: Path
) -> None:
    """The phases, then how far the run is, with leaks; at the end it is on no screen."""
    program = watched(project, *words, columns=columns)
    shown = list(frames(program.written, columns))
    for wanted in (
        *(r"^lab: starting  \d+ s$", r"^canary: does any denial bite\?  \d+ s$"),
        *(r"^\[1/4\] .*one_with", r"^\[[34]/4\] .*\d leaks"),
        r"^\[3/4\]  (\d PASS  )?(1 FAIL  )?(\d leaks  )?\d+ s, about \d+ s left",
    ):
        assert [line for line in shown if re.search(wanted, line)], (wanted, shown)
    assert max(len(line) for line in shown if re.match(_OURS, line)) < columns
    lines = program.screen().lines
    assert not [line for line in lines if re.match(_OURS, line)]
    assert 4 == len([line for line in lines if re.match(r"(PASS|FAIL) {5,}theme/case", line)])


_OURS = r"\[\d/4\]|lab: |canary: "


def test_plain_lines_on_a_pipe(project: Path) -> None:
    """The phases and a line for each scenario, and nothing that steers a terminal."""
    done = ended(project, *command(), **environment())
    assert 1 == done.code
    assert done.says("lab: starting canary: does any denial bite?")
    lines = re.findall(r"^(?:PASS|FAIL) +theme/case-\d .* rounds$", done.output, re.MULTILINE)
    assert 4 == len(lines)
    assert not CONTROL.search(done.output)
    assert not re.search(r"^\[\d/4\]", done.output, re.MULTILINE)


@pytest.mark.parametrize(
    ("word", "there", "not_there"),
    [
        ("-q", r"^\.F\.\.", r"lab: |PASS +theme/case-0  588"),
        ("-v", r"^test_cases\.py::\S+\[0\] PASSED +\[ 25%\]", r"PASS +theme/case-0  588"),
        ("-s", r"^said by a test\nPASS +theme/case-0 ", r"\[1/4\]"),
    ],
    ids=["quiet", "verbose", "uncaptured"],
)
def test_options_of_pytest_stay_what_they_are(
    word: str, there: str, not_there: str, project: Path
) -> None:
    """Letters with -q, a line each with -v, and no line to write over where tests write too."""
    program = watched(project, word, columns=120, NO_COLOR="1")
    shown = "\n".join(line.rstrip() for line in program.screen().lines)
    during = shown.partition("short test summary")[0].partition("FAILURES")[0]
    assert re.search(there, shown, re.MULTILINE), shown
    assert not re.search(not_there, during), during
    assert "\x1b" not in program.written
