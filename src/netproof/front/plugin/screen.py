"""What a person sees while a run is under way: lines that stay, and one that is written over.

On a terminal a status line says how far the run is; elsewhere (CI, a file) there are only lines.
What they say is `report.run.terminal`; when they change, the plugin knows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from netproof.front.output import SturdyStream, sturdy_errors
from netproof.model.record import RunVerdict, ScenarioRecord
from netproof.printing import Printable, coloured
from netproof.report.run import terminal

CLEAR = Printable("\r\x1b[K")
"""Back to the first column, and erase to the end of the line (ECMA-48, EL)."""


def is_unicode(config: pytest.Config) -> bool:
    """Tell whether the characters of matrices arrive where pytest writes to."""
    stream = config.stash.get(STREAM, None)
    try:
        "·│…".encode((stream and stream.encoding) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def make_sturdy(config: pytest.Config, *, aside: bool = False) -> None:
    """Have pytest's terminal lose what cannot be written, and go on.

    `aside` has it write to standard error, for a run whose standard output is a report.
    """
    if config.pluginmanager.get_plugin("terminalreporter") is not None:
        writer = config.get_terminal_writer()
        stream = writer._file  # noqa: SLF001 - there is no other way in
        config.stash[STREAM] = sturdy_errors() if aside else SturdyStream(stream)
        writer._file = config.stash[STREAM]  # noqa: SLF001


def lost_output(config: pytest.Config) -> Exception | None:
    """Return why not all of pytest's output was written, None where it was."""
    stream = config.stash.get(STREAM, None)
    if stream is None:
        return None
    stream.flush()
    return stream.lost


STREAM: pytest.StashKey[SturdyStream] = pytest.StashKey()
"""What pytest's terminal writes to, for as long as a run of ours lasts."""


@dataclass(slots=True)
class Screen:
    """The screen of one run; `write` takes text as it is."""

    write: Callable[[Printable], object]
    terminal: bool
    width: Callable[[], int]
    clock: Callable[[], float] = time.monotonic
    total: int = 0
    _verdicts: list[RunVerdict] = field(default_factory=list)
    _running: dict[str, None] = field(default_factory=dict)
    _began: float = 0.0

    def begin(self) -> None:
        """Start the clock that the status line shows."""
        self._began = self.clock()

    def started(self, name: str) -> None:
        """Note that a case is under way."""
        self._running[name] = None
        self._status()

    def finished(self, name: str) -> None:
        """Note that a case has ended."""
        self._running.pop(name, None)
        self._status()

    def scenario(self, record: ScenarioRecord) -> None:
        """Write the line of a scenario."""
        self._verdicts.append(record.verdict)
        self.say(terminal.ended(record, colour=self.terminal))

    def say(self, line: Printable) -> None:
        """Write a line that stays, above the status line."""
        if self.terminal:
            self.write(CLEAR)
        self.write(coloured(f"{line}\n"))
        self._status()

    def end(self) -> None:
        """Erase the status line."""
        if self.terminal:
            self.write(CLEAR)
        self.terminal = False

    def _status(self) -> None:
        if not self.terminal:
            return
        state = terminal.Progress(
            tuple(self._verdicts), self.total, tuple(self._running), self.clock() - self._began
        )
        self.write(CLEAR)
        self.write(terminal.status(state, width=self.width() - 1, colour=True))
