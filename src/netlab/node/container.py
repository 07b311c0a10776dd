"""One container of a pod: a process, its outputs and input, and who is attached to it.

Must not know: why or when a container is restarted, how a client is connected.
"""

import asyncio
import fcntl
import os
import signal
import struct
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netlab.node import processes
from netlab.node.outputs import STDERR, STDOUT, LogBuffer, Outputs, OutputWatcher, pipe_writer
from netlab.node.processes import Stdio
from netlab.node.reaping import Reaper
from netlab.node.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class ContainerCommand:
    """What a container runs: argv, complete environment and working directory."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str = "/"


@dataclass(frozen=True, slots=True)
class ContainerConsole:
    """Whether a container has an input, loses it with the first client's, has a terminal."""

    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False


@dataclass(slots=True)
class Container:
    """A container's process, or the last one it had."""

    name: str
    command: ContainerCommand
    console: ContainerConsole = ContainerConsole()
    log: LogBuffer = field(default_factory=LogBuffer)
    previous_log: LogBuffer | None = None
    outputs: Outputs | None = None
    input: int | None = None
    """The descriptor to which input is written, as long as there is one."""
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
        ends = _terminal_ends() if self.console.tty else _pipe_ends(stdin=self.console.stdin)
        try:
            with sandbox.entered():
                command = self.command
                pid = processes.spawn(command.argv, command.env, ends.stdio, cwd=command.cwd)
        except BaseException:
            ends.close_ours()
            self.log.close()
            raise
        finally:
            ends.close_theirs()
        self.pid, self.input = pid, ends.input
        self.outputs = Outputs(self.log)
        for stream, fd in ends.outputs.items():
            self.outputs.collect(stream, fd)
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
            processes.signal_group(self.pid, signal.SIGKILL)

    def client_input(self) -> int | None:
        """Return a descriptor for a client's input, to be closed by it; None where there is none.

        Where one client's input is all the container wants, its end is the end of the input.
        """
        if self.input is None:
            return None
        if not self.console.stdin_once or self.console.tty:
            return os.dup(self.input)
        only, self.input = self.input, None
        return only

    def _forget(self, _: "asyncio.Future[int]") -> None:
        self.pid = None  # from now on the number may belong to somebody else
        if self.input is not None:
            os.close(self.input)
            self.input = None


@dataclass(frozen=True, slots=True)
class _ProcessEnds:
    """The descriptors of a new process: what it gets, and what is ours."""

    stdio: Stdio
    theirs: tuple[int, ...]
    outputs: Mapping[int, int]
    input: int | None = None

    def close_theirs(self) -> None:
        for fd in self.theirs:
            os.close(fd)

    def close_ours(self) -> None:
        for fd in (*self.outputs.values(), *([] if self.input is None else [self.input])):
            os.close(fd)


def _pipe_ends(*, stdin: bool) -> _ProcessEnds:
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    in_read, in_write = os.pipe() if stdin else (-1, None)
    theirs = (out_write, err_write, *([in_read] if stdin else []))
    stdio = Stdio(stdin=in_read, stdout=out_write, stderr=err_write)
    return _ProcessEnds(stdio, theirs, {STDOUT: out_read, STDERR: err_read}, in_write)


def _terminal_ends() -> _ProcessEnds:
    ours, theirs = os.openpty()
    stdio = Stdio(terminal=os.ttyname(theirs))
    return _ProcessEnds(stdio, (theirs,), {STDOUT: ours}, os.dup(ours))


class ContainerAttachment:
    """One client at a running container."""

    def __init__(
        self,
        container: Container,
        ends: "tuple[Outputs, asyncio.Future[int]]",
        stdin: asyncio.StreamWriter | None,
    ) -> None:
        self._container = container
        self._outputs, self._ended = ends
        self._watcher: OutputWatcher = self._outputs.watch()
        self.stdin = stdin
        self.stdout = self._watcher.stdout
        self.stderr = None if container.console.tty else self._watcher.stderr

    @classmethod
    async def to(
        cls, container: Container, outputs: Outputs, ended: "asyncio.Future[int]", *, stdin: bool
    ) -> "ContainerAttachment":
        """Attach to a container that runs."""
        fd = container.client_input() if stdin else None
        writer = None if fd is None else await pipe_writer(fd)
        return cls(container, (outputs, ended), writer)

    async def wait(self) -> int:
        """Wait for the container's end; its exit status is in the pod's, not here."""
        await asyncio.shield(self._ended)
        return 0

    def kill(self) -> None:
        """Detach."""
        self._outputs.unwatch(self._watcher)

    def resize(self, rows: int, cols: int) -> None:
        """Tell the container's terminal its size; without one there is nothing to tell."""
        if self._container.console.tty and self._container.input is not None:
            set_terminal_size(self._container.input, (rows, cols))


def set_terminal_size(terminal: int, size: Sequence[int]) -> None:
    """Set rows and columns of a terminal."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
