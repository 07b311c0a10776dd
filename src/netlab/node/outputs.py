"""Where the outputs of one run of a container go: its log, and whoever is attached to it.

Must not know: pods, or what reads a watcher's end.
"""

import asyncio
import os
from collections.abc import AsyncIterator

from netlab.node.logs import LogBuffer

STDOUT, STDERR = 0, 1


class Watcher:
    """One who watches both outputs from now on; a slow one loses the oldest bytes."""

    def __init__(self) -> None:
        self.buffers = (LogBuffer(), LogBuffer())
        self.stdout, self.stderr = (_Source(buffer.follow()) for buffer in self.buffers)


class _Source:
    """A stream's pieces, to be read one by one."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces

    async def read(self, _: int, /) -> bytes:
        """Return the next piece, whatever its size (a buffer holds no more than its limit)."""
        return await anext(self._pieces, b"")


class Outputs:
    """Reads descriptors until their writers have closed them."""

    def __init__(self, log: LogBuffer) -> None:
        self._log = log
        self._watchers: list[Watcher] = []
        self._open: set[int] = set()

    def collect(self, stream: int, fd: int) -> None:
        """Begin to read an output; its descriptor is closed at its end."""
        loop = asyncio.get_running_loop()
        os.set_blocking(fd, False)
        self._open.add(stream)

        def readable() -> None:
            try:
                data = os.read(fd, 65536)
            except BlockingIOError:
                return
            except OSError:  # a terminal's end is EIO
                data = b""
            if data:
                self._add(stream, data)
            else:
                loop.remove_reader(fd)
                os.close(fd)
                self._end(stream)

        loop.add_reader(fd, readable)

    def watch(self) -> Watcher:
        """Add somebody who watches from now on."""
        watcher = Watcher()
        for stream, buffer in enumerate(watcher.buffers):
            if stream not in self._open:
                buffer.close()
        self._watchers.append(watcher)
        return watcher

    def unwatch(self, watcher: Watcher) -> None:
        """Forget one who watches no more."""
        if watcher in self._watchers:
            self._watchers.remove(watcher)

    def _add(self, stream: int, data: bytes) -> None:
        self._log.append(data)
        for watcher in self._watchers:
            watcher.buffers[stream].append(data)

    def _end(self, stream: int) -> None:
        self._open.discard(stream)
        for watcher in self._watchers:
            watcher.buffers[stream].close()
        if not self._open:
            self._log.close()
