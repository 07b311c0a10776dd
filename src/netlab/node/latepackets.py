"""A network that is late: packets that nftables queues go on after a while (NFQUEUE).

Not tc's netem, which many kernels lack, and which would need a queue for each pod. A process of its
own sends them on, so that nothing else that the lab does makes them later, and its clock is never
the one of those who wait for the packets. It reads numbers only, never what is in a packet. Where
the process dies nothing passes any more: the kernel drops what nobody takes from a queue.
Must not know: which packets are queued, pods, policies.
"""

import errno
import heapq
import os
import random
import select
import signal
import socket
import struct
import time
import warnings
from collections.abc import Callable, Sequence
from typing import NoReturn

from netlab.node.rtnetlink import acknowledgements, attribute

QUEUE = 0
"""Its number; each network namespace counts its own."""

# include/uapi/linux/netfilter/nfnetlink_queue.h, nfnetlink.h, netlink.h
_NETLINK_NETFILTER = 12
_PACKET, _VERDICT, _CONFIG = 0x300, 0x301, 0x302
_BATCH_BEGIN, _BATCH_END, _NEWRULE, _NFTABLES = 0x10, 0x11, 0xA06, 10
_REQUEST, _ACK, _CREATE, _APPEND, _NESTED = 1, 4, 0x400, 0x800, 0x8000
_CFG_CMD, _CFG_PARAMS, _CFG_MAXLEN, _CFG_MASK, _CFG_FLAGS = 1, 2, 3, 4, 5
_CMD_BIND, _COPY_META = 1, 1
_PACKET_HDR, _VERDICT_HDR = 1, 2
_FAIL_OPEN, _GSO = 1, 4
_ACCEPT = 1
_MOST_WAITING = 1 << 17  # packets; beyond it they pass at once: not as late, but not lost either
_BUFFER = 8 << 20  # bytes, cut by net.core.rmem_max
_AT_ONCE = 256  # verdicts in one call; the kernel copies what is sent


def open_queue() -> socket.socket:
    """Take the queue of the network namespace that the calling thread is in; raise OSError."""
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
    try:
        sock.bind((0, 0))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        flags = _FAIL_OPEN | _GSO
        _configure(sock, attribute(_CFG_CMD, struct.pack("!BxH", _CMD_BIND, 0)))
        _configure(sock, attribute(_CFG_PARAMS, struct.pack("!IB", 0, _COPY_META)))
        _configure(
            sock,
            attribute(_CFG_MAXLEN, struct.pack("!I", _MOST_WAITING)),
            attribute(_CFG_FLAGS, struct.pack("!I", flags)),
            attribute(_CFG_MASK, struct.pack("!I", flags)),
        )
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def queue_all(table: str, chain: str) -> None:
    """Append a rule to a chain of both families that queues whatever comes there; raise OSError.

    It is iptables' target in an nftables rule: some kernels lack nftables' own `queue`, and the
    text of rules has no word for the other.
    """
    for family in (socket.AF_INET, socket.AF_INET6):
        _append_queueing(family, table, chain)


def _append_queueing(family: socket.AddressFamily, table: str, chain: str) -> None:
    target = attribute(1, b"NFQUEUE\0") + attribute(2, bytes(4))  # name, revision 0
    target += attribute(3, struct.pack("=H6x", QUEUE))  # struct xt_NFQ_info, padded
    expression = attribute(1, b"target\0") + attribute(2 | _NESTED, target)
    rule = attribute(1, table.encode() + b"\0") + attribute(2, chain.encode() + b"\0")
    rule += attribute(4 | _NESTED, attribute(1 | _NESTED, expression))
    flags = _REQUEST | _ACK | _CREATE | _APPEND
    batch = _message(_BATCH_BEGIN, about=_NFTABLES)
    batch += _message(_NEWRULE, rule, flags=flags, family=family)
    batch += _message(_BATCH_END, about=_NFTABLES)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as sock:
        sock.bind((0, 0))
        sock.send(batch)
        _require_done(sock)


