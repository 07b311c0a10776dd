"""SPDY connections, over a carrier of two queues."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from netlab.http.streams.spdyframes import (
    DataFrame,
    Frame,
    FrameDecoder,
    FrameEncoder,
    Ping,
    ResetFrame,
    SynReply,
    SynStream,
)
from netlab.http.streams.spdysession import SpdySession


class Peer:
    """The client's end: sends frames and collects what comes back."""

    def __init__(self) -> None:
        self._to_server: asyncio.Queue[bytes] = asyncio.Queue()
        self._encoder, self._decoder = FrameEncoder(), FrameDecoder()
        self.got: list[Frame] = []

    def send(self, *frames: Frame) -> None:
        for frame in frames:
            self._to_server.put_nowait(self._encoder.encode(frame))

    def leave(self) -> None:
        self._to_server.put_nowait(b"")

    async def read(self) -> bytes:
        return await self._to_server.get()

    async def write(self, data: bytes) -> None:
        self.got += self._decoder.feed(data)


def converse(work: Callable[[SpdySession, Peer], Awaitable[None]]) -> Peer:
    """Run a test's coroutine against a session that is being served."""

    async def main() -> Peer:
        peer = Peer()
        session = SpdySession(peer)
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            group.create_task(session.serve())
            await work(session, peer)
            peer.leave()
        return peer

    return asyncio.run(main())


def test_a_stream_is_accepted_and_carries_both_ways() -> None:
    """It is answered, read to its end, written and closed."""

    async def work(session: SpdySession, peer: Peer) -> None:
        peer.send(SynStream(1, {"streamtype": "data"}), DataFrame(1, b"hi"), DataFrame(1, fin=True))
        stream = await session.accept()
        assert stream is not None
        assert stream.headers == {"streamtype": "data"}
        assert [await stream.read(), await stream.read()] == [b"hi", b""]
        await stream.write(b"ho")
        await stream.close()

    assert converse(work).got == [SynReply(1), DataFrame(1, b"ho"), DataFrame(1, fin=True)]


def test_a_ping_comes_back() -> None:
    """With its number."""

    async def work(session: SpdySession, peer: Peer) -> None:
        peer.send(Ping(7), SynStream(1))
        await session.accept()

    assert converse(work).got[0] == Ping(7)


def test_a_reset_ends_both_directions() -> None:
    """Reading ends, writing fails."""

    async def work(session: SpdySession, peer: Peer) -> None:
        peer.send(SynStream(1), ResetFrame(1))
        stream = await session.accept()
        assert stream is not None
        assert await stream.read() == b""
        try:
            await stream.write(b"x")
        except ConnectionError:
            return
        raise AssertionError("a write after the reset went through")

    converse(work)


def test_the_end_of_the_connection_ends_every_stream() -> None:
    """Readers get the end, and nothing more is accepted."""

    async def work(session: SpdySession, peer: Peer) -> None:
        peer.send(SynStream(1), SynStream(3))
        first, second = await session.accept(), await session.accept()
        assert first is not None
        assert second is not None
        peer.leave()
        assert [await first.read(), await second.read()] == [b"", b""]
        assert await session.accept() is None

    converse(work)


def test_a_slow_reader_holds_the_peer_up() -> None:
    """Not more than the limit is kept for a stream that nobody reads."""

    async def work(session: SpdySession, peer: Peer) -> None:
        chunk = b"x" * (1024 * 1024)
        peer.send(SynStream(1), *(DataFrame(1, chunk) for _ in range(5)), Ping(9))
        stream = await session.accept()
        assert stream is not None
        assert await stream.read() == chunk
        assert Ping(9) not in peer.got
        assert [await stream.read() for _ in range(4)] == [chunk] * 4

    assert Ping(9) in converse(work).got
