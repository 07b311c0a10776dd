"""Exec and attach over SPDY, as kubectl before 1.31 speaks them: a stream per channel, v4."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from netlab.apiserver.runtime import Runtime
from netlab.apiserver.streams import exec as exec_
from netlab.apiserver.streams.exec import Channel, Input, Stdin
from netlab.apiserver.streams.spdy_session import Bytes, Session, Stream
from netlab.apiserver.streams.target import ExecTarget

PROTOCOL = "v4.channel.k8s.io"

OPENING_S = 30.0
"""How long a client may take to open its streams; the kubelet's own limit."""


async def serve_exec(runtime: Runtime, target: ExecTarget, carrier: Bytes) -> None:
    """Run a command for a SPDY client; it does not outlive the connection."""
    session = Session(carrier)
    reading = asyncio.create_task(session.serve())
    try:
        async with asyncio.timeout(OPENING_S):
            streams = await _collect(session, _wanted(target))
        if streams is not None:
            await exec_.serve(runtime, target, _SpdyPeer(streams, reading))
    except (TimeoutError, ConnectionError):
        return  # a client that opens no streams, or leaves, hears no more
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _wanted(target: ExecTarget) -> frozenset[str]:
    wanted = {"error": True, "stdin": target.stdin, "stdout": target.stdout}
    wanted |= {"stderr": target.stderr, "resize": target.tty}
    return frozenset(name for name, is_wanted in wanted.items() if is_wanted)


async def _collect(session: Session, wanted: frozenset[str]) -> dict[str, Stream] | None:
    """Return the streams by their type, None where the client left before it opened all."""
    streams: dict[str, Stream] = {}
    while not wanted <= streams.keys():
        stream = await session.accept()
        if stream is None:
            return None
        streams[stream.headers.get("streamtype", "")] = stream
    return streams


class _SpdyPeer:
    """An exec client on SPDY streams."""

    def __init__(self, streams: dict[str, Stream], connection: asyncio.Task[None]) -> None:
        self._streams = streams
        self._connection = connection
        self._names = {Channel.STDOUT: "stdout", Channel.STDERR: "stderr", Channel.ERROR: "error"}

    async def send(self, channel: Channel, data: bytes) -> None:
        await self._streams[self._names[channel]].write(data)

    async def inputs(self) -> AsyncIterator[Input]:
        """Yield input and sizes as they come, until the connection ends."""
        queue: asyncio.Queue[Input | None] = asyncio.Queue(1)
        tasks = [asyncio.create_task(self._ending(queue))]
        if "stdin" in self._streams:
            tasks.append(asyncio.create_task(_read_stdin(self._streams["stdin"], queue)))
        if "resize" in self._streams:
            tasks.append(asyncio.create_task(_read_sizes(self._streams["resize"], queue)))
        try:
            while (given := await queue.get()) is not None:
                yield given
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def finish(self, status: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            for name, stream in self._streams.items():
                if name == "error":
                    await stream.write(status)
                await stream.close()

    async def _ending(self, queue: asyncio.Queue[Input | None]) -> None:
        await asyncio.wait({self._connection})
        await queue.put(None)


async def _read_stdin(stream: Stream, queue: asyncio.Queue[Input | None]) -> None:
    while data := await stream.read():
        await queue.put(Stdin(data))
    await queue.put(Stdin(b""))


async def _read_sizes(stream: Stream, queue: asyncio.Queue[Input | None]) -> None:
    while data := await stream.read():
        size = exec_.parse_resize(data)
        if size is not None:
            await queue.put(size)
