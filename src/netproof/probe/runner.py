"""All agents at once: flows in, observations out.

One round takes as many requests as there are pods, whatever the number of flows: every source
gets its list of targets, then every destination is asked what arrived. What a policy would say of
a flow is not known here, beyond which flows deserve a second look.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple, TypeVar

from netproof.errors import GarbledError, ProbeError
from netproof.model.flow import SILENT, Endpoint, Flow, Observation, Outcome
from netproof.model.value import replace
from netproof.model.workload import Topology
from netproof.probe.agent import ANSWER, MOST_PROBES, NAMED
from netproof.probe.agentcommand import STARTING_S, relay_command
from netproof.probe.answers import (
    SYN_AGAIN_S,
    UNANSWERED,
    AnswerTimes,
    ProbeAnswer,
    Witness,
    merge,
    read_results,
    read_testimony,
    unknown,
    weigh,
)
from netproof.probe.channel import Channel, StreamOpener
from netproof.probe.controls import Controls, control_of, peers_of, same_door
from netproof.probe.identity import fresh_nonces, identity_of
from netproof.probe.messages import (
    Hello,
    KeyRing,
    Obeyed,
    Results,
    Testimony,
    forgotten_since,
    proves,
)
from netproof.probe.targets import UNPROVEN, ProbeTarget, Rename, target_of, witnesses
from netproof.timelimit import carried

K = TypeVar("K")
V = TypeVar("V")

AGENTS_AT_ONCE = 128
"""A thread each. 100 agents x 100 targets on 2 cores gave no false drop; fewer at once would cost
a time-out a batch."""

TESTIMONY_S = 20.0
"""For a list of nonces, by an agent that may be starved of its CPU but not for long."""

SLACK_S = 15.0
"""Beyond what a job's time-outs add up to."""


class _Plan(NamedTuple):
    """What to try for a flow, and the ends whose agents know whether it arrived."""

    target: ProbeTarget
    ends: tuple[Endpoint, ...]


