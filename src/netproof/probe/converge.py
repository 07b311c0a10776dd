"""Probe until the cluster does what is expected of it, then look once more (evidence rule 5).

Pure but for what it is given: the probe, a clock and a way to pause. Which packets a probe sends
and how a difference is judged is not known here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from netproof.model.flow import Connectivity, Expected, Flow, Observation, Outcome
from netproof.model.matrix import Matrix, ObservedMatrix
from netproof.model.record import Convergence
from netproof.probe.answers import merge
from netproof.timelimit import at_most

FIRST_PAUSE_S = 0.01
"""A lab changes its rules within milliseconds."""

LONGEST_PAUSE_S = 1.0
"""Between rounds: kube-network-policies, the slowest of the CNIs, syncs once a second."""


class Probe(Protocol):
    """What probes flows: `Prober.probe`, or a fake."""

    def __call__(
        self,
        flows: Collection[Flow],
        *,
        expected_allowed: Collection[Flow] = ...,
        doublings: int | None = ...,
        last: bool = ...,
    ) -> Mapping[Flow, Observation]:
        """Return what was seen of each flow; `expected_allowed` are all that should pass."""


@dataclass(frozen=True, slots=True)
class ConvergedMatrix:
    """The last word on every flow, and how long it took to be as expected.

    `convergence.seconds` ends when the matrix was first seen as expected, or the deadline came;
    the confirmation is counted in `rounds` only.
    """

    observations: ObservedMatrix
    convergence: Convergence


def converge(
    probe: Probe,
    flows: Iterable[Flow],
    expected: Mapping[Flow, Expected],
    *,
    deadline_s: float,
    clock: Callable[[], float] = time.monotonic,
    pace: Callable[[float], None] = time.sleep,
) -> ConvergedMatrix:
    """Probe the flows until they are as expected or the deadline passes, then all once more.

    Until then time-outs are as short as answers allow, and grow where there was no answer.
    The last look waits longer than all before it: also for what the sender's kernel sends again.

    The confirmation is believed where it shows more than is allowed: that is a leak, however the
    flow looked before. Where it shows less, or nothing certain, the flow is probed again until
    the deadline: one look may be spoilt by load, a policy would go on blocking.
    """
    looking = _Looking(probe, tuple(dict.fromkeys(flows)), expected, clock, pace)
    began = clock()
    deadline_s = at_most(deadline_s)
    looking.look(looking.flows)
    looking.until_met(began + deadline_s)
    reached = not looking.unmet()
    seconds = clock() - began
    looking.last = True
    looking.look(looking.flows)
    looking.until_met(began + deadline_s)
    settled = reached and not looking.unmet()
    return ConvergedMatrix(
        Matrix(looking.flows, looking.seen),
        Convergence(looking.rounds, round(seconds, 3), settled, reached),
    )


class _Looking:
    """What was last seen of each flow, and how often anything was looked at."""

    def __init__(
        self,
        probe: Probe,
        flows: tuple[Flow, ...],
        expected: Mapping[Flow, Expected],
        clock: Callable[[], float],
        pace: Callable[[float], None],
    ) -> None:
        self._probe, self.flows, self._expected = probe, flows, expected
        self._clock, self._pace = clock, pace
        self._allowed = frozenset(f for f in flows if expected[f] is Expected.ALLOWED)
        self.seen: dict[Flow, Observation] = {}
        self.rounds, self.last, self._doublings = 0, False, 0

    def look(self, flows: Collection[Flow]) -> None:
        """Probe once; attempts add up, the rest is the latest."""
        self.rounds += 1
        probed = self._probe(
            flows, expected_allowed=self._allowed, doublings=self._doublings, last=self.last
        )
        for flow, now in probed.items():
            before = self.seen.get(flow)
            self.seen[flow] = _again(before, now) if before else now

    def until_met(self, end: float) -> None:
        """Probe what differs, at growing intervals, as long as the deadline allows.

        A leak that the last look has seen is not looked at again: it stands.
        """
        pause = FIRST_PAUSE_S
        while self._clock() < end:
            differing = [f for f in self.unmet() if not (self.last and self._leaks(f))]
            if not differing:
                return
            self._pace(min(pause, max(0.0, end - self._clock())))
            pause = min(2 * pause, LONGEST_PAUSE_S)
            self._doublings += any(not self._answered(flow) for flow in differing)
            self.look(differing)

    def unmet(self) -> list[Flow]:
        """Return the flows whose last observation is not what is expected of them."""
        return [flow for flow in self.flows if not _meets(self._expected[flow], self.seen[flow])]

    def _answered(self, flow: Flow) -> bool:
        """Tell whether a flow that differs does so because it still gets through."""
        return self.seen[flow].outcome is Outcome.CONNECTED

    def _leaks(self, flow: Flow) -> bool:
        """Tell whether more got through than is expected."""
        return self._expected[flow] is Expected.DENIED and self.seen[flow].leaked


def _again(before: Observation, now: Observation) -> Observation:
    """Return the latest observation with all attempts counted; older arrivals are history."""
    return merge(Observation(before.outcome, attempts=before.attempts), now)


def _meets(expected: Expected, seen: Observation) -> bool:
    if expected is Expected.UNDEFINED:
        return True
    if expected is Expected.ALLOWED:
        return seen.connectivity is Connectivity.ALLOWED
    return seen.connectivity is Connectivity.DENIED and not seen.unweighed
