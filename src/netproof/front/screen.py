"""What a person sees while a run is under way: lines that stay, and one that is written over.

On a terminal a live line says what is under way, how far the run is and how long it may take;
elsewhere (CI, a file) there are only lines. What they say is `report.run.terminal`; when they
change, whoever runs knows.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from netproof.front import output
from netproof.front.output import LiveStream
from netproof.model.record import RunVerdict, ScenarioRecord
from netproof.printing import Printable, indented, one_line
from netproof.report.run import terminal

TICK_S = 1.0
"""How often the time on the live line is renewed: one that stands still looks like a hang."""

MIN_DONE = 3
"""So many cases tell how long the others may take."""


def columns() -> int:
    """Return how wide the terminal is; the live line leaves its last column free."""
    return shutil.get_terminal_size().columns


@dataclass(slots=True)
class Screen:
    """The screen of one run; `write` takes lines that stay, `live` is None without a terminal."""

    write: Callable[[Printable], object]
    live: LiveStream | None = None
    colour: bool = False
    width: Callable[[], int] = columns
    clock: Callable[[], float] = time.monotonic
    total: int = 0
    _phase: str = ""
    _done: int = 0
    _leaks: int = 0
    _verdicts: list[RunVerdict] = field(default_factory=list)
    _running: dict[str, None] = field(default_factory=dict)
    _began: float | None = None
    _first: float | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _ended: threading.Event = field(default_factory=threading.Event)
    _ticker: threading.Thread | None = None

    def phase(self, text: str) -> None:
        """Name what goes on before the first case; where there is no live line, by a line."""
        with self._lock:
            self._phase = text
            if self.live is None:
                self.write(one_line(text))
        self._show()

    def started(self, name: str) -> None:
        """Note that a case is under way."""
        with self._lock:
            self._phase = ""
            self._first = self.clock() if self._first is None else self._first
            self._running[name] = None
        self._show()

    def finished(self, name: str) -> None:
        """Note that a case has ended."""
        with self._lock:
            self._done += name in self._running
            self._running.pop(name, None)
        self._show()

    def scenario(self, record: ScenarioRecord) -> None:
        """Write the line of a scenario."""
        with self._lock:
            self._verdicts.append(record.verdict)
            self._leaks += terminal.leaks(record)
        width = 0 if self.live is None else self.width()
        self._keep(terminal.ended(record, colour=self.colour, width=width))

    def say(self, text: str) -> None:
        """Write a line that stays, above the live line; lines after its first are set in."""
        self._keep(indented(text if self.live is None else output.folded(text, self.width())))

    def _keep(self, text: Printable) -> None:
        self.write(text)
        self._show()

    def pause(self) -> None:
        """Take the live line away until there is something new to say: others write now."""
        with self._lock:
            self._phase = ""
        if self.live is not None:
            self.live.hide()

    def close(self) -> None:
        """Take the live line away for good."""
        self._ended.set()
        if self._ticker is not None:
            self._ticker.join()
        if self.live is not None:
            self.live.hide()
        self.live = None

    def _show(self) -> None:
        if self.live is None:
            return
        with self._lock:
            if self._began is None:
                self._began = self.clock()
                self._ticker = threading.Thread(target=self._tick, name="screen", daemon=True)
                self._ticker.start()
            self._draw()

    def _tick(self) -> None:
        while not self._ended.wait(TICK_S):
            with self._lock:
                if self._phase or self._running:
                    self._draw()

    def _draw(self) -> None:
        state = terminal.Progress(
            tuple(self._verdicts),
            self.total,
            tuple(self._running),
            self.clock() - (self._began or 0.0),
            done=self._done,
            leaks=self._leaks,
            left_s=self._left(),
            phase=self._phase,
        )
        if self.live is not None:
            self.live.show(terminal.status(state, width=self.width() - 1, colour=self.colour))

    def _left(self) -> float | None:
        """Return how long the other cases may take, None while too few have ended to tell."""
        if self._first is None or self._done < MIN_DONE or self._done >= self.total:
            return None
        return (self.clock() - self._first) / self._done * (self.total - self._done)


def progress() -> Screen:
    """Return a screen for a command whose standard output is for what it finds: standard error."""
    live = output.live_err()
    if live is None:
        return Screen(output.tell)
    return Screen(lambda line: live.write(f"{line}\n"), live)
