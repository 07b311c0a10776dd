"""Attaching to a container: what it writes, as it writes it."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from netproof.cluster.client import Client
from netproof.cluster.naming import PodName
from netproof.cluster.streams.channels import ChannelSocket
from netproof.cluster.streams.upgrade import connect

STDOUT = 1


class Attached:
    """The standard output of a running container; what it wrote before is not in it."""

    def __init__(self, client: Client, pod: PodName, container: str) -> None:
        """Attach; raise StreamRefusedError where the API server does not let us."""
        name = f"attach to {pod[0]}/{pod[1]}"
        path = f"/api/v1/namespaces/{pod[0]}/pods/{pod[1]}/attach"
        query = [("container", container), ("stdout", "true"), ("stderr", "true")]
        self._stream = ChannelSocket(connect(client, path, query, name), name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()

    def receive(self, timeout_s: float) -> bytes:
        """Return what the container wrote, b"" when it wrote nothing in time.

        Raises StreamCutError where the stream broke off.
        """
        until, found = time.monotonic() + timeout_s, b""
        self._stream.turn()
        while not (found := self._stdout()) and not self._stream.ended:
            try:
                self._stream.wait(until)
            except TimeoutError:
                return b""
        return found

    def _stdout(self) -> bytes:
        found = b"".join(data for channel, data in self._stream.inbox if channel == STDOUT)
        self._stream.inbox.clear()
        return found
