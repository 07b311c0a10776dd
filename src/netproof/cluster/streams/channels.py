"""A WebSocket to the API server with Kubernetes' channels in it, for one thread at a time.

There is no thread and no second descriptor in it. Reading and writing never wait for each other,
so neither side can starve the other. What the channels mean is for those who use it.
"""

from __future__ import annotations

import math
import select
import socket
import ssl
import time
from collections import deque
from typing import NoReturn

from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection, ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import ProtocolError

from netproof.errors import StreamCutError
from netproof.timelimit import at_most

STDIN, STDOUT, STDERR, ERROR = range(4)
"""Channels of a command or container; the last has the API server's word on how it ended."""

CHUNK = 1 << 16
MOST_UNSENT = 1 << 20
"""Bytes that wait for a slow pod before the writer is made to wait."""

MOST_KEPT = 1 << 27
"""Bytes that may have come without being taken: what one channel says while another is read."""

A_MESSAGE = 100
"""Bytes that a message costs beside what is in it."""

LONGEST_TURN_S = 0.1
"""Before whoever waits looks at the clock again, where a server sends faster than this reads."""

_TLS_WAITS = (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError)


class ChannelSocket:
    """Messages with a channel's number before each, out and in."""

    def __init__(
        self, sock: socket.socket, name: str, web: WSConnection | Connection | None = None
    ) -> None:
        """Take over a socket that does not block; `name` heads the messages of errors.

        `web` is what has made the handshake, and may hold what came after it.
        """
        self.name = name
        self.ended = False
        self.inbox: deque[tuple[int, bytes]] = deque()
        self._sock = sock
        self._web = web or Connection(ConnectionType.CLIENT)
        self._message = bytearray()
        self._unsent = bytearray()
        self._kept = 0
        self._sort_events()

    def fileno(self) -> int:
        """Return the descriptor to wait at."""
        return self._sock.fileno()

    @property
    def unsent(self) -> int:
        """How many bytes wait to be sent."""
        return len(self._unsent)

    @property
    def events(self) -> int:
        """What to wait for at the descriptor (`select.poll`)."""
        return select.POLLIN | (select.POLLOUT if self._unsent else 0)

    def give(self, channel: int, data: bytes) -> None:
        """Take bytes for a channel and send what can be sent at once; lost after the end."""
        if not self.ended:
            self._unsent += self._web.send(BytesMessage(data=bytes([channel]) + data))
            self._send()

    def send(self, channel: int, data: bytes, timeout_s: float) -> None:
        """Send all bytes in a channel; raise TimeoutError when they do not leave in time."""
        self.give(channel, data)
        until = time.monotonic() + at_most(timeout_s)
        while self._unsent:
            self.wait(until)

    def turn(self, until: float = math.inf) -> None:
        """Do all that can be done without waiting; raise StreamCutError where it was cut off.

        Who sends faster than this reads is listened to for one turn, until `until` at most.
        """
        until = min(until, time.monotonic() + LONGEST_TURN_S)
        self._send()
        # TLS keeps decrypted bytes back that no poll() tells of, hence until there are none.
        while not self.ended and self._receive():
            if time.monotonic() >= until and not self._held_back():
                return

    def wait(self, until: float) -> None:
        """Wait until something can be done, then do it; raise TimeoutError when `until` is over.

        `until` is of the monotonic clock.
        """
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"{self.name}: no answer in time")
        poll = select.poll()
        poll.register(self._sock, self.events)
        poll.poll(left * 1000)
        self.turn(until)

    def read(self, channel: int, timeout_s: float) -> bytes:
        """Return what came in a channel, b"" where nothing did in time or it has ended.

        What comes in other channels stays in the inbox. Raises StreamCutError where it was cut
        off, once all that came before is read.
        """
        until = time.monotonic() + at_most(timeout_s)
        try:
            self.turn(until)
            while not self._has(channel) and not self.ended:
                self.wait(until)
        except TimeoutError:
            return b""
        except StreamCutError:
            if not self._has(channel):
                raise
        return self.take(channel)

    def take(self, channel: int) -> bytes:
        """Take what has come in a channel out of the inbox."""
        found = b"".join(data for at, data in self.inbox if at == channel)
        self.inbox = deque(message for message in self.inbox if message[0] != channel)
        self._kept = sum(len(data) + A_MESSAGE for _, data in self.inbox)
        return found

    def take_all(self) -> list[tuple[int, bytes]]:
        """Take all that has come out of the inbox."""
        found = list(self.inbox)
        self.inbox.clear()
        self._kept = 0
        return found

    def close(self) -> None:
        """End it; what was not sent yet is lost."""
        self._sock.close()

    def _has(self, channel: int) -> bool:
        # A message without bytes is how a server says that the connection stands.
        return any(at == channel and data for at, data in self.inbox)

    def _held_back(self) -> int:
        return self._sock.pending() if isinstance(self._sock, ssl.SSLSocket) else 0

    def flush(self) -> None:
        """Send what can be sent without waiting."""
        self._send()

    def _send(self) -> None:
        try:
            while self._unsent:
                sent = self._sock.send(self._unsent[:CHUNK])
                del self._unsent[:sent]
        except _TLS_WAITS:
            return
        except OSError as error:
            self._cut(str(error), error)

    def _receive(self) -> bool:
        try:
            data = self._sock.recv(CHUNK)
        except _TLS_WAITS:
            return False
        except OSError as error:
            self._cut(str(error), error)
        if not data:
            self._cut("it ended without being closed")
        try:
            self._web.receive_data(data)
            self._sort_events()
        except ProtocolError as error:
            self._cut(f"what came is no frame: {error}", error)
        return True

    def _sort_events(self) -> None:
        for event in self._web.events():
            self._sort(event)

    def _sort(self, event: Event) -> None:
        if isinstance(event, BytesMessage | TextMessage):
            data = event.data
            self._message += data.encode() if isinstance(data, str) else data
            if event.message_finished:
                if self._message:
                    self.inbox.append((self._message[0], bytes(self._message[1:])))
                self._kept += len(self._message) + A_MESSAGE
                self._message.clear()
            if len(self._message) + self._kept > MOST_KEPT:
                self._cut(f"it sent more than {MOST_KEPT} bytes that nobody wants")
        elif isinstance(event, Ping):
            self._unsent += self._web.send(event.response())
            if len(self._unsent) > 4 * MOST_UNSENT:
                self._cut("it asks for answers that it does not take")
        elif isinstance(event, CloseConnection):
            if self._web.state is ConnectionState.OPEN:  # what wsproto says of what is no frame
                self._cut(f"what came is no frame: {event.reason}")
            self.ended = True

    def _cut(self, why: str, cause: BaseException | None = None) -> NoReturn:
        raise StreamCutError(f"{self.name} broke off: {why}") from cause
