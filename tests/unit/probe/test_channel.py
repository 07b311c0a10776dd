"""One agent's channel, over streams made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from tenacity import wait_none

from netproof.errors import ProbeError
from netproof.model.flow import Endpoint
from netproof.probe import agent
from netproof.probe.channel import TRANSPORT_RETRIES, Channel
from netproof.probe.messages import Hello

KEY = "ab" * 32
HELLO = {
    "identity": "n/a",
    "version": agent.VERSION,
    "pid": 1,
    "boot": "b1",
    "serving": [],
    "failures": [[80, "TCP", "IPv6", "EADDRINUSE"]],
    "sctp": False,
    "faults": [],
}
Play = Callable[[dict[str, Any]], bytes]


def _line(request: dict[str, Any], **reply: object) -> bytes:
    """Return an answer that is not sealed yet."""
    return json.dumps({"id": request["id"], **reply}).encode() + b"\n"


@dataclass
class FakeStream:
    """Answers hello, and everything else as it is told; at the end of its answers it is silent."""

    play: Play
    open: bool = True
    unread: list[bytes] = field(default_factory=list)
    now: float = 0.0
    session: bytes = b""

    def send(self, data: bytes) -> None:
        _, self.session, request_line = data.split(b" ", 2)
        assert data == agent.asked(bytes.fromhex(KEY), self.session, request_line.rstrip())
        request = json.loads(request_line)
        said = _line(request, **HELLO) if request["op"] == "hello" else self.play(request)
        key = bytes.fromhex(KEY)
        reply = b"".join(agent.sealed(key, self.session, line) for line in said.splitlines())
        half = len(reply) // 2
        self.unread += [reply[:half], reply[half:]]

    def receive(self, timeout_s: float) -> bytes:
        if self.unread:
            return self.unread.pop(0)
        self.now += timeout_s
        return b""

    def close(self) -> None:
        self.open = False


@dataclass
class FakeOpener:
    """Opens one stream after another, each with its own play; None cannot be opened."""

    plays: Sequence[Play | None]
    streams: list[FakeStream] = field(default_factory=list)
    tried: int = 0

    def open(self, source: Endpoint, command: Sequence[str]) -> FakeStream:
        assert (Endpoint.pod("n/a"), ["relay"]) == (source, command)
        play = self.plays[min(self.tried, len(self.plays) - 1)]
        self.tried += 1
        if play is None:
            raise ProbeError("exec in pod n/a: not found")
        self.streams.append(FakeStream(play))
        return self.streams[-1]

    def clock(self) -> float:
        return sum(stream.now for stream in self.streams)


def _gone(_: dict[str, Any]) -> bytes:
    raise EOFError("broken pipe")


def _half(request: dict[str, Any]) -> bytes:
    return _line(request, part=1, last=False)


def _full(request: dict[str, Any]) -> bytes:
    return _line(request, part=1, last=False) + _line(request, part=2, last=True)


def _channel(opener: FakeOpener) -> Channel:
    retries = TRANSPORT_RETRIES.copy(wait=wait_none())
    return Channel(opener, Endpoint.pod("n/a"), ["relay"], KEY, clock=opener.clock, retries=retries)


def _ask(channel: Channel) -> tuple[list[int], int]:
    parts: list[int] = []

    def take(reply: Mapping[str, Any]) -> bool:
        parts.append(reply["part"])
        return bool(reply["last"])

    return parts, channel.ask({"op": "probe"}, dict, take, deadline_s=5.0)


def test_hello_says_who_answers_and_what_it_could_not_serve() -> None:
    """The first words on a stream are read into a value."""
    hello = _channel(FakeOpener([_full])).hello()
    assert Hello("n/a", "b1", {(80, "TCP", "IPv6"): "EADDRINUSE"}) == hello


def test_answers_come_in_parts_until_the_last() -> None:
    """A request ends with the answer that says it is the last one."""
    assert ([1, 2], 1) == _ask(_channel(FakeOpener([_full])))


def test_one_stream_serves_many_requests() -> None:
    """A stream that works is kept."""
    opener = FakeOpener([_full])
    channel = _channel(opener)
    _ask(channel)
    _ask(channel)
    assert 1 == len(opener.streams)


def test_a_transport_that_broke_before_an_answer_is_tried_again_and_counted() -> None:
    """A request that got no answer is sent once more over a new stream."""
    assert ([1, 2], 2) == _ask(_channel(FakeOpener([_gone, _full])))


def test_an_exec_that_was_refused_is_tried_again() -> None:
    """A stream that could not be opened is tried again; the request was sent once."""
    assert ([1, 2], 1) == _ask(_channel(FakeOpener([None, _full])))


def test_tries_are_bounded() -> None:
    """A pod that is gone ends as an error with the cluster's reason."""
    opener = FakeOpener([None])
    with pytest.raises(ProbeError, match="exec in pod n/a: not found"):
        _channel(opener).hello()
    assert 4 == opener.tried


def test_a_silent_agent_is_an_error_and_its_stream_not_used_again() -> None:
    """A deadline that passes ends the request and the stream, after a first answer too."""
    opener = FakeOpener([_half, _full])
    channel = _channel(opener)
    with pytest.raises(ProbeError, match="did not answer in time"):
        _ask(channel)
    assert not opener.streams[0].open
    assert ([1, 2], 1) == _ask(channel)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (b"Traceback: oh\n", "answered: Traceback: oh"),
        (b'{"id":null,"error":"not understood"}\n', "answered: not understood"),
        (b'{"id":99}\n', "an answer to another question"),
    ],
    ids=["garbage", "refusal", "another's answer"],
)
def test_what_is_not_the_answer_is_an_error(said: bytes, message: str) -> None:
    """Anything but the answer to the request ends in an error that shows it."""
    with pytest.raises(ProbeError, match=message):
        _ask(_channel(FakeOpener([lambda _: said])))


def test_a_transport_that_breaks_after_an_answer_is_not_tried_again() -> None:
    """Half an answer is kept and the rest is an error: the probes may have been made."""

    @dataclass
    class Breaking(FakeStream):
        def receive(self, timeout_s: float) -> bytes:
            if not self.unread:
                raise EOFError("connection reset")
            return super().receive(timeout_s)

    class Opener(FakeOpener):
        def open(self, source: Endpoint, command: Sequence[str]) -> FakeStream:
            assert (Endpoint.pod("n/a"), ["relay"]) == (source, command)
            self.streams.append(Breaking(_half))
            return self.streams[-1]

    opener = Opener([])
    with pytest.raises(ProbeError, match="is gone: connection reset"):
        _ask(_channel(opener))
    assert 1 == len(opener.streams)
