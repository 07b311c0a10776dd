"""Running a program of somebody else's: without a shell, ended in time, quoted when it fails."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence

from netproof.errors import ClusterError

SHOWN_LINES = 12
"""Of a failing tool's words; kind prints the failed command's own output last."""

END_TIMEOUT_S = 10.0

_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def call(
    argv: Sequence[str], environ: Mapping[str, str], *, what: str, timeout_s: float
) -> tuple[int, str, str]:
    """Run a program and return its exit code, output and error output.

    It has a session of its own: Ctrl-C reaches us alone, and we end it. Raises ClusterError where
    it cannot be started or does not end in time.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=dict(environ),
            start_new_session=True,
        )
    except OSError as error:
        raise ClusterError(f"{what}: {argv[0]} cannot be started: {error.strerror}") from error
    try:
        out, said = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        said = _end(process)
        raise ClusterError(
            f"{what}: `{shown(argv)}` did not end within {timeout_s:g} s{_quoted(said)}"
        ) from None
    except BaseException:
        _end(process)
        raise
    return process.returncode, out, said


def _end(process: subprocess.Popen[str]) -> str:
    """End a tool and whatever it started; return what it had said."""
    _signal(process, signal.SIGTERM)
    try:
        out, said = process.communicate(timeout=END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        try:
            out, said = process.communicate(timeout=END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            # Somebody whom it started and who left its session holds its output.
            for pipe in filter(None, (process.stdout, process.stderr)):
                pipe.close()
            process.wait()
            return ""
    return said or out


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return  # it ended by itself in between


def failure(what: str, argv: Sequence[str], code: int, said: str) -> str:
    """Word a tool's failure, with its own last words."""
    return f"{what} failed: `{shown(argv)}` ended with exit code {code}{_quoted(said)}"


def shown(argv: Sequence[str]) -> str:
    """Return a command for a message, cut where it is long."""
    text = " ".join(argv)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _quoted(said: str) -> str:
    lines = [line.rstrip() for line in _TERMINAL_CODES.sub("", said).splitlines() if line.strip()]
    if not lines:
        return ", without a word"
    return ":\n" + "\n".join(f"    {line}" for line in lines[-SHOWN_LINES:])
