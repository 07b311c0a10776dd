"""Whoever speaks in an agent's name, or an agent that has gone mad: unknown, and never a denial.

The table is made by mutation from answers that would be believed. Each is told twice: under the
agent's own seal, as a broken agent or one that was taken over says it, and by a neighbour who does
not have its key.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from tenacity import wait_none

from netproof.errors import ProbeError
from netproof.model.flow import Connectivity, Endpoint, Flow, Observation, Outcome
from netproof.model.workload import Pod, Topology
from netproof.probe import agent, channel
from netproof.probe.answers import AnswerTimes
from netproof.probe.messages import KeyRing, agent_key
from netproof.probe.runner import Prober
from tests.attacks.hostile import places

A, B = Endpoint.pod("n/a"), Endpoint.pod("n/b")
FLOW = Flow(A, B, 80)
TOPOLOGY = Topology(pods=(Pod("n", "a", ips=("10.0.0.1",)), Pod("n", "b", ips=("10.0.0.2",))))
SECRET, INSTANCE = "secret", "run1"

Reply = dict[str, Any]
Forge = Callable[[bytes], bytes]
"""From the bytes that an agent would have said to those that come, sealed or not."""


def _honest(who: str, request: Mapping[str, Any], outcome: str = "dropped") -> Reply:
    """Answer as an agent does that got no answer, or to which nothing came."""
    said: dict[str, Reply] = {
        "hello": {
            "identity": who,
            "version": agent.VERSION,
            "pid": 7,
            "boot": "b00t",
            "serving": [[80, "TCP", "IPv4"]],
            "failures": [[81, "TCP", "IPv4", "EADDRINUSE"]],
            "sctp": True,
            "faults": ["none"],
        },
        "probe": {"results": [[0, outcome, "", 0.25]], "done": True},
        "arrived": {"arrived": [], "half": [], "boot": "b00t", "forgot": None},
    }
    return {"id": request["id"], **said[request["op"]]}


@dataclass
class Speaker:
    """A stream at whose other end an agent speaks, or somebody else in its name."""

    who: str
    forged: str
    """The request whose answer is forged."""
    forge: Forge
    answer: Callable[[str, Mapping[str, Any]], Reply] = _honest
    sealed: bool = True
    session: bytes = b""
    unread: bytes = b""
    heard: list[Reply] = field(default_factory=list)

    def send(self, data: bytes) -> None:
        _, self.session, line = data.split(b" ", 2)
        request = json.loads(line)
        self.heard.append(request)
        said = json.dumps(self.answer(self.who, request)).encode()
        key = bytes.fromhex(agent_key(SECRET, self.who, INSTANCE))
        if request["op"] != self.forged:
            self.unread += agent.sealed(key, self.session, said)
        elif self.sealed:
            self.unread += agent.sealed(key, self.session, self.forge(said))
        else:
            self.unread += self.forge(agent.sealed(key, self.session, said))

    def receive(self, timeout_s: float) -> bytes:
        del timeout_s
        if not self.unread:
            raise EOFError("it said no more")
        said, self.unread = self.unread, b""
        return said

    def close(self) -> None:
        """Say nothing."""


@dataclass
class Cluster:
    """Opens streams to speakers."""

    speakers: Mapping[str, Callable[[], Speaker]]

    def open(self, source: Endpoint, command: Sequence[str]) -> Speaker:
        assert command
        return self.speakers[source.name]()


def _seen(
    who: Endpoint,
    forged: str,
    forge: Forge,
    *,
    sealed: bool = True,
    answer: Callable[[str, Mapping[str, Any]], Reply] = _honest,
    last: bool = False,
) -> Observation:
    """Probe a flow while the answers of one agent to one request are forged."""
    speakers = {
        end.name: lambda end=end: Speaker(
            end.name, forged if end == who else "", forge, answer, sealed
        )
        for end in (A, B)
    }
    prober = Prober(
        Cluster(speakers), lambda: TOPOLOGY, KeyRing(INSTANCE, SECRET), times=AnswerTimes(0.1)
    )
    with closing(prober):
        return prober.probe([FLOW], last=last)[FLOW]


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "TRANSPORT_RETRIES", channel.TRANSPORT_RETRIES)
    monkeypatch.setattr(channel.TRANSPORT_RETRIES, "wait", wait_none())


# What a value may not be, by what it is.
WRONG: dict[type, tuple[Any, ...]] = {
    str: (None, 7, True, [], {}, "x" * 5000),
    int: (None, "7", True, [], {}, -1, 2**80, 1.5),
    float: (None, "1", True, [], {}, -0.5, 1e300),
    bool: (None, 1, "true", [], {}),
    list: (None, 1, True, "no list", {}, [[]], [None], [1], [{}]),
    type(None): (True, "1", [], {}, -1),
}
KEPT = ("pid",)
"""What nobody relies on."""

VARIABLE = ("serving", "failures", "faults")
"""Lists of any length."""


def _put(path: tuple[Any, ...], value: Any) -> Forge:
    def forge(said: bytes) -> bytes:
        reply = json.loads(said)
        where = reply
        for key in path[:-1]:
            where = where[key]
        where[path[-1]] = value
        return json.dumps(reply).encode()

    return forge


def _without(path: tuple[Any, ...]) -> Forge:
    def forge(said: bytes) -> bytes:
        reply = json.loads(said)
        where = reply
        for key in path[:-1]:
            where = where[key]
        del where[path[-1]]
        return json.dumps(reply).encode()

    return forge


def _mutations() -> Iterator[tuple[str, Endpoint, str, Forge]]:
    """Yield every place of every answer with everything that does not belong there."""
    for end, op in ((A, "hello"), (B, "hello"), (A, "probe"), (B, "arrived")):
        reply = _honest(end.name, {"id": 1, "op": op})
        for path in places(reply):
            if path[-1] in KEPT:
                continue
            value = copy.deepcopy(reply)
            for key in path:
                value = value[key]
            name = f"{end.name}-{op}-" + ".".join(map(str, path))
            for wrong in WRONG[type(value)]:
                if path[0] == "failures" and path[-1] == 3 and isinstance(wrong, str):
                    continue
                yield f"{name}={json.dumps(wrong)[:12]}", end, op, _put(path, wrong)
            if path[0] not in VARIABLE or len(path) != 2:
                yield f"{name} missing", end, op, _without(path)
        yield f"{end.name}-{op} with more", end, op, _put(("more",), 1)


def _raw(said: bytes) -> Forge:
    return lambda _: said


NOISE: dict[str, Forge] = {
    "nothing": _raw(b""),
    "a word": _raw(b"Traceback (most recent call last):"),
    "HTML": _raw(b"<html>"),
    "a list": _raw(b"[]"),
    "null": _raw(b"null"),
    "a number": _raw(b"1"),
    "the right number alone": _raw(b'{"id":1}'),
    "nested without end": _raw(b"[" * 100_000),
    "nested objects": _raw(b'{"id":' * 50_000),
    "NaN": lambda said: said.replace(b"0.25", b"NaN").replace(b"null", b"NaN") + b" NaN",
    "infinite": lambda said: said.replace(b"0.25", b"1e999").replace(b'"b00t"', b"1e999"),
    "digits": lambda said: said.replace(b'"id": ', b'"id": ' + b"9" * 5000),
    "cut off": lambda said: said[:-5],
    "twice in a line": lambda said: said + said,
    "UTF-16": lambda said: said.decode().encode("utf-16"),
    "no UTF-8": lambda said: said.replace(b'"', b"\xff", 1),
    "half a character": lambda said: said.replace(b'"id"', b'"\\ud800"'),
    "a NUL": lambda said: said + b"\x00",
    "an escape": _raw(b"\x1b[2J\x1b]0;x\x07::error::x"),
    "another's number": lambda said: said.replace(b'"id": ', b'"id": 9'),
    "an error": _raw(b'{"id":null,"error":"\\u001b[31mnot understood"}'),
    "a key twice": lambda said: said.replace(b"{", b'{"id":77,', 1) if b"pid" in said else b"{",
}

TABLE = [
    *_mutations(),
    *(
        (f"{end.name}-{op}: {name}", end, op, forge)
        for end, op in ((A, "hello"), (B, "hello"), (A, "probe"), (B, "arrived"))
        for name, forge in NOISE.items()
        if name != "a key twice"
    ),
]


def _is_unknown(seen: Observation) -> None:
    assert (Outcome.ERROR, Connectivity.UNKNOWN) == (seen.outcome, seen.connectivity), seen
    assert seen.detail
    assert seen.detail.isprintable()
    assert len(seen.detail) < 500


def test_the_table_is_long() -> None:
    """A hundred and fifty forged answers at the least."""
    assert len(TABLE) >= 150


def test_what_is_mutated_would_be_a_denial() -> None:
    """An honest agent that got no answer, and one to which nothing came, deny."""
    seen = _seen(A, "", lambda said: said)
    assert (Outcome.DROPPED, False) == (seen.outcome, seen.arrived)


@pytest.mark.parametrize(
    ("end", "op", "forge"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_a_broken_agent_denies_nothing(end: Endpoint, op: str, forge: Forge) -> None:
    """What does not decode, also under the right seal, makes the flow unknown."""
    _is_unknown(_seen(end, op, forge))


NEIGHBOURS: dict[str, Forge] = {
    **{name: forge for name, forge in NOISE.items() if name not in ("a NUL", "twice in a line")},
    "without a seal": lambda said: said.partition(b" ")[2],
    "under an empty seal": lambda said: b" " + said.partition(b" ")[2],
    "under another key": lambda said: agent.sealed(b"k", b"", said.partition(b" ")[2][:-1]),
    "without a key": lambda said: agent.sealed(b"", b"", said.partition(b" ")[2][:-1]),
    "of another session": lambda said: agent.sealed(
        bytes.fromhex(agent_key(SECRET, "n/b", INSTANCE)), b"old", said.partition(b" ")[2][:-1]
    ),
    "changed under its seal": lambda said: said.replace(b"b00t", b"b11t").replace(b"0.25", b"0.5"),
    "after a line of noise": lambda said: b"warning: x\n" + said,
    "after one with a number": lambda said: b'{"id":1}\n' + said,
}


@pytest.mark.parametrize("forge", NEIGHBOURS.values(), ids=NEIGHBOURS.keys())
@pytest.mark.parametrize(
    ("end", "op"),
    [(A, "hello"), (B, "hello"), (A, "probe"), (B, "arrived")],
    ids=["a-hello", "b-hello", "a-probe", "b-arrived"],
)
def test_a_neighbour_cannot_speak_for_an_agent(end: Endpoint, op: str, forge: Forge) -> None:
    """Whoever sits at an agent's control socket without its key proves nothing by it."""

    def line(said: bytes) -> bytes:
        return forge(said).rstrip(b"\n") + b"\n"

    _is_unknown(_seen(end, op, line, sealed=False))


