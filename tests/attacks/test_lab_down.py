"""`netproof lab down` ends a lab of this user and nothing else, whatever a marker says."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from netlab.problems import StartError
from netlab.process import statedir
from netlab.process.statedir import Place
from netproof.cluster import lab
from netproof.cluster.lab import environment
from netproof.errors import UsageError

BOOT = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
ME = {"name": "prec", "pid": os.getpid(), "start_time": 1, "boot_id": BOOT}

MALFORMED = {
    "empty": "",
    "no JSON": "{",
    "a list": "[]",
    "null": "null",
    "a number": "17",
    "deep": "[" * 4000,
    "no pid": json.dumps({"start_time": 1, "boot_id": BOOT}),
    "no start": json.dumps({"pid": 17, "boot_id": BOOT}),
    "no boot": json.dumps({"pid": 17, "start_time": 1}),
    "pid 0, our process group": json.dumps({**ME, "pid": 0}),
    "pid 1": json.dumps({**ME, "pid": 1}),
    "pid -1, everybody": json.dumps({**ME, "pid": -1}),
    "pid of a text": json.dumps({**ME, "pid": str(os.getpid())}),
    "pid of a fraction": json.dumps({**ME, "pid": 17.5}),
    "pid true": json.dumps({**ME, "pid": True}),
    "pid null": json.dumps({**ME, "pid": None}),
    "pid beyond all": json.dumps({**ME, "pid": 2**80}),
    "pid infinite": '{"pid": 1e999, "start_time": 1, "boot_id": "x"}',
    "pid of 5,000 digits": '{"pid": ' + "9" * 5000 + "}",
    "start of a text": json.dumps({**ME, "start_time": "1"}),
    "start before time": json.dumps({**ME, "start_time": -1}),
    "boot of a number": json.dumps({**ME, "boot_id": 17}),
    "boot with a newline": json.dumps({**ME, "boot_id": BOOT + "\n"}),
    "not UTF-8": b"\xff\xfe{}",
    "long": json.dumps({**ME, "name": "x" * 100_000}),
}


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "prec"
    folder.mkdir(mode=0o700)
    return folder


@pytest.mark.parametrize("content", MALFORMED.values(), ids=list(MALFORMED))
def test_a_malformed_marker_is_refused(tmp_path: Path, content: str | bytes) -> None:
    """It is said what is wrong with it and what to do; nobody is signalled."""
    raw = content if isinstance(content, bytes) else content.encode()
    (_folder(tmp_path) / statedir.MARKER).write_bytes(raw)
    with pytest.raises(StartError, match=r"netproof-lab.json is not a lab's") as refused:
        Place(tmp_path / "prec").end_lab()
    assert "remove the directory" in refused.value.remedy
    assert (tmp_path / "prec" / statedir.MARKER).exists()


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _link(path: Path) -> None:
    target = path.parent.parent / "elsewhere"
    target.write_text(json.dumps(ME), encoding="ascii")
    path.symlink_to(target)


def _hard_link(path: Path) -> None:
    target = path.parent.parent / "elsewhere"
    target.write_text(json.dumps(ME), encoding="ascii")
    path.hardlink_to(target)


def _directory(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [_fifo, _link, _hard_link, _directory])
def test_a_marker_that_is_no_plain_file_is_refused(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """A link to somebody's file is not read, a FIFO not waited for."""
    make(_folder(tmp_path) / statedir.MARKER)
    with pytest.raises(StartError, match=r"netproof-lab.json is not a lab's"):
        Place(tmp_path / "prec").end_lab()


@dataclass
class Bystander:
    """A process that is no lab."""

    process: subprocess.Popen[bytes]

    @property
    def marker(self) -> dict[str, object]:
        owner = statedir.process_owner(self.process.pid)
        assert owner is not None
        return asdict(owner)

    def is_alive(self) -> bool:
        return self.process.poll() is None


