"""Exec, attach and port-forward over WebSocket, in the channel protocols of Kubernetes.

Each message is a channel's number and bytes, or in the protocols with `base64` a digit and text.
Version 5 can close a channel, versions before 4 tell of a failure in plain words. For port-forward
there is also a tunnel for SPDY.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Sequence

from aiohttp import WSMsgType, web

from netlab import tasks
from netlab.http.podruntime import PodRuntime
from netlab.http.streams import portforwarding, remotecommand
from netlab.http.streams.podtargets import ExecTarget, listed
from netlab.http.streams.portforwarding import serve_spdy_port_forward
from netlab.http.streams.remotecommand import ExecInput, StdinData, StreamChannel
from netlab.objects import apierrors
from netlab.objects.obj import Obj

EXEC_PROTOCOLS = (
    *("v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"),
    *("channel.k8s.io", "base64.channel.k8s.io"),
)
FORWARD_PROTOCOLS = ("SPDY/3.1+portforward.k8s.io", "v4.channel.k8s.io")
MAX_MESSAGE = 32 * 1024 * 1024
"""Bytes in one message (golang.org/x/net/websocket, DefaultMaxPayloadBytes); clients send a whole
`write_stdin` as one."""

QUEUE = 16
"""Messages that wait for a slow pod before the client is made to wait."""


async def serve_websocket_exec(
    request: web.BaseRequest, runtime: PodRuntime, target: ExecTarget
) -> web.WebSocketResponse:
    """Run a command for a WebSocket client."""
    socket = await _upgrade(request, EXEC_PROTOCOLS)
    peer = _ExecPeer(socket)
    await peer.greet(target)
    await remotecommand.serve_exec(runtime, target, peer)
    await socket.close()
    return socket


async def serve_websocket_forward(
    request: web.BaseRequest, runtime: PodRuntime, pod: Obj, ports: Sequence[int]
) -> web.WebSocketResponse:
    """Forward ports for a WebSocket client; a tunnelled client names them later."""
    socket = await _upgrade(request, FORWARD_PROTOCOLS)
    if socket.ws_protocol == FORWARD_PROTOCOLS[0]:
        await serve_spdy_port_forward(runtime, pod, _Tunnel(socket))
    else:
        await _PortChannels(socket, ports).serve(runtime, pod)
    await socket.close()
    return socket


def wants_tunnel(request: web.BaseRequest) -> bool:
    """Tell whether a port-forward client wants to speak SPDY inside the WebSocket."""
    return FORWARD_PROTOCOLS[0] in _offered_protocols(request)


def _offered_protocols(request: web.BaseRequest) -> list[str]:
    """Return what the first header lists, as Kubernetes does (gorilla's websocket.Subprotocols)."""
    return listed([request.headers.get("Sec-WebSocket-Protocol", "")])


async def _upgrade(request: web.BaseRequest, protocols: Sequence[str]) -> web.WebSocketResponse:
    offered = _offered_protocols(request)
    if offered and not set(offered) & set(protocols):
        why = f"unable to upgrade: none of {offered} is one of {list(protocols)}"
        raise apierrors.bad_request(why)
    # Compression would cost more than it saves on loopback, and would hold back small messages.
    socket = web.WebSocketResponse(
        protocols=protocols if offered else (), compress=False, max_msg_size=MAX_MESSAGE
    )
    try:
        await socket.prepare(request)
    except web.HTTPException as error:
        raise apierrors.bad_request(f"unable to upgrade: {error.text}") from error
    return socket


async def _client_messages(socket: web.WebSocketResponse) -> AsyncIterator[bytes]:
    """Yield the client's messages; the Python client sends bytes as text, too."""
    async for message in socket:
        if message.type == WSMsgType.BINARY:
            yield message.data
        elif message.type == WSMsgType.TEXT:
            yield message.data.encode()


class _ExecPeer:
    """An exec client on a WebSocket."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        protocol = socket.ws_protocol or ""
        self._socket = socket
        self._is_text = "base64" in protocol
        is_new = protocol.startswith(("v4.", "v5."))
        self._encode = remotecommand.encoded_status if is_new else remotecommand.plain_failure

    async def greet(self, target: ExecTarget) -> None:
        """Say that the connection stands, as kubelet and API server do: nothing, on a channel."""
        output = StreamChannel.STDERR if target.stderr else StreamChannel.ERROR
        await self.send(StreamChannel.STDOUT if target.stdout else output, b"")

    async def send(self, channel: StreamChannel, data: bytes) -> None:
        if self._is_text:
            await self._socket.send_str(f"{channel:d}{base64.b64encode(data).decode()}")
        else:
            await self._socket.send_bytes(bytes([channel]) + data)

    async def inputs(self) -> AsyncIterator[ExecInput]:
        async for received in _client_messages(self._socket):
            message = _from_text(received) if self._is_text else received
            if message[:1] == b"\x00" and len(message) > 1:
                yield StdinData(message[1:])
            elif message == bytes([StreamChannel.CLOSE, StreamChannel.STDIN]):
                yield StdinData(b"")
            elif message[:1] == bytes([StreamChannel.RESIZE]):
                size = remotecommand.parse_resize(message[1:])
                if size is not None:
                    yield size

    async def finish(self, status: Obj) -> None:
        with contextlib.suppress(ConnectionError):
            word = self._encode(status)
            if word:
                await self.send(StreamChannel.ERROR, word)


def _from_text(message: bytes) -> bytes:
    """Return a channel's number and bytes, nothing where a message is not what it should be."""
    try:
        return bytes([int(message[:1])]) + base64.b64decode(message[1:], validate=True)
    except ValueError:
        return b""


class _Tunnel:
    """A WebSocket as a stream of bytes, for SPDY inside."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._messages = _client_messages(socket)

    async def read(self) -> bytes:
        async for message in self._messages:
            if message:
                return message
        return b""

    async def write(self, data: bytes) -> None:
        await self._socket.send_bytes(data)


class _PortChannels:
    """The plain form: two channels per port, 2i for data and 2i+1 for a complaint."""

    def __init__(self, socket: web.WebSocketResponse, ports: Sequence[int]) -> None:
        self._socket = socket
        self._ports = ports
        self._queues = [asyncio.Queue[bytes](QUEUE) for _ in ports]

    async def serve(self, runtime: PodRuntime, pod: Obj) -> None:
        """Forward until every port's connection has ended or the client is gone."""
        for index, port in enumerate(self._ports):
            # Each channel begins with its port's number, in the protocol's byte order.
            number = port.to_bytes(2, "little")
            await self._socket.send_bytes(bytes([2 * index]) + number)
            await self._socket.send_bytes(bytes([2 * index + 1]) + number)
        connections = asyncio.create_task(self._all(runtime, pod), name="forwarded connections")
        reading = asyncio.create_task(self._read(), name="a forwarding client")
        try:
            await asyncio.wait({connections, reading}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await tasks.end(connections, reading)

    async def _all(self, runtime: PodRuntime, pod: Obj) -> None:
        async with asyncio.TaskGroup() as group:
            for index in range(len(self._ports)):
                group.create_task(self._one(runtime, pod, index))

    async def _one(self, runtime: PodRuntime, pod: Obj, index: int) -> None:
        async def fail(message: str) -> None:
            await self._socket.send_bytes(bytes([2 * index + 1]) + message.encode())

        duplex = _PortChannel(self._socket, index, self._queues[index])
        await portforwarding.forward_port(runtime, pod, self._ports[index], duplex, fail)

    async def _read(self) -> None:
        async for message in _client_messages(self._socket):
            index, odd = divmod(message[0], 2) if message else (0, 1)
            if not odd and index < len(self._queues) and len(message) > 1:
                await self._queues[index].put(message[1:])


class _PortChannel:
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
