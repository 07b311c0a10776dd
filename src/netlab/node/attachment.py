"""A client's watching of what a container runs: its outputs from now on, and its input.

Must not know: how the client is connected. Ending it leaves the container as it is.
"""

import asyncio
import fcntl
import struct
import termios
from collections.abc import Sequence

from netlab.node.container import Container
from netlab.node.outputs import Outputs, Watcher
from netlab.node.pipes import pipe_writer


class Attachment:
    """One client at a running container."""

    def __init__(
        self,
        container: Container,
        ends: "tuple[Outputs, asyncio.Future[int]]",
        stdin: asyncio.StreamWriter | None,
    ) -> None:
        self._container = container
        self._outputs, self._ended = ends
        self._watcher: Watcher = self._outputs.watch()
        self.stdin = stdin
        self.stdout = self._watcher.stdout
        self.stderr = None if container.console.tty else self._watcher.stderr

    @classmethod
    async def to(
        cls, container: Container, outputs: Outputs, ended: "asyncio.Future[int]", *, stdin: bool
    ) -> "Attachment":
        """Attach to a container that runs."""
        fd = container.client_input() if stdin else None
        writer = None if fd is None else await pipe_writer(fd)
        return cls(container, (outputs, ended), writer)

    async def wait(self) -> int:
        """Wait for the container's end; its exit status is in the pod's, not here."""
        await asyncio.shield(self._ended)
        return 0

    def kill(self) -> None:
        """Detach."""
        self._outputs.unwatch(self._watcher)

    def resize(self, rows: int, cols: int) -> None:
        """Tell the container's terminal its size; without one there is nothing to tell."""
        if self._container.console.tty and self._container.input is not None:
            set_size(self._container.input, (rows, cols))


def set_size(terminal: int, size: Sequence[int]) -> None:
    """Set rows and columns of a terminal."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
