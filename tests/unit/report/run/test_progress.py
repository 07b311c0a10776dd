"""What is said while a run is under way."""

import dataclasses

import pytest

from netproof.model.record import RunVerdict
from netproof.model.value import replace
from netproof.report.run.terminal import Progress, ended, status
from netproof.report.text import columns
from tests.unit.report.sample import LEAKING, PASSING

STATE = Progress(
    (RunVerdict.PASS, RunVerdict.PASS, RunVerdict.FAIL),
    12,
    ("peers/and-or", "egress/ip"),
    12.4,
    done=3,
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


def test_a_line_that_is_too_wide_goes_on_set_in() -> None:
    """At a terminal; the name stays whole, to be copied."""
    assert (
        "FAIL          peers/api-to-postgres\n"
        "              882 flows  1.25 s  not as expected in the time for it, in 2\n"
        "              rounds"
    ) == ended(LEAKING, width=78)
    assert "PASS          isolation/default-deny-all  588 flows" == ended(PASSING, width=55)


def test_the_status_tells_how_far_the_run_is() -> None:
    """Done of all, verdicts that are in, seconds, and what is under way."""
    assert "[3/12]  2 PASS  1 FAIL  12 s  peers/and-or, egress/ip" == status(STATE, width=80)


def test_the_status_tells_leaks_and_the_time_left() -> None:
    """What a person waits for, before anything is at its end."""
    far = dataclasses.replace(STATE, leaks=1234, left_s=130.0)
    told = "[3/12]  2 PASS  1 FAIL  1,234 leaks  12 s, about 2 min left  peers/and-or, eg…"
    assert told == status(far, width=78)
    assert "[3/12]  1,234 leaks  12 s, about 2 min left" == status(far, width=43)
    assert "[3/12]  1,234 leaks  pe…" == status(far, width=24)


@pytest.mark.parametrize(
    ("left_s", "told"),
    [
        (0.2, "about 1 s"),
        (7.4, "about 7 s"),
        (43, "about 40 s"),
        (130, "about 2 min"),
        (8000, "2 h"),
    ],
)
def test_a_time_that_nobody_knows_is_round(left_s: float, told: str) -> None:
    """Seconds of minutes would only flicker."""
    assert f"{told} left" in status(dataclasses.replace(STATE, left_s=left_s), width=80)


def test_a_phase_stands_alone() -> None:
    """Before the first case there is nothing to count."""
    assert "lab: starting  3 s" == status(Progress(phase="lab: starting", seconds=3.1), width=80)


def test_the_status_is_cut_to_the_width() -> None:
    """What is under way gives way first."""
    assert "[3/12]  2 PASS  1 FAIL  12 s  peers/a…" == status(STATE, width=38)


@pytest.mark.parametrize("width", range(1, 60))
@pytest.mark.parametrize(
    "state",
    [
        STATE,
        dataclasses.replace(STATE, leaks=99, left_s=20.0),
        dataclasses.replace(STATE, running=("检查网络策略" * 9, "e\u0301" * 50)),
        Progress(phase="packets: trying 检查网络策略网络策略网络策略网络策略"),
    ],
    ids=["plain", "leaks", "wide", "phase"],
)
def test_the_status_never_wraps(width: int, state: Progress) -> None:
    """A line that wraps could not be overwritten; ideographs take two columns, accents none."""
    assert columns(status(state, width=width)) <= width


def test_a_name_cannot_write_to_the_live_line() -> None:
    """Control characters are shown, not sent."""
    assert "\x1b" not in status(replace_running("\x1b[2J\r"), width=80)


def replace_running(name: str) -> Progress:
    """Return a state in which something of that name is under way."""
    return dataclasses.replace(STATE, running=(name,), phase=name)
