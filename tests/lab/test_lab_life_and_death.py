"""A lab starts, stops, and leaves nothing behind whoever is killed and whenever."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import netproof.cluster.lab
from netproof.cluster.lab import LabCluster, LabOptions
from netproof.errors import ClusterError
from tests.lab import lab_process
from tests.lab.lab_process import LabProcess, eventually, lab, watched


def supervisor(running: LabProcess) -> int:
    return running.process.pid


def first(running: LabProcess) -> int:
    pid: int = eventually(running.first_process, "the first process exists")
    return pid


def at_once(_: LabProcess) -> None:
    """Kill before the interpreter has even started."""


def when_the_first_process_exists(running: LabProcess) -> None:
    eventually(running.first_process, "the first process exists")


def when_the_state_directory_exists(running: LabProcess) -> None:
    eventually(running.state_dir.exists, "the state directory exists")


def when_ready(running: LabProcess) -> None:
    assert running.ready()["ok"]


MOMENTS = [at_once, when_the_first_process_exists, when_the_state_directory_exists, when_ready]


def test_a_lab_tells_how_to_reach_it(tmp_path: Path) -> None:
    """One line of JSON names server, kubeconfig, supervisor and nodes."""
    with lab(tmp_path / "lab", "--nodes", "3") as running:
        line = running.ready()
        assert line["nodes"] == ["lab-node-0", "lab-node-1", "lab-node-2"]
        assert line["pid"] == running.process.pid
        assert line["server"].startswith("https://127.0.0.1:")
        assert line["kubeconfig"] == str(tmp_path / "lab" / "kubeconfig")


def test_the_kubeconfig_is_private(tmp_path: Path) -> None:
    """The token in it is for the one who started the lab."""
    with lab(tmp_path / "lab") as running:
        mode = Path(running.ready()["kubeconfig"]).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_a_signal_stops_the_lab(tmp_path: Path, number: signal.Signals) -> None:
    """Stopped by a signal the lab ends well and removes its directory."""
    with lab(tmp_path / "lab") as running:
        running.ready()
        running.process.send_signal(number)
        assert running.process.wait(lab_process.DEADLINE_S) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("victim", [supervisor, first])
def test_killing_one_leaves_nothing(
    tmp_path: Path,
    victim: Callable[[LabProcess], int],
    moment: Callable[[LabProcess], None],
) -> None:
    """Whichever of the two is killed, the other one cleans up."""
    links, mounts = lab_process.host_links(), lab_process.host_mounts()
    with lab(tmp_path / "lab") as running:
        moment(running)
        target = victim(running)
        pids = lab_process.descendants(running.process.pid)
        with watched(pids) as all_ended:
            lab_process.kill(target)
            eventually(all_ended, "all processes of the lab have ended")
    eventually(lambda: not list(tmp_path.iterdir()), "the state directory is gone")
    assert lab_process.host_links() <= links
    assert lab_process.host_mounts() == mounts


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_starters_death_ends_the_lab(
    tmp_path: Path, moment: Callable[[LabProcess], None]
) -> None:
    """When the lifeline ends, so does everything else."""
    with lab(tmp_path / "lab") as running:
        moment(running)
        with watched(lab_process.descendants(running.process.pid)) as all_ended:
            running.let_go()
            eventually(all_ended, "all processes of the lab have ended")
    assert list(tmp_path.iterdir()) == []


def test_a_killed_starter_takes_the_lab_along(tmp_path: Path) -> None:
    """The starter is killed with SIGKILL: its end of the lifeline closes by itself."""
    program = (
        "import sys; from pathlib import Path; from tests.lab import lab_process\n"
        "running = lab_process.start(Path(sys.argv[1]))\n"
        "running.ready(); print(running.process.pid, flush=True); sys.stdin.read()"
    )
    argv = [sys.executable, "-c", program, str(tmp_path / "lab")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(argv, cwd=lab_process.ROOT, **pipes) as starter:  # type: ignore[call-overload]
        pid = int(starter.stdout.readline())
        with watched(lab_process.descendants(pid)) as all_ended:
            starter.kill()
            eventually(all_ended, "all processes of the lab have ended")
    assert list(tmp_path.iterdir()) == []


def test_the_next_start_cleans_up_when_both_were_killed(tmp_path: Path) -> None:
    """With nobody left to clean up, the next lab beside it does."""
    with lab(tmp_path / "dead") as running:
        running.ready()
        pids = [supervisor(running), first(running)]
        with watched(pids) as all_ended:
            os.kill(pids[0], signal.SIGSTOP)  # so that it cannot react to the other's death
            for pid in reversed(pids):
                lab_process.kill(pid)
            eventually(all_ended, "both are dead")
    assert [path.name for path in tmp_path.iterdir()] == ["dead"]
    with lab(tmp_path / "next") as running:
        running.ready()
        assert [path.name for path in tmp_path.iterdir()] == ["next"]


def test_a_lab_that_is_killed_between_two_steps_leaves_no_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its first process lives nobody in the lab could clean up, so that its starter does."""
    home = tmp_path / "netproof"
    died = tmp_path / "died"
    dies = (
        f"import os, signal; os.mkdir({str(home)!r}, 0o700); os.mkdir({str(died)!r}); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(
        netproof.cluster.lab,
        "_spawn",
        lambda _options, _place, ready, lifeline: subprocess.Popen(
            [sys.executable, "-c", dies], pass_fds=(ready, lifeline)
        ),
    )
    with pytest.raises(ClusterError, match="ended before it was ready, with exit code -9"):
        LabCluster(LabOptions()).start()
    assert [died] == list(tmp_path.iterdir())