def apart(keep: Sequence[socket.socket], work: Callable[[], None]) -> int:
    """Run `work` in a child that holds nothing of ours but some sockets; return its pid.

    Forked and not executed: what is executed in a lab has no right to touch its network.
    """
    with warnings.catch_warnings():  # that there are threads: the child is one, and waits for none
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        _live_apart({sock.fileno() for sock in keep}, work)
    return pid


def _live_apart(keep: set[int], work: Callable[[], None]) -> NoReturn:
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        first = 3
        for fd in sorted(keep):
            os.closerange(first, fd)
            first = fd + 1
        os.closerange(first, os.sysconf("SC_OPEN_MAX"))
        work()
    finally:
        os._exit(1)


def send_on_late(queues: Sequence[socket.socket], delay_s: float, jitter_s: float) -> None:
    """Let each packet of the queues pass `delay_s` after it came, give or take up to `jitter_s`.

    Returns when a queue is gone.
    """
    epoll = select.epoll()
    by_fd = {queue.fileno(): queue for queue in queues}
    for fd in by_fd:
        epoll.register(fd, select.EPOLLIN)
    waiting: list[tuple[float, int, bytes]] = []
    while True:
        due = waiting[0][0] - time.monotonic() if waiting else 60.0
        for fd, _ in epoll.poll(max(due, 0.0)):
            for number in _arrived(by_fd[fd]):
                late = random.uniform(delay_s - jitter_s, delay_s + jitter_s)  # noqa: S311
                heapq.heappush(waiting, (time.monotonic() + max(late, 0.0), fd, number))
        now = time.monotonic()
        ready: dict[int, list[bytes]] = {}
        while waiting and waiting[0][0] <= now:
            _, fd, number = heapq.heappop(waiting)
            ready.setdefault(fd, []).append(number)
        for fd, numbers in ready.items():
            _let_pass(by_fd[fd], numbers)


def _arrived(queue: socket.socket) -> list[bytes]:
    """Return the numbers of the packets that have come."""
    numbers: list[bytes] = []
    for _ in range(_AT_ONCE):
        try:
            data = queue.recv(65536)
        except BlockingIOError:
            break
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # too many at once: the kernel let those pass
                raise
            continue
        numbers += packet_numbers(data)
    return numbers


def packet_numbers(data: bytes) -> list[bytes]:
    """Read from what the kernel says of queued packets the number of each, as it is sent back."""
    numbers = []
    offset = 0
    while offset + 20 <= len(data):
        length, kind = struct.unpack_from("=IH", data, offset)
        at, end = offset + 20, offset + length
        while kind == _PACKET and at + 4 <= end:
            size, what = struct.unpack_from("=HH", data, at)
            if what == _PACKET_HDR:
                numbers.append(data[at + 4 : at + 8])
                break
            at += max(4, (size + 3) & ~3)
        offset += max(20, (length + 3) & ~3)
    return numbers


def _let_pass(queue: socket.socket, numbers: Sequence[bytes]) -> None:
    accept = struct.pack("!I", _ACCEPT)
    verdicts = [_message(_VERDICT, attribute(_VERDICT_HDR, accept + number)) for number in numbers]
    for start in range(0, len(verdicts), _AT_ONCE):
        queue.send(b"".join(verdicts[start : start + _AT_ONCE]))


def _configure(sock: socket.socket, *attributes: bytes) -> None:
    sock.send(_message(_CONFIG, *attributes, flags=_REQUEST | _ACK))
    _require_done(sock)


def _require_done(sock: socket.socket) -> None:
    for _, code in acknowledgements(sock.recv(65536)):
        if code:
            raise OSError(code, os.strerror(code))


def _message(
    kind: int, *attributes: bytes, flags: int = _REQUEST, family: int = 0, about: int = QUEUE
) -> bytes:
    body = struct.pack("!BBH", family, 0, about) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 0, 0) + body
