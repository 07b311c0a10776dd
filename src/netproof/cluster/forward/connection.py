"""One forwarded connection: a WebSocket of its own to one port of one pod.

The plain form of the protocol has one connection of the pod per port and WebSocket, made when the
WebSocket is, so every local connection gets a WebSocket and its end is that of the connection.
"""

from __future__ import annotations

import time
from typing import Self

from netproof.cluster.client import Client
from netproof.cluster.naming import PodName
from netproof.cluster.streams.channels import MOST_UNSENT
from netproof.cluster.streams.upgrade import into_pod
from netproof.errors import PortClosedError

DATA, COMPLAINT = 0, 1
"""Channels of the first port: its bytes, and what the kubelet has to say against it."""


class ForwardedConnection:
    """A connection to a port inside a pod, by way of the API server and the kubelet.

    That it could be opened proves nothing: whether somebody answers in the pod is told by what
    comes back, bytes or PortClosedError.
    """

    def __init__(self, client: Client, pod: PodName, port: int) -> None:
        """Open it; raise StreamRefusedError where the API server does not let us."""
        name = f"port-forward to {pod[0]}/{pod[1]}:{port}"
        self._stream = into_pod(client, pod, "portforward", [("ports", str(port))], name)
        self._greeted: set[int] = set()
        self._incoming = bytearray()
        self._complaint = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """Return the descriptor to wait at."""
        return self._stream.fileno()

    @property
    def events(self) -> int:
        """What to wait for at the descriptor (`select.poll`)."""
        return self._stream.events

    @property
    def is_full(self) -> bool:
        """Tell whether so much waits to be sent that no more should be given."""
        return self._stream.unsent >= MOST_UNSENT

    @property
    def has_ended(self) -> bool:
        """Tell whether the pod's side has ended and all it said was taken."""
        return self._stream.ended and not self._incoming and not self._complaint

    def give(self, data: bytes) -> None:
        """Take bytes to be sent and send what can be sent at once."""
        self._stream.give(DATA, data)

    def turn(self) -> None:
        """Do all that can be done without waiting; raise StreamCutError where it was cut off."""
        self._stream.turn()
        self._sort()

    def take(self) -> bytes:
        """Return what has come, b"" where nothing has; raise what has gone wrong after it."""
        self._sort()
        found = bytes(self._incoming)
        self._incoming.clear()
        if not found and self._complaint:
            raise PortClosedError(f"{self._stream.name}: {self._complaint}")
        return found

    def sendall(self, data: bytes, timeout_s: float) -> None:
        """Send bytes; raise StreamCutError, or TimeoutError when they do not leave in time."""
        self._stream.send(DATA, data, timeout_s)

    def receive(self, timeout_s: float) -> bytes:
        """Return the next bytes, b"" at the end.

        Raises PortClosedError where nobody answers in the pod, StreamCutError where the stream
        broke off, TimeoutError when nothing comes in time.
        """
        until = time.monotonic() + timeout_s
        self.turn()
        while not (found := self.take()):
            if self._stream.ended:
                return b""
            self._stream.wait(until)
        return found

    def close(self) -> None:
        """End it; what was not sent yet is lost."""
        self._stream.close()

    def _sort(self) -> None:
        while self._stream.inbox:
            channel, data = self._stream.inbox.popleft()
            if channel not in self._greeted:
                self._greeted.add(channel)  # the first message of a channel is its port's number
            elif channel == DATA:
                self._incoming += data
            else:
                self._complaint += data.decode(errors="replace")
