"""Starting processes, and signals to them.

The lab's first process starts every other one itself, so that each is its child. Must not know:
pods, or which namespaces it is called in.
"""

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
