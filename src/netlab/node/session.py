"""A command that was exec'ed into a pod, with pipes or a terminal.

Must not know: how a client is connected to it.
"""

import asyncio
import os
import signal

from netlab.node import process
from netlab.node.attachment import set_size
from netlab.node.container import Command
from netlab.node.pipes import pipe_reader, pipe_writer
from netlab.node.process import Reaper, Stdio
from netlab.node.sandbox import Sandbox

# Probes are exec'ed; what answers them is not. Measured: with equal priority a hundred of them
# at once starve the answering side, and its silence looks like a dropped packet.
# Relative to the lab's own niceness, below which an ordinary user may not set it.
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
            set_size(self._terminal, (rows, cols))

    @classmethod
    async def with_pipes(
        cls, command: Command, sandbox: Sandbox, reaper: Reaper, *, stdin: bool
    ) -> "Session":
        """Start a command with pipes for its output and, if asked for, its input."""
        ours, theirs = _pipes(stdin=stdin)
        stdio = Stdio(stdin=theirs[0], stdout=theirs[1], stderr=theirs[2])
        session = _start(command, sandbox, reaper, stdio=stdio, ours=ours)
        if stdin:
            session.stdin = await pipe_writer(ours.pop(0))
        session.stdout = await pipe_reader(ours[0])
        session.stderr = await pipe_reader(ours[1])
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
            session.stdin = await pipe_writer(os.dup(ours))
        session.stdout = await pipe_reader(ours)
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
    os.setpriority(os.PRIO_PGRP, pid, os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)
    return session
