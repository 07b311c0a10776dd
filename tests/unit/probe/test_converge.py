"""Convergence, with a cluster, a clock and pauses made by hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from netproof.model.flow import Endpoint, Expected, Flow, Observation, Outcome, Passing
from netproof.model.record import Ending
from netproof.probe.converge import (
    LONGEST_PAUSE_S,
    MOST_HUNG_S,
    WAY_S,
    ConvergedMatrix,
    converge,
)
from netproof.timelimit import within

A = Flow(Endpoint.pod("n/a"), Endpoint.pod("n/b"), 80)
B = Flow(Endpoint.pod("n/b"), Endpoint.pod("n/a"), 80)
OPEN = Observation(Outcome.CONNECTED)
SHUT = Observation(Outcome.DROPPED, arrived=False)
LOST = Observation(Outcome.ERROR, "agent gone")
PROBE_S = 1.0
EVERY = -1
"""Among stalls: every look."""


@dataclass
class FakeCluster:
    """Plays a list of observations per flow, the last of them for ever; a probe takes a second.

    In the looks (counted from 0) of `stalls` the API server does not answer for so many seconds.
    """

    plays: Mapping[Flow, Sequence[Observation]]
    now: float = 100.0
    asked: list[tuple[Flow, ...]] = field(default_factory=list)
    hoped: list[frozenset[Flow]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    stalls: Mapping[int, float] = field(default_factory=dict)
    waits: list[str | int | None] = field(default_factory=list)

    def probe(
        self,
        flows: Collection[Flow],
        *,
        expected_allowed: Collection[Flow] = (),
        doublings: int | None = None,
        last: bool = False,
    ) -> dict[Flow, Observation]:
        stalled = self.stalls.get(len(self.asked), self.stalls.get(EVERY, 0.0))
        self.now += stalled or PROBE_S
        self.waits.append("last" if last else doublings)
        seen = dict.fromkeys(flows, LOST) if stalled else {}
        for flow in () if stalled else flows:
            turn = sum(flow in asked for asked in self.asked)
            seen[flow] = self.plays[flow][min(turn, len(self.plays[flow]) - 1)]
        self.asked.append(tuple(flows))
        self.hoped.append(frozenset(expected_allowed))
        return seen

    def pace(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def converge(self, expected: Mapping[Flow, Expected], deadline_s: float) -> ConvergedMatrix:
        return converge(
            self.probe,
            expected,
            expected,
            deadline_s=deadline_s,
            clock=lambda: self.now,
            pace=self.pace,
        )


def test_what_is_as_expected_is_looked_at_twice() -> None:
    """A matrix that is right at once is confirmed once and took one probe's time."""
    cluster = FakeCluster({A: [OPEN], B: [SHUT]})
    done = cluster.converge({A: Expected.ALLOWED, B: Expected.DENIED}, 30)
    assert [(A, B), (A, B)] == cluster.asked
    assert (2, 1.0, True) == _told(done)
    assert {A: 2, B: 2} == {flow: seen.attempts for flow, seen in done.observations.items()}


def test_only_what_differs_is_probed_again() -> None:
    """Until the deadline only the flows that differ are probed, then all of them."""
    cluster = FakeCluster({A: [OPEN], B: [OPEN, OPEN, SHUT]})
    done = cluster.converge({A: Expected.ALLOWED, B: Expected.DENIED}, 30)
    assert [(A, B), (B,), (B,), (A, B)] == cluster.asked
    assert (4, True) == (done.convergence.rounds, done.convergence.settled)


def test_pauses_grow_and_are_bounded() -> None:
    """The pause between rounds doubles up to its bound and ends with the deadline."""
    cluster = FakeCluster({A: [SHUT]})
    cluster.converge({A: Expected.ALLOWED}, 60)
    before = [pause for pause in cluster.pauses if pause]
    assert sorted(before[:-1]) == before[:-1]
    assert LONGEST_PAUSE_S == max(cluster.pauses)


def test_a_deadline_that_passes_is_told() -> None:
    """What never comes true is not settled, and is probed about as long as was allowed."""
    cluster = FakeCluster({A: [SHUT]})
    done = cluster.converge({A: Expected.ALLOWED}, 5)
    assert not done.convergence.settled
    assert Outcome.DROPPED is done.observations[A].outcome
    assert 5 <= done.convergence.seconds <= 5 + PROBE_S


