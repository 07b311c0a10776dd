"""The two processes of a lab, its life and death: S supervises, I is the first inside.

S starts I, waits, and cleans up. I is the first process of the lab's pid namespace: it settles in,
then runs the lab, and everything in the lab dies with it. S and I watch each other. Whoever is left
removes the state directory:
- the starter dies: end of file on the lifeline, S kills I, unless the starter has let the lab go
  before by writing to it;
- the user rings the bell in the state directory: S kills I;
- S dies: end of file on the pipe that only S can write to, I removes the directory and exits;
- I dies: the kernel kills everything in its pid namespace, S removes the directory and exits;
- both die at once: the next lab that starts beside it removes the directory.
S must stay single-threaded (a user namespace asks for it) and must not fork after it has made
the pid namespace: such a child would live inside and keep I from ending.
"""

import asyncio
import contextlib
import importlib
import json
import os
import select
import signal
import socket
import tempfile
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from netlab.dataplane.planes import PLANES
from netlab.node import mounts, syscalls
from netlab.problems import StartError
from netlab.process import listening, preflight, statedir, usernamespace
from netlab.process.settings import LabSettings, list_defects


def _run_first_process(
    settings: LabSettings,
    listener: socket.socket,
    *,
    clean_up: Callable[[], None],
    supervisor_gone: int,
    news: int,
) -> NoReturn:
    """Be the first process; never returns.

    `supervisor_gone` reaches end of file when the supervisor dies, which calls for `clean_up`;
    `news` takes lines of JSON.
    """
    code = 1
    try:
        _settle_in()
        threading.Thread(
            target=_watch_supervisor, args=(supervisor_gone, clean_up), daemon=True
        ).start()
        _send_line(news, {"alive": True})
        _run_lab(settings, listener, news)
        code = 0
    except StartError as problem:
        _send_line(news, problem.as_json())
    except BaseException as error:  # noqa: BLE001 (reported; nothing may return into the caller)
        traceback.print_exc()
        remedy = "this is a fault of the lab: please report it with the output of `preflight`"
        _send_line(news, StartError("start", f"{type(error).__name__}: {error}", remedy).as_json())
    finally:
        os._exit(code)


def _run_lab(settings: LabSettings, listener: socket.socket, news: int) -> None:
    # Late: the lab's imports take most of the start, and a fault in them is reported like others.
    for name in _LATE:
        importlib.import_module(name)
        _send_line(news, {"progress": f"loaded {name}"})
    from netlab.process import assembly  # noqa: PLC0415

    asyncio.run(assembly.serve(settings, listener, lambda line: _send_line(news, line)))


_LATE = (
    "netlab.objects.registry",
    "netlab.node.network",
    "netlab.controllers.pods",
    "netlab.http.server",
)
"""What takes longest to load, so that a slow machine is heard of in between."""


def _settle_in() -> None:
    """Own mounts, own ids, no terminal, no signal that was meant for the supervisor."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1):
        os.dup2(null, fd)
    os.close(null)
    try:
        mounts.enter_lab_mounts()
        tempfile.tempdir = "/run"  # ours alone: a temporary file dies with us, key or not
        usernamespace.become_pod_user()
    except OSError as error:
        remedy = "run `python -m netlab preflight` to see what this machine refuses"
        raise StartError("first process", str(error), remedy) from error


def _watch_supervisor(supervisor_gone: int, clean_up: Callable[[], None]) -> None:
    """Wait for the supervisor to die; then clean up in its place and end everything.

    A thread, so that a busy event loop cannot delay it; the kernel does the rest at exit.
    """
    os.read(supervisor_gone, 1)
    clean_up()
    os._exit(1)


def _send_line(fd: int, line: dict[str, object]) -> None:
    os.write(fd, json.dumps(line).encode() + b"\n")


_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How the starter wants the lab: what to build, where to listen, whom to tell."""

    settings: LabSettings
    place: statedir.Place
    ready_fd: int
    listen_fd: int | None = None
    port: int = 0
    lifeline_fd: int | None = None
    tells_progress: bool = False


