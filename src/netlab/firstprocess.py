"""I, the first process of the lab's pid namespace: it settles in, then runs the lab.

Everything in the lab dies with it. Must not know: who started the lab, or what a lab does.
"""

import asyncio
import json
import os
import signal
import socket
import tempfile
import threading
import traceback
from collections.abc import Callable
from typing import NoReturn

from netlab import namespaces
from netlab.node import mounts
from netlab.problems import StartError
from netlab.settings import Settings


def run(
    settings: Settings,
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
        threading.Thread(target=_watch, args=(supervisor_gone, clean_up), daemon=True).start()
        _send(news, {"alive": True})
        _run_lab(settings, listener, news)
        code = 0
    except StartError as problem:
        _send(news, problem.as_json())
    except BaseException as error:  # noqa: BLE001 (reported; nothing may return into the caller)
        traceback.print_exc()
        remedy = "this is a fault of the lab: please report it with the output of `preflight`"
        _send(news, StartError("start", f"{type(error).__name__}: {error}", remedy).as_json())
    finally:
        os._exit(code)


def _run_lab(settings: Settings, listener: socket.socket, news: int) -> None:
    # Late: the lab's imports take most of the start, and a fault in them is reported like others.
    from netlab import lab  # noqa: PLC0415

    asyncio.run(lab.serve(settings, listener, lambda line: _send(news, line)))


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
        namespaces.become_pod_user()
    except OSError as error:
        remedy = "run `python -m netlab preflight` to see what this machine refuses"
        raise StartError("first process", str(error), remedy) from error


def _watch(supervisor_gone: int, clean_up: Callable[[], None]) -> None:
    """Wait for the supervisor to die; then clean up in its place and end everything.

    A thread, so that a busy event loop cannot delay it; the kernel does the rest at exit.
    """
    os.read(supervisor_gone, 1)
    clean_up()
    os._exit(1)


def _send(fd: int, line: dict[str, object]) -> None:
    os.write(fd, json.dumps(line).encode() + b"\n")
