"""The screen of a run: what is written to a terminal, and when."""

from __future__ import annotations

import io

from netproof.front.output import CLEAR, LiveStream
from netproof.front.screen import Screen
from netproof.model.value import replace
from netproof.printing import Printable
from tests.unit.report.sample import LEAKING, PASSING


class Watched:
    """A screen at a terminal of 60 columns, with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.file = io.StringIO()
        stream = LiveStream(self.file)
        self.screen = Screen(
            lambda line: stream.write(f"{line}\n"), stream, width=lambda: 60, clock=lambda: self.now
        )
        self.screen.total = 8

    def shown(self) -> str:
        """Return what is on the live line, "" where there is none."""
        last = self.file.getvalue().rpartition(CLEAR)[2]
        return "" if "\n" in last else last


def test_leaks_and_the_time_left_are_told_as_cases_end() -> None:
    """Of three cases that took ten seconds each, five more take fifty; known gaps are no leaks."""
    watched = Watched()
    screen = watched.screen
    for record in (PASSING, LEAKING, replace(LEAKING, known_gap="it is declared")):
        screen.started("case")
        assert "left" not in watched.shown()
        watched.now += 10
        screen.scenario(record)
        screen.finished("case")
    screen.started("next")
    leaks = sum(group.verdict == "leak" for step in LEAKING.steps for group in step.findings)
    told = watched.shown()
    assert f"[3/8]  1 PASS  2 FAIL  {leaks} leaks  30 s, about 50 s left" in told, told
    screen.close()
    assert not watched.shown()


def test_whoever_writes_takes_the_line_away() -> None:
    """No text of others shares a line with it, and what they left open is ended first."""
    file = io.StringIO()
    stream = LiveStream(file)
    stream.show(Printable("live"))
    stream.write("[gw0] node down\n")
    stream.write("half a line")
    stream.show(Printable("again"))
    stream.hide()
    stream.hide()
    written = f"{CLEAR}live{CLEAR}[gw0] node down\nhalf a line\n{CLEAR}again{CLEAR}"
    assert written == file.getvalue()


def test_what_stays_is_folded_at_the_terminal() -> None:
    """Of errors too: their messages are as long as can be."""
    watched = Watched()
    watched.screen.say(f"ERROR         {'words of an error ' * 6}")
    watched.screen.close()
    lines = watched.file.getvalue().replace(CLEAR, "").splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 60


def test_phases_are_lines_where_there_is_no_live_line() -> None:
    """On a pipe each is named as it begins, with nothing that steers a terminal."""
    lines: list[str] = []
    screen = Screen(lines.append)
    screen.phase("lab: starting")
    screen.started("case")
    screen.phase("\x1b[2Jx")
    screen.close()
    assert ["lab: starting", "\\x1b[2Jx"] == lines


def test_the_time_goes_on_while_nothing_happens() -> None:
    """A line that stands still looks like a hang; at the end nothing is drawn any more."""
    watched = Watched()
    watched.screen.phase("lab: starting")
    watched.now = 5
    watched.screen._draw()
    assert "lab: starting  5 s" == watched.shown()
    watched.screen.pause()
    assert not watched.shown()
    watched.screen.close()
    assert watched.screen._ticker is not None
    assert not watched.screen._ticker.is_alive()