def test_an_agent_cannot_claim_a_connection() -> None:
    """That somebody answered is proven by who answered, not said by who asked."""

    def claiming(who: str, request: Mapping[str, Any]) -> Reply:
        return _honest(who, request, "connected")

    _is_unknown(_seen(A, "", lambda said: said, answer=claiming))


@pytest.mark.parametrize("proof", ["0" * 32, "", "x" * 3000], ids=["zeros", "none", "long"])
def test_a_proof_is_not_guessed(proof: str) -> None:
    """Nor can a pod of another key prove anything."""
    forge = _put(("results", 0), [0, "connected", proof, 0.1])
    _is_unknown(_seen(A, "probe", forge))


def test_a_request_is_not_testified_by_who_did_not_get_it() -> None:
    """The harness names requests by half of their nonces: the other half is in the packet."""

    def claiming(who: str, request: Mapping[str, Any]) -> Reply:
        reply = _honest(who, request)
        if request["op"] == "arrived":
            reply["arrived"] = [name + "0" * 16 for name in request["nonces"]]
        return reply

    _is_unknown(_seen(A, "", lambda said: said, answer=claiming))


@pytest.mark.parametrize("last", [False, True])
def test_a_syn_that_arrived_is_told_in_the_last_look(last: bool) -> None:
    """Who answered a SYN, and got nothing after it, has been reached; it is asked when it is time.

    A connection that somebody in between keeps half open long enough is what this is to find.
    """

    def half_open(who: str, request: Mapping[str, Any]) -> Reply:
        reply = _honest(who, request)
        if request["op"] == "probe":
            reply["results"] = [[0, "dropped", "10.0.0.1 40000", 1.2]]
        if request["op"] == "arrived":
            reply["half"] = request["half"]
        return reply

    seen = _seen(A, "", lambda said: said, answer=half_open, last=last)
    assert Observation(Outcome.DROPPED, arrived=last, seconds=1.2) == seen


