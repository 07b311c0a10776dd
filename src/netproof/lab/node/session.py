"""A command that was exec'ed into a pod, with pipes or a terminal.

Must not know: how a client is connected to it.
"""

import asyncio
import errno
import fcntl
import os
import signal
import struct
import termios

from netproof.lab.node import process
from netproof.lab.node.container import Command
from netproof.lab.node.process import Reaper, Stdio
from netproof.lab.node.sandbox import Sandbox

# Probes are exec'ed; what answers them is not. Measured: with equal priority a hundred of them
# at once starve the answering side, and its silence looks like a dropped packet.
_NICENESS = 10


class Session:
    """A running command: streams, exit status, and the end of it when the client leaves."""

    def __init__(
        self, pid: int, ended: "asyncio.Future[int]", *, terminal: int | None = None
    ) -> None:
        self._pid = pid
        self._ended = ended
        self._terminal = terminal
        ended.add_done_callback(self._close_terminal)
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader = asyncio.StreamReader()
        self.stderr: asyncio.StreamReader | None = None

    async def wait(self) -> int:
        """Return the exit status, 128 + signal for one that was killed."""
        return await asyncio.shield(self._ended)

    def kill(self) -> None:
        """End the command and its process group."""
        if not self._ended.done():
            process.signal_group(self._pid, signal.SIGKILL)

    def resize(self, rows: int, cols: int) -> None:
        """Tell the terminal its size; without one there is nothing to tell."""
        if self._terminal is not None and not self._ended.done():
            size = struct.pack("HHHH", rows, cols, 0, 0)
            fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)

    @classmethod
    async def with_pipes(
        cls, command: Command, sandbox: Sandbox, reaper: Reaper, *, stdin: bool
    ) -> "Session":
        """Start a command with pipes for its output and, if asked for, its input."""
        ours, theirs = _pipes(stdin=stdin)
        stdio = Stdio(stdin=theirs[0], stdout=theirs[1], stderr=theirs[2])
        session = _start(command, sandbox, reaper, stdio=stdio, ours=ours)
        if stdin:
            session.stdin = await _writer(ours.pop(0))
        session.stdout = await _reader(ours[0])
        session.stderr = await _reader(ours[1])
        return session

    @classmethod
    async def with_terminal(
        cls, command: Command, sandbox: Sandbox, reaper: Reaper, *, stdin: bool
    ) -> "Session":
        """Start a command on a terminal of its own."""
        ours, theirs = os.openpty()
        stdio = Stdio(terminal=os.ttyname(theirs))
        try:
            terminal = os.dup(ours)
            ends = [ours, terminal]
            session = _start(command, sandbox, reaper, stdio=stdio, ours=ends, terminal=terminal)
        finally:
            os.close(theirs)
        if stdin:
            session.stdin = await _writer(os.dup(ours))
        session.stdout = await _reader(ours)
        return session

    def _close_terminal(self, _: "asyncio.Future[int]") -> None:
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None


def _pipes(*, stdin: bool) -> tuple[list[int], list[int]]:
    """Make pipes; return our ends and theirs, in the order of the standard streams."""
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    ours, theirs = [out_read, err_read], [-1, out_write, err_write]
    if stdin:
        theirs[0], in_write = os.pipe()
        ours.insert(0, in_write)
    return ours, theirs


def _start(
    command: Command,
    sandbox: Sandbox,
    reaper: Reaper,
    *,
    stdio: Stdio,
    ours: list[int],
    terminal: int | None = None,
) -> Session:
    try:
        with sandbox.entered():
            pid = process.spawn(command.argv, command.env, stdio, cwd=command.cwd)
    except BaseException:
        for fd in ours:
            os.close(fd)
        raise
    finally:
        for fd in (stdio.stdin, stdio.stdout, stdio.stderr):
            if fd >= 0:
                os.close(fd)
    session = Session(pid, reaper.watch(pid), terminal=terminal)
    os.setpriority(os.PRIO_PGRP, pid, _NICENESS)
    return session


async def _reader(fd: int) -> asyncio.StreamReader:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: _Output(reader), os.fdopen(fd, "rb", 0))
    return reader


async def _writer(fd: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(fd, "wb", 0)
    )
    return asyncio.StreamWriter(transport, protocol, None, loop)


class _Output(asyncio.StreamReaderProtocol):
    """Reads a terminal's end as the end of the stream: Linux reports it as EIO."""

    def connection_lost(self, exc: Exception | None) -> None:
        hung_up = isinstance(exc, OSError) and exc.errno == errno.EIO
        super().connection_lost(None if hung_up else exc)
