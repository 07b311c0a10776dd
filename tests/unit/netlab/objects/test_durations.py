"""Ages as kubectl shows them."""

import pytest

from netlab.objects.cells import human

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (3 * MINUTE + 40, "3m40s"),
        (10 * MINUTE + 5, "10m"),
        (179 * MINUTE, "179m"),
        (3 * HOUR, "3h"),
        (5 * HOUR + 3 * MINUTE, "5h3m"),
        (8 * HOUR + 59, "8h"),
        (47 * HOUR, "47h"),
        (2 * DAY + 3 * HOUR, "2d3h"),
        (7 * DAY, "7d"),
        (400 * DAY, "400d"),
    ],
)
def test_durations(seconds: int, shown: str) -> None:
    """The finer unit only while it matters."""
    assert human(seconds) == shown
