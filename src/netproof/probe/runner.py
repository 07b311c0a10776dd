"""All agents at once: flows in, observations out.

One round takes as many requests as there are pods, whatever the number of flows: every source
gets its list of targets, then every destination is asked what arrived. What a policy would say of
a flow is not known here, beyond which flows deserve a second look.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, TypeVar

from netproof.errors import ProbeError
from netproof.model.flow import Endpoint, Flow, Observation, Outcome
from netproof.model.workload import Topology
from netproof.probe.agent import ANSWER, MOST_PROBES
from netproof.probe.agentcommand import STARTING_S, relay_command
from netproof.probe.answers import (
    UNANSWERED,
    ProbeAnswer,
    Witness,
    merge,
    read_result,
    unknown,
    weigh,
)
from netproof.probe.channel import Channel, Hello, StreamOpener
from netproof.probe.identity import identity_of
from netproof.probe.targets import ProbeTarget, Rename, target_of, witnesses

K = TypeVar("K")
V = TypeVar("V")

AGENTS_AT_ONCE = 128
"""A thread each. 100 agents x 100 targets on 2 cores gave no false drop; fewer at once would cost
a time-out a batch."""

TESTIMONY_S = 20.0
"""For a list of nonces, by an agent that may be starved of its CPU but not for long."""

SLACK_S = 15.0
"""Beyond what a job's time-outs add up to."""


