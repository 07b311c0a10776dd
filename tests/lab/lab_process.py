"""Starting labs as another program would, and looking at what they leave behind."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "netlab")
DEADLINE_S = 20.0
SILENCE_S = 60.0
"""How long a lab that starts may say nothing; a busy machine is slow, but gets on."""


def eventually(claim: Callable[[], Any], what: str, *, deadline_s: float = DEADLINE_S) -> Any:
    """Return the first true value of a claim; fail with `what` when the deadline passes."""
    end = time.monotonic() + deadline_s
    while not (value := claim()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what}")
        time.sleep(0.005)
    return value


@dataclass(slots=True)
class LabProcess:
    """A lab's supervisor as its starter sees it: process, lifeline and the line it reports."""

    process: subprocess.Popen[bytes]
    lifeline: int
    ready_fd: int
    state_dir: Path

    def ready(self) -> dict[str, Any]:
        """Return the line that says how to reach the lab, or why there is none."""
        data = b""
        while True:
            readable, _, _ = select.select([self.ready_fd], [], [], SILENCE_S)
            assert readable, f"the lab said nothing for long after {data!r}"
            chunk = os.read(self.ready_fd, 65536)
            assert chunk, f"the lab ended before it was ready, after {data!r}"
            data += chunk
            *lines, data = data.split(b"\n")
            for line in map(json.loads, lines):
                if "progress" not in line:
                    return dict(line)

    def let_go(self) -> None:
        """Close the lifeline, as the death of the starter does."""
        with contextlib.suppress(OSError):
            os.close(self.lifeline)

    def first_process(self) -> int | None:
        """Return the pid of the lab's first process as seen from here."""
        found = children(self.process.pid)
        inside = [pid for pid in found if in_another_pid_namespace(pid)]
        return inside[0] if inside else None


@contextlib.contextmanager
def lab(state_dir: Path, *arguments: str, **options: Any) -> Iterator[LabProcess]:
    """Run a lab for the time of a block."""
    started = start(state_dir, *arguments, **options)
    try:
        yield started
    finally:
        started.let_go()
        os.close(started.ready_fd)
        started.process.wait(DEADLINE_S)


def start(
    state_dir: Path,
    *arguments: str,
    command: Sequence[str] = COMMAND,
    env: Mapping[str, str] | None = None,
) -> LabProcess:
    """Start a lab with a lifeline and return at once."""
    lifeline_read, lifeline_write = os.pipe()
    ready_read, ready_write = os.pipe()
    fds = ["--lifeline-fd", str(lifeline_read), "--ready-fd", str(ready_write), "--tell-progress"]
    try:
        process = subprocess.Popen(
            [*command, "serve", "--state-dir", str(state_dir), *fds, *arguments],
            pass_fds=(lifeline_read, ready_write),
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **(env or {})},
        )
    finally:
        os.close(lifeline_read)
        os.close(ready_write)
    return LabProcess(process, lifeline_write, ready_read, state_dir)


def children(pid: int) -> list[int]:
    """Return the pids whose parent is a process."""
    return [child for child, parent in _parents().items() if parent == pid]


def everybody() -> list[int]:
    """Return the processes that there are; each may have ended by now."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def descendants(pid: int) -> list[int]:
    """Return a process and everything below it."""
    parents = _parents()
    found = [pid]
    for ancestor in found:
        found.extend(child for child, parent in parents.items() if parent == ancestor)
    return found


def _parents() -> dict[int, int]:
    found = {}
    for pid in everybody():
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
            found[pid] = int(stat.rpartition(")")[2].split()[1])
    return found


def in_another_pid_namespace(pid: int) -> bool:
    with contextlib.suppress(OSError):
        own = Path("/proc/self/ns/pid").readlink()
        return Path(f"/proc/{pid}/ns/pid").readlink() != own
    return False


@contextlib.contextmanager
def watched(pids: Sequence[int]) -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether all these processes have ended.

    By descriptor: a number could belong to somebody else by then.
    """
    fds = []
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            fds.append(os.pidfd_open(pid))

    def all_ended() -> bool:
        return len(select.select(fds, [], [], 0)[0]) == len(fds)

    try:
        yield all_ended
    finally:
        for fd in fds:
            os.close(fd)


def kill(pid: int) -> None:
    """Kill a process that may be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def host_links() -> set[str]:
    """Return the network interfaces of this machine's own namespace."""
    lines = Path("/proc/net/dev").read_text(encoding="ascii").splitlines()[2:]
    return {line.partition(":")[0].strip() for line in lines}


def host_mounts() -> list[str]:
    """Return the mounts that this process sees."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return [line.split()[4] for line in lines]
