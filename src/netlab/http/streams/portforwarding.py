"""Port-forward: one connection of a client joined to one connection inside a pod.

The runtime dials loopback inside the pod, so no network policy is in the way, as with a container
runtime. Over SPDY any number of connections, each an error and a data stream with the same request
id. Sources: KEP-4006 and pkg/streaming/portforward of the CRI streaming library.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from netlab import tasks
from netlab.http.podruntime import PodRuntime
from netlab.http.streams.spdysession import (
    MAX_STREAMS,
    STREAM_CREATION_S,
    ByteCarrier,
    SpdySession,
    SpdyStream,
)
from netlab.objects.limits import whole_number
from netlab.objects.obj import Obj

log = logging.getLogger(__name__)

_CHUNK = 64 * 1024


class Duplex(Protocol):
    """A client's side of one forwarded connection."""

    async def read(self) -> bytes:
        """Return the next bytes, b"" when the client sends no more."""

    async def write(self, data: bytes) -> None:
        """Send bytes; waits while the client is slow, raises ConnectionError when it is gone."""


ReportFailure = Callable[[str], Awaitable[None]]


async def forward_port(
    runtime: PodRuntime, pod: Obj, port: int, duplex: Duplex, fail: ReportFailure
) -> None:
    """Join a client to a port of a pod until the pod's side ends or the client is gone.

    A port that nobody listens on is told to `fail` in the words of a container runtime.
    """
    try:
        reader, writer = await runtime.dial(pod, port)
    except OSError as error:
        await fail(refusal(pod, port, error))
        return
    try:
        await _relay_both(reader, writer, duplex)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def refusal(pod: Obj, port: int, error: OSError) -> str:
    """Return what a client is told when a port of a pod cannot be reached."""
    meta = pod["metadata"]
    why = os.strerror(error.errno).lower() if error.errno else str(error)
    return (
        f"error forwarding port {port} to pod {meta['name']}, uid {meta['uid']}: "
        "failed to execute portforward in network namespace: "
        f"failed to connect to localhost:{port} inside namespace: {why}"
    )


async def _relay_both(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, duplex: Duplex
) -> None:
    up = asyncio.create_task(_pump_up(duplex, writer), name="a forwarded client")
    down = asyncio.create_task(_pump_down(reader, duplex), name="a forwarded port")
    try:
        # The pod's end decides: a client that has said everything may still be listening.
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        if not down.done() and up.exception() is None:
            await asyncio.wait({down})
    finally:
        # What ends a relay is that one of the two sides is gone; there is nobody left to tell.
        await tasks.end(up, down)


async def _pump_up(duplex: Duplex, writer: asyncio.StreamWriter) -> None:
    while data := await duplex.read():
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _pump_down(reader: asyncio.StreamReader, duplex: Duplex) -> None:
    while data := await reader.read(_CHUNK):
        await duplex.write(data)


async def serve_spdy_port_forward(runtime: PodRuntime, pod: Obj, carrier: ByteCarrier) -> None:
    """Serve a client's connections until it leaves; none of them outlives it."""
    session = SpdySession(carrier)
    reading = asyncio.create_task(session.serve(), name="a SPDY connection")
    connections: set[asyncio.Task[None]] = set()
    waiting: dict[str, _StreamPair] = {}
    try:
        while (stream := await session.accept()) is not None:
            kind, request = stream.headers.get("streamtype"), _request_of(stream)
            if kind == "error":
                await stream.ignore()
            elif kind != "data":
                continue
            pair = waiting.get(request)
            if pair is None:
                pair = waiting[request] = _StreamPair()
                work = _serve_pair(runtime, pod, pair, partial(waiting.pop, request))
                task = asyncio.create_task(work, name="a forwarded connection")
                connections.add(task)
                task.add_done_callback(connections.discard)
            await pair.add(kind, stream)
            if len(waiting) > MAX_STREAMS:
                return  # streams that nothing follows: no client of ours does that
    finally:
        await tasks.end(reading, *connections)


def _request_of(stream: SpdyStream) -> str:
    """Return what joins two streams: the id of their request, or what their numbers tell.

    Clients older than the header open the error stream first and the data stream right after it.
    """
    number = stream.number if stream.headers.get("streamtype") == "error" else stream.number - 2
    return stream.headers.get("requestid") or f"stream {number}"


class _StreamPair:
    """The two streams of one forwarded connection, in whichever order they come."""

    def __init__(self) -> None:
        self._streams: dict[str, SpdyStream] = {}
        self._is_complete = asyncio.Event()

    async def add(self, kind: str, stream: SpdyStream) -> None:
        if kind in self._streams:
            await self.complain(f"{kind} stream already assigned")
            return
        self._streams[kind] = stream
        if len(self._streams) == 2:
            self._is_complete.set()

    async def complete(self) -> tuple[SpdyStream, SpdyStream]:
        """Wait for both, first the one for data; raise TimeoutError."""
        async with asyncio.timeout(STREAM_CREATION_S):
            await self._is_complete.wait()
        return self._streams["data"], self._streams["error"]

    async def complain(self, why: str) -> None:
        """Tell the client, where it opened a stream to be told on."""
        complaints = self._streams.get("error")
        if complaints is not None:
            with contextlib.suppress(ConnectionError):
                await complaints.write(why.encode())

    async def close(self) -> None:
        with contextlib.suppress(ConnectionError):
            for stream in self._streams.values():
                await stream.close()
                await stream.ignore()


async def _serve_pair(
    runtime: PodRuntime, pod: Obj, pair: _StreamPair, forget: Callable[[], object]
) -> None:
    """Serve a connection when both streams are there; tell a client that opens but one of them."""
    try:
        streams = await pair.complete()
    except TimeoutError:
        await pair.complain("timed out waiting for streams")
        await pair.close()
        return
    finally:
        forget()
    await _serve_connection(runtime, pod, *streams)


async def _serve_connection(
    runtime: PodRuntime, pod: Obj, data: SpdyStream, complaints: SpdyStream
) -> None:
    async def fail(message: str) -> None:
        await complaints.write(message.encode())

    try:
        port = _port_of(data)
        if port is None:
            await fail(f'"{data.headers.get("port", "")}" is no port')
        else:
            await forward_port(runtime, pod, port, data, fail)
        await data.close()
        await complaints.close()
    except ConnectionError:
        return  # the client has gone, and with it the one to tell
    except Exception as error:
        # The client holds many connections on this one: without a word it would wait for ever.
        log.exception("a forwarded connection of pod %s died", pod["metadata"]["name"])
        with contextlib.suppress(ConnectionError):
            await fail(f"error forwarding port: {tasks.describe(error)}")
            await data.close()
            await complaints.close()
    finally:
        await data.ignore()


def _port_of(stream: SpdyStream) -> int | None:
    return whole_number(stream.headers.get("port", ""), 65535) or None
