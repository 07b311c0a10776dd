"""A SPDY connection as streams that one reads and writes.

One task reads the connection (`serve`) and feeds the streams; everybody else reads and writes
streams. Must not know: what the streams are for, what carries the bytes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Protocol

from netlab.http.streams import spdyframes
from netlab.http.streams.spdyframes import DataFrame, GoAway, Ping, ResetFrame, SynReply, SynStream

MAX_WAITING = 2 * 1024 * 1024
"""Bytes that wait for a stream's slow reader before the whole connection waits."""

MAX_WAITING_IN_ALL = 16 * 1024 * 1024
"""Bytes that wait for all readers of a connection before it waits."""

MAX_STREAMS = 2000
"""Streams of a connection that are open, or wait for somebody to take them."""

STREAM_CREATION_S = 30.0
"""How long a client may take to open the streams that belong together (DefaultStreamCreationTimeout
of k8s.io/kubelet/pkg/cri/streaming)."""

_FRAME_COST = 64
"""Bytes that a piece of data takes beside its own."""


class ByteCarrier(Protocol):
    """What carries a SPDY connection."""

    async def read(self) -> bytes:
        """Return the next bytes, b"" at the end."""

    async def write(self, data: bytes) -> None:
        """Send bytes; waits while the peer is slow, raises ConnectionError when it is gone."""


class SpdyStream:
    """One stream that the peer opened."""

    def __init__(self, session: SpdySession, number: int, headers: Mapping[str, str]) -> None:
        """Belong to a session."""
        self._session = session
        self.number = number
        self._waiting: deque[bytes] = deque()
        self._waiting_size = 0
        self._changed = asyncio.Condition()
        self._ended = False
        self._closed = False
        self._ignored = False
        self.headers = headers

    async def read(self) -> bytes:
        """Return the next bytes, b"" when the peer sends no more."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting or self._ended)
            if not self._waiting:
                return b""
            data = self._waiting.popleft()
            self._account(-len(data) - _FRAME_COST)
            self._changed.notify_all()
            return data

    async def write(self, data: bytes) -> None:
        """Send bytes; raises ConnectionError after the stream's end."""
        if self._closed:
            raise ConnectionResetError("the stream is closed")
        await self._session.send(DataFrame(self.number, data))

    async def close(self) -> None:
        """Say that no more bytes come; reading goes on."""
        if not self._closed:
            self._closed = True
            await self._session.send(DataFrame(self.number, fin=True))
        if self.is_over:
            self._session.forget(self.number)

    @property
    def is_over(self) -> bool:
        """Whether both sides have said that they send no more."""
        return self._closed and self._ended

    async def take(self, data: bytes) -> None:
        """Queue bytes from the peer, for the session; waits while too many wait."""
        async with self._changed:
            await self._changed.wait_for(self._has_room)
            if self._ignored:
                return
            self._waiting.append(data)
            self._account(len(data) + _FRAME_COST)
            self._changed.notify_all()

    async def end(self, *, both: bool) -> None:
        """Note, for the session, that the peer sends no more (with `both`: takes no more)."""
        async with self._changed:
            self._ended = True
            self._closed = self._closed or both
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return self._ended or self._ignored or self._waiting_size < MAX_WAITING

    async def ignore(self) -> None:
        """Drop what waits and what comes: nobody reads it any more."""
        async with self._changed:
            self._ignored = True
            self._waiting.clear()
            self._account(-self._waiting_size)
            self._changed.notify_all()

    def _account(self, change: int) -> None:
        self._waiting_size += change
        self._session.account(change)


class SpdySession:
    """One connection, the server's side."""

    def __init__(self, carrier: ByteCarrier) -> None:
        """Speak over a carrier; nothing is read before `serve`."""
        self._carrier = carrier
        self._decoder, self._encoder = spdyframes.FrameDecoder(), spdyframes.FrameEncoder()
        self._streams: dict[int, SpdyStream] = {}
        self._opened: asyncio.Queue[SpdyStream | None] = asyncio.Queue()
        self._writing = asyncio.Lock()
        self._waiting_size = 0
        self._has_room = asyncio.Event()
        self._has_room.set()

    async def serve(self) -> None:
        """Read the connection until its end, then end every stream; raises nothing but cancel."""
        try:
            while data := await self._carrier.read():
                for frame in self._decoder.feed(data):
                    await self._has_room.wait()
                    await self._handle(frame)
        except (spdyframes.BrokenFramesError, ConnectionError):
            # Either way the peer cannot be talked to any more: the same as its leaving.
            return
        finally:
            for stream in self._streams.values():
                await stream.end(both=True)
            self._opened.put_nowait(None)

    async def accept(self) -> SpdyStream | None:
        """Return the next stream that the peer opens, None when the connection has ended."""
        return await self._opened.get()

    async def send(self, frame: spdyframes.Frame) -> None:
        """Send a frame; raises ConnectionError."""
        # Encoding belongs inside: the order on the wire is the order of the compressor.
        async with self._writing:
            await self._carrier.write(self._encoder.encode(frame))

    def account(self, change: int) -> None:
        """Count, for the streams, the bytes that wait for their readers."""
        self._waiting_size += change
        if self._waiting_size < MAX_WAITING_IN_ALL:
            self._has_room.set()
        else:
            self._has_room.clear()

    def forget(self, number: int) -> None:
        """Drop a stream that is over: a connection lives long and opens many."""
        self._streams.pop(number, None)

    async def _handle(self, frame: spdyframes.Frame) -> None:
        match frame:
            case SynStream():
                await self._open(frame)
            case DataFrame():
                stream = self._streams.get(frame.stream)
                if stream is not None and frame.data:
                    await stream.take(frame.data)
                if stream is not None and frame.fin:
                    await stream.end(both=False)
                    if stream.is_over:
                        self.forget(frame.stream)
            case ResetFrame():
                stream = self._streams.pop(frame.stream, None)
                if stream is not None:
                    await stream.end(both=True)
            case Ping():
                await self.send(frame)
            case SynReply() | GoAway():
                pass  # the server opens no streams, and the peer's end of file follows

    async def _open(self, frame: SynStream) -> None:
        if max(len(self._streams), self._opened.qsize()) >= MAX_STREAMS:
            raise spdyframes.BrokenFramesError(f"more than {MAX_STREAMS} streams")
        stream = SpdyStream(self, frame.stream, frame.headers)
        self._streams[frame.stream] = stream
        await self.send(SynReply(frame.stream))
        if frame.fin:
            await stream.end(both=False)
        self._opened.put_nowait(stream)
