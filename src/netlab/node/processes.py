"""Starting processes and learning how they ended.

The lab's first process starts every other one itself, so that each is its child, and as pid 1 it
also inherits the orphans. Must not know: pods, or which namespaces it is called in.
"""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SIGNALS = [s for s in signal.valid_signals() if s not in {signal.SIGKILL, signal.SIGSTOP}]


class SpawnError(Exception):
    """A command cannot be started; the message is worded as a container runtime's."""


@dataclass(frozen=True, slots=True)
class Stdio:
    """Descriptors for a new process (-1: /dev/null), or a terminal's path in place of all."""

    stdin: int = -1
    stdout: int = -1
    stderr: int = -1
    terminal: str = ""

    def actions(self) -> list[Any]:
        """Return the file actions for posix_spawn."""
        if self.terminal:  # the first one that a new session opens controls it
            first = (os.POSIX_SPAWN_OPEN, 0, self.terminal, os.O_RDWR, 0)
            return [first, (os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, 0, 2)]
        return [
            (os.POSIX_SPAWN_DUP2, fd, target)
            if fd >= 0
            else (os.POSIX_SPAWN_OPEN, target, "/dev/null", os.O_RDWR, 0)
            for target, fd in enumerate((self.stdin, self.stdout, self.stderr))
        ]


def spawn(argv: Sequence[str], env: Mapping[str, str], stdio: Stdio, *, cwd: str = "/") -> int:
    """Start a command in a session of its own and return its pid; raise SpawnError.

    It inherits the calling thread's namespaces and ids. posix_spawn does not copy this process,
    which a fork would: that costs ten times as much. All our descriptors are close-on-exec.
    """
    try:
        os.chdir(cwd)
    except OSError as error:
        raise SpawnError(f"chdir to cwd ({cwd!r}): {error.strerror}") from error
    program = _find(argv[0], env.get("PATH", ""))
    try:
        return os.posix_spawn(
            program,
            list(argv),
            dict(env),
            file_actions=stdio.actions(),
            setsid=True,
            setsigmask=[],
            setsigdef=_SIGNALS,
        )
    except OSError as error:
        raise SpawnError(f'exec: "{argv[0]}": {error.strerror}') from error


def _find(name: str, path: str) -> str:
    """Look a program up as execvp does, in the container's PATH and not in ours."""
    if "/" in name:
        return name
    for folder in path.split(":"):
        candidate = Path(folder, name)
        if os.access(candidate, os.X_OK) and not candidate.is_dir():
            return str(candidate)
    raise SpawnError(f'exec: "{name}": executable file not found in $PATH')


def signal_group(pid: int, number: int) -> None:
    """Send a signal to the process group that a spawned process leads; gone is fine."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


class Reaper:
    """Collects every child that ends; only for a process that is the first of its pid namespace."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[int, asyncio.Future[int]] = {}
        loop.add_signal_handler(signal.SIGCHLD, self.reap)

    def watch(self, pid: int) -> "asyncio.Future[int]":
        """Return a future for a child's exit status: 0-255, or 128 + the signal that ended it.

        To be called before the next await after the spawn.
        """
        future: asyncio.Future[int] = self._loop.create_future()
        self._waiting[pid] = future
        return future

    def reap(self) -> None:
        """Collect all children that have ended; those nobody watches were orphans."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            future = self._waiting.pop(pid, None)
            if future is not None and not future.done():
                code = os.waitstatus_to_exitcode(status)
                future.set_result(code if code >= 0 else 128 - code)


class StraySweeper:
    """Kills what a pod left running, in whatever session, when its containers have ended.

    Each pod has a UTS namespace of its own, also on the host network: that tells its processes.
    One look through /proc serves all pods that end in the same turn of the event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._doomed: set[int] = set()

    def kill_all(self, uts_inode: int) -> None:
        """Kill all processes of a pod, soon."""
        if not self._doomed:
            self._loop.call_soon(self._sweep)
        self._doomed.add(uts_inode)

    def _sweep(self) -> None:
        doomed, self._doomed = self._doomed, set()
        for pid in _processes_in_uts(doomed):
            os.kill(pid, signal.SIGKILL)  # still there: only we collect what ends


def _processes_in_uts(inodes: set[int]) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            inode = (process / "ns/uts").stat().st_ino
        except OSError:  # it has ended and waits to be collected
            continue
        if inode in inodes:
            found.append(int(process.name))
    return found
