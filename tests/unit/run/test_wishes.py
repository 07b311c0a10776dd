"""What a person may wish for."""

import math

import pytest

from netproof.errors import UsageError
from netproof.run.scenario import Wishes


@pytest.mark.parametrize("seconds", [0, -1, math.inf, math.nan])
def test_a_time_that_cannot_be_waited(seconds: float) -> None:
    """Each answer would come too late, or never be given up; the option is named."""
    with pytest.raises(UsageError, match=r"--probe-timeout .*: write a number of seconds above 0"):
        Wishes("python", probe_timeout_s=seconds)
    with pytest.raises(UsageError, match=r"--converge-timeout .*: write a number"):
        Wishes("python", converge_s=seconds)
