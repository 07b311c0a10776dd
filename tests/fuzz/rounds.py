"""Rounds of attacks for as long as there is time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

AT_ONCE = 50


def attack_for(
    seconds: float,
    what: st.SearchStrategy[Any],
    attack: Callable[[Any], object],
    after_round: Callable[[], object] = lambda: None,
) -> None:
    """Attack until the time is over, and look after each round."""
    until = time.monotonic() + seconds

    @settings(
        max_examples=AT_ONCE,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(what)
    def some(one: Any) -> None:
        attack(one)

    while time.monotonic() < until:
        some()
        after_round()
