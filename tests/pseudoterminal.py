"""A terminal for programs under test: what they write to it, and what a person would see of that.

It knows what is used of ECMA-48: carriage return, line feed, erasing to the end of a line, colours.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

DEADLINE_S = 60.0
"""For what a program is waited for; on an idle machine it takes a second."""

_STEER = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b[=>]|\x1b\][^\x07]*\x07|[\r\n\b\x07]")


@dataclass(slots=True)
class Screen:
    """What has been written, as a terminal of some columns shows it."""

    columns: int
    lines: list[str] = field(default_factory=lambda: [""])
    wrapped: int = 0
    """How many lines went on in the next one because they were too long."""

    _column: int = 0

    def write(self, text: str) -> None:
        """Show a text, and what it does to what is shown."""
        at = 0
        for found in _STEER.finditer(text):
            self._put(text[at : found.start()])
            at = found.end()
            if found[0] == "\r":
                self._column = 0
            elif found[0] == "\n":
                self._next_line()
            elif found[0] == "\b":
                self._column = max(0, self._column - 1)
            elif found[2] == "K":
                self.lines[-1] = self.lines[-1][: self._column]
        self._put(text[at:])

    def _put(self, text: str) -> None:
        for one in text:
            if self._column == self.columns:
                self.wrapped += 1
                self._next_line()
                self._column = 0
            line = self.lines[-1].ljust(self._column)
            self.lines[-1] = line[: self._column] + one + line[self._column + 1 :]
            self._column += 1

    def _next_line(self) -> None:
        self.lines.append("")


class Program:
    """A program at a terminal; whoever leaves the block ends it."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 80,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.columns = columns
        self.written = ""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:  # pragma: no cover - another process
            if folder is not None:
                os.chdir(folder)
            known = dict(os.environ if environment is None else environment)
            os.execvpe(argv[0], list(argv), known)  # noqa: S606 - no shell is asked for
        size = struct.pack("HHHH", 24, columns, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def type(self, text: str) -> None:
        """Type at the terminal."""
        os.write(self._terminal, text.encode())

    def read_until(self, pattern: str, since: int = 0) -> str:
        """Return what was written since a place until it matches; fail after a minute."""
        deadline = time.monotonic() + DEADLINE_S
        while not re.search(pattern, self.written[since:]):
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern!r} in {self.written[since:]!r}"
            assert self._read(left), f"it ended without {pattern!r}: {self.written[since:]!r}"
        return self.written[since:]

    def ended(self) -> int:
        """Read what is written until the program ends, and return its exit code."""
        deadline = time.monotonic() + DEADLINE_S
        while self._read(deadline - time.monotonic()):
            pass
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        return os.waitstatus_to_exitcode(status)

    def screen(self) -> Screen:
        """Return what a person sees now."""
        shown = Screen(self.columns)
        shown.write(self.written)
        return shown

    def _read(self, timeout_s: float) -> bool:
        """Read some more; tell whether there may be any."""
        if not select.select([self._terminal], [], [], max(0.0, timeout_s))[0]:
            return timeout_s > 0
        try:
            read = os.read(self._terminal, 65536)
        except OSError:  # EIO: the last process at the terminal has ended
            return False
        self.written += read.decode(errors="replace")
        return bool(read)