def serve(options: ServeOptions) -> int:
    """Run a lab until it is told to stop; return the exit code.

    The last line of JSON on `ready_fd` says how to reach the lab, or why there is none. With
    `tells_progress` there are lines before it, one for each step of the start.
    """
    _say_progress(options, "started")
    try:
        options.settings.check(dataplanes=PLANES, defects=[d.name for d in list_defects()])
        preflight.require()
        _say_progress(options, "looked at the machine")
        listener = listening.open_listener(options.listen_fd, options.port)
        state = options.place.claim()
        supervisor = _Supervisor(options, listener, state)
    except StartError as problem:
        _write_report(options.ready_fd, problem.as_json())
        return 1
    return supervisor.run()


def stop(place: statedir.Place) -> dict[str, object]:
    """End the lab that lives at a place; return what became of it, as its starter reads it."""
    try:
        return {"ok": True, "ended": place.end_lab()}
    except StartError as problem:
        return problem.as_json()


class _Supervisor:
    """One life of one lab, as seen from outside its namespaces."""

    def __init__(
        self, options: ServeOptions, listener: socket.socket, state: statedir.StateDir
    ) -> None:
        self._options = options
        self._listener = listener
        self._state = state
        self._reported = False
        self._pending = b""
        self._bell: socket.socket | None = None
        owner = statedir.process_owner(os.getpid())
        assert owner is not None, "a running process is in /proc"  # noqa: S101
        self._owner = owner
        self._enter_namespaces()

    def _enter_namespaces(self) -> None:
        try:
            usernamespace.enter_user_namespace()
            kinds = syscalls.CLONE_NEWNET | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWIPC
            syscalls.unshare(syscalls.CLONE_NEWPID | kinds)
        except OSError as error:
            self._state.leave()
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
            _run_first_process(
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
        lifeline = self._options.lifeline_fd
        for fd in (signals, pidfd, news, lifeline):
            if fd is not None:
                poll.register(fd, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll()}
            if news in ready:
                if not self._act_on_all(news, poll):
                    return 1
            elif pidfd in ready:
                return self._first_process_ended()
            elif lifeline is not None and lifeline in ready and os.read(lifeline, 1):
                poll.unregister(lifeline)  # let go: from here on the lab outlives its starter
            elif ready:
                return 0

    def _act_on_all(self, news: int, poll: select.poll) -> bool:
        """Act on the lines that have come; return False where one could not be acted on."""
        chunk = os.read(news, 65536)
        if not chunk:
            poll.unregister(news)
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        try:
            for line in lines:
                self._act_on(json.loads(line), poll)
        except OSError as error:
            self._report(statedir.unusable_dir(self._state.path, error).as_json())
            return False
        return True

    def _act_on(self, news: dict[str, Any], poll: select.poll) -> None:
        """Act on one line from I: it lives, gets on, serves, or gave up."""
        if "progress" in news:
            _say_progress(self._options, news["progress"])
            return
        if news.get("alive"):
            # Only now: from here on, each of S and I can be killed and the other cleans up.
            self._bell = self._state.create(name=self._options.settings.name, owner=self._owner)
            poll.register(self._bell, select.POLLIN)
            _say_progress(self._options, "entered its namespaces")
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
            _write_report(self._options.ready_fd, news)

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


def _say_progress(options: ServeOptions, step: str) -> None:
    if options.tells_progress:
        with contextlib.suppress(BrokenPipeError):
            _send_line(options.ready_fd, {"progress": step})


def _write_report(fd: int, news: dict[str, Any]) -> None:
    """Write the one line; the starter may be gone, which the lifeline tells better."""
    with contextlib.suppress(BrokenPipeError):
        os.write(fd, json.dumps(news).encode() + b"\n")
    if fd > 2:
        os.close(fd)
