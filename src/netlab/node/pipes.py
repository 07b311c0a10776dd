"""Descriptors as asyncio streams. Must not know: what is at their other end."""

import asyncio
import errno
import os


async def pipe_reader(fd: int) -> asyncio.StreamReader:
    """Return a reader of a pipe or a terminal; the descriptor is closed with it."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: _Output(reader), os.fdopen(fd, "rb", 0))
    return reader


async def pipe_writer(fd: int) -> asyncio.StreamWriter:
    """Return a writer to a pipe or a terminal; the descriptor is closed with it."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(fd, "wb", 0)
    )
    return asyncio.StreamWriter(transport, protocol, None, loop)


class _Output(asyncio.StreamReaderProtocol):
    """Reads a terminal's end as the end of the stream: Linux reports it as EIO."""

    def connection_lost(self, exc: Exception | None) -> None:
        hung_up = isinstance(exc, OSError) and exc.errno == errno.EIO
        super().connection_lost(None if hung_up else exc)
