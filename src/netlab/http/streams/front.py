"""The first thing on each connection: looks at the first request and hands the connection on.

Requests that want SPDY go to a coroutine as a pair of asyncio streams, all others to the HTTP
server's protocol: aiohttp upgrades to WebSocket only, so the heads of requests for SPDY/3.1 are
read and answered here. Must not know: what either does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from multidict import CIMultiDict

from netlab.http.doorkeeper import OpenConnections
from netlab.http.responses import dump
from netlab.objects.apierrors import ApiError, status_of

HEAD_END = b"\r\n\r\n"
MAX_HEAD = 64 * 1024
"""Bytes of a head; more is left to aiohttp to refuse."""


_MAX_PARAMETERS = 10_000


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request line and headers."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: CIMultiDict[str]

    @property
    def wants_spdy(self) -> bool:
        return self.headers.get("Upgrade", "").lower() == "spdy/3.1"


def parse_head(data: bytes) -> RequestHead | None:
    """Return the head of a request, None where it is none (aiohttp says what is wrong)."""
    first, *lines = data.partition(HEAD_END)[0].decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3:
        return None
    try:
        target = urlsplit(words[1])
    except ValueError:
        return None
    headers: CIMultiDict[str] = CIMultiDict()
    for line in lines:
        name, _, value = line.partition(":")
        headers.add(name.strip(), value.strip())
    try:
        query = parse_qs(target.query, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        return None
    return RequestHead(words[0], unquote(target.path), query, headers)


def switching(protocol: str) -> bytes:
    """Return the answer that ends HTTP on a connection, with the stream protocol chosen, if any."""
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Connection: Upgrade",
        "Upgrade: SPDY/3.1",
        *([f"X-Stream-Protocol-Version: {protocol}"] if protocol else []),
    ]
    return "\r\n".join(lines).encode() + HEAD_END


def refusing(error: BaseException) -> bytes:
    """Return the answer that refuses an upgrade, with a Status as its body."""
    code = error.code if isinstance(error, ApiError) else 500
    body = dump(status_of(error))
    lines = (
        f"HTTP/1.1 {code} Refused",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join(lines).encode() + HEAD_END + body


OnSpdy = Callable[
    [RequestHead, asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]
]


class ConnectionFront(asyncio.Protocol):
    """The protocol of a connection until its first request is known."""

    def __init__(
        self,
        http: Callable[[], asyncio.Protocol],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        on_spdy: OnSpdy,
        connections: OpenConnections,
        known: asyncio.Future[None],
    ) -> None:
        """Know the two to hand on to; `spawn` runs the second as a task that somebody holds.

        Each connection is added to `connections`, so that somebody can end them all; `known` is
        done when its client has shown who it is, and here when it has gone before.
        """
        self._http = http
        self._spawn = spawn
        self._on_spdy = on_spdy
        self._connections = connections
        self._known = known
        self._seen = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_server gives
        self._transport = transport
        self._connections.add(transport, self._known)

    def data_received(self, data: bytes) -> None:
        """Collect the head of the first request, then hand on."""
        self._seen += data
        if HEAD_END in self._seen or len(self._seen) > MAX_HEAD:
            self._hand_on(bytes(self._seen))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forget the connection."""
        self._transport = None
        if not self._known.done():
            self._known.set_result(None)

    def _hand_on(self, data: bytes) -> None:
        transport = self._transport
        if transport is None:
            return
        head = parse_head(data) if HEAD_END in data else None
        if head is not None and head.wants_spdy:
            reader, writer = _as_streams(transport, data.partition(HEAD_END)[2])
            self._spawn(self._on_spdy(head, reader, writer))
            return
        protocol = self._http()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(data)


class StreamWire:
    """A pair of asyncio streams as the carrier of a SPDY connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read from one and write to the other."""
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        """Return the next bytes, b"" at the end; raises ConnectionError when the peer is gone."""
        with _giving_up():
            return await self._reader.read(64 * 1024)

    async def write(self, data: bytes) -> None:
        """Send bytes; raises ConnectionError when the peer is gone."""
        if self._writer.is_closing():
            raise ConnectionResetError("the connection is closed")
        with _giving_up():
            self._writer.write(data)
            await self._writer.drain()


@contextlib.contextmanager
def _giving_up() -> Iterator[None]:
    """Raise ConnectionError where the kernel gave a peer up by another name, ETIMEDOUT for one."""
    try:
        yield
    except ConnectionError:
        raise
    except OSError as error:
        raise ConnectionAbortedError(error.errno, error.strerror) from error


def _as_streams(
    transport: asyncio.Transport, rest: bytes
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Turn a connection in use into a pair of streams; `rest` was read already."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    reader.feed_data(rest)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