@pytest.fixture
def bystander() -> Iterator[Bystander]:
    """Run a process that must not be ended; ends it."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield Bystander(process)
        process.send_signal(signal.SIGKILL)


def test_a_process_that_is_no_lab_is_not_ended(tmp_path: Path, bystander: Bystander) -> None:
    """A marker in perfect form that names another process of this user ends in a refusal."""
    marker = _folder(tmp_path) / statedir.MARKER
    marker.write_text(json.dumps(bystander.marker), encoding="ascii")
    with pytest.raises(StartError, match="which does not listen at its bell"):
        Place(tmp_path / "prec").end_lab()
    assert bystander.is_alive()


def test_a_process_behind_anothers_bell_is_not_ended(tmp_path: Path, bystander: Bystander) -> None:
    """Who listens in the folder has to be whom the marker names."""
    folder = _folder(tmp_path)
    (folder / statedir.MARKER).write_text(json.dumps(bystander.marker), encoding="ascii")
    with socket.socket(socket.AF_UNIX) as bell:
        bell.bind(str(folder / statedir.BELL))
        bell.listen()
        with pytest.raises(StartError, match=f"not who listens at its bell .pid {os.getpid()}"):
            Place(folder).end_lab()
    assert bystander.is_alive()


@pytest.mark.parametrize(
    "change",
    [{"start_time": 1}, {"boot_id": "0" * 8 + "-0000" * 3 + "-" + "0" * 12}],
    ids=["an earlier process of that pid", "an earlier boot"],
)
def test_a_later_process_with_the_labs_pid_is_not_ended(
    tmp_path: Path, bystander: Bystander, change: dict[str, object]
) -> None:
    """The lab is dead, what it left is removed, and who has its number now lives on."""
    marker = _folder(tmp_path) / statedir.MARKER
    marker.write_text(json.dumps({**bystander.marker, **change}), encoding="ascii")
    assert not Place(tmp_path / "prec").end_lab()
    assert bystander.is_alive()
    assert [] == list(tmp_path.iterdir())


def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path, bystander: Bystander) -> None:
    """What is in it may be anybody's."""
    folder = _folder(tmp_path)
    (folder / statedir.MARKER).write_text(json.dumps(bystander.marker), encoding="ascii")
    folder.chmod(0o777)
    with pytest.raises(StartError, match="is open to other users"):
        Place(folder).end_lab()
    assert bystander.is_alive()


def _start_lab(name: str) -> None:
    lab.LabCluster(lab.LabOptions(name=name)).start()


@pytest.mark.parametrize("name", ["..", ".", "../x", "a/b", "", ".hidden", "x\n", "é", "x" * 41])
@pytest.mark.parametrize("action", [lab.end_lab, _start_lab])
def test_a_name_that_leads_elsewhere_is_refused(name: str, action: Callable[[str], object]) -> None:
    """A lab's name is a folder's name, and nothing but that."""
    with pytest.raises(UsageError, match="write up to 40 letters"):
        action(name)


def test_the_command_ends_in_a_line_and_an_exit_code(tmp_path: Path) -> None:
    """No traceback reaches the person, and the exit code is that of an error."""
    folder = tmp_path / f"netproof-{os.geteuid()}" / "prec"
    folder.parent.mkdir(mode=0o700)
    folder.mkdir(mode=0o700)
    (folder / statedir.MARKER).write_text("[1, 2", encoding="ascii")
    ended = subprocess.run(
        [
            *(
                sys.executable,
                "-c",
                "from netproof.front.cli import main; raise SystemExit(main())",
            ),
            *("lab", "down", "--name", "prec"),
        ],
        env={**environment(), "TMPDIR": str(tmp_path), "XDG_RUNTIME_DIR": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (2, "") == (ended.returncode, ended.stdout)
    assert ended.stderr.startswith("netproof: the lab prec cannot be ended: ")
    assert ended.stderr.count("\n") == 1
