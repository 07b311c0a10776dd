"""Attaching to a container: what it writes, as it writes it."""

from __future__ import annotations

from typing import Self

from netproof.cluster.client import Client
from netproof.cluster.naming import PodName
from netproof.cluster.streams.channels import STDOUT, ChannelSocket
from netproof.cluster.streams.upgrade import connect


class Attached:
    """The standard output of a running container; what it wrote before is not in it."""

    def __init__(self, client: Client, pod: PodName, container: str) -> None:
        """Attach; raise StreamRefusedError where the API server does not let us."""
        name = f"attach to {pod[0]}/{pod[1]}"
        path = f"/api/v1/namespaces/{pod[0]}/pods/{pod[1]}/attach"
        query = [("container", container), ("stdout", "true")]
        self._stream = ChannelSocket(connect(client, path, query, name), name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def receive(self, timeout_s: float) -> bytes:
        """Return what the container wrote, b"" when it wrote nothing in time.

        Raises StreamCutError where the stream broke off.
        """
        return self._stream.read(STDOUT, timeout_s)
