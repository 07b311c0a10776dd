"""What a lab cannot be is refused with what to write instead."""

from __future__ import annotations

import pytest

from netlab.dataplane.badnetwork import BadNetwork, tables
from netlab.dataplane.compiler import PlaneOptions
from netlab.problems import StartError
from netlab.process.settings import LabSettings


def _refusal(network: BadNetwork, stall_s: float = 0.0) -> str:
    settings = LabSettings("lab", 2, "enforcing", (), PlaneOptions(), network, stall_s)
    with pytest.raises(StartError) as refused:
        settings.check(dataplanes=["enforcing"], defects=[])
    return refused.value.error


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (BadNetwork(delay_s=float("nan")), "a number of seconds"),
        (BadNetwork(delay_s=0.1, jitter_s=0.2), "before they are sent"),
        (BadNetwork(loss=1.0), "less than 1"),
        (BadNetwork(loss=-0.1), "less than 1"),
    ],
)
def test_a_network_that_there_is_not_is_refused(network: BadNetwork, words: str) -> None:
    """Neither time that goes back nor a loss of everything."""
    assert words in _refusal(network)


def test_an_api_hangs_for_a_time() -> None:
    """One that hangs for ever would be no server."""
    assert "hang" in _refusal(BadNetwork(), float("inf"))


def test_packets_cross_a_bad_network_once() -> None:
    """On their sender's node, or where the sender is no pod, on the receiver's."""
    text = tables(
        BadNetwork(loss=0.01), ("10.0.0.0/24", "fd00::/64"), ("10.0.0.0/24", "10.0.1.0/24")
    )
    assert "ip saddr { 10.0.0.0/24 } goto crossing" in text
    assert "ip daddr { 10.0.0.0/24 } ip saddr != { 10.0.0.0/24, 10.0.1.0/24 } goto crossing" in text
    assert text.count("numgen random mod 1000000 < 10000 drop") == 2
    assert "goto late" not in text
