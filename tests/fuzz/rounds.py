"""Rounds of attacks for as long as there is time: the one loop of all targets.

FUZZ_SECONDS is how long each of them is tried. A round begins with what once went wrong; a target
that fails shows the smallest input that does so.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

SECONDS = float(os.environ.get("FUZZ_SECONDS", "1"))
AT_ONCE = 50
AT_LEAST = 5
HANGS_S = 60.0
"""No attack takes as long, on whatever machine."""

TALLY = os.environ.get("FUZZ_TALLY", "")
"""A file to which each target adds a line: its name, inputs tried, seconds, and the
seconds of work of the one that took most: on a busy machine others take longer for no fault."""

_SETTINGS = settings(
    max_examples=AT_ONCE,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


class HungError(AssertionError):
    """An attack that did not come to an end."""


def attack_for(
    what: st.SearchStrategy[Any],
    attack: Callable[[Any], object],
    *,
    known: Sequence[Any] = (),
    after_round: Callable[[], object] = lambda: None,
) -> None:
    """Attack until the time is over, with what is known first, and look after each round."""
    tried, slowest, failing, began = 0, 0.0, False, time.monotonic()

    def once(one: Any) -> None:
        nonlocal tried, slowest, failing
        start = time.monotonic()
        if not failing and tried >= len(known) + AT_LEAST and start > began + SECONDS:
            return
        failing, worked = True, time.process_time()
        with _ended_in_time():
            attack(one)
        failing = False
        tried, slowest = tried + 1, max(slowest, time.process_time() - worked)

    for one in known:
        once(one)
    some = _SETTINGS(given(what)(once))
    while tried < len(known) + AT_LEAST or time.monotonic() < began + SECONDS:
        some()
        after_round()
    if TALLY:
        name = os.environ.get("PYTEST_CURRENT_TEST", "").split()[0].rpartition("/")[2]
        with Path(TALLY).open("a", encoding="utf-8") as file:
            file.write(f"{name} {tried} {time.monotonic() - began:.0f} {slowest:.3f}\n")


@contextlib.contextmanager
def _ended_in_time() -> Iterator[None]:
    """Fail where the block takes as long as a hang, wherever it is."""

    def hung(_: int, frame: FrameType | None) -> None:
        raise HungError(f"no end within {HANGS_S:g} s, at {frame}")

    before = signal.signal(signal.SIGALRM, hung)
    signal.setitimer(signal.ITIMER_REAL, HANGS_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
