"""What the API server needs of the part that runs pods: the kubelet behind the API.

Must not know: how a pod is run. The streaming endpoints and pods/log are written against these
protocols only.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from netlab.objects.obj import Obj


class OutputSource(Protocol):
    """Output, as it comes."""

    async def read(self, limit: int, /) -> bytes:
        """Return at most so many next bytes, b"" at the end."""


class ExecSession(Protocol):
    """One command that runs in a pod, or a container's own that somebody watches."""

    @property
    def stdin(self) -> asyncio.StreamWriter | None:
        """Where its input goes; None where none was asked for."""

    @property
    def stdout(self) -> OutputSource:
        """What it writes; ends when the last holder of the pipe closes it."""

    @property
    def stderr(self) -> OutputSource | None:
        """What it writes to standard error; None with a terminal, which has one output."""

    async def wait(self) -> int:
        """Return the exit status (128 + signal where a signal ended it)."""

    def kill(self) -> None:
        """End the command and what it started; harmless where it has ended.

        A container's own command goes on: only the watching ends.
        """

    def resize(self, rows: int, cols: int) -> None:
        """Set the terminal's size; nothing without a terminal."""


class PodRuntime(Protocol):
    """The containers of all pods."""

    def log(self, pod: Obj, container: str, *, previous: bool) -> bytes:
        """Return the whole log so far; raise RuntimeRefusal where there is none to give."""

    def follow(self, pod: Obj, container: str) -> AsyncIterator[bytes]:
        """Yield the log from its first byte on, then what is added, until the container ends.

        From the first byte: the reader skips what it has read, so nothing is lost or doubled
        however late the first piece is asked for.
        """

    async def exec(
        self, pod: Obj, container: str, argv: Sequence[str], *, stdin: bool, tty: bool
    ) -> ExecSession:
        """Start a command in a container; raise RuntimeRefusal where it cannot be started."""

    async def attach(self, pod: Obj, container: str, *, stdin: bool) -> ExecSession:
        """Join what a container runs, from now on; raise RuntimeRefusal where it does not run."""

    async def dial(self, pod: Obj, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to localhost:port inside the pod (IPv4, then IPv6); raise OSError."""

    def refuses(self, subresource: str) -> str:
        """Return why a kind of stream is not served at all, "" where it is."""

    def node_socket(self, family: socket.AddressFamily) -> socket.socket:
        """Return a new TCP socket in the network of the node that the API server runs on."""
