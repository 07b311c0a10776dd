"""Port-forward: one connection of a client joined to one connection inside a pod.

Must not know: what carries the client's bytes. The runtime dials loopback inside the pod, so no
network policy is in the way, as with a container runtime.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from typing import Protocol

from netlab.apiserver.objects import Obj
from netlab.apiserver.runtime import Runtime

CHUNK = 64 * 1024


class Duplex(Protocol):
    """A client's side of one forwarded connection."""

    async def read(self) -> bytes:
        """Return the next bytes, b"" when the client sends no more."""

    async def write(self, data: bytes) -> None:
        """Send bytes; waits while the client is slow, raises ConnectionError when it is gone."""


Complain = Callable[[str], Awaitable[None]]


async def forward(runtime: Runtime, pod: Obj, port: int, duplex: Duplex, fail: Complain) -> None:
    """Join a client to a port of a pod until the pod's side ends or the client is gone.

    A port that nobody listens on is told to `fail` in the words of a container runtime.
    """
    try:
        reader, writer = await runtime.dial(pod, port)
    except OSError as error:
        await fail(refusal(pod, port, error))
        return
    try:
        await _relay(reader, writer, duplex)
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


async def _relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, duplex: Duplex
) -> None:
    up = asyncio.create_task(_up(duplex, writer))
    down = asyncio.create_task(_down(reader, duplex))
    try:
        # The pod's end decides: a client that has said everything may still be listening.
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        if not down.done() and up.exception() is None:
            await asyncio.wait({down})
    finally:
        for task in (up, down):
            task.cancel()
        # What ends a relay is that one of the two sides is gone; there is nobody left to tell.
        await asyncio.gather(up, down, return_exceptions=True)


async def _up(duplex: Duplex, writer: asyncio.StreamWriter) -> None:
    while data := await duplex.read():
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _down(reader: asyncio.StreamReader, duplex: Duplex) -> None:
    while data := await reader.read(CHUNK):
        await duplex.write(data)
