"""Who stands at the API's door: clients that have not shown a token yet, few and not for long.

The port is open to every process of the machine. Whoever connects is a stranger until a request of
theirs was let in: they have a time for handshake, head and token together, and where there are too
many of an address, the one who has stood there longest goes. So nobody keeps others out by coming
and saying nothing. Must not know: HTTP, or what a token is.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from asyncio.trsock import TransportSocket
from collections.abc import Callable
from weakref import WeakKeyDictionary

from netlab import tasks

STRANGER_S = 32.0
"""How long one may stay a stranger: the API server's limit for the head of a request
(ReadHeaderTimeout in k8s.io/apiserver pkg/server/secure_serving.go)."""

MOST_STRANGERS = 512
"""Of one address. A run that opens a stream to each of some hundred pods at once is below it."""

GOODBYE_S = 2.0
"""How long a client may take to say that it has heard the end of TLS."""

_OUT_OF_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_PAUSE_S = 0.05


class OpenConnections:
    """The connections that are open, so that they can be ended together, and who is known."""

    def __init__(self) -> None:
        """Begin with none."""
        self._sockets: WeakKeyDictionary[asyncio.BaseTransport, TransportSocket]
        self._sockets = WeakKeyDictionary()
        self._strangers: WeakKeyDictionary[asyncio.BaseTransport, asyncio.Future[None]]
        self._strangers = WeakKeyDictionary()

    def add(self, transport: asyncio.BaseTransport, known: asyncio.Future[None]) -> None:
        """Remember a new connection; `known` is done when its client is."""
        sock: TransportSocket = transport.get_extra_info("socket")
        # asyncio does it only for sockets that know their protocol, and accepted ones do not:
        # without it, a small answer waits 40 ms for the acknowledgement of the one before.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets[transport] = sock
        self._strangers[transport] = known

    def welcome(self, transport: asyncio.BaseTransport | None) -> None:
        """Let the client of a connection stay: it has shown who it is."""
        known = None if transport is None else self._strangers.pop(transport, None)
        if known is not None and not known.done():
            known.set_result(None)

    async def abort(self) -> None:
        """End all without another word and return when their sockets are closed."""
        sockets = list(self._sockets.values())
        for transport in list(self._sockets):
            assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
            transport.abort()
        # asyncio closes them in its next turns and tells nobody.
        while any(sock.fileno() != -1 for sock in sockets):  # noqa: ASYNC110
            await asyncio.sleep(0)


class Doorkeeper:
    """Accepts connections, and sees to it that strangers do not stay."""

    def __init__(
        self,
        protocol: Callable[[asyncio.Future[None]], asyncio.Protocol],
        context: ssl.SSLContext,
        *,
        stay_s: float = STRANGER_S,
        most: int = MOST_STRANGERS,
    ) -> None:
        """Give each connection a protocol, and it the future that says that its client is known."""
        self._protocol = protocol
        self._context = context
        self._stay_s = stay_s
        self._most = most
        self._strangers: dict[str, dict[asyncio.Task[None], None]] = {}
        self._accepting: asyncio.Task[None] | None = None
        self._listener: socket.socket | None = None

    def open(self, listener: socket.socket) -> None:
        """Begin to accept connections at a socket that listens."""
        listener.setblocking(False)
        self._listener = listener
        self._accepting = tasks.start(self._accept(listener), "the door of the API")

    async def close(self) -> None:
        """Close the door, and send away those who stand at it."""
        standing = [task for those in self._strangers.values() for task in those]
        await tasks.end(*standing, *([] if self._accepting is None else [self._accepting]))
        if self._listener is not None:
            self._listener.close()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, address = await loop.sock_accept(listener)
            except ConnectionAbortedError:
                continue
            except OSError as error:
                if error.errno not in _OUT_OF_ROOM:
                    raise
                for standing in self._strangers.values():
                    _send_one_away(standing)
                await asyncio.sleep(_PAUSE_S)  # what was sent away gives its descriptor back
                continue
            self._admit(sock, address[0])

    def _admit(self, sock: socket.socket, address: str) -> None:
        standing = self._strangers.setdefault(address, {})
        if len(standing) >= self._most:
            _send_one_away(standing)
        held = contextlib.ExitStack()
        held.enter_context(sock)
        task = asyncio.create_task(self._await_token(sock, held), name="a stranger at the API")
        standing[task] = None

        def forget(ended: asyncio.Task[None]) -> None:
            standing.pop(ended, None)
            held.close()  # it was sent away before it had its first turn

        task.add_done_callback(forget)

    async def _await_token(self, sock: socket.socket, held: contextlib.ExitStack) -> None:
        """Keep a stranger until it is known, has gone, or its time is over."""
        held.pop_all()  # from here on the transport closes the socket
        loop = asyncio.get_running_loop()
        known: asyncio.Future[None] = loop.create_future()
        transport: asyncio.BaseTransport | None = None
        try:
            async with asyncio.timeout(self._stay_s):
                transport, _ = await loop.connect_accepted_socket(
                    lambda: self._protocol(known),
                    sock,
                    ssl=self._context,
                    ssl_handshake_timeout=self._stay_s,
                    ssl_shutdown_timeout=GOODBYE_S,
                )
                await known
        except (OSError, TimeoutError):
            return  # no handshake, or no token: what a stranger does is no news
        finally:
            if isinstance(transport, asyncio.Transport) and (known.cancelled() or not known.done()):
                transport.abort()


def _send_one_away(standing: dict[asyncio.Task[None], None]) -> None:
    """End the connection of the stranger who has stood there longest."""
    with contextlib.suppress(StopIteration):
        longest = next(iter(standing))
        del standing[longest]
        longest.cancel()
