"""`netproof lab up` that is cut short leaves no lab behind: nobody was told how to end it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netproof.cluster.lab import environment
from tests.lab.lab_process import DEADLINE_S, descendants, eventually, watched

NETPROOF = (sys.executable, "-c", "from netproof.front.cli import main; raise SystemExit(main())")
SIGNALS = [signal.SIGKILL, signal.SIGINT, signal.SIGTERM]
MOMENTS = 8
LONGEST_S = 1.6
"""By then the lab is up on an idle machine, and its agents are on the way."""


def _lab(tmp_path: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*NETPROOF, "lab", *words],
        env={**environment(), "TMPDIR": str(tmp_path), "XDG_RUNTIME_DIR": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _interrupted(up: subprocess.Popen[str], number: signal.Signals) -> str:
    """Send a signal to the command, and return what it has said when all it started is gone."""
    family = descendants(up.pid)
    with watched(family) as all_ended:
        up.send_signal(number)
        said, _ = up.communicate(timeout=DEADLINE_S)
        if "The lab is up" not in said:
            eventually(all_ended, "all processes of the lab have ended")
    return said


@pytest.mark.parametrize("seed", range(MOMENTS))
@pytest.mark.parametrize("number", SIGNALS, ids=[number.name for number in SIGNALS])
def test_a_start_that_is_cut_short_leaves_nothing(
    tmp_path: Path, number: signal.Signals, seed: int
) -> None:
    """At any moment, by Ctrl-C or a kill: it said that the lab is up, or there is none."""
    moment = random.Random(f"{seed} {number}").uniform(0.05, LONGEST_S)
    up = _lab(tmp_path, "up", "--agents", "20")
    try:
        up.wait(moment)
    except subprocess.TimeoutExpired:
        said = _interrupted(up, number)
    else:
        said, _ = up.communicate()
    if "The lab is up" in said:
        assert "is gone" in _lab(tmp_path, "down").communicate(timeout=DEADLINE_S)[0]
    eventually(lambda: not list(tmp_path.iterdir()), f"removed: {list(tmp_path.iterdir())}")


def test_a_start_that_nobody_could_be_told_of_leaves_nothing(tmp_path: Path) -> None:
    """With nobody at the other end of its output, the lab is ended again."""
    read, write = os.pipe()
    os.close(read)
    up = subprocess.Popen(
        [*NETPROOF, "lab", "up"],
        env={**environment(), "TMPDIR": str(tmp_path), "XDG_RUNTIME_DIR": ""},
        stdout=write,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    assert up.wait(DEADLINE_S) != 0
    eventually(lambda: not list(tmp_path.iterdir()), f"removed: {list(tmp_path.iterdir())}")


def test_a_lab_that_is_up_outlives_its_starter(tmp_path: Path) -> None:
    """It is there after the command that started it, and `netproof lab down` ends it."""
    said, wrong = _lab(tmp_path, "up").communicate(timeout=DEADLINE_S)
    assert "The lab is up" in said, wrong
    assert (tmp_path / f"netproof-{os.geteuid()}" / "lab" / "kubeconfig").exists()
    assert "The lab lab is gone.\n" == _lab(tmp_path, "down").communicate(timeout=DEADLINE_S)[0]
    assert [] == list(tmp_path.iterdir())
