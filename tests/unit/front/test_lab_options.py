"""What may be said of a lab's network and API server, and what the lab is told of it."""

from __future__ import annotations

import argparse

import pytest

from netproof.errors import UsageError
from netproof.front import places
from netproof.front.options import LAB, declare, words


def _chosen(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    declare(parser.add_argument, LAB)
    return parser.parse_args(arguments)


def test_times_and_shares_are_read_with_their_units() -> None:
    """As tc writes them; the lab takes seconds and shares of one."""
    chosen = _chosen("--delay", "200ms", "--jitter", "50ms", "--loss", "1%", "--stall", "20s")
    lab = places.lab(chosen, name="lab")
    assert "--delay 0.2 --jitter 0.05 --loss 0.01 --stall 20.0" in " ".join(lab.arguments())
    assert "200 ms +- 50 ms of delay" in lab.described()
    assert lab.arguments() == places.lab(_chosen(*words(chosen, LAB)), name="lab").arguments()


def test_a_lab_is_told_of_no_fault_that_was_not_asked_for() -> None:
    """Without the options nothing is added."""
    assert not {"--delay", "--loss", "--stall"} & set(places.lab(_chosen(), name="x").arguments())


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--delay", "fast"),
        ("--delay", "nan"),
        ("--loss", "100%"),
        ("--loss", "1s"),
        ("--stall", ""),
    ],
)
def test_what_is_no_measure_is_refused(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With an example of what to write."""
    with pytest.raises(SystemExit):
        _chosen(option, value)
    assert "write" in capsys.readouterr().err


def test_a_jitter_beyond_the_delay_is_refused() -> None:
    """Packets would arrive before they are sent."""
    with pytest.raises(UsageError, match="before they are sent"):
        places.lab(_chosen("--jitter", "1ms"), name="lab")
