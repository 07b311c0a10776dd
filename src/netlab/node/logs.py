"""What a container wrote, kept in memory up to a limit. Must not know: pods, HTTP."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

LIMIT = 1 << 20  # bytes per container: ten thousand lines, and 100 pods stay below 100 MiB


class LogBuffer:
    """The last `limit` bytes of a stream, for readers now and readers who follow."""

    def __init__(self, limit: int = LIMIT) -> None:
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