def test_a_leak_in_the_confirmation_is_the_last_word() -> None:
    """A denied flow that is open when looked at once more is a leak, whatever comes after."""
    cluster = FakeCluster({A: [SHUT, OPEN, SHUT]})
    done = cluster.converge({A: Expected.DENIED}, 30)
    assert Outcome.CONNECTED is done.observations[A].outcome
    assert (Ending.DIFFERED, False) == (done.convergence.ended, done.convergence.settled)


def test_a_leak_that_came_and_went_is_told_with_when_and_how_often() -> None:
    """A few looks more tell that it did not stay; they count from when it was first shut."""
    cluster = FakeCluster({A: [OPEN, SHUT, SHUT, OPEN, SHUT], B: [SHUT, SHUT, OPEN]})
    done = cluster.converge({A: Expected.DENIED, B: Expected.DENIED}, 0.5)
    assert None is done.observations[A].passing
    done = FakeCluster({A: [SHUT, OPEN, SHUT]}).converge({A: Expected.DENIED}, 30)
    assert Passing(through=1, looks=5, first_s=2.0, last_s=2.0) == done.observations[A].passing
    done = FakeCluster({A: [SHUT, OPEN, SHUT, OPEN]}).converge({A: Expected.DENIED}, 30)
    assert (3, 5) == _often(done.observations[A])


def test_a_leak_that_comes_back_and_stays_is_none_that_went() -> None:
    """What gets through in every look after it was shut is called a leak, not transient."""
    done = FakeCluster({A: [SHUT, OPEN]}).converge({A: Expected.DENIED}, 30)
    assert (True, None) == (done.observations[A].leaked, done.observations[A].passing)


@pytest.mark.parametrize("stall_s", [20.0, 40.0])
@pytest.mark.parametrize("turn", [0, 1])
def test_a_stalled_server_takes_nothing_from_the_deadline(stall_s: float, turn: int) -> None:
    """A look that hung, longer than there was time for, is made again; two looks have told."""
    cluster = FakeCluster({A: [OPEN], B: [OPEN, OPEN, SHUT]}, stalls={turn: stall_s})
    done = cluster.converge({A: Expected.ALLOWED, B: Expected.DENIED}, 15)
    assert [Outcome.CONNECTED, Outcome.DROPPED] == [o.outcome for o in done.observations.values()]
    assert (Ending.CONVERGED, stall_s - WAY_S) == (done.convergence.ended, done.convergence.hung_s)
    assert done.convergence.seconds < 10
    looks = [asked for number, asked in enumerate(cluster.asked) if number != turn]
    assert all(sum(flow in asked for asked in looks) > 1 for flow in (A, B))


def test_a_server_that_stays_away_is_not_waited_for_without_end() -> None:
    """So much of hanging takes nothing from the deadline, and no more."""
    cluster = FakeCluster({A: [OPEN]}, stalls={EVERY: 40.0})
    done = cluster.converge({A: Expected.ALLOWED}, 30)
    assert (Outcome.ERROR, Ending.NEVER) == (done.observations[A].outcome, done.convergence.ended)
    assert MOST_HUNG_S == done.convergence.hung_s
    assert cluster.now - 100 < MOST_HUNG_S + 30 + 2 * 40


def test_one_look_alone_tells_nothing() -> None:
    """Where only one look could tell anything, and there is no time for more, it is unknown."""
    with within(0.0):
        done = FakeCluster({A: [LOST, OPEN], B: [LOST, SHUT]}).converge(
            {A: Expected.ALLOWED, B: Expected.DENIED}, 0
        )
    assert {Outcome.ERROR} == {seen.outcome for seen in done.observations.values()}
    said = done.observations[B].detail
    assert "dropped in the only one of 2 looks that told anything" == said


def test_one_look_that_told_is_followed_by_another() -> None:
    """As long as there is time a second look is made, also where the first was as expected."""
    cluster = FakeCluster({A: [LOST, LOST, OPEN]}, stalls={1: 20.0})
    done = cluster.converge({A: Expected.ALLOWED}, 60)
    assert Outcome.CONNECTED is done.observations[A].outcome


@pytest.mark.parametrize(
    ("seen", "ended"),
    [
        ([OPEN], Ending.CONVERGED),
        ([SHUT, SHUT, SHUT, OPEN], Ending.LATE),
        ([OPEN, SHUT], Ending.DIFFERED),
        ([SHUT], Ending.NEVER),
    ],
)
def test_how_waiting_ended_is_told(seen: list[Observation], ended: Ending) -> None:
    """As expected, only when time was up, once and then not again, or never."""
    done = FakeCluster({A: seen}).converge({A: Expected.ALLOWED}, 2.5)
    assert (ended, ended is Ending.CONVERGED) == (done.convergence.ended, done.convergence.settled)


