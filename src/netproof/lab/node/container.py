"""One container of a pod: a process, its output, and how often it was started.

Must not know: why or when a container is restarted.
"""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netproof.lab.node import process
from netproof.lab.node.logs import LogBuffer
from netproof.lab.node.process import Reaper, Stdio
from netproof.lab.node.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class Command:
    """What a container runs: argv, complete environment and working directory."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str = "/"


@dataclass(slots=True)
class Container:
    """A container's process, or the last one it had."""

    name: str
    command: Command
    log: LogBuffer = field(default_factory=LogBuffer)
    previous_log: LogBuffer | None = None
    pid: int | None = None
    ended: "asyncio.Future[int] | None" = None
    starts: int = 0

    def start(self, sandbox: Sandbox, reaper: Reaper) -> "asyncio.Future[int]":
        """Start the process in the pod's sandbox; the future gives its exit status.

        Raises SpawnError.
        """
        if self.starts:
            self.previous_log, self.log = self.log, LogBuffer()
        self.starts += 1
        read, write = os.pipe()
        try:
            with sandbox.entered():
                stdio = Stdio(stdout=write, stderr=write)
                command = self.command
                pid = process.spawn(command.argv, command.env, stdio, cwd=command.cwd)
        except BaseException:
            os.close(read)
            self.log.close()
            raise
        finally:
            os.close(write)
        self.pid = pid
        _collect(read, self.log)
        self.ended = reaper.watch(pid)
        self.ended.add_done_callback(self._forget)
        return self.ended

    def terminate(self) -> None:
        """Ask the process to end: it alone gets the signal, and what it started only from it."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End the process and what shares its process group."""
        if self.pid is not None:
            process.signal_group(self.pid, signal.SIGKILL)

    def _forget(self, _: "asyncio.Future[int]") -> None:
        self.pid = None  # from now on the number may belong to somebody else


def _collect(fd: int, log: LogBuffer) -> None:
    """Read a pipe into a log until its last writer has closed it."""
    loop = asyncio.get_running_loop()
    os.set_blocking(fd, False)

    def readable() -> None:
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            return
        if data:
            log.append(data)
        else:
            loop.remove_reader(fd)
            os.close(fd)
            log.close()

    loop.add_reader(fd, readable)
