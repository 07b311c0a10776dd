"""Probe until the cluster does what is expected of it, then look once more (evidence rule 5).

Pure but for what it is given: the probe, a clock and a way to pause. Which packets a probe sends
and how a difference is judged is not known here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from netproof.model.flow import (
    SILENT,
    Connectivity,
    Expected,
    Flow,
    Observation,
    Outcome,
    Passing,
)
from netproof.model.matrix import Matrix, ObservedMatrix
from netproof.model.record import Convergence, Ending
from netproof.model.value import replace
from netproof.probe.answers import merge
from netproof.timelimit import at_most

FIRST_PAUSE_S = 0.01
"""A lab changes its rules within milliseconds."""

LOOKS_AGAIN = 2
"""At what the last look has left open, also when the deadline has passed."""

LONGEST_PAUSE_S = 1.0
"""Between rounds: kube-network-policies, the slowest of the CNIs, syncs once a second."""


WAY_S = 1.0
"""What a look may take besides packets; the rest of its time the way to some agent hung."""

MOST_HUNG_S = 120.0
"""For so long in all a hanging way takes nothing from the deadline: an API server that is being
replaced is back within a minute or two."""

PASSING_LOOKS, PASSING_PAUSE_S = 3, 0.1
"""Looks at a leak that came back, and the pause before the first; each is twice the one before."""


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

    Until then time-outs are as short as answers allow, and grow where there was no answer. Flows of
    which nothing is expected are looked at in the end only: they are reported, and no verdict.
    The last look waits longer than all before it: also for what the sender's kernel sends again.

    The confirmation is believed where it shows more than is allowed: that is a leak, however the
    flow looked before, and a few more looks tell whether it stays. Where it shows less, or nothing
    certain, the flow is probed again until the deadline: one look may be spoilt by load, a policy
    would go on blocking. Time in which the way to an agent hung takes nothing from the deadline,
    and what only one look could tell of counts as untold.
    """
    looking = _Looking(probe, tuple(dict.fromkeys(flows)), expected, clock, pace)
    limit_s = at_most(deadline_s)
    looking.look(looking.judged or looking.flows)
    looking.until_met(limit_s)
    reached = not looking.unmet()
    seconds = looking.elapsed_s()
    looking.last = True
    looking.look(looking.flows)
    looking.until_met(limit_s)
    looking.at_what_came_back()
    ended = _ending(reached, not looking.unmet())
    return ConvergedMatrix(
        Matrix(looking.flows, {flow: looking.last_word(flow) for flow in looking.flows}),
        Convergence(
            looking.rounds,
            round(seconds, 3),
            ended is Ending.CONVERGED,
            ended,
            round(looking.hung_s, 3),
        ),
    )


