"""Exec and attach: a client's streams joined to a command's, until one of the two ends.

Must not know: what carries the streams (`ExecPeer`), how the command runs (`ExecSession`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from netlab.apiserver import errors
from netlab.apiserver.objects import Obj
from netlab.apiserver.runtime import ExecSession, Runtime, RuntimeRefusal, Source
from netlab.apiserver.streams.target import ExecTarget

CHUNK = 64 * 1024
"""Bytes read from a command at most at a time; a pipe's capacity."""


class Channel(IntEnum):
    """The channels of the remote command protocol."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    ERROR = 3
    RESIZE = 4
    CLOSE = 255


@dataclass(frozen=True, slots=True)
class Stdin:
    """Bytes for the command; none of them is the end of its input."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Resize:
    """A new size of the client's terminal."""

    rows: int
    cols: int


Input = Stdin | Resize


class ExecPeer(Protocol):
    """The client's side of an exec."""

    async def send(self, channel: Channel, data: bytes) -> None:
        """Send output; waits while the client is slow, raises ConnectionError when it is gone."""

    def inputs(self) -> AsyncIterator[Input]:
        """Yield what the client sends; ends when the client is gone."""

    async def finish(self, status: bytes) -> None:
        """Send the last word, a Status as JSON, and end the connection."""


async def serve(runtime: Runtime, target: ExecTarget, peer: ExecPeer) -> None:
    """Run or join a command for a client; one that was run does not outlive the connection."""
    try:
        session = await _begin(runtime, target)
    except RuntimeRefusal as refusal:
        await peer.finish(_encode(not_started(str(refusal))))
        return
    try:
        code = await _converse(session, target, peer)
        if code is not None:
            await peer.finish(_encode(exit_status(code)))
    finally:
        session.kill()
        _close(session.stdin)


async def _begin(runtime: Runtime, target: ExecTarget) -> ExecSession:
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
    return errors.status_of(errors.internal(f"error executing command in container: {why}"))


def parse_resize(data: bytes) -> Resize | None:
    """Read a terminal size as clients send it, None where it makes no sense."""
    try:
        size = json.loads(data)
        return Resize(rows=int(size["Height"]), cols=int(size["Width"]))
    except (ValueError, TypeError, KeyError):
        return None


async def _converse(session: ExecSession, target: ExecTarget, peer: ExecPeer) -> int | None:
    """Return the exit status, None where the client left first."""
    outputs = asyncio.create_task(_outputs(session, target, peer))
    inputs = asyncio.create_task(_inputs(session, peer))
    try:
        await asyncio.wait({outputs, inputs}, return_when=asyncio.FIRST_COMPLETED)
        return outputs.result() if outputs.done() else None
    except ConnectionError:
        return None
    finally:
        for task in (outputs, inputs):
            task.cancel()
        await asyncio.gather(outputs, inputs, return_exceptions=True)


async def _outputs(session: ExecSession, target: ExecTarget, peer: ExecPeer) -> int:
    pumps = [_pump(session.stdout, Channel.STDOUT, peer if target.stdout else None)]
    if session.stderr is not None:
        pumps.append(_pump(session.stderr, Channel.STDERR, peer if target.stderr else None))
    # All output first: what the command wrote before it ended reaches the client before its end.
    await asyncio.gather(*pumps)
    return await session.wait()


async def _pump(source: Source, channel: Channel, peer: ExecPeer | None) -> None:
    while data := await source.read(CHUNK):
        if peer is not None:
            await peer.send(channel, data)


async def _inputs(session: ExecSession, peer: ExecPeer) -> None:
    async for given in peer.inputs():
        if isinstance(given, Resize):
            session.resize(given.rows, given.cols)
        elif session.stdin is None or session.stdin.is_closing():
            continue
        elif given.data:
            # A command that closed its input does not want it; its output still counts.
            with contextlib.suppress(ConnectionError):
                session.stdin.write(given.data)
                await session.stdin.drain()
        else:
            _close(session.stdin)


def _close(writer: asyncio.StreamWriter | None) -> None:
    if writer is not None and not writer.is_closing():
        writer.close()


def _encode(status: Obj) -> bytes:
    return json.dumps(status).encode()
