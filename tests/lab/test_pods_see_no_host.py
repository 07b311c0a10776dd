"""Pods do not see what belongs to the machine's users, whoever they run as.

Without root a pod is the user who started the lab, so that no permission stops it: the lab's view
of the machine has to.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.lab import lab_process
from tests.lab.lab_api import Cluster, cluster, sleeper
from tests.lab.test_lab_rootless import USER, command

FOLDERS = {
    *("/home", "/root", "/run", "/run/user", "/var/lib", "/srv", "/opt", "/mnt", str(Path.home())),
    *("/tmp", "/var/tmp"),  # noqa: S108 - where users keep things
}
CONTENT = "of the user alone"

ATTACK = """
import json, os, socket, sys
name, paths, addresses = json.loads(sys.argv[1])
loot = [n for n in os.listdir("/dev/pts") if n != "ptmx"]
for path in paths:
    try:
        loot.append(open(path).read())
    except OSError:
        pass
for address in addresses:
    try:
        socket.socket(socket.AF_UNIX).connect(address)
        loot.append("connected to " + address)
    except OSError:
        pass
print(loot, flush=True)
roots = ["/"] + [f"/proc/{p}/{way}" for p in os.listdir("/proc") if p.isdigit()
                 for way in ("root", "cwd")]
for root in roots:
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if f not in {"proc", "usr", "python"}]
        print(*(os.path.join(folder, f) for f in folders + files if name in f), end="")
"""
"""Lists terminals, reads files by their paths, connects to sockets, and looks for a name under
every root and working directory that a process has (but for programs)."""


@dataclass
class Belongings:
    """What a user of the machine has: files and sockets in folders, and a socket without a path."""

    name: str = field(default_factory=lambda: f"np-private-{uuid.uuid4().hex}")
    folders: list[Path] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)

    @property
    def files(self) -> list[str]:
        return [str(folder / "secret") for folder in self.folders]

    @property
    def addresses(self) -> list[str]:
        return [f"\0{self.name}", *(str(folder / "socket") for folder in self.folders)]

    def put_into(self, folder: Path, owner: int) -> None:
        """Leave a private file and a socket in a folder of that user's own, if one may be made."""
        with contextlib.suppress(PermissionError, FileNotFoundError):
            own = folder / self.name
            own.mkdir(mode=0o700)
            self.folders.append(own)
            (own / "secret").write_text(CONTENT, encoding="ascii")
            (own / "secret").chmod(0o600)
            self.listen(str(own / "socket"))
            if os.geteuid() == 0:
                for path in (own, own / "secret", own / "socket"):
                    os.chown(path, owner, owner)

    def listen(self, address: str) -> None:
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(address)
        sock.listen()
        self.sockets.append(sock)


@pytest.fixture
def belongings() -> Iterator[Belongings]:
    """Spread a user's files and sockets over the machine; removes them."""
    spread = Belongings()
    try:
        for folder in FOLDERS:
            spread.put_into(Path(folder), USER)
        spread.listen(f"\0{spread.name}")
        yield spread
    finally:
        for sock in spread.sockets:
            sock.close()
        for own in spread.folders:
            shutil.rmtree(own)


@pytest.fixture(params=["as it is", "as another user"])
def lab(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Run a lab as the one who runs the tests, and as the owner of the belongings."""
    chosen: Sequence[str] = command() if request.param == "as another user" else lab_process.COMMAND
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o1777)
        with cluster(Path(name, "lab"), command=chosen) as running:
            running.create("pod", sleeper())
            running.create("on-node", {**sleeper(), "hostNetwork": True})
            for pod in ("pod", "on-node"):
                running.ready(pod)
            yield running


def test_a_pod_reaches_nothing_of_the_machines_users(belongings: Belongings, lab: Cluster) -> None:
    """No file by any path or any process's root, no socket by path or by name, no terminal."""
    aims = json.dumps([belongings.name, belongings.files, belongings.addresses])
    assert len(belongings.files) > 1
    for pod in ("pod", "on-node"):
        assert "[]" == lab.run(pod, "python3", "-c", ATTACK, aims)


def test_a_pods_homes_are_empty(lab: Cluster) -> None:
    """Homes and run-time folders are there, as in a small image, and hold nothing."""
    folders = ("/home", "/root", "/srv", "/opt", "/mnt", "/media", "/var/tmp")  # noqa: S108
    assert "" == lab.run("pod", "find", *folders, "-mindepth", "1")
    assert "netproof" == lab.run("pod", "ls", "-A", "/run")


WRITABLE = """
for line in open("/proc/self/mountinfo"):
    target, options = line.split()[4:6]
    if "ro" not in options.split(","):
        print(target)
"""

ON_AN_OLDER_KERNEL = """
import errno
from netlab.node import syscalls
def refuse(_): raise OSError(errno.ENOSYS, "no such system call")
syscalls.set_tree_read_only = refuse
from netlab.__main__ import main
raise SystemExit(main())
"""


@pytest.mark.parametrize(
    "program", ["from netlab.__main__ import main; raise SystemExit(main())", ON_AN_OLDER_KERNEL]
)
def test_a_pod_cannot_change_what_it_runs(tmp_path: Path, program: str) -> None:
    """The interpreter may belong to the user who started the lab, whom its pods run as."""
    with cluster(tmp_path / "lab", command=(sys.executable, "-c", program)) as lab:
        lab.create("pod", sleeper())
        lab.ready("pod")
        writable = lab.run("pod", "python3", "-c", WRITABLE).splitlines()
    assert ["/dev/shm", "/tmp", "/var/tmp"] == sorted(writable)  # noqa: S108 - the pod's own