def test_no_syn_is_testified_for_that_nobody_asked_about() -> None:
    """Nor one that is told twice: who contradicts itself testifies for nothing."""
    for half in (["10.0.0.9 40000"], ["10.0.0.9 40000"] * 2):
        _is_unknown(_seen(B, "arrived", _put(("half",), half)))


def test_a_flood_that_makes_an_agent_forget_is_no_denial() -> None:
    """An agent that has forgotten requests of this round cannot say that none came."""
    seen = _seen(B, "arrived", _put(("forgot",), 0.01))
    _is_unknown(seen)
    assert "than it can remember" in seen.detail


def test_results_that_repeat_take_the_others_with_them() -> None:
    """Who contradicts itself is not believed in what it said before."""
    one = [0, "dropped", "", 0.1]
    for results in ([one, one], [one, [0, "connected", "", 0.1]], [one, [1, "dropped", "", 0.1]]):
        _is_unknown(_seen(A, "probe", _put(("results",), results)))


def test_a_stranger_in_the_name_of_an_agent_is_named() -> None:
    """What it said is told, in characters that print."""
    with pytest.raises(ProbeError, match=r"answered: \\x1b\[2J who are you"):
        _hello(b"\x1b[2J who are you\n")


def test_only_the_beginning_of_what_was_said_is_told() -> None:
    """Eighty characters."""
    with pytest.raises(ProbeError) as caught:
        _hello(b"y" * 100_000 + b"\n")
    assert 80 == str(caught.value).count("y")


def _hello(said: bytes) -> None:
    speaker = Speaker("n/a", "hello", lambda _: said, sealed=False)
    one = channel.Channel(
        Cluster({"n/a": lambda: speaker}), A, ["relay"], agent_key(SECRET, "n/a", INSTANCE)
    )
    one.hello()
