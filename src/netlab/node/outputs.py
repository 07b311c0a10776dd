"""What a container or a command writes: descriptors as streams, kept output, who watches it.

Must not know: pods, HTTP, or what is at a pipe's other end.
"""

import asyncio
import errno
import os
from collections import deque
from collections.abc import AsyncIterator


async def pipe_reader(fd: int) -> asyncio.StreamReader:
    """Return a reader of a pipe or a terminal; the descriptor is closed with it."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: _PipeOutput(reader), os.fdopen(fd, "rb", 0))
    return reader


async def pipe_writer(fd: int) -> asyncio.StreamWriter:
    """Return a writer to a pipe or a terminal; the descriptor is closed with it."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(fd, "wb", 0)
    )
    return asyncio.StreamWriter(transport, protocol, None, loop)


class _PipeOutput(asyncio.StreamReaderProtocol):
    """Reads a terminal's end as the end of the stream: Linux reports it as EIO."""

    def connection_lost(self, exc: Exception | None) -> None:
        hung_up = isinstance(exc, OSError) and exc.errno == errno.EIO
        super().connection_lost(None if hung_up else exc)


LOG_LIMIT = 1 << 20  # bytes per container: ten thousand lines, and 100 pods stay below 100 MiB


class LogBuffer:
    """The last `limit` bytes of a stream, for readers now and readers who follow."""

    def __init__(self, limit: int = LOG_LIMIT) -> None:
        self._limit = limit
        self._chunks: deque[bytes] = deque()
        self._start = 0  # position in the stream of the first byte kept
        self._end = 0
        self._closed = False
        self._news = asyncio.Event()

    def append(self, data: bytes) -> None:
        """Add output; whole old chunks go when the limit is passed."""
        self._chunks.append(data)
        self._end += len(data)
        while self._end - self._start > self._limit and len(self._chunks) > 1:
            self._start += len(self._chunks.popleft())
        self._wake()

    def close(self) -> None:
        """Say that nothing more will come."""
        self._closed = True
        self._wake()

    def snapshot(self) -> bytes:
        """Return everything kept so far."""
        return b"".join(self._chunks)

    async def follow(self) -> AsyncIterator[bytes]:
        """Yield what is kept, then what is added, until the stream is closed."""
        position = self._start
        while True:
            news = self._news
            position = max(position, self._start)
            if position < self._end:
                data = self.snapshot()[position - self._start :]
                position = self._end
                yield data
            elif self._closed:
                return
            else:
                await news.wait()

    def _wake(self) -> None:
        # A new event per change: a reader that is slow sees the old one set and looks again.
        self._news.set()
        self._news = asyncio.Event()


STDOUT, STDERR = 0, 1


class OutputWatcher:
    """One who watches both outputs from now on; a slow one loses the oldest bytes."""

    def __init__(self) -> None:
        self.buffers = (LogBuffer(), LogBuffer())
        self.stdout, self.stderr = (_WatchedOutput(buffer.follow()) for buffer in self.buffers)


class _WatchedOutput:
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
        self._watchers: list[OutputWatcher] = []
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

    def watch(self) -> OutputWatcher:
        """Add somebody who watches from now on."""
        watcher = OutputWatcher()
        for stream, buffer in enumerate(watcher.buffers):
            if stream not in self._open:
                buffer.close()
        self._watchers.append(watcher)
        return watcher

    def unwatch(self, watcher: OutputWatcher) -> None:
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
