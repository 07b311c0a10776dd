"""Exec, attach and port-forward over WebSocket, in the channel protocols of Kubernetes.

Each message is a channel's number and bytes: v4.channel.k8s.io and v5.channel.k8s.io (which can
close a channel), and for port-forward also a tunnel for SPDY.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from aiohttp import WSMsgType, web

from netlab.apiserver import errors
from netlab.apiserver.objects import Obj
from netlab.apiserver.runtime import Runtime
from netlab.apiserver.streams import exec as exec_
from netlab.apiserver.streams import portforward
from netlab.apiserver.streams.exec import Channel, Input, Stdin
from netlab.apiserver.streams.spdy_portforward import serve_port_forward
from netlab.apiserver.streams.target import ExecTarget

EXEC_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
FORWARD_PROTOCOLS = ("SPDY/3.1+portforward.k8s.io", "v4.channel.k8s.io")
MAX_MESSAGE = 64 * 1024 * 1024
"""Bytes in one message; clients send a whole `write_stdin` as one."""

QUEUE = 16
"""Messages that wait for a slow pod before the client is made to wait."""


async def serve_exec(
    request: web.BaseRequest, runtime: Runtime, target: ExecTarget
) -> web.WebSocketResponse:
    """Run a command for a WebSocket client."""
    socket = await _upgrade(request, EXEC_PROTOCOLS)
    await exec_.serve(runtime, target, _ExecPeer(socket))
    await socket.close()
    return socket


async def serve_forward(
    request: web.BaseRequest, runtime: Runtime, pod: Obj, ports: Sequence[int]
) -> web.WebSocketResponse:
    """Forward ports for a WebSocket client; a tunnelled client names them later."""
    socket = await _upgrade(request, FORWARD_PROTOCOLS)
    if socket.ws_protocol == FORWARD_PROTOCOLS[0]:
        await serve_port_forward(runtime, pod, _Tunnel(socket))
    else:
        await _Ports(socket, ports).serve(runtime, pod)
    await socket.close()
    return socket


def wants_tunnel(request: web.BaseRequest) -> bool:
    """Tell whether a port-forward client wants to speak SPDY inside the WebSocket."""
    return FORWARD_PROTOCOLS[0] in _offered(request)


def _offered(request: web.BaseRequest) -> list[str]:
    given = request.headers.get("Sec-WebSocket-Protocol", "")
    return [name for part in given.split(",") if (name := part.strip())]


async def _upgrade(request: web.BaseRequest, protocols: Sequence[str]) -> web.WebSocketResponse:
    offered = _offered(request)
    if offered and not set(offered) & set(protocols):
        why = f"unable to upgrade: none of {offered} is one of {list(protocols)}"
        raise errors.bad_request(why)
    # Compression would cost more than it saves on loopback, and would hold back small messages.
    socket = web.WebSocketResponse(
        protocols=protocols if offered else (), compress=False, max_msg_size=MAX_MESSAGE
    )
    try:
        await socket.prepare(request)
    except web.HTTPException as error:
        raise errors.bad_request(f"unable to upgrade: {error.text}") from error
    return socket


async def _messages(socket: web.WebSocketResponse) -> AsyncIterator[bytes]:
    """Yield the client's messages; the Python client sends bytes as text, too."""
    async for message in socket:
        if message.type == WSMsgType.BINARY:
            yield message.data
        elif message.type == WSMsgType.TEXT:
            yield message.data.encode()


class _ExecPeer:
    """An exec client on a WebSocket."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def send(self, channel: Channel, data: bytes) -> None:
        await self._socket.send_bytes(bytes([channel]) + data)

    async def inputs(self) -> AsyncIterator[Input]:
        async for message in _messages(self._socket):
            if message[:1] == b"\x00" and len(message) > 1:
                yield Stdin(message[1:])
            elif message == bytes([Channel.CLOSE, Channel.STDIN]):
                yield Stdin(b"")
            elif message[:1] == bytes([Channel.RESIZE]):
                size = exec_.parse_resize(message[1:])
                if size is not None:
                    yield size

    async def finish(self, status: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            await self.send(Channel.ERROR, status)


class _Tunnel:
    """A WebSocket as a stream of bytes, for SPDY inside."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._messages = _messages(socket)

    async def read(self) -> bytes:
        async for message in self._messages:
            if message:
                return message
        return b""

    async def write(self, data: bytes) -> None:
        await self._socket.send_bytes(data)


class _Ports:
    """The plain form: two channels per port, 2i for data and 2i+1 for a complaint."""

    def __init__(self, socket: web.WebSocketResponse, ports: Sequence[int]) -> None:
        self._socket = socket
        self._ports = ports
        self._queues = [asyncio.Queue[bytes](QUEUE) for _ in ports]

    async def serve(self, runtime: Runtime, pod: Obj) -> None:
        """Forward until every port's connection has ended or the client is gone."""
        for index, port in enumerate(self._ports):
            # Each channel begins with its port's number, in the protocol's byte order.
            number = port.to_bytes(2, "little")
            await self._socket.send_bytes(bytes([2 * index]) + number)
            await self._socket.send_bytes(bytes([2 * index + 1]) + number)
        connections = asyncio.create_task(self._all(runtime, pod))
        reading = asyncio.create_task(self._read())
        try:
            await asyncio.wait({connections, reading}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            connections.cancel()
            reading.cancel()
            await asyncio.gather(connections, reading, return_exceptions=True)

    async def _all(self, runtime: Runtime, pod: Obj) -> None:
        async with asyncio.TaskGroup() as group:
            for index in range(len(self._ports)):
                group.create_task(self._one(runtime, pod, index))

    async def _one(self, runtime: Runtime, pod: Obj, index: int) -> None:
        async def fail(said: str) -> None:
            await self._socket.send_bytes(bytes([2 * index + 1]) + said.encode())

        duplex = _Port(self._socket, index, self._queues[index])
        await portforward.forward(runtime, pod, self._ports[index], duplex, fail)

    async def _read(self) -> None:
        async for message in _messages(self._socket):
            index, odd = divmod(message[0], 2) if message else (0, 1)
            if not odd and index < len(self._queues) and len(message) > 1:
                await self._queues[index].put(message[1:])


class _Port:
    """One port's data channel as a duplex."""

    def __init__(
        self, socket: web.WebSocketResponse, index: int, queue: asyncio.Queue[bytes]
    ) -> None:
        self._socket = socket
        self._channel = bytes([2 * index])
        self._queue = queue

    async def read(self) -> bytes:
        return await self._queue.get()

    async def write(self, data: bytes) -> None:
        await self._socket.send_bytes(self._channel + data)