class Prober:
    """Probes flows from the pods they start at; holds a stream to every agent until closed."""

    def __init__(
        self,
        opener: StreamOpener,
        topology: Callable[[], Topology],
        keys: KeyRing,
        *,
        times: AnswerTimes,
        rename: Rename = str,
        starting_s: float = STARTING_S,
    ) -> None:
        """Keep the means; streams are opened when first needed.

        `keys` are those that the agents were started with.
        `times` are for an answer to a packet. `rename` maps a namespace's name to the one it
        has in the cluster, for look-ups by name. `starting_s` is how long an agent may take to come
        up again after its stream broke.
        """
        self._opener = opener
        self._topology = topology
        self._keys = keys
        self._times = times
        self._rename = rename
        self._starting_s = starting_s
        self._planned: tuple[Topology | None, dict[Flow, _Plan]] = (None, {})
        self._channels: dict[str, Channel] = {}
        self._guard = threading.Lock()
        self._pool = ThreadPoolExecutor(AGENTS_AT_ONCE, thread_name_prefix="netproof-probe")

    def probe(
        self,
        flows: Collection[Flow],
        *,
        expected_allowed: Collection[Flow] = frozenset(),
        doublings: int | None = None,
        last: bool = False,
    ) -> dict[Flow, Observation]:
        """Probe each flow once and return what was seen, in the order of the flows.

        `doublings` are of the time-out that follows this cluster's answers, None for the longest;
        a `last` look outlives a SYN's retransmission too.

        `expected_allowed` are all flows that should pass, those that are not looked at included.
        What should pass and got no answer has one immediate second look, together and without the
        rest: a loaded machine drops packets as well. What got none then, or has no witness, is
        weighed by controls beside it. Never raises for a probe that could not be made: its
        observation is an error that says why.
        """
        once, twice = self._times.last_s, self._times.last_s
        if not last:
            more = None if doublings is None else doublings + 1
            once, twice = self._times.timeout_s(doublings), self._times.timeout_s(more)
        hoped = frozenset(expected_allowed)
        seen = self._look(flows, hoped, once)
        again = [f for f in seen if f in hoped and seen[f].outcome in SILENT]
        for flow, second in self._look(again, hoped, twice, doubted=True).items():
            seen[flow] = merge(seen[flow], second)
        return seen

    def learn(self, observations: Iterable[Observation]) -> None:
        """Take in how long answers took where nothing was denied, for the next time-outs."""
        self._times.learn(observations)

    def hello(self, end: Endpoint) -> Hello:
        """Return who the agent at an end says it is; raise ProbeError where it does not answer."""
        return self._channel(end).hello()

    def have_outlive(self, end: Endpoint) -> None:
        """Have the agent at an end stay when its pod is deleted, for as long as its grace is.

        Raises ProbeError where it does not say that it will.
        """
        self._have(end, "outlive")

    def have_finish(self, end: Endpoint) -> None:
        """Have the agent at an end exit well, so that its pod completes; raise ProbeError."""
        self._have(end, "finish")
        self.forget(identity_of(end))

    def _have(self, end: Endpoint, op: str) -> None:
        self._channel(end).ask({"op": op}, Obeyed, lambda _: True, deadline_s=TESTIMONY_S)

    def forget(self, key: str) -> None:
        """End the stream to a pod (`namespace/name`) that is being replaced."""
        with self._guard:
            channel = self._channels.pop(key, None)
        if channel:
            channel.close()

    def close(self) -> None:
        """End all streams and threads; each of them, whatever became of another."""
        with ExitStack() as ends:
            ends.callback(self._pool.shutdown)
            for identity in tuple(self._channels):
                ends.callback(self.forget, identity)

    def _look(
        self,
        flows: Collection[Flow],
        hoped: Collection[Flow],
        timeout_s: float,
        *,
        doubted: bool = False,
    ) -> dict[Flow, Observation]:
        """Look once; beside what is doubted, or has no witness, there are controls."""
        began = time.monotonic()
        plans, answers = self._plans(flows)
        targets = {flow: plan.target for flow, plan in plans.items()}
        ends = {flow: plan.ends for flow, plan in plans.items()}
        controls = self._controls(ends, hoped, doubted)
        hellos = self._greet(
            {one.source for one in (*targets, *controls.targets)} | set().union(*ends.values())
        )
        jobs: dict[Endpoint, dict[Flow, ProbeTarget]] = defaultdict(dict)
        for flow, target in (targets | controls.targets).items():
            jobs[flow.source][flow] = target
        run = carried(lambda one: self._run(one, jobs[one], hellos[one], timeout_s))
        for found in self._pool.map(run, jobs):
            answers |= found
        said = self._question(answers, ends, hellos, began, half=timeout_s >= SYN_AGAIN_S)

        def believed(flow: Flow) -> Observation:
            """Return what is to be believed, with what was beside it if it got no answer."""
            answer, tried = answers[flow], controls.beside.get(flow)
            heard = [said[end] for end in ends.get(flow, ())]
            seen = weigh(flow, answer, heard) if answer.nonce else answer.seen
            if tried is None or seen.outcome not in SILENT:
                return seen
            return replace(seen, beside=control_of(tried, answers, timeout_s))

        return {flow: believed(flow) for flow in flows}

    def _controls(
        self, ends: Mapping[Flow, Sequence[Endpoint]], hoped: Collection[Flow], doubted: bool
    ) -> Controls:
        """Return what is to be tried beside the flows of a look."""
        topology, controls = self._topology(), Controls()
        in_question = [flow for flow in ends if doubted or not ends[flow]]
        unwitnessed = {same_door(flow) for flow in in_question if not ends[flow]}
        at_doors: dict[object, list[Flow]] = defaultdict(list)
        for flow in hoped if unwitnessed else ():
            if same_door(flow) in unwitnessed:
                at_doors[same_door(flow)].append(flow)
        for flow in in_question:
            peers = () if ends[flow] else peers_of(flow, at_doors[same_door(flow)], ends)
            controls.add(flow, ends[flow], peers, topology)
        spare = {p for one in controls.beside.values() for p in one.peers if p not in ends}
        plans, _ = self._plans(sorted(spare))
        controls.targets |= {flow: plan.target for flow, plan in plans.items()}
        return controls

    def _plans(self, flows: Iterable[Flow]) -> tuple[dict[Flow, _Plan], dict[Flow, ProbeAnswer]]:
        """Return what to try for each flow, and what is known without: that it cannot be tried.

        Worked out once a topology: the same flows are looked at again and again.
        """
        topology = self._topology()
        if topology is not self._planned[0]:
            self._planned = topology, {}
        known = self._planned[1]
        answers: dict[Flow, ProbeAnswer] = {}
        plans: dict[Flow, _Plan] = {}
        for flow in flows:
            try:
                if flow not in known:
                    target = target_of(flow, topology, self._rename)
                    known[flow] = _Plan(target, witnesses(flow, target))
                plans[flow] = known[flow]
            except ProbeError as error:
                answers[flow] = unknown(str(error))
        return plans, answers

    def _greet(self, ends: Collection[Endpoint]) -> Mapping[Endpoint, Hello | ProbeError]:
        """Connect to all agents that have a part in this round, before it begins."""
        channels = {end: self._channel(end) for end in ends}
        known = {end: said for end, one in channels.items() if (said := one.greeted) is not None}
        return known | self._each(lambda end: channels[end].hello(), channels.keys() - known.keys())

    def _run(
        self,
        source: Endpoint,
        targets: Mapping[Flow, ProbeTarget],
        hello: Hello | ProbeError,
        timeout_s: float,
    ) -> dict[Flow, ProbeAnswer]:
        """Have one agent try its targets; what it did not get to say is unknown."""
        if isinstance(hello, ProbeError):
            return dict.fromkeys(targets, unknown(str(hello)))
        flows = tuple(targets)
        nonces = fresh_nonces(len(flows))
        found: dict[int, ProbeAnswer] = {}
        known: set[int] = set()

        def take(reply: Results) -> bool:
            answers = read_results(reply, nonces, known, channel.tries)
            for index, answer in answers.items():
                found[index] = self._proved(answer, targets[flows[index]])
            return reply.done

        channel = self._channel(source)
        drawn = zip(targets.values(), nonces, strict=True)
        request = {
            "op": "probe",
            "timeout": timeout_s,
            "targets": [replace(target, nonce=nonce) for target, nonce in drawn],
        }
        why = ""
        try:
            channel.ask(request, Results, take, deadline_s=_patience(len(flows), timeout_s))
        except ProbeError as error:
            why = str(error)
            if isinstance(error, GarbledError):
                found.clear()  # who speaks nonsense once is not believed in what came before
        missing = unknown(why, max(1, channel.tries))
        return {flow: found.get(index, missing) for index, flow in enumerate(flows)}

    def _proved(self, answer: ProbeAnswer, target: ProbeTarget) -> ProbeAnswer:
        """Return an answer without its proof; one that does not hold makes it unknown."""
        seen = answer.seen
        if seen.outcome is not Outcome.CONNECTED or target.kind in UNPROVEN:
            return answer
        if proves(seen.detail, answer.nonce, map(self._keys.of, target.identities)):
            return ProbeAnswer(replace(seen, detail=""), answer.nonce)
        why = "answered without a proof that it was the pod who answered"
        return ProbeAnswer(replace(seen, outcome=Outcome.ERROR, detail=why), answer.nonce)

    def _question(
        self,
        answers: Mapping[Flow, ProbeAnswer],
        ends: Mapping[Flow, Sequence[Endpoint]],
        hellos: Mapping[Endpoint, Hello | ProbeError],
        began: float,
        *,
        half: bool,
    ) -> Mapping[Endpoint, Witness]:
        """Ask every end that should have been reached, and was not heard, what arrived there.

        `half` asks for SYNs too, which is worth its price where a look outlived the second one.
        """
        nonces: dict[Endpoint, list[str]] = defaultdict(list)
        origins: dict[Endpoint, dict[str, str]] = defaultdict(dict)
        for flow, far in ends.items():
            answer = answers[flow]
            if answer.nonce and answer.seen.outcome in UNANSWERED:
                for end in far:
                    nonces[end].append(answer.nonce)
                    if answer.origin and half:
                        origins[end][answer.origin] = answer.nonce
        asked = self._each(
            lambda end: self._testify(end, nonces[end], origins[end], hellos[end], began), nonces
        )
        silent = {end: Witness() for end in hellos}
        return silent | {
            end: Witness(trouble=str(said)) if isinstance(said, ProbeError) else said
            for end, said in asked.items()
        }

    def _testify(
        self,
        end: Endpoint,
        nonces: Sequence[str],
        origins: Mapping[str, str],
        hello: Hello | ProbeError,
        began: float,
    ) -> Witness:
        """Ask for requests by the first half of their nonces: the rest is known where they came."""
        if isinstance(hello, ProbeError):
            raise hello
        arrived: frozenset[str] = frozenset()
        trouble = ""

        def take(reply: Testimony) -> bool:
            nonlocal arrived, trouble
            arrived = read_testimony(reply, nonces, origins)
            if reply.boot != hello.boot:
                trouble = f"the agent of {end} was started anew meanwhile"
            elif forgotten_since(reply, time.monotonic() - began):
                trouble = f"the agent of {end} got more requests than it can remember"
            return True

        named = [nonce[:NAMED] for nonce in nonces]
        request = {"op": "arrived", "nonces": named, "half": list(origins)}
        self._channel(end).ask(request, Testimony, take, deadline_s=TESTIMONY_S)
        return Witness(arrived, hello, trouble)

    def _each(self, call: Callable[[K], V], items: Collection[K]) -> dict[K, V | ProbeError]:
        """Do something for each item in parallel; a ProbeError is a result like any other."""

        def one(item: K) -> V | ProbeError:
            try:
                return call(item)
            except ProbeError as error:
                return error

        return dict(zip(items, self._pool.map(carried(one), items), strict=True))

    def _channel(self, end: Endpoint) -> Channel:
        identity = identity_of(end)
        with self._guard:
            if identity not in self._channels:
                command = relay_command(identity, self._keys.instance, self._starting_s)
                key = self._keys.of(identity)
                self._channels[identity] = Channel(self._opener, end, command, key)
            return self._channels[identity]


def _patience(targets: int, timeout_s: float) -> float:
    """Return how long a job may take: its turns, each with a look-up by name and an answer."""
    turns = 1 + targets // MOST_PROBES
    return SLACK_S + turns * (ANSWER + 5 * timeout_s)
