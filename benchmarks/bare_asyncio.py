"""The floor: one asyncio loop that connects from every pod to every pod and reads who answers.

Reads {"pids", "addresses", "port"} from standard input, enters the pods' network namespaces by
their processes, and prints the seconds that all connects took.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import socket
import sys
import time

AT_ONCE = 500
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)


def enter(path: str, kind: int) -> None:
    """Move this thread into a namespace."""
    fd = os.open(path, os.O_RDONLY)
    if libc.setns(fd, kind) != 0:
        raise OSError(ctypes.get_errno(), f"setns {path}")
    os.close(fd)


def sockets(pids: list[int], addresses: list[str]) -> list[tuple[socket.socket, str]]:
    """Return a socket for every pair, made in the namespace that it starts in."""
    enter(f"/proc/{pids[0]}/ns/user", CLONE_NEWUSER)
    made = []
    for pid in pids:
        enter(f"/proc/{pid}/ns/net", CLONE_NEWNET)
        for address in addresses:
            one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            one.setblocking(False)
            made.append((one, address))
    return made


async def connect(one: socket.socket, address: str, port: int, gate: asyncio.Semaphore) -> None:
    """Connect, ask, and read until the server has said who it is."""
    loop = asyncio.get_running_loop()
    async with gate:
        await loop.sock_connect(one, (address, port))
        await loop.sock_sendall(one, b"netproof bare\n")
        while not (await loop.sock_recv(one, 4096)).endswith(b"\n"):
            pass
        one.close()


async def main() -> None:
    """Time all connects."""
    job = json.load(sys.stdin)
    gate = asyncio.Semaphore(AT_ONCE)
    pairs = sockets(job["pids"], job["addresses"])
    began = time.perf_counter()
    await asyncio.gather(*(connect(one, to, job["port"], gate) for one, to in pairs))
    sys.stdout.write(f"{time.perf_counter() - began}\n")


asyncio.run(main())
