"""What is said while a run is under way."""

import pytest

from netproof.model.record import RunVerdict
from netproof.model.value import replace
from netproof.report.run.terminal import Progress, ended, status
from tests.unit.report.sample import LEAKING, PASSING

STATE = Progress(
    (RunVerdict.PASS, RunVerdict.PASS, RunVerdict.FAIL), 12, ("peers/and-or", "egress/ip"), 12.4
)


def test_a_finished_scenario_is_a_line() -> None:
    """Verdict, name, flows, seconds and how it converged."""
    assert (
        "PASS          isolation/default-deny-all  588 flows  1.25 s  converged in 2 rounds"
        == ended(PASSING)
    )


def test_a_scenario_that_did_not_settle_says_so() -> None:
    """A deadline that passed is told from convergence."""
    assert ended(LEAKING).endswith("not as expected in the time for it, in 2 rounds")


def test_the_id_cannot_write_to_the_terminal() -> None:
    """Control characters are shown, not sent."""
    assert "\x1b" not in ended(replace(PASSING, id="\x1b[2J"))


def test_the_status_tells_how_far_the_run_is() -> None:
    """Done of all, verdicts that are in, seconds, and what is under way."""
    assert "[3/12]  2 PASS  1 FAIL  12 s  peers/and-or, egress/ip" == status(STATE, width=80)


def test_the_status_is_cut_to_the_width() -> None:
    """What is under way gives way first."""
    assert "[3/12]  2 PASS  1 FAIL  12 s  peers/a…" == status(STATE, width=38)


@pytest.mark.parametrize("width", range(1, 60))
def test_the_status_never_wraps(width: int) -> None:
    """A line that wraps could not be overwritten."""
    assert len(status(STATE, width=width)) <= width
