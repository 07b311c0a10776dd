"""Ages as kubectl shows them: 12s, 3m40s, 5h, 2d3h; pure."""

from __future__ import annotations

from datetime import datetime

MINUTE, HOUR, DAY = 60, 3600, 86_400


def age(stamp: str | None, now: datetime) -> str:
    """Return how long ago an API timestamp was."""
    if not stamp:
        return "<unknown>"
    then = datetime.fromisoformat(stamp)
    return human(max(0, int((now - then).total_seconds())))


def human(seconds: int) -> str:
    """Return seconds in at most two units, the finer one only while it matters."""
    for limit, big, small in _STEPS:
        if seconds < limit:
            return _shown(seconds, big) + (_shown(seconds % big, small, zero="") if small else "")
    return _shown(seconds, DAY)


_NAMES = {1: "s", MINUTE: "m", HOUR: "h", DAY: "d"}

# Below how many seconds, in which unit, and with which finer one (0: none).
_STEPS = (
    (2 * MINUTE, 1, 0),
    (10 * MINUTE, MINUTE, 1),
    (3 * HOUR, MINUTE, 0),
    (8 * HOUR, HOUR, MINUTE),
    (2 * DAY, HOUR, 0),
    (8 * DAY, DAY, HOUR),
)


def _shown(seconds: int, unit: int, *, zero: str | None = None) -> str:
    count = seconds // unit
    return zero if zero is not None and not count else f"{count}{_NAMES[unit]}"
