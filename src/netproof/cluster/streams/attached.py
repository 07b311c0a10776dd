"""Attaching to a container: what it writes, as it writes it."""

from __future__ import annotations

from typing import Self

from netproof.cluster.client import Client
from netproof.cluster.naming import PodName
from netproof.cluster.streams.channels import STDOUT
from netproof.cluster.streams.upgrade import into_pod


class Attached:
    """The standard output of a running container; what it wrote before is not in it."""

    def __init__(self, client: Client, pod: PodName, container: str) -> None:
        """Attach; raise StreamRefusedError where the API server does not let us."""
        name = f"attach to {pod[0]}/{pod[1]}"
        query = [("container", container), ("stdout", "true")]
        self._stream = into_pod(client, pod, "attach", query, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def receive(self, timeout_s: float) -> bytes:
        """Return what the container wrote, b"" when it wrote nothing in time.

        Raises StreamCutError where the stream broke off.
        """
        return self._stream.read(STDOUT, timeout_s)