class Prober:
    """Probes flows from the pods they start at; holds a stream to every agent until closed."""

    def __init__(
        self,
        opener: StreamOpener,
        topology: Callable[[], Topology],
        instance: str,
        *,
        timeout_s: float,
        rename: Rename = str,
        starting_s: float = STARTING_S,
    ) -> None:
        """Keep the means; streams are opened when first needed.

        `timeout_s` is for an answer to a packet. `rename` maps a namespace's name to the one it
        has in the cluster, for look-ups by name. `starting_s` is how long an agent may take to come
        up again after its stream broke.
        """
        self._opener = opener
        self._topology = topology
        self._instance = instance
        self._timeout_s = timeout_s
        self._rename = rename
        self._starting_s = starting_s
        self._channels: dict[str, Channel] = {}
        self._guard = threading.Lock()
        self._pool = ThreadPoolExecutor(AGENTS_AT_ONCE, thread_name_prefix="netproof-probe")

    def probe(
        self, flows: Collection[Flow], *, expected_allowed: Collection[Flow] = frozenset()
    ) -> dict[Flow, Observation]:
        """Probe each flow once and return what was seen, in the order of the flows.

        Flows of `expected_allowed` that were dropped get one immediate second look, together and
        without the rest: a loaded machine drops packets as well. Never raises for a probe that
        could not be made: its observation is an error that says why.
        """
        seen = self._look(flows)
        hoped = set(expected_allowed)
        again = [f for f in seen if f in hoped and seen[f].outcome is Outcome.DROPPED]
        for flow, second in self._look(again).items():
            seen[flow] = merge(seen[flow], second)
        return seen

    def hello(self, end: Endpoint) -> Hello:
        """Return who the agent at an end says it is; raise ProbeError where it does not answer."""
        return self._channel(end).hello()

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

    def _look(self, flows: Collection[Flow]) -> dict[Flow, Observation]:
        targets, answers = self._targets(flows)
        ends = {flow: witnesses(flow, target) for flow, target in targets.items()}
        hellos = self._greet({flow.source for flow in targets} | set().union(*ends.values()))
        jobs: dict[Endpoint, dict[Flow, ProbeTarget]] = defaultdict(dict)
        for flow, target in targets.items():
            jobs[flow.source][flow] = target
        for found in self._pool.map(lambda one: self._run(one, jobs[one], hellos[one]), jobs):
            answers |= found
        said = self._question(answers, ends, hellos)
        return {
            flow: weigh(flow, answers[flow], [said[end] for end in ends.get(flow, ())])
            if answers[flow].nonce
            else answers[flow].seen
            for flow in flows
        }

    def _targets(
        self, flows: Iterable[Flow]
    ) -> tuple[dict[Flow, ProbeTarget], dict[Flow, ProbeAnswer]]:
        topology = self._topology()
        targets: dict[Flow, ProbeTarget] = {}
        answers: dict[Flow, ProbeAnswer] = {}
        for flow in flows:
            try:
                targets[flow] = target_of(flow, topology, self._rename)
            except ProbeError as error:
                answers[flow] = unknown(str(error))
        return targets, answers

    def _greet(self, ends: Collection[Endpoint]) -> Mapping[Endpoint, Hello | ProbeError]:
        """Connect to all agents that have a part in this round, before it begins."""
        return self._each(lambda end: self._channel(end).hello(), ends)

    def _run(
        self, source: Endpoint, targets: Mapping[Flow, ProbeTarget], hello: Hello | ProbeError
    ) -> dict[Flow, ProbeAnswer]:
        """Have one agent try its targets; what it did not get to say is unknown."""
        if isinstance(hello, ProbeError):
            return dict.fromkeys(targets, unknown(str(hello)))
        flows = tuple(targets)
        found: dict[Flow, ProbeAnswer] = {}

        def take(reply: Mapping[str, Any]) -> bool:
            for result in reply["results"]:
                index, answer = read_result(result, channel.tries)
                found[flows[index]] = answer
            return bool(reply["done"])

        channel = self._channel(source)
        request = {
            "op": "probe",
            "timeout": self._timeout_s,
            "targets": [target.to_json() for target in targets.values()],
        }
        try:
            channel.ask(request, take, deadline_s=self._patience(len(flows)))
        except ProbeError as error:
            missing = [flow for flow in flows if flow not in found]
            found |= {flow: unknown(str(error), max(1, channel.tries)) for flow in missing}
        return found

    def _patience(self, targets: int) -> float:
        """Return how long a job may take: its turns, each with a look-up by name and an answer."""
        turns = 1 + targets // MOST_PROBES
        return SLACK_S + turns * (ANSWER + 5 * self._timeout_s)

    def _question(
        self,
        answers: Mapping[Flow, ProbeAnswer],
        ends: Mapping[Flow, Sequence[Endpoint]],
        hellos: Mapping[Endpoint, Hello | ProbeError],
    ) -> Mapping[Endpoint, Witness]:
        """Ask every end that should have been reached, and was not heard, what arrived there."""
        nonces: dict[Endpoint, list[str]] = defaultdict(list)
        for flow, answer in answers.items():
            if answer.nonce and answer.seen.outcome in UNANSWERED:
                for end in ends[flow]:
                    nonces[end].append(answer.nonce)
        asked = self._each(lambda end: self._testify(end, nonces[end], hellos[end]), nonces)
        silent = {end: Witness() for end in hellos}
        return silent | {
            end: Witness(trouble=str(said)) if isinstance(said, ProbeError) else said
            for end, said in asked.items()
        }

    def _testify(self, end: Endpoint, nonces: Sequence[str], hello: Hello | ProbeError) -> Witness:
        if isinstance(hello, ProbeError):
            raise hello
        replies: list[Mapping[str, Any]] = []

        def take(reply: Mapping[str, Any]) -> bool:
            replies.append(reply)
            return True

        request = {"op": "arrived", "nonces": nonces}
        self._channel(end).ask(request, take, deadline_s=TESTIMONY_S)
        if replies[0]["boot"] != hello.boot:
            return Witness(trouble=f"the agent of {end} was started anew meanwhile")
        return Witness(frozenset(replies[0]["arrived"]), hello)

    def _each(self, call: Callable[[K], V], items: Collection[K]) -> dict[K, V | ProbeError]:
        """Do something for each item in parallel; a ProbeError is a result like any other."""

        def one(item: K) -> V | ProbeError:
            try:
                return call(item)
            except ProbeError as error:
                return error

        return dict(zip(items, self._pool.map(one, items), strict=True))

    def _channel(self, end: Endpoint) -> Channel:
        identity = identity_of(end)
        with self._guard:
            if identity not in self._channels:
                command = relay_command(identity, self._instance, self._starting_s)
                self._channels[identity] = Channel(self._opener, end, command)
            return self._channels[identity]
