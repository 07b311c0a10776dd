"""Exec and attach: a client's streams joined to a command's, until one of the two ends.

Over SPDY as kubectl before 1.31 and most programs with client-go speak it: a stream per channel.
Must not know: how the command runs (`ExecSession`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from netlab import tasks
from netlab.http.podruntime import ExecSession, OutputSource, PodRuntime
from netlab.http.streams.podtargets import ExecTarget
from netlab.http.streams.spdysession import (
    STREAM_CREATION_S,
    ByteCarrier,
    SpdySession,
    SpdyStream,
)
from netlab.objects import apierrors
from netlab.objects.documents import parse_json
from netlab.objects.obj import Obj
from netlab.problems import RuntimeRefusal

_CHUNK = 64 * 1024
"""Bytes read from a command at most at a time; a pipe's capacity."""


class StreamChannel(IntEnum):
    """The channels of the remote command protocol."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    ERROR = 3
    RESIZE = 4
    CLOSE = 255


@dataclass(frozen=True, slots=True)
class StdinData:
    """Bytes for the command; none of them is the end of its input."""

    data: bytes


@dataclass(frozen=True, slots=True)
class TerminalSize:
    """A new size of the client's terminal."""

    rows: int
    cols: int


ExecInput = StdinData | TerminalSize


class ExecPeer(Protocol):
    """The client's side of an exec."""

    async def send(self, channel: StreamChannel, data: bytes) -> None:
        """Send output; waits while the client is slow, raises ConnectionError when it is gone."""

    def inputs(self) -> AsyncIterator[ExecInput]:
        """Yield what the client sends; ends when the client is gone."""

    async def finish(self, status: Obj) -> None:
        """Send the last word, a Status, and end the connection."""


async def serve_exec(runtime: PodRuntime, target: ExecTarget, peer: ExecPeer) -> None:
    """Run or join a command for a client; one that was run does not outlive the connection."""
    try:
        session = await _begin_session(runtime, target)
    except RuntimeRefusal as refusal:
        await peer.finish(not_started(str(refusal)))
        return
    try:
        code = await _converse(session, target, peer)
        if code is not None:
            await peer.finish(exit_status(code))
    finally:
        session.kill()
        _close_writer(session.stdin)


async def _begin_session(runtime: PodRuntime, target: ExecTarget) -> ExecSession:
    pod, container = target.pod, target.container
    if target.argv:
        return await runtime.exec(pod, container, target.argv, stdin=target.stdin, tty=target.tty)
    return await runtime.attach(pod, container, stdin=target.stdin)


