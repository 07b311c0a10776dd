"""Port-forward as `kubectl port-forward` does it: to a pod, a Service or a Deployment.

It gives connections (`connect`) or listens on loopback in either IP family (`listen`). A local
connection that could be made proves nothing: the far end is dialled behind it, and what went wrong
there is told when it is read from. A thread listens and each connection has one; all of them wait
at a pipe besides, whose closing ends them.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from typing import Self

from netproof.cluster.api.client import Client
from netproof.cluster.backend import ClusterRef
from netproof.cluster.streams.channels import CHUNK
from netproof.cluster.streams.connections import ForwardedConnection
from netproof.cluster.streams.destination import Destination, resolve
from netproof.errors import ClusterError, UsageError
from netproof.model.workload import Family

LOOPBACK = {Family.IPV4: "127.0.0.1", Family.IPV6: "::1"}
BACKLOG = 512

_AF = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER that makes close() send a reset: what was cut off must not look complete."""


class PortForward:
    """Forwards to some ports of one target from `__enter__` to `__exit__`.

    A target that is not a pod is resolved once, as kubectl does it. Any thread may connect.
    Leaving the block ends what `listen` began; no thread and no descriptor of it stays.
    """

    def __init__(self, ref: ClusterRef, namespace: str, name: str, ports: Iterable[int]) -> None:
        """Keep what is wanted; `name` is a pod's, or `pod/x`, `service/x`, `deployment/x`."""
        self._ref = ref
        self._namespace = namespace
        self._name = name
        self._ports = tuple(ports)
        self._target = Destination((namespace, name), {})
        self._guard = threading.Lock()
        self._listeners: dict[tuple[int, Family], Listener] = {}

    def __enter__(self) -> Self:
        client = Client(self._ref)
        try:
            self._target = resolve(client, self._namespace, self._name, self._ports)
        finally:
            client.close()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pod(self) -> str:
        """The pod that is forwarded to, as the cluster calls it."""
        return self._target.pod[1]

    @property
    def errors(self) -> tuple[ClusterError, ...]:
        """What went wrong with connections that came in by `listen`."""
        with self._guard:
            listeners = tuple(self._listeners.values())
        return tuple(error for one in listeners for error in one.errors)

    def connect(self, port: int | None = None) -> ForwardedConnection:
        """Open a connection to a port, the first where none is named; the caller closes it.

        Raises StreamRefusedError where the API server does not let us.
        """
        inner = self._inner(port)
        client = Client(self._ref)
        try:
            return ForwardedConnection(client, self._target.pod, inner)
        finally:
            client.close()

    def listen(self, port: int | None = None, family: Family = Family.IPV4) -> tuple[str, int]:
        """Return a local address that leads to a port, the same one each time.

        Raises OSError where this machine has no loopback of the family.
        """
        inner = self._inner(port)
        with self._guard:
            if (inner, family) not in self._listeners:
                self._listeners[inner, family] = Listener(lambda: self.connect(port), family)
            return self._listeners[inner, family].address

    def close(self) -> None:
        """End all that `listen` began, and return when it has ended."""
        with self._guard:
            listeners = list(self._listeners.values())
            self._listeners.clear()
        for listener in listeners:
            listener.close()

    def _inner(self, port: int | None) -> int:
        wanted = self._ports[0] if port is None else port
        if wanted not in self._target.ports:
            raise UsageError(f"port {wanted} is not forwarded; there are {list(self._ports)}")
        return self._target.ports[wanted]


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
