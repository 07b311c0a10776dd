"""Port-forward as `kubectl port-forward` does it: to a pod, a Service or a Deployment.

It gives connections (`connect`) or listens on loopback in either IP family (`listen`). A local
connection that could be made proves nothing: the far end is dialled behind it, and what went wrong
there is told when it is read from.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Self

from netproof.cluster.backend import ClusterRef
from netproof.cluster.client import Client
from netproof.cluster.forward.connection import ForwardedConnection
from netproof.cluster.forward.listener import Listener
from netproof.cluster.forward.target import Target, resolve
from netproof.errors import ClusterError, UsageError
from netproof.model.workload import Family


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
        self._target = Target((namespace, name), {})
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
