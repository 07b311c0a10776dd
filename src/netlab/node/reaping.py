"""Learning how processes ended, and ending those that a pod left behind.

The lab's first process is the parent of every other one, and as pid 1 it also inherits the orphans.
Must not know: pods, or what was started.
"""

import asyncio
import os
import signal
from pathlib import Path


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
    pids = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            inode = (process / "ns/uts").stat().st_ino
        except OSError:  # it has ended and waits to be collected
            continue
        if inode in inodes:
            pids.append(int(process.name))
    return pids
