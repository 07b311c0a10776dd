"""A local address that leads into a pod: listens, and joins what comes in to a connection there.

A thread listens and each connection has one; all of them wait at a pipe besides, whose closing
ends them. It must not know what it forwards to, only how to open that.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import threading
from collections.abc import Callable

from netproof.cluster.forward.connection import ForwardedConnection
from netproof.cluster.streams.channels import CHUNK
from netproof.errors import ClusterError
from netproof.model.workload import Family

LOOPBACK = {Family.IPV4: "127.0.0.1", Family.IPV6: "::1"}
BACKLOG = 512

_AF = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER that makes close() send a reset: what was cut off must not look complete."""


class Listener:
    """Listens on loopback until closed."""

    def __init__(self, dial: Callable[[], ForwardedConnection], family: Family) -> None:
        """Listen at a free port; raise OSError where there is no loopback of the family."""
        self._dial = dial
        self._socket = socket.create_server(
            (LOOPBACK[family], 0), family=_AF[family], backlog=BACKLOG
        )
        self._socket.setblocking(False)
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        self._stop_r, self._stop_w = os.pipe()
        self._guard = threading.Lock()
        self._errors: list[ClusterError] = []
        self._joined: set[threading.Thread] = set()
        self._thread = threading.Thread(target=self._accept, name=f"netproof-{self.address}")
        self._thread.start()

    @property
    def errors(self) -> tuple[ClusterError, ...]:
        """What went wrong so far, in the order it did."""
        with self._guard:
            return tuple(self._errors)

    def close(self) -> None:
        """End the listener and its connections, and return when their threads have ended."""
        os.close(self._stop_w)
        self._thread.join()
        for thread in tuple(self._joined):
            thread.join()
        self._socket.close()
        os.close(self._stop_r)

    def _accept(self) -> None:
        while self._wait((self._socket.fileno(), select.POLLIN)):
            try:
                local, _ = self._socket.accept()
            except OSError:
                continue  # the client is gone again already
            thread = threading.Thread(target=self._serve, args=(local,), name="netproof-forward")
            self._joined = {one for one in self._joined if one.is_alive()} | {thread}
            thread.start()

    def _serve(self, local: socket.socket) -> None:
        """Join a client to a connection of its own; a client of one that fails gets a reset."""
        local.setblocking(False)
        try:
            with self._dial() as remote:
                self._relay(local, remote)
        except ClusterError as error:
            with self._guard:
                self._errors.append(error)
            local.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        except OSError:
            pass  # the client went away, as clients do
        finally:
            local.close()

    def _relay(self, local: socket.socket, remote: ForwardedConnection) -> None:
        down, speaks = bytearray(), True
        while self._wait(
            _local_events(local, remote, down, speaks), (remote.fileno(), remote.events)
        ):
            remote.turn()
            down += remote.take() if len(down) < CHUNK else b""
            if speaks and not remote.is_full:
                speaks = _hear(local, remote)
            _tell(local, down)
            if remote.has_ended and not down:
                return

    def _wait(self, *watched: tuple[int, int]) -> bool:
        """Wait until something can be done; False when all is to end."""
        poll = select.poll()
        poll.register(self._stop_r, 0)  # its closing is told in any case
        for fd, events in watched:
            poll.register(fd, events)
        return all(fd != self._stop_r for fd, _ in poll.poll())


def _local_events(
    local: socket.socket, remote: ForwardedConnection, down: bytearray, speaks: bool
) -> tuple[int, int]:
    listening = speaks and not remote.is_full
    events = (select.POLLIN if listening else 0) | (select.POLLOUT if down else 0)
    return local.fileno(), events


def _hear(local: socket.socket, remote: ForwardedConnection) -> bool:
    """Pass on what the client says; False when it says no more (the protocol cannot tell that)."""
    with contextlib.suppress(BlockingIOError):
        data = local.recv(CHUNK)
        if not data:
            return False
        remote.give(data)
    return True


def _tell(local: socket.socket, down: bytearray) -> None:
    with contextlib.suppress(BlockingIOError):
        while down:
            del down[: local.send(down)]
