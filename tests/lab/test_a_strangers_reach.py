"""A second user of the machine gets nothing of a lab that runs beside them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from netlab.problems import StartError
from netlab.process.statedir import Place
from netproof.cluster.lab import environment
from tests.attacks.strangers import as_stranger, need_second_user, shared_folder
from tests.lab.lab_process import DEADLINE_S, descendants

NETPROOF = (sys.executable, "-c", "from netproof.front.cli import main; raise SystemExit(main())")


@dataclass
class Victim:
    """A lab that somebody runs in a folder like /tmp, with what the process list tells of it."""

    shared: Path
    folder: Path
    pids: list[int]


def _lab(shared: Path, action: str) -> str:
    ended = subprocess.run(
        [*NETPROOF, "lab", action, "--name", "prec"],
        env={**environment(), "TMPDIR": str(shared), "XDG_RUNTIME_DIR": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=3 * DEADLINE_S,
    )
    assert 0 == ended.returncode, ended.stderr
    return ended.stdout


@pytest.fixture
def victim() -> Iterator[Victim]:
    """Run a lab as `netproof lab up` does; ends it."""
    need_second_user()
    with shared_folder() as shared:
        _lab(shared, "up")
        folder = shared / f"netproof-{os.geteuid()}" / "prec"
        marked = (folder / "netproof-lab.json").read_text(encoding="ascii")
        supervisor = int(marked.split('"pid": ')[1].split(",")[0])
        yield Victim(shared, folder, descendants(supervisor))
        assert "The lab prec is gone.\n" == _lab(shared, "down")
        assert [] == list(shared.iterdir())


def _is_refused(attempt: object, *arguments: object) -> None:
    assert callable(attempt)
    with pytest.raises(PermissionError):
        attempt(*arguments)


def test_a_second_user_gets_nothing_of_a_running_lab(victim: Victim) -> None:
    """No file can be read, replaced or moved, no process ended or looked into, no bell rung."""

    def attack() -> None:
        for name in ("kubeconfig", "ca.crt", "netproof-lab.json"):
            file = victim.folder / name
            for attempt in (file.read_text, file.unlink, file.touch):
                _is_refused(attempt)
        _is_refused(os.listdir, victim.folder.parent)
        for path in (victim.folder, victim.folder.parent):
            _is_refused(os.rename, path, victim.shared / "moved")
        with socket.socket(socket.AF_UNIX) as bell:
            _is_refused(bell.connect, str(victim.folder / "bell"))
        for pid in victim.pids:
            _is_refused(os.kill, pid, signal.SIGTERM)
            for what in ("environ", "mem"):
                _is_refused(Path(f"/proc/{pid}/{what}").read_bytes)
            for what in ("root", "cwd"):
                _is_refused(os.listdir, f"/proc/{pid}/{what}/")

    as_stranger(attack)


def test_a_second_users_lab_down_ends_their_own_only(victim: Victim) -> None:
    """A marker of theirs that names the lab, in a folder of theirs, gets them nowhere."""
    marker = (victim.folder / "netproof-lab.json").read_text(encoding="ascii")

    def attack() -> None:
        theirs = victim.shared / "theirs"
        theirs.mkdir(mode=0o700)
        (theirs / "netproof-lab.json").write_text(marker, encoding="ascii")
        try:
            with pytest.raises(StartError, match="does not listen at its bell"):
                Place(theirs).end_lab()
        finally:
            (theirs / "netproof-lab.json").unlink()
            theirs.rmdir()

    as_stranger(attack)
