"""S, the process that watches: it starts the lab's first process I, waits, and cleans up.

S and I watch each other. Whoever is left removes the state directory:
- the starter dies: end of file on the lifeline, S kills I;
- S dies: end of file on the pipe that only S can write to, I removes the directory and exits;
- I dies: the kernel kills everything in its pid namespace, S removes the directory and exits;
- both die at once: the next lab that starts beside it removes the directory.
S must stay single-threaded (a user namespace asks for it) and must not fork after it has made
the pid namespace: such a child would live inside and keep I from ending.
"""

import contextlib
import json
import os
import select
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netlab import firstprocess, namespaces, ports, preflight, statedir
from netlab.dataplane import PLANES
from netlab.defects import listed
from netlab.node import syscalls
from netlab.problems import StartError
from netlab.settings import Settings

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Options:
    """How the starter wants the lab: what to build, where to listen, whom to tell."""

    settings: Settings
    state_dir: Path
    ready_fd: int
    listen_fd: int | None = None
    port: int = 0
    lifeline_fd: int | None = None


def serve(options: Options) -> int:
    """Run a lab until it is told to stop; return the exit code.

    Writes exactly one line of JSON to `ready_fd`: how to reach the lab, or why there is none.
    """
    try:
        options.settings.check(dataplanes=PLANES, defects=[d.name for d in listed()])
        preflight.require()
        listener = ports.listener(options.listen_fd, options.port)
        state = statedir.claim(options.state_dir)
        supervisor = _Supervisor(options, listener, state)
    except StartError as problem:
        _tell(options.ready_fd, problem.as_json())
        return 1
    return supervisor.run()


class _Supervisor:
    """One life of one lab, as seen from outside its namespaces."""

    def __init__(self, options: Options, listener: socket.socket, state: statedir.StateDir) -> None:
        self._options = options
        self._listener = listener
        self._state = state
        self._reported = False
        owner = statedir.owner_of(os.getpid())
        assert owner is not None, "a running process is in /proc"  # noqa: S101
        self._owner = owner
        self._enter_namespaces()

    def _enter_namespaces(self) -> None:
        try:
            namespaces.enter_user_namespace()
            kinds = syscalls.CLONE_NEWNET | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWIPC
            syscalls.unshare(syscalls.CLONE_NEWPID | kinds)
        except OSError as error:
            raise preflight.explain("namespaces", error) from error

    def run(self) -> int:
        """Start I and stay until it ends or is to end; return the exit code."""
        signals = _signal_pipe()
        alive_read, alive_write = os.pipe()
        news_read, news_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            for fd in (alive_write, news_read, *self._fds_for_the_supervisor_only()):
                os.close(fd)
            firstprocess.run(
                self._options.settings,
                self._listener,
                clean_up=lambda: self._state.remove(self._owner),
                supervisor_gone=alive_read,
                news=news_write,
            )
        os.close(alive_read)
        os.close(news_write)
        pidfd = os.pidfd_open(pid)
        try:
            code = self._watch(pidfd, news_read, signals)
        finally:
            self._end(pidfd)
        return code

    def _fds_for_the_supervisor_only(self) -> list[int]:
        """List what I must not hold: the starter waits for these to be closed."""
        fds = [self._options.lifeline_fd, self._options.ready_fd]
        return [fd for fd in fds if fd is not None and fd > 2]

    def _watch(self, pidfd: int, news: int, signals: int) -> int:
        """Wait for news, a reason to stop, or the end of I; return the exit code."""
        poll = select.poll()
        stops = {signals, pidfd}
        if self._options.lifeline_fd is not None:
            stops.add(self._options.lifeline_fd)
        for fd in (*stops, news):
            poll.register(fd, select.POLLIN)
        pending = b""
        while True:
            ready = {fd for fd, _ in poll.poll()}
            if news in ready:
                chunk = os.read(news, 65536)
                if not chunk:
                    poll.unregister(news)
                *lines, pending = (pending + chunk).split(b"\n")
                try:
                    for line in lines:
                        self._hear(json.loads(line))
                except OSError as error:
                    self._report(statedir.unusable(self._state.path, error).as_json())
                    return 1
            elif pidfd in ready:
                return self._first_process_ended()
            elif ready & stops:
                return 0

    def _hear(self, news: dict[str, Any]) -> None:
        """Act on one line from I: it lives, it serves, or it gave up."""
        if news.get("alive"):
            # Only now: from here on, each of S and I can be killed and the other cleans up.
            self._state.create(name=self._options.settings.name, owner=self._owner)
            return
        if news["ok"]:
            self._state.write(statedir.AUTHORITY, news.pop("authority"))
            self._state.write(statedir.KUBECONFIG, news.pop("kubeconfig"))
            news["kubeconfig"] = str(self._state.path / statedir.KUBECONFIG)
            news["pid"] = os.getpid()
        self._report(news)

    def _first_process_ended(self) -> int:
        if not self._reported:
            problem = StartError(
                "start",
                "the lab's first process ended before it was ready",
                "look at its messages on standard error; was it killed for lack of memory?",
            )
            self._report(problem.as_json())
        return 1

    def _report(self, news: dict[str, Any]) -> None:
        if not self._reported:
            self._reported = True
            _tell(self._options.ready_fd, news)

    def _end(self, pidfd: int) -> None:
        """Kill I, and with it everything in the lab; wait for it; remove the directory."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
        self._state.remove(self._owner)


def _signal_pipe() -> int:
    """Turn the signals that ask us to stop into a byte on a pipe; return its read end."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda *_: None)
    return read


def _tell(fd: int, news: dict[str, Any]) -> None:
    """Write the one line; the starter may be gone, which the lifeline tells better."""
    with contextlib.suppress(BrokenPipeError):
        os.write(fd, json.dumps(news).encode() + b"\n")
    if fd > 2:
        os.close(fd)
