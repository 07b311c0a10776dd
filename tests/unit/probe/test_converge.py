"""Convergence, with a cluster, a clock and pauses made by hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from netproof.model.flow import Endpoint, Expected, Flow, Observation, Outcome
from netproof.probe.converge import LONGEST_PAUSE_S, ConvergedMatrix, converge

A = Flow(Endpoint.pod("n/a"), Endpoint.pod("n/b"), 80)
B = Flow(Endpoint.pod("n/b"), Endpoint.pod("n/a"), 80)
OPEN = Observation(Outcome.CONNECTED)
SHUT = Observation(Outcome.DROPPED, arrived=False)
LOST = Observation(Outcome.ERROR, "agent gone")
PROBE_S = 1.0


@dataclass
class FakeCluster:
    """Plays a list of observations per flow, the last of them for ever; a probe takes a second."""

    plays: Mapping[Flow, Sequence[Observation]]
    now: float = 100.0
    asked: list[tuple[Flow, ...]] = field(default_factory=list)
    hoped: list[frozenset[Flow]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    waits: list[str | int | None] = field(default_factory=list)

    def probe(
        self,
        flows: Collection[Flow],
        *,
        expected_allowed: Collection[Flow] = (),
        doublings: int | None = None,
        last: bool = False,
    ) -> dict[Flow, Observation]:
        self.now += PROBE_S
        self.waits.append("last" if last else doublings)
        seen = {}
        for flow in flows:
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
    assert sorted(cluster.pauses[:-1]) == cluster.pauses[:-1]
    assert LONGEST_PAUSE_S == max(cluster.pauses)


def test_a_deadline_that_passes_is_told() -> None:
    """What never comes true is not settled, and is probed about as long as was allowed."""
    cluster = FakeCluster({A: [SHUT]})
    done = cluster.converge({A: Expected.ALLOWED}, 5)
    assert not done.convergence.settled
    assert Outcome.DROPPED is done.observations[A].outcome
    assert 5 <= done.convergence.seconds <= 5 + PROBE_S


def test_a_leak_in_the_confirmation_is_the_last_word() -> None:
    """A denied flow that is open when looked at once more is a leak, and not asked again."""
    cluster = FakeCluster({A: [SHUT, OPEN, SHUT]})
    done = cluster.converge({A: Expected.DENIED}, 30)
    assert Outcome.CONNECTED is done.observations[A].outcome
    assert (2, False) == (done.convergence.rounds, done.convergence.settled)


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


def test_undefined_flows_are_looked_at_once_a_pass() -> None:
    """What the API leaves open is reported and never waited for."""
    cluster = FakeCluster({A: [LOST], B: [SHUT]})
    done = cluster.converge({A: Expected.UNDEFINED, B: Expected.DENIED}, 30)
    assert [(A, B), (A, B)] == cluster.asked
    assert done.convergence.settled


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
