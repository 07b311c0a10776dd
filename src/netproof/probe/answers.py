"""From an agent's results and its peers' testimony to observations, and how long to wait: pure.

Evidence rules 3 and 4 live here: a request that arrived is no denial, and a denial counts only
while the agent at the other end demonstrably served.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from netproof.errors import GarbledError
from netproof.model.flow import DIRECT, SILENT, Flow, Observation, Outcome
from netproof.model.value import replace
from netproof.printing import one_line
from netproof.probe.messages import Hello, Results, Testimony

UNANSWERED = (*SILENT, Outcome.ERROR)

LEAST_S = 0.1
"""The shortest time-out: an agent may wait that long for its turn on a machine that is not idle."""

TIMES_SLOWEST = 4
"""How many times as long as the slowest answer to wait for one."""

SYN_AGAIN_S = 1.0
"""After which Linux sends a SYN again that nobody answered (RFC 6298; TCP_TIMEOUT_INIT)."""

_MOST_DOUBLINGS = 32
"""More is beyond every longest time-out, and in the end beyond what a float holds."""


class AnswerTimes:
    """How long to wait for an answer, by how long the answers of this cluster take.

    What it makes too short costs a look, never a verdict: what is expected to pass is asked again
    with twice the time, and nothing rests on a look but the last, which is longer than any other.
    """

    def __init__(self, most_s: float, *, follows: bool = False) -> None:
        """Wait for `most_s`; where it `follows`, less once it is known what answers take."""
        self._most_s, self._follows = most_s, follows
        self._slowest_s: float | None = None

    def learn(self, observations: Iterable[Observation]) -> None:
        """Take in how long answers took where nothing was denied; the latest such look counts."""
        times = [seen.seconds for seen in observations if seen.outcome is Outcome.CONNECTED]
        if times:
            self._slowest_s = max(times)

    def timeout_s(self, doublings: int | None = 0) -> float:
        """Return a look's time-out, doubled so many times; None stands for the longest."""
        if not self._follows or self._slowest_s is None or doublings is None:
            return self._most_s
        wanted = max(LEAST_S, TIMES_SLOWEST * self._slowest_s)
        return float(min(self._most_s, wanted * 2.0 ** min(doublings, _MOST_DOUBLINGS)))

    @property
    def last_s(self) -> float:
        """The time-out of a last look: a SYN that is sent again has time to be answered."""
        return max(self._most_s, SYN_AGAIN_S + self.timeout_s())


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """An observation and the nonce that the request carried, for the far end to recognise.

    `origin` is where a SYN came from that got no answer: address and port, for the far end too.
    """

    seen: Observation
    nonce: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Witness:
    """What an agent says of the requests sent to it; `trouble` is why it cannot say."""

    arrived: frozenset[str] = frozenset()
    hello: Hello | None = None
    trouble: str = ""


def read_results(
    reply: Results, nonces: Sequence[str], known: set[int], attempts: int
) -> dict[int, ProbeAnswer]:
    """Return what came of targets, by their numbers, which are added to those that are known.

    `nonces` are what the targets were sent with. Raises GarbledError for a target that there is
    not or that has been told already, and for an answer that tells nothing or ends too early.
    """
    answers: dict[int, ProbeAnswer] = {}
    for index, outcome, detail, seconds in reply.results:
        if index >= len(nonces) or index in known:
            raise GarbledError(f"a result for target {index} of {len(nonces)}, which is not due")
        known.add(index)
        origin = detail if outcome is Outcome.DROPPED and " " in detail else ""
        said = "" if origin else one_line(detail)
        seen = Observation(outcome, said, seconds=seconds, attempts=attempts)
        answers[index] = ProbeAnswer(seen, nonces[index], origin)
    if reply.done is not (len(known) == len(nonces)) or not (answers or reply.done):
        raise GarbledError(f"{len(known)} of {len(nonces)} results, and done is {reply.done}")
    return answers


def read_testimony(
    testimony: Testimony, nonces: Collection[str], origins: Mapping[str, str]
) -> frozenset[str]:
    """Return the nonces of requests that arrived, or whose SYN did; raise GarbledError for others.

    `origins` are the nonces of those that got no answer to a SYN, by where it came from.
    """
    arrived, half = frozenset(testimony.arrived), frozenset(testimony.half)
    once = len(arrived) == len(testimony.arrived) and len(half) == len(testimony.half)
    if not once or not arrived <= set(nonces) or not half <= origins.keys():
        raise GarbledError("a testimony of requests that were not sent to it")
    return arrived | {origins[one] for one in half}


def unknown(why: str, attempts: int = 1) -> ProbeAnswer:
    """Return the answer of a probe that did not run, or of which nobody could tell."""
    return ProbeAnswer(Observation(Outcome.ERROR, why, attempts=attempts))


def weigh(flow: Flow, answer: ProbeAnswer, said: Sequence[Witness]) -> Observation:
    """Return what is to be believed of an unanswered probe after hearing the far end.

    Where several agents may have been meant (a Service's), all of them have to have served.
    """
    seen = answer.seen
    if not said or seen.outcome not in UNANSWERED:
        return seen
    if any(answer.nonce in one.arrived for one in said):
        return replace(seen, arrived=True)
    trouble = next((one.trouble for one in said if one.trouble), "") or _not_served(
        flow, seen, said
    )
    if not trouble:
        return replace(seen, arrived=False)
    if seen.outcome is Outcome.ERROR:
        return seen
    return replace(seen, outcome=Outcome.ERROR, detail=f"{seen.outcome}, but {trouble}")


def merge(first: Observation, second: Observation) -> Observation:
    """Return a second look at a flow, with what the first look already proved."""
    arrived = True if first.arrived else second.arrived
    attempts = first.attempts + second.attempts
    if second.outcome is Outcome.CONNECTED:
        arrived = second.arrived
    return replace(second, arrived=arrived, attempts=attempts)


def _not_served(flow: Flow, seen: Observation, said: Sequence[Witness]) -> str:
    """Tell that a rejection came from a port that the agent could not serve, if it did."""
    if flow.path not in DIRECT or seen.outcome is not Outcome.REJECTED:
        return ""
    key = (flow.port, str(flow.protocol), str(flow.family))
    found: Mapping[str, str] = {
        one.hello.identity: one.hello.failures[key]
        for one in said
        if one.hello and key in one.hello.failures
    }
    return "; ".join(f"{who} could not serve the port: {why}" for who, why in found.items())
