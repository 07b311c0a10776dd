"""The port that a lab claims of the machine, who is in the way, and a server there that hangs.

Must not know: namespaces, or what is served at the port.
"""

import asyncio
import contextlib
import errno
import socket
import time
from pathlib import Path

from netlab.problems import StartError

_LISTEN_STEP = "listen"
_LISTEN_STATE = "0A"


def open_listener(listen_fd: int | None, port: int) -> socket.socket:
    """Take over the starter's listening socket, or open one on 127.0.0.1.

    Port 0 lets the kernel choose. Raises StartError.
    """
    if listen_fd is not None:
        return _inherited_socket(listen_fd)
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen(512)
    except OSError as error:
        sock.close()
        raise _listen_error(port, error) from error
    return sock


def _inherited_socket(fd: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=fd)
        sock.listen(512)  # harmless if it listens already
    except OSError as error:
        remedy = "pass the descriptor of a TCP socket bound to 127.0.0.1"
        raise StartError(_LISTEN_STEP, f"--listen-fd {fd}: {error.strerror}", remedy) from error
    return sock


def _listen_error(port: int, error: OSError) -> StartError:
    if error.errno == errno.EADDRINUSE:
        blame = _listening_process(port)
        text = f"port {port} on 127.0.0.1 is taken by {blame}"
        return StartError(_LISTEN_STEP, text, "stop it, or choose another --port (0: any free one)")
    if error.errno == errno.EACCES:
        remedy = "choose a --port of 1024 or higher (0: any free one)"
        return StartError(_LISTEN_STEP, f"port {port} on 127.0.0.1: {error.strerror}", remedy)
    return StartError(_LISTEN_STEP, f"port {port} on 127.0.0.1: {error}", "choose another --port")


def _listening_process(port: int) -> str:
    """Name the process that listens on a port as well as this user may see it."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(str(fd.readlink()) in sockets for fd in (folder / "fd").iterdir()):
                name = (folder / "comm").read_text(encoding="utf-8").strip()
                return f"{name} (pid {folder.name})"
    return "a process of another user"


def _listening_inodes(port: int) -> list[str]:
    inodes = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[1].endswith(f":{port:04X}") and fields[3] == _LISTEN_STATE:
                    inodes.append(fields[9])
    return inodes


AWAKE = 2
"""How many times as long as it hangs a server that stalls works, before and in between."""

_CHUNK = 1 << 16


async def stall(listener: socket.socket, port: int, stall_s: float) -> None:
    """Hand what comes to a listener on to a port of 127.0.0.1, and hang for a time at intervals.

    For a process of its own: it hangs as a whole, like a server that its machine or its database
    holds up. Connections are still accepted (the kernel does that), but neither requests nor
    answers nor the bytes of open streams get through. Nothing is lost.
    """

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            inside, outside = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_copy(reader, outside), _copy(inside, writer))

    server = await asyncio.start_server(relay, sock=listener)
    async with server:
        while True:
            await asyncio.sleep(AWAKE * stall_s)
            time.sleep(stall_s)  # noqa: ASYNC251 - that nothing else goes on is what it is for


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()  # the other way ends with it