def test_an_arrival_in_the_confirmation_is_the_last_word() -> None:
    """A denied request that arrives, answered or not, ends the matter as well."""
    arrived = Observation(Outcome.DROPPED, arrived=True)
    done = FakeCluster({A: [SHUT, arrived, SHUT]}).converge({A: Expected.DENIED}, 30)
    assert done.observations[A].leaked


def test_a_leak_that_shows_while_asking_again_stands_too() -> None:
    """After the confirmation any look that shows a leak is believed."""
    done = FakeCluster({A: [SHUT, LOST, OPEN, SHUT]}).converge({A: Expected.DENIED}, 30)
    assert Outcome.CONNECTED is done.observations[A].outcome


def test_an_allowed_flow_may_come_back_after_the_confirmation() -> None:
    """A flow that was spoilt once is allowed again, with its attempts counted."""
    done = FakeCluster({A: [OPEN, SHUT, SHUT, OPEN]}).converge({A: Expected.ALLOWED}, 30)
    assert (Outcome.CONNECTED, 4) == (done.observations[A].outcome, done.observations[A].attempts)
    assert done.convergence.settled


def test_unknown_is_asked_again_and_never_a_denial() -> None:
    """An error meets no expectation, the denied one included."""
    done = FakeCluster({A: [LOST]}).converge({A: Expected.DENIED}, 3)
    assert (Outcome.ERROR, False) == (done.observations[A].outcome, done.convergence.settled)


def test_undefined_flows_are_looked_at_in_the_end() -> None:
    """What the API leaves open is reported and never waited for, whatever there is beside it."""
    cluster = FakeCluster({A: [LOST], B: [SHUT]})
    done = cluster.converge({A: Expected.UNDEFINED, B: Expected.DENIED}, 30)
    assert [(B,), (A, B)] == cluster.asked
    assert done.convergence.settled
    cluster = FakeCluster({A: [LOST]})
    assert cluster.converge({A: Expected.UNDEFINED}, 30).convergence.settled
    assert [(A,), (A,)] == cluster.asked


def test_only_flows_that_should_be_open_deserve_a_second_look() -> None:
    """The probe is told which flows it may doubt when they are dropped."""
    cluster = FakeCluster({A: [OPEN], B: [SHUT]})
    cluster.converge({A: Expected.ALLOWED, B: Expected.DENIED}, 30)
    assert {frozenset({A})} == set(cluster.hoped)


def test_no_deadline_still_means_two_looks() -> None:
    """With no time to wait there is one look and its confirmation."""
    cluster = FakeCluster({A: [OPEN]})
    cluster.converge({A: Expected.DENIED}, 0)
    assert 2 == len(cluster.asked)


def test_an_arrival_from_before_the_policies_is_forgotten() -> None:
    """A flow that still arrived in an early round counts as denied once it no longer does."""
    early = Observation(Outcome.DROPPED, arrived=True)
    done = FakeCluster({A: [early, SHUT]}).converge({A: Expected.DENIED}, 30)
    assert False is done.observations[A].arrived


def _often(seen: Observation) -> tuple[int, int]:
    assert seen.passing
    return seen.passing.through, seen.passing.looks


def _told(done: ConvergedMatrix) -> tuple[int, float, bool]:
    told = done.convergence
    return told.rounds, told.seconds, told.settled


def test_time_outs_grow_where_what_should_pass_does_not() -> None:
    """A cluster that has become slower is not held to what its answers took before."""
    cluster = FakeCluster({A: [SHUT, SHUT, SHUT, OPEN]})
    cluster.converge({A: Expected.ALLOWED}, 60)
    assert [0, 1, 2, 3, "last"] == cluster.waits


def test_time_outs_stay_where_a_denial_is_awaited() -> None:
    """Policies may take their time; who waits for them learns nothing of how long answers take."""
    cluster = FakeCluster({A: [OPEN], B: [OPEN, OPEN, OPEN, SHUT, LOST, SHUT]})
    cluster.converge({A: Expected.ALLOWED, B: Expected.DENIED}, 60)
    assert [0, 0, 0, 0, "last", "last"] == cluster.waits


def test_what_a_late_last_look_leaves_open_is_looked_at_twice_more() -> None:
    """On a slow network the looks before it took all the time; one lost answer is no verdict."""
    cluster = FakeCluster({A: [OPEN, LOST, SHUT, OPEN]})
    done = cluster.converge({A: Expected.ALLOWED}, 0)
    assert [0, "last", "last", "last"] == cluster.waits
    assert done.convergence.settled
