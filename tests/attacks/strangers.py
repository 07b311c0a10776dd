"""A second user of this machine, without an account: a child process with a uid of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

STRANGER = 65533


def need_second_user() -> None:
    """Skip where there is nobody else to be."""
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else: run as root, or in `unshare -r --map-auto`")


@contextlib.contextmanager
def shared_folder() -> Iterator[Path]:
    """Yield a folder like /tmp, where everybody may write; it is removed."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o1777)
        yield Path(name)


def as_stranger(work: Callable[[], object]) -> None:
    """Do something as the second user, and fail where it raises."""
    child = _fork(work)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, "the stranger's part of the test failed"


@contextlib.contextmanager
def stranger_at_work(work: Callable[[], object]) -> Iterator[None]:
    """Let the second user do something again and again, for the time of a block."""

    def forever() -> None:
        while True:
            work()

    child = _fork(forever)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _fork(work: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setresgid(STRANGER, STRANGER, STRANGER)
            os.setresuid(STRANGER, STRANGER, STRANGER)
            os.umask(0)
            work()
            code = 0
        finally:
            os._exit(code)
    return child