def _ending(reached: bool, met: bool) -> Ending:
    if reached:
        return Ending.CONVERGED if met else Ending.DIFFERED
    return Ending.LATE if met else Ending.NEVER


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
        self._clock, self._pace, self._began = clock, pace, clock()
        self._allowed = frozenset(f for f in flows if expected[f] is Expected.ALLOWED)
        self.judged = tuple(f for f in flows if expected[f] is not Expected.UNDEFINED)
        self.seen: dict[Flow, Observation] = {}
        self._told = dict.fromkeys(flows, 0)
        self._shut: dict[Flow, list[float | None]] = {}
        self.rounds, self.last, self._doublings, self.hung_s = 0, False, 0, 0.0

    def elapsed_s(self) -> float:
        """Return the seconds since the beginning, but those for which the way hung."""
        return self._clock() - self._began - self.hung_s

    def look(self, flows: Collection[Flow]) -> None:
        """Probe once; attempts add up, the rest is the latest."""
        self.rounds += 1
        began = self._clock()
        probed = self._probe(
            flows, expected_allowed=self._allowed, doublings=self._doublings, last=self.last
        )
        self.hung_s += self._hung(self._clock() - began, probed.values())
        at = self.elapsed_s()
        for flow, now in probed.items():
            before = self.seen.get(flow)
            self.seen[flow] = _again(before, now) if before else now
            self._keep(flow, now, at)

    def _hung(self, took_s: float, seen: Collection[Observation]) -> float:
        """Return for how long a look waited for the way, and not for packets.

        Those take their time twice where what should pass did not.
        """
        packets_s = 2 * max((one.seconds for one in seen), default=0.0)
        hung_s = max(0.0, took_s - packets_s - WAY_S)
        return min(hung_s, MOST_HUNG_S - self.hung_s)

    def _keep(self, flow: Flow, now: Observation, at: float) -> None:
        """Count what a look could tell, and when a denied flow that was shut got through."""
        self._told[flow] += _tells(now) or now.leaked
        if self._expected[flow] is not Expected.DENIED:
            return
        if now.leaked and flow in self._shut:
            self._shut[flow].append(at)
        elif _meets(Expected.DENIED, now):
            self._shut.setdefault(flow, []).append(None)

    def until_met(self, limit_s: float) -> None:
        """Probe what differs, at growing intervals, as long as the deadline allows.

        A leak that the last look has seen is not looked at again: it stands. What else differs then
        is looked at twice more, however late it is: who had to wait for answers has no less proof.
        """
        pause = FIRST_PAUSE_S
        looks = 0
        while self._has_time(limit_s, looks):
            differing = [f for f in self._open_questions() if not (self.last and self._leaks(f))]
            if not differing:
                return
            looks += 1
            self._pace(min(pause, max(0.0, limit_s - self.elapsed_s())))
            pause = min(2 * pause, LONGEST_PAUSE_S)
            self._doublings += any(not self._answered(flow) for flow in differing)
            self.look(differing)

    def _has_time(self, limit_s: float, looks: int) -> bool:
        spared = self.last and looks < LOOKS_AGAIN and self.hung_s < MOST_HUNG_S
        return (spared or self.elapsed_s() < limit_s) and at_most() > 0

    def at_what_came_back(self) -> None:
        """Look a few times more at flows that were shut and leak, to tell whether they stay so."""
        pause = PASSING_PAUSE_S
        standing = {flow: self.seen[flow] for flow in self._shut if self._leaks(flow)}
        if not standing or at_most() <= 0:
            return
        for _ in range(PASSING_LOOKS):
            self._pace(pause)
            pause *= 2
            self.look(tuple(standing))
        for flow, leak in standing.items():
            now = self.seen[flow]
            self.seen[flow] = now if now.leaked else replace(leak, attempts=now.attempts)

    def last_word(self, flow: Flow) -> Observation:
        """Return what is to be believed of a flow: what two looks at least have told."""
        seen, looks = self.seen[flow], self._shut.get(flow, ())
        through = [at for at in looks if at is not None]
        if seen.leaked and through:
            if None not in looks[looks.index(through[0]) :]:
                return seen
            return replace(seen, passing=Passing(len(through), len(looks), through[0], through[-1]))
        enough = self._told[flow] > 1 or self._leaks(flow) or not self._matters(flow)
        if enough or not _tells(seen):
            return seen
        why = f"{seen.outcome} in the only one of {self.rounds} looks that told anything"
        return replace(seen, outcome=Outcome.ERROR, detail=why, arrived=None, beside=None)

    def unmet(self) -> list[Flow]:
        """Return the flows whose last observation is not what is expected of them."""
        return [flow for flow in self.judged if not _meets(self._expected[flow], self.seen[flow])]

    def _answered(self, flow: Flow) -> bool:
        """Tell whether a flow that differs does so because it still gets through."""
        return self.seen[flow].outcome is Outcome.CONNECTED

    def _open_questions(self) -> list[Flow]:
        """Return what differs, and in the end what only one look has told of."""
        once = [f for f in self.judged if self.last and self._told[f] < 2]
        return list(dict.fromkeys([*self.unmet(), *once]))

    def _matters(self, flow: Flow) -> bool:
        return self._expected[flow] is not Expected.UNDEFINED

    def _leaks(self, flow: Flow) -> bool:
        """Tell whether more got through than is expected."""
        return self._expected[flow] is Expected.DENIED and self.seen[flow].leaked


def _again(before: Observation, now: Observation) -> Observation:
    """Return the latest observation with all attempts counted; older arrivals are history."""
    return merge(Observation(before.outcome, attempts=before.attempts), now)


def _tells(seen: Observation) -> bool:
    """Tell whether a look could say anything of a flow."""
    silent = seen.outcome in SILENT and not seen.unweighed
    return silent or seen.outcome is Outcome.CONNECTED


def _meets(expected: Expected, seen: Observation) -> bool:
    if expected is Expected.UNDEFINED:
        return True
    if expected is Expected.ALLOWED:
        return seen.connectivity is Connectivity.ALLOWED
    return seen.denied