def exit_status(code: int) -> Obj:
    """Return the Status that tells of a command's exit status."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def not_started(why: str) -> Obj:
    """Return the Status that tells why a command could not be started."""
    return apierrors.status_of(apierrors.internal(f"error executing command in container: {why}"))


def parse_resize(data: bytes) -> TerminalSize | None:
    """Read a terminal size as clients send it, None where it makes no sense."""
    try:
        size = parse_json(data)
        rows, cols = size["Height"], size["Width"]
    except (ValueError, TypeError, KeyError, apierrors.ApiError):
        return None
    if all(type(number) is int and 0 <= number < 2**16 for number in (rows, cols)):
        return TerminalSize(rows, cols)
    return None


async def _converse(session: ExecSession, target: ExecTarget, peer: ExecPeer) -> int | None:
    """Return the exit status, None where the client left first."""
    outputs = asyncio.create_task(_send_outputs(session, target, peer), name="a command's output")
    inputs = asyncio.create_task(_take_inputs(session, peer), name="a command's input")
    try:
        await asyncio.wait({outputs, inputs}, return_when=asyncio.FIRST_COMPLETED)
        return outputs.result() if outputs.done() else None
    except ConnectionError:
        return None
    finally:
        await tasks.end(outputs, inputs)


async def _send_outputs(session: ExecSession, target: ExecTarget, peer: ExecPeer) -> int:
    pumps = [_pump_output(session.stdout, StreamChannel.STDOUT, peer if target.stdout else None)]
    if session.stderr is not None:
        pumps.append(
            _pump_output(session.stderr, StreamChannel.STDERR, peer if target.stderr else None)
        )
    # All output first: what the command wrote before it ended reaches the client before its end.
    await asyncio.gather(*pumps)
    return await session.wait()


async def _pump_output(source: OutputSource, channel: StreamChannel, peer: ExecPeer | None) -> None:
    while data := await source.read(_CHUNK):
        if peer is not None:
            await peer.send(channel, data)


async def _take_inputs(session: ExecSession, peer: ExecPeer) -> None:
    async for client_input in peer.inputs():
        if isinstance(client_input, TerminalSize):
            session.resize(client_input.rows, client_input.cols)
        elif session.stdin is None or session.stdin.is_closing():
            continue
        elif client_input.data:
            # A command that closed its input does not want it; its output still counts.
            with contextlib.suppress(ConnectionError):
                session.stdin.write(client_input.data)
                await session.stdin.drain()
        else:
            _close_writer(session.stdin)


def _close_writer(writer: asyncio.StreamWriter | None) -> None:
    if writer is not None and not writer.is_closing():
        writer.close()


def encoded_status(status: Obj) -> bytes:
    """Return a Status as clients read it since version 4."""
    return json.dumps(status).encode()


def plain_failure(status: Obj) -> bytes:
    """Return a Status as clients before version 4 read it: success needs no word."""
    return str(status.get("message", "")).encode()


@dataclass(frozen=True, slots=True)
class SpdyProtocol:
    """A version of the remote command protocol over SPDY, a stream for each channel."""

    name: str
    resizes: bool
    """Whether a client with a terminal opens a stream for its size."""
    encode: Callable[[Obj], bytes]
    """Makes the last word of a Status."""


SPDY_PROTOCOLS = {
    version.name: version
    for version in (
        SpdyProtocol("v4.channel.k8s.io", resizes=True, encode=encoded_status),
        SpdyProtocol("v3.channel.k8s.io", resizes=True, encode=plain_failure),
        SpdyProtocol("v2.channel.k8s.io", resizes=False, encode=plain_failure),
        SpdyProtocol("channel.k8s.io", resizes=False, encode=plain_failure),
        SpdyProtocol("", resizes=False, encode=plain_failure),
    )
}
"""The versions by name; clients older than the names offer none."""

_CHANNELS = frozenset({"stdin", "stdout", "stderr", "error", "resize"})
_LATE = "timed out waiting for client to create streams"


async def serve_spdy_exec(
    runtime: PodRuntime, target: ExecTarget, carrier: ByteCarrier, protocol: SpdyProtocol
) -> None:
    """Run a command for a SPDY client; it does not outlive the connection.

    A client that opens too few streams is told on its error stream, as far as it has one. (A
    container runtime writes that to its own log, and leaves the client to wait.)
    """
    session = SpdySession(carrier)
    reading = asyncio.create_task(session.serve(), name="a SPDY connection")
    streams: dict[str, SpdyStream] = {}
    peer = _SpdyPeer(streams, reading, protocol)
    collecting = _collect_streams(session, streams, _count(target, protocol))
    try:
        try:
            is_complete = await asyncio.wait_for(collecting, STREAM_CREATION_S)
        except TimeoutError:
            await peer.finish(apierrors.status_of(apierrors.internal(_LATE)))
            return
        if is_complete:
            await serve_exec(runtime, target, peer)
    except ConnectionError:
        return  # a client that leaves hears no more
    finally:
        await tasks.end(reading)


def _count(target: ExecTarget, protocol: SpdyProtocol) -> int:
    """Return how many streams the request makes a runtime wait for, the error stream included."""
    resizes = target.tty and protocol.resizes
    return 1 + sum((target.stdin, target.stdout, target.stderr, resizes))


async def _collect_streams(
    session: SpdySession, streams: dict[str, SpdyStream], wanted: int
) -> bool:
    """Collect streams by their type until there are enough; False where the client left before.

    They are counted and not called by name, as runtimes do (createHTTPStreamStreams of
    k8s.io/kubelet/pkg/cri/streaming/remotecommand): who asks for a terminal and opens a stream for
    errors of the command instead of one for sizes is served, too.
    """
    opened = 0
    while opened < wanted:
        stream = await session.accept()
        if stream is None:
            return False
        kind = stream.headers.get("streamtype", "")
        if kind in _CHANNELS:
            streams[kind] = stream
            opened += 1
    return True


class _SpdyPeer:
    """An exec client on SPDY streams."""

    def __init__(
        self,
        streams: dict[str, SpdyStream],
        connection: asyncio.Task[None],
        protocol: SpdyProtocol,
    ) -> None:
        self._streams = streams
        self._connection = connection
        self._protocol = protocol
        self._names = {
            StreamChannel.STDOUT: "stdout",
            StreamChannel.STDERR: "stderr",
            StreamChannel.ERROR: "error",
        }

    async def send(self, channel: StreamChannel, data: bytes) -> None:
        stream = self._streams.get(self._names[channel])
        if stream is not None:  # what no stream was opened for is lost, as with a runtime
            await stream.write(data)

    async def inputs(self) -> AsyncIterator[ExecInput]:
        """Yield input and sizes as they come, until the connection ends."""
        queue: asyncio.Queue[ExecInput | None] = asyncio.Queue(1)
        readers = [asyncio.create_task(self._ending(queue), name="a SPDY connection's end")]
        if "stdin" in self._streams:
            stdin = _read_stdin(self._streams["stdin"], queue)
            readers.append(asyncio.create_task(stdin, name="a SPDY client's input"))
        if "resize" in self._streams:
            sizes = _read_sizes(self._streams["resize"], queue)
            readers.append(asyncio.create_task(sizes, name="a SPDY client's terminal"))
        try:
            while (client_input := await queue.get()) is not None:
                yield client_input
        finally:
            await tasks.end(*readers)

    async def finish(self, status: Obj) -> None:
        word = self._protocol.encode(status)
        with contextlib.suppress(ConnectionError):
            for name, stream in self._streams.items():
                if name == "error" and word:
                    await stream.write(word)
                await stream.close()

    async def _ending(self, queue: asyncio.Queue[ExecInput | None]) -> None:
        await asyncio.wait({self._connection})
        await queue.put(None)


async def _read_stdin(stream: SpdyStream, queue: asyncio.Queue[ExecInput | None]) -> None:
    while data := await stream.read():
        await queue.put(StdinData(data))
    await queue.put(StdinData(b""))


async def _read_sizes(stream: SpdyStream, queue: asyncio.Queue[ExecInput | None]) -> None:
    while data := await stream.read():
        size = parse_resize(data)
        if size is not None:
            await queue.put(size)
