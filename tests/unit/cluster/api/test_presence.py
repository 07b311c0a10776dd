"""How long an API server is waited for that gives no answer."""

from __future__ import annotations

import pytest

from netproof.cluster.api.waiting import Presence
from netproof.errors import ClusterGoneError, UnreachableError
from netproof.timelimit import within


class Time:
    """A clock that goes on when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def _silent() -> None:
    raise UnreachableError("asking for the version: refused")


def test_it_is_given_up_after_the_stated_time() -> None:
    """From the first answer that did not come, not from the last that did."""
    clock = Time()
    presence = Presence(60, clock)
    clock.now = 500.0
    presence.missed()
    clock.now = 530.0
    with pytest.raises(ClusterGoneError, match="not answered for 60 s; at last: asking"):
        presence.wait(_silent, clock.pause)
    assert presence.gone
    assert 560 <= clock.now < 563


def test_an_answer_ends_the_wait() -> None:
    """What answers is there, however long it was away within the time."""
    clock = Time()
    presence = Presence(60, clock)

    def back_later() -> None:
        if clock.now < 59:
            _silent()
        presence.heard()

    presence.wait(back_later, clock.pause)
    assert not presence.gone
    clock.now = 1000.0
    presence.missed()
    presence.wait(lambda: None, clock.pause)
    assert not presence.gone


def test_who_has_less_time_does_not_wait_longer() -> None:
    """A command with a limit of its own ends within that, and gives nobody up."""
    clock = Time()
    presence = Presence(60, clock)
    with within(0), pytest.raises(UnreachableError) as caught:
        presence.wait(_silent, clock.pause)
    assert not isinstance(caught.value, ClusterGoneError)
    assert not presence.gone


def _refused() -> None:
    raise UnreachableError("asking for the version: refused", refused=True)


def test_what_never_starts_again_is_given_up_as_soon_as_nobody_listens() -> None:
    """A lab's API server is its lab: where it refuses, there is no lab to wait for."""
    clock = Time()
    presence = Presence(60, clock, starts_again=False)
    with pytest.raises(ClusterGoneError, match="the API server has ended; at last: asking"):
        presence.wait(_refused, clock.pause)
    assert presence.gone
    assert clock.now == 0


def test_what_may_start_again_is_waited_for_while_nobody_listens() -> None:
    """A real API server is a container that its kubelet starts anew."""
    clock = Time()
    with pytest.raises(ClusterGoneError, match="not answered for 60 s"):
        Presence(60, clock).wait(_refused, clock.pause)
    assert clock.now >= 60


def test_what_never_starts_again_may_be_silent() -> None:
    """A lab that stalls has not ended: somebody listens there."""
    clock = Time()
    with pytest.raises(ClusterGoneError, match="not answered for 60 s"):
        Presence(60, clock, starts_again=False).wait(_silent, clock.pause)
    assert clock.now >= 60
