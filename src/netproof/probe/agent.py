"""The program inside every probe pod: serves the pod's ports, probes others on request.

Standard library only and sent as an argument of its own command (`agentcommand`), so any image with
Python 3.9 will do; it stays one file for that reason. It must not know Kubernetes, policies
or expectations. Two rules hold throughout: what is ready is handled before any deadline is, and
time in which this process was kept from running does not count, so that a starved agent never
says "dropped". And whatever comes over a socket ends that conversation at most, never the process.
"""

from __future__ import annotations

import errno
import gc
import os
import resource
import select
import sys
import time
from _operator import _compare_digest as same

TYPE_CHECKING = False  # typing's own costs 3 ms at each start
if TYPE_CHECKING:
    import heapq
    import signal
    import socket
    import struct
    from collections import deque
    from collections.abc import Callable, Generator
    from typing import Any

    Outcome = tuple[str, str]
    Steps = Generator[float, Any, Any]  # yields until when it waits, is told by what it was woken
    Read = Callable[[bytes, bool], Any]  # data, whether it is all there is -> None to read on
    Query = tuple[str, str, int, str, int]  # protocol, server, port, name, type

else:
    try:  # what these are made of: enums and the like around it take half of an agent's start
        import _heapq as heapq
        import _signal as signal
        import _socket as socket
        import _struct as struct
        from _collections import deque
    except ImportError:  # another Python than CPython
        import heapq
        import signal
        import socket
        import struct
        from collections import deque

VERSION = 5
SCTP = 132  # IPPROTO_SCTP, which `socket` lacks
KINDS = {
    "TCP": (socket.SOCK_STREAM, 0),
    "UDP": (socket.SOCK_DGRAM, 0),
    "SCTP": (socket.SOCK_STREAM, SCTP),
}
FAMILIES = {"IPv4": socket.AF_INET, "IPv6": socket.AF_INET6}
RECORDS = {"IPv4": 1, "IPv6": 28}  # A and AAAA (RFC 1035, RFC 3596)
ADDRESSES = {1: socket.AF_INET, 28: socket.AF_INET6}
RECVERR = {socket.AF_INET: (0, 11), socket.AF_INET6: (41, 25)}  # IP_RECVERR, IPV6_RECVERR
PKTINFO = {socket.AF_INET: (0, 8, 8), socket.AF_INET6: (41, 49, 50)}  # level, to ask, as told
MTU = {socket.AF_INET: (0, 14), socket.AF_INET6: (41, 24)}  # IP_MTU, IPV6_MTU: of a path
ECHO = {socket.AF_INET: (1, 8, 0), socket.AF_INET6: (58, 128, 129)}  # protocol, request, reply
MSG_ERRQUEUE = 0x2000
ROUTED = ("192.0.2.1", "2001:db8::1")  # of documentation: stand for our address on the way there
PORT_RANGE = "/proc/sys/net/ipv4/ip_local_port_range"  # no pathlib: 5 ms at each start
RESOLV_CONF = "/etc/resolv.conf"
DNS_PORT = 53
TCP_TABLES = (("/proc/net/tcp", socket.AF_INET), ("/proc/net/tcp6", socket.AF_INET6))
SYN_RECV = "03"  # of a connection whose SYN was answered and which is not complete (tcp_states.h)

HTTP = b"GET /netproof/"
HASHES: dict[bytes, Callable[[], Any]] = {}  # by key, made when first needed
JSON: list[Any] = []  # how to read and to write; the same, as an import a call would cost more

LARGE = 4000  # bytes of a datagram that no packet holds where MTUs are the usual 1400 to 1500
LARGER = 1000  # than the path's MTU, where that is more: frames of 9000 bytes and beyond
LARGEST = 65507  # bytes: what the length of an IPv4 packet leaves
LINE = 512  # bytes of a request that is not large

FAILED = select.EPOLLERR | select.EPOLLHUP
RESET = struct.pack("ii", 1, 0)  # a struct linger: close with a reset, so that no port stays taken

BATCH = 1024  # events a wake-up; a full batch means that more are ready, so no deadline is due
BURST = 64  # probes started between two looks at what is ready: their answers overtake the rest
MOST_PROBES = 4000  # at once; fewer would turn one time-out per job into several
MOST_GUESTS = 1000  # connections being served; the oldest goes first
MOST_NONCES = 50000  # remembered; about 10 MB, and more than any one round sends to a pod
MOST_CONTROLS = 200  # harness connections; a process of tests holds one
MOST_SESSIONS = 10000  # remembered, so that none is begun twice
MOST_DRAINED = 200  # bursts; more than buffers hold, so that a flood does not keep us
MOST_READS = 64  # of one connection before others have their turn
MOST_LINE = 1 << 25  # bytes of one request; 100,000 targets are 15 MB
MOST_UNPROVEN = 1 << 12  # of who has not shown yet that it has our key
MOST_FRESH = 100_000  # objects between two looks for garbage in circles, of which there is little
TICK = 0.05  # seconds; the clock never steps further than this past the wake-up it asked for
ANSWER = 5.0  # seconds; an established connection proves the path, its server may be starved
GUEST = 10.0  # seconds for a client to say its line
LONGEST = 3600.0  # seconds a time-out may be
SHOWN = 80  # characters of what others said
NAMED = 16  # characters of a nonce that name it: who tells the others has received it
SHORTEST = 240  # bytes of a datagram that a limited agent answers; no answer of it is longer
RESEND = (0.25, 0.55, 1.0)  # of the time-out: small buffers overflow, one loss is no verdict

CONNECTED, DROPPED, REJECTED = "connected", "dropped", "rejected"
UNRESOLVED, ERROR = "unresolved", "error"
REFUSED = {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.EACCES, errno.EPERM}
BY_ICMP = {errno.ENETUNREACH, errno.ENOPROTOOPT, errno.EHOSTDOWN, errno.ENONET, errno.EPROTO}


def named(code: int) -> str:
    return errno.errorcode.get(code, str(code))


def local(code: int) -> Outcome:
    """Tell what an error of our own call means: the host said no, or had no means to try."""
    if code in REFUSED:
        return REJECTED, named(code)
    return ERROR, f"{named(code)}: {os.strerror(code)}"


def told(code: int) -> Outcome:
    """Tell what an error means that came back from the network."""
    if code == errno.ETIMEDOUT:
        return DROPPED, named(code)
    if code == errno.ECONNRESET:  # before the connection stood it would be ECONNREFUSED
        return ERROR, f"connected, then {named(code)}"
    return (REJECTED, named(code)) if code in BY_ICMP else local(code)


def queued(sock: socket.socket) -> int:
    """Return the errno of an ICMP message that did not become the socket's own error, or 0.

    It does not where it comes while the very call that provoked it still holds the socket.
    """
    try:
        ancillary = sock.recvmsg(512, 512, MSG_ERRQUEUE)[1]
    except OSError:
        return 0
    return next((int.from_bytes(data[:4], sys.byteorder) for _, _, data in ancillary), 0)


class Task:
    """A generator on its way, the socket that wakes it and what to do with what it returns."""

    __slots__ = ("done", "due", "sock", "steps")

    def __init__(self, done: Callable[[Any], object], sock: socket.socket | None = None) -> None:
        self.steps: Steps | None = None
        self.done, self.sock, self.due = done, sock, 0.0


class Loop:
    """One epoll, one heap of deadlines, and a clock that stands still while the process does."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.handlers: dict[int, Callable[[int], object]] = {}
        self.closing: list[socket.socket] = []
        self.deadlines: list[tuple[float, int, Task]] = []
        self.count = 0
        self.faults: list[str] = []
        self.time = 0.0
        self.last = time.monotonic()

    def now(self) -> float:
        return self.time + min(time.monotonic() - self.last, TICK)

    def add(self, sock: socket.socket, handler: Callable[[int], object], mask: int) -> None:
        self.epoll.register(sock, mask)
        self.handlers[sock.fileno()] = handler

    def watch(self, task: Task, sock: socket.socket, also: int = 0) -> None:
        """Have a task woken by a socket; edge-triggered, so once is enough."""
        self.add(sock, lambda mask: self.step(task, mask), select.EPOLLIN | select.EPOLLET | also)

    def drop(self, sock: socket.socket) -> None:
        """Close a socket once the batch is done: no event must meet its number used again.

        That it is watched no longer needs no call: epoll forgets what is closed.
        """
        self.handlers.pop(sock.fileno(), None)
        self.closing.append(sock)

    def step(self, task: Task, woken: int | None) -> None:
        """Have a task go on; `woken` is what its socket is ready for, 0 when its time is up."""
        if task.steps is None:
            return
        try:
            task.due = task.steps.send(woken)
            self.count += 1
            heapq.heappush(self.deadlines, (task.due, self.count, task))
        except StopIteration as end:
            self.end(task, end.value)
        except OSError as error:
            self.end(task, local(error.errno or 0))
        except Exception as error:  # noqa: BLE001 - whatever it was told to try, the rest goes on
            self.end(task, (ERROR, f"no such target: {shown(repr(error))}"))

    def end(self, task: Task, value: object) -> None:
        task.steps = None
        if task.sock is not None:
            self.drop(task.sock)
        task.done(value)

    def turn(self, idle: bool) -> None:
        """Do all there is to do; wait for it when `idle`."""
        due = self.deadlines[0][0] - self.now() if self.deadlines else 60.0
        wait = min(max(due, 0.0), 60.0) if idle else 0.0
        events = self.epoll.poll(wait, BATCH)
        now = time.monotonic()
        self.time += min(now - self.last, wait + TICK)
        self.last = now
        for fd, mask in events:
            if fd in self.handlers:
                try:
                    self.handlers[fd](mask)
                except Exception as error:  # noqa: BLE001 - told by `hello`, and ends nobody else
                    self.faults = [*self.faults[-9:], shown(repr(error))]
        while len(events) < BATCH and self.deadlines and self.deadlines[0][0] <= self.time:
            at, _, task = heapq.heappop(self.deadlines)
            if task.due == at:
                self.step(task, 0)
        for sock in self.closing:
            sock.close()
        self.closing.clear()


class Server:
    """Answers on every port with the pod's identity, and remembers whose requests arrived."""

    def __init__(self, loop: Loop, config: dict[str, Any]) -> None:
        self.loop = loop
        identity = config["identity"]
        self.name = f'"{identity}"'  # names of Kubernetes need no escapes in JSON
        self.key = bytes.fromhex(config.get("key", ""))
        self.shortest = 0
        self.arrived: dict[str, str] = {}  # by the first half: who knows the rest has received it
        self.forgot = 0.0
        self.guests: dict[int, Task] = {}
        self.buffer = memoryview(bytearray(1 << 16))  # the largest datagram of either family
        self.listeners: list[tuple[socket.socket, Callable[[socket.socket], bool]]] = []
        self.serving: list[object] = []
        self.failures: list[object] = []
        for address in config.get("listen") or ["0.0.0.0", "::"]:  # noqa: S104 - any pod may ask
            for port, protocol in config["ports"]:
                family = "IPv6" if ":" in address else "IPv4"
                try:
                    here = own(address) if address in ROUTED else address
                    at = self.serve(port, protocol, FAMILIES[family], here)
                    self.serving.append([at, protocol, family])
                except OSError as error:
                    self.failures.append([port, protocol, family, named(error.errno or 0)])

    def serve(self, port: int, protocol: str, family: int, address: str) -> int:
        """Serve at an address and return the port, which the kernel chooses for port 0."""
        sock = socket.socket(family, *KINDS[protocol])
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if protocol == "UDP":
            level, ask, _ = PKTINFO[sock.family]
            sock.setsockopt(level, ask, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            sock.bind((address, port))
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
            sock.listen(4096)
            if protocol == "TCP":
                spoken_for(sock)
        some = self.datagrams if protocol == "UDP" else self.connections
        self.listeners.append((sock, some))
        self.loop.add(sock, lambda _: some(sock), select.EPOLLIN)
        return int(sock.getsockname()[1])

    def reply(self, line: bytes, peer: str) -> bytes:
        """Return the answer to a request, nothing to anything else, and remember its nonce.

        `GET /netproof/NONCE` over HTTP asks the same, for those who come through a proxy.
        """
        if line.startswith(HTTP):
            said = self.reply(b"netproof " + line[len(HTTP) :].partition(b" ")[0], peer)
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(said)}\r\nConnection: close\r\n\r\n"
            return head.encode() + said if said else b""
        words = line.split()
        if len(words) != 2 or words[0] != b"netproof" or not words[1].isalnum():
            return b""
        nonce = words[1][:64].decode()
        if len(self.arrived) >= MOST_NONCES:
            del self.arrived[next(iter(self.arrived))]
            self.forgot = time.monotonic()
        self.arrived.setdefault(nonce[:NAMED], nonce)
        ours = proof(self.key, words[1][:64])
        text = f'{{"identity":{self.name},"nonce":"{nonce}","from":"{peer}","proof":"{ours}"}}\n'
        return text.encode()

    def large(self, data: bytes, peer: str) -> bytes:
        """Return an answer as long as the request, if that came whole: else it never arrived."""
        words = data[:LINE].partition(b"\n")[0].split()
        if len(words) != 3 or words[2] != b"%d" % len(data):
            return b""
        if data != filled(b" ".join(words) + b"\n", words[1], len(data)):
            return b""
        said = self.reply(b" ".join(words[:2]), peer)
        return said and filled(said, words[1], len(data))

    def connections(self, listener: socket.socket) -> bool:
        """Take what connections there are; tell whether there may be more."""
        for _ in range(BURST):
            try:
                sock, peer = accepted(listener)
            except BlockingIOError:
                return False
            except OSError:  # out of descriptors, or the client is gone already
                self.evict()
                return False
            self.welcome(sock, peer[0])
        return True

    def welcome(self, sock: socket.socket, peer: str) -> None:
        if len(self.guests) >= MOST_GUESTS:
            self.evict()
        task = Task(lambda _: self.guests.pop(id(sock), None), sock)
        task.steps = self.converse(task, sock, peer)
        self.guests[id(sock)] = task
        self.loop.step(task, None)

    def evict(self) -> None:
        if self.guests:
            self.loop.end(next(iter(self.guests.values())), None)

    def converse(self, task: Task, sock: socket.socket, peer: str) -> Steps:
        data, until, watched = b"", self.loop.now() + GUEST, False
        end, most = b"\n", 512
        while end not in data and len(data) < most:
            try:
                more = sock.recv(512, socket.MSG_DONTWAIT)
            except BlockingIOError:
                if not watched:  # most clients have spoken by now and need no watching
                    self.loop.watch(task, sock)
                    watched = True
                elif not (yield until):
                    return
                continue
            if not more:
                return
            data += more
            if data.startswith(HTTP):  # what is left unread turns our answer into a reset
                end, most = b"\r\n\r\n", 8192
        # We close at once, and one packet says both.
        sock.send(self.reply(data, peer), socket.MSG_DONTWAIT | socket.MSG_MORE)

    def datagrams(self, sock: socket.socket) -> bool:
        """Answer what datagrams there are; tell whether there may be more."""
        level, _, kind = PKTINFO[sock.family]
        for _ in range(BURST):
            try:
                size, ancillary, _, peer = sock.recvmsg_into([self.buffer], 128)
                data = bytes(self.buffer[:size])
                answer = (self.large if size > LINE else self.reply)(data, peer[0])
                # From the address it came to: a host with several would answer from another.
                own = [(level, kind, ours(info)) for at, _, info in ancillary if at == level]
                if answer and len(data) >= self.shortest:
                    sock.sendmsg([answer], own, 0, peer)
            except BlockingIOError:
                return False
            except OSError:
                continue  # this client cannot be answered; the next may be luckier
        return True

    def drain(self) -> None:
        """Take in all that lies in the sockets' buffers: it has arrived as well."""
        for sock, some in self.listeners:
            for _ in range(MOST_DRAINED):
                if not some(sock):
                    break
        for guest in tuple(self.guests.values()):
            self.loop.step(guest, True)


def spoken_for(listener: socket.socket) -> None:
    """Be woken when a client has spoken, or a second after it came, where the kernel can tell."""
    try:  # noqa: SIM105 - contextlib is one more import at each start
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)
    except OSError:
        pass  # woken by every client that comes, then


def with_request(sock: socket.socket) -> None:
    """Have what completes a connection go out with the request, which follows at once."""
    if sock.proto != SCTP:
        try:  # noqa: SIM105
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        except OSError:
            pass  # two packets, then


def accepted(listener: socket.socket) -> tuple[socket.socket, Any]:
    take = getattr(listener, "_accept")  # noqa: B009 - what the public module's `accept` calls
    fd, peer = take()
    return socket.socket(listener.family, listener.type, listener.proto, fd), peer


def said_from(peer: tuple[Any, ...]) -> str:
    return f"{peer[0]} {peer[1]}"


def half_open() -> set[str]:
    """Return from where SYNs came that we have answered, and nothing after them."""
    found = set()
    for table, family in TCP_TABLES:
        try:
            with open(table) as lines:  # noqa: PTH123
                rows = [row for row in map(str.split, lines) if row[3] == SYN_RECV]
        except OSError:
            continue  # not to be had here, so nobody is testified for
        for row in rows:
            address, _, port = row[2].partition(":")
            words = [int(address[at : at + 8], 16) for at in range(0, len(address), 8)]
            packed = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
            found.add(said_from((socket.inet_ntop(family, packed), int(port, 16))))
    return found


def own(towards: str) -> str:
    """Return the address that we have on the way to another; sends nothing."""
    return str(routed(towards)[0])


def routed(towards: str) -> tuple[str, int]:
    """Return our address and the MTU on the way to another address; sends nothing."""
    family = socket.AF_INET6 if ":" in towards else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.connect((towards, DNS_PORT))
        return sock.getsockname()[0], sock.getsockopt(*MTU[family])
    finally:
        sock.close()


def ways() -> list[tuple[str, int]]:
    """Return our address and the MTU on the way to others, of each family that has a way."""
    found = []
    for towards in ROUTED:
        try:
            found.append(routed(towards))
        except OSError:
            continue  # no way there
    return found


def beyond(most: int) -> int:
    """Return the bytes of a datagram that no packet of at most so many holds, 0 if there is none.

    Linux sends it in fragments: a socket that asks for nothing else lets it (IP_PMTUDISC_WANT).
    """
    size = max(LARGE, most + LARGER)
    return size if size <= LARGEST else 0


def filled(line: bytes, nonce: bytes, size: int) -> bytes:
    """Return a line and so much behind it that the whole has a size: no two parts are alike."""
    parts = [b"%s%08d\n" % (nonce, at) for at in range(size // (len(nonce) + 9) + 1)]
    return (line + b"".join(parts))[:size]


def ours(info: bytes) -> bytes:
    """Keep our address of in_pktinfo or in6_pktinfo, not the interface: routing chooses that."""
    return info[:16] + bytes(4) if len(info) == 20 else bytes(4) + info[8:12] + bytes(4)


class TargetRunner:
    """Carries out targets: a task each, as many at once as descriptors allow."""

    def __init__(self, loop: Loop, most: int) -> None:
        self.loop, self.most = loop, most
        self.may: Callable[[str, int], bool] = lambda *_: True
        self.waiting: deque[tuple[Job, int, dict[str, Any]]] = deque()
        self.active = 0
        try:
            with open(PORT_RANGE) as range_:  # noqa: PTH123
                self.low, self.high = (int(word) for word in range_.read().split())
        except (OSError, ValueError):
            self.low, self.high = 32768, 60999
        self.port = self.low + int(time.time() * 1000) % (self.high - self.low)

    def start(self) -> bool:
        """Start a burst of waiting probes; tell whether the loop may sleep now."""
        for _ in range(BURST):
            if not self.waiting or self.active >= self.most:
                return True
            job, index, target = self.waiting.popleft()
            if not job.cancelled:
                self.launch(job, index, target)
        return False

    def launch(self, job: Job, index: int, target: dict[str, Any]) -> None:
        self.active += 1
        began = time.monotonic()

        def done(value: Outcome) -> None:
            self.active -= 1
            if value == (DROPPED, "") and target["protocol"] == "TCP" and task.sock is not None:
                value = DROPPED, said_from(task.sock.getsockname())  # for the far end to look for
            job.add([index, *value, round(time.monotonic() - began, 4)])

        task = Task(done)
        task.steps = self.probe(task, target, job.timeout)
        self.loop.step(task, None)

    def probe(self, task: Task, target: dict[str, Any], timeout: float) -> Steps:
        kind, protocol = target["kind"], target["protocol"]
        record, address, port = RECORDS[target["family"]], target["address"], target["port"]
        if kind == "dns":
            server = address or nameservers()[0][0]
            query = protocol, server, port, target["name"], record
            code, found = yield from self.ask(task, query, timeout)
            return found if code is None else judged(code, found, target.get("expect", []))
        if kind == "name":
            address, why = yield from self.resolve(task, target["name"], record, timeout)
            if not address:
                return UNRESOLVED, why
        nonce = target["nonce"]
        if not (nonce.isalnum() and nonce.isascii()):
            raise ValueError("nonce")
        request = f"netproof {nonce}\n".encode().ljust(SHORTEST if protocol == "UDP" else 0)
        if kind == "ping":
            return (yield from self.echo(task, address, request, timeout))
        wanted = target.get("identities", [])
        way = self.datagram if protocol == "UDP" else self.stream
        sock = self.fresh(task, protocol, address, port)
        size = 0
        if kind == "large":
            size = beyond(routed(address)[1]) if protocol == "UDP" else 0
            if not size:
                return ERROR, "no datagram is larger than what a packet holds on this path"
            request = filled(f"netproof {nonce} {size}\n".encode(), nonce.encode(), size)

        def read(data: bytes, whole: bool) -> Outcome | None:
            if size and data != filled(data.partition(b"\n")[0] + b"\n", nonce.encode(), size):
                return ERROR, f"answered with {len(data)} bytes that are not the {size} it was sent"
            return greeting(data.partition(b"\n")[0] if size else data, whole, nonce, wanted)

        return (yield from way(task, sock, (address, port), request, timeout, read))

    def echo(self, task: Task, address: str, payload: bytes, timeout: float) -> Steps:
        """Have the other end's kernel answer an ICMP echo: that it was ours, nobody can prove.

        By a socket that needs no right but its group's place in net.ipv4.ping_group_range; without
        one nothing is known, whatever the network does.
        """
        _, ask, answered = ECHO[socket.AF_INET6 if ":" in address else socket.AF_INET]
        try:
            sock = self.fresh(task, "ICMP", address, 0)
        except OSError as error:
            if error.errno == errno.EACCES:
                return ERROR, "no socket for ICMP: net.ipv4.ping_group_range leaves us out"
            return ERROR, f"no socket for ICMP: {named(error.errno or 0)}"
        # The kernel writes the checksum, and in the place of the identifier the socket's own.
        message = struct.pack("!2B3H", ask, 0, 0, 0, 1) + payload

        def read(data: bytes, _: bool) -> Outcome:
            if data[:1] == bytes([answered]) and data[8:] == payload:
                return CONNECTED, ""
            return ERROR, f"an echo was answered by {shown(data[:SHOWN])}"

        return (yield from self.datagram(task, sock, (address, 0), message, timeout, read))

    def stream(
        self,
        task: Task,
        sock: socket.socket,
        at: tuple[str, int],
        request: bytes,
        timeout: float,
        read: Read,
    ) -> Steps:
        with_request(sock)
        code = sock.connect_ex(at)
        if code not in (0, errno.EINPROGRESS):
            return local(code)
        self.loop.watch(task, sock, select.EPOLLOUT)
        woken = yield self.loop.now() + timeout
        if not woken or woken & FAILED:
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or queued(sock)
            if code or not woken:
                return told(code) if code else (DROPPED, "")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        data, until = b"", self.loop.now() + max(ANSWER, timeout)
        speaks = woken & select.EPOLLIN  # whoever waits to be asked has said nothing yet
        try:
            sock.send(request)
            while True:
                if not speaks and not (yield until):
                    return ERROR, "connected, but no answer came"
                try:
                    more = sock.recv(4096)
                except BlockingIOError:
                    speaks = 0
                    continue
                data, speaks = data + more, 1
                found = read(data, not more or len(data) > 4096)
                if found:
                    return found
        except OSError as error:
            return ERROR, f"connected, then {named(error.errno or 0)}"

    def datagram(
        self,
        task: Task,
        sock: socket.socket,
        at: tuple[str, int],
        request: bytes,
        timeout: float,
        read: Read,
    ) -> Steps:
        self.bind(sock)
        code = sock.connect_ex(at)
        if code:
            return local(code)
        self.loop.watch(task, sock)
        began, sent = self.loop.now(), False
        for part in RESEND:
            try:
                sock.send(request)
                sent = True
                while (yield began + timeout * part):
                    try:
                        return read(sock.recv(max(4096, len(request) + 1)), True)
                    except BlockingIOError:
                        code = queued(sock)
                        if code not in (0, errno.EMSGSIZE):
                            return told(code)
            except OSError as error:
                # The path holds less than was known; what is sent next is in smaller pieces.
                if error.errno != errno.EMSGSIZE:
                    return told(error.errno or 0)
        return (DROPPED, "") if sent else local(errno.EMSGSIZE)

    def fresh(self, task: Task, protocol: str, address: str, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        socket.inet_pton(family, address)  # a name would be looked up, and keep all others waiting
        if not self.may(address, port):
            raise ValueError(f"{address} {port} is not mine to probe")
        kind = (socket.SOCK_DGRAM, ECHO[family][0]) if protocol == "ICMP" else KINDS[protocol]
        task.sock = sock = socket.socket(family, *kind)
        sock.setblocking(False)
        sock.setsockopt(*RECVERR[family], 1)
        return sock

    def bind(self, sock: socket.socket) -> None:
        """Take the next source port in turn: chance would reuse one that conntrack remembers."""
        for _ in range(BURST):
            self.port = self.port + 1 if self.port < self.high else self.low
            try:
                return sock.bind(("", self.port))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
        return None  # connect() will choose one

    def ask(self, task: Task, query: Query, timeout: float) -> Steps:
        """Ask a name server; return its code and addresses, or None and why there are none."""
        protocol, server, port, name, record = query
        message = question(name, record)
        head = struct.pack("!H", len(message)) if protocol == "TCP" else b""
        way = self.stream if protocol == "TCP" else self.datagram
        found = yield from way(
            task,
            self.fresh(task, protocol, server, port),
            (server, port),
            head + message,
            timeout,
            lambda data, whole: answer(data[len(head) :], message, whole),
        )
        if task.sock is not None:
            self.loop.drop(task.sock)
            task.sock = None
        return found if isinstance(found[0], int) else (None, found)

    def resolve(self, task: Task, name: str, record: int, timeout: float) -> Steps:
        """Look a name up as the C library does: search list, ndots, an end at a time-out."""
        servers, search, ndots = nameservers()
        longer = [] if name.endswith(".") else [f"{name}.{domain}" for domain in search]
        names = [name, *longer] if name.count(".") >= ndots else [*longer, name]
        why = "no name server in /etc/resolv.conf"
        for full in names if servers else []:
            for server in servers:
                code, found = yield from self.ask(
                    task, ("UDP", server, DNS_PORT, full, record), timeout
                )
                if code is not None:
                    break
            if code == 0 and found:
                return found[0], ""
            said = " ".join(found).strip() if code is None else f"response code {code}"
            why = f"{said} from {server} for {full}"
            if code is None:
                break
        return None, why


def greeting(data: bytes, whole: bool, nonce: str, wanted: list[str]) -> Outcome | None:
    """Tell what an answer proves: nothing yet, that it is one we want, or whose it is."""
    if not whole and not data.endswith(b"\n"):
        return None
    try:
        reply = decoded(data)
        who, echo, proved = reply["identity"], reply["nonce"], reply.get("proof", "")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        said = data[:SHOWN]
        return ERROR, f"connected, but answered {said!r}" if data else "closed without answer"
    if echo != nonce:
        return ERROR, f"answered by {shown(who)} with another nonce"
    if who not in wanted:
        return ERROR, f"answered by {shown(who)}, wanted {' or '.join(wanted)}"
    return CONNECTED, shown(proved)


def question(name: str, record: int) -> bytes:
    labels = [label.encode() for label in name.split(".") if label]
    body = b"".join(bytes([len(label)]) + label for label in labels)
    head = os.urandom(2) + struct.pack("!5H", 256, 1, 0, 0, 0)  # 256: recursion desired
    return head + body + struct.pack("!B2H", 0, record, 1)


def answer(data: bytes, message: bytes, whole: bool) -> Any:
    """Read a reply to a question: its code and the addresses asked for, None when cut short."""
    try:
        flags, _, count = struct.unpack_from("!3H", data, 2)
        at, found = len(message), []
        for _ in range(count):
            while 0 < data[at] < 192:  # RFC 1035 4.1.4: 192 begins a pointer, which ends a name
                at += data[at] + 1
            at += 2 if data[at] else 1
            kind, _, _, length = struct.unpack_from("!2HIH", data, at)
            if kind in ADDRESSES:
                found.append(socket.inet_ntop(ADDRESSES[kind], data[at + 10 : at + 10 + length]))
            at += 10 + length
        ours = data[:2] == message[:2] and flags & 0x8000
    except (IndexError, struct.error, ValueError):
        ours = False
        if not whole:
            return None
    return (flags & 15, found) if ours else (ERROR, "the answer is no DNS message")


def judged(code: int, found: list[str], expected: list[str]) -> Outcome:
    if code not in (0, 3):
        return ERROR, f"the name server answered with response code {code}"
    if code == 0 and expected and not set(expected) & set(found):
        return ERROR, f"answered {found}, wanted {expected}"
    return CONNECTED, "NXDOMAIN" if code else ""


def shown(said: object) -> str:
    """Return the beginning of what others said, without what a terminal or a line obeys."""
    try:
        text = ascii(str(said)[:SHOWN])[1:-1]
    except (RecursionError, ValueError):  # nested without end; an integer without end
        text = type(said).__name__
    return text


def proof(key: bytes, about: bytes) -> str:
    """Return what only who has the key can say about something."""
    if key not in HASHES:
        try:
            from _blake2 import blake2s  # noqa: PLC0415 - hashlib would load OpenSSL: 4 ms
        except ImportError:
            from hashlib import blake2s  # noqa: PLC0415 - another Python than CPython
        HASHES[key] = blake2s(key=key, digest_size=16).copy
    one = HASHES[key]()
    one.update(about)
    return str(one.hexdigest())


def sealed(key: bytes, session: bytes, data: bytes) -> bytes:
    """Return a line that only we can have said, in answer to whoever chose the session."""
    return proof(key, session + b" " + data).encode() + b" " + data + b"\n"


def asked(key: bytes, session: bytes, line: bytes) -> bytes:
    """Return a request under its seal, in a session that whoever asks has chosen."""
    data = session + b" " + line
    return proof(key, b"ask " + data).encode() + b" " + data + b"\n"


class Reading:
    """How JSON is read, as the reader in C asks for it: what json.JSONDecoder is by default."""

    strict, object_hook, object_pairs_hook = True, None, None
    parse_float, parse_int = float, int
    parse_constant = float  # NaN and the infinities


def made_json() -> list[Any]:
    """Return what reads and what writes a value of JSON: in C, without the module around it.

    `json` loads regular expressions, which take as long as all else of an agent's start.
    """
    try:
        import _json as c  # noqa: PLC0415

        like: Any = Reading
        scan = c.make_scanner(like)
        write = c.make_encoder(
            None, str, c.encode_basestring_ascii, None, ":", ",", False, False, True
        )
        known = scan("[1]", 0) == ([1], 3) and "".join(write([1], 0)) == "[1]"
    except Exception:  # noqa: BLE001 - another Python: then by the long way
        known = False
    if not known:
        import json  # noqa: PLC0415

        return [json.loads, lambda value: json.dumps(value, separators=(",", ":"))]

    def read(text: str) -> Any:
        text = text.strip(" \t\r\n")
        try:
            value, end = scan(text, 0)
        except (StopIteration, SystemError):  # the latter of 3.10 and 3.11 for want of `json`
            value, end = None, -1
        if end != len(text):
            raise ValueError("no JSON")
        return value

    return [read, lambda value: "".join(write(value, 0))]


def decoded(data: bytes) -> Any:
    if not JSON:
        JSON.extend(made_json())
    return JSON[0](data.decode())


def encoded(value: object) -> bytes:
    if not JSON:
        JSON.extend(made_json())
    return str(JSON[1](value)).encode()


def resolvers() -> list[str]:
    try:
        return nameservers()[0]
    except OSError:  # no such file, so nobody is asked
        return []


def nameservers() -> tuple[list[str], list[str], int]:
    servers: list[str] = []
    search: list[str] = []
    ndots = 1
    with open(RESOLV_CONF) as lines:  # noqa: PTH123
        for line in lines:
            words = line.split("#")[0].split() or [""]
            if words[0] == "nameserver":
                servers += words[1:2]
            elif words[0] == "search":
                search = words[1:]
            elif words[0] == "options":
                ndots = next((int(w[6:]) for w in words if w.startswith("ndots:")), ndots)
    return servers[:3], search, ndots


class Job:
    """A list of targets on its way; results are told in lines as they come."""

    def __init__(self, say: Callable[[object], None], request: dict[str, Any]) -> None:
        self.say, self.id, self.timeout = say, request["id"], request["timeout"]
        if not (isinstance(self.timeout, (int, float)) and 0 < self.timeout <= LONGEST):
            raise ValueError("timeout")  # NaN too, which no heap bears
        if not isinstance(request["targets"], list):
            raise TypeError("targets")
        self.left, self.cancelled = len(request["targets"]), False
        self.results: list[object] = []

    def add(self, result: object) -> None:
        self.results.append(result)
        self.left -= 1
        if not self.left or len(self.results) >= 1000:
            self.tell()

    def tell(self) -> None:
        if not self.cancelled:
            self.say({"id": self.id, "results": self.results, "done": not self.left})
        self.results = []


class Control:
    """One harness connection: sealed JSON lines in and out.

    Who has not our key is told nothing, and nobody can have us do anything twice: a session is
    begun once, and its requests have rising numbers.
    """

    def __init__(self, agent: Agent, sock: socket.socket) -> None:
        self.agent, self.sock = agent, sock
        self.unread, self.unsent, self.session, self.number = b"", b"", b"", 0
        self.jobs: list[Job] = []
        self.finished = False
        self.mask = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET
        agent.loop.add(sock, self.ready, self.mask)

    def ready(self, _: int) -> None:
        try:
            self.flush()
            for _ in range(MOST_READS):
                self.read()
            self.agent.loop.epoll.modify(self.sock, self.mask)  # woken again for what is left
        except BlockingIOError:
            return
        except OSError:
            self.leave()

    def leave(self) -> None:
        if self.finished:
            os._exit(0)
        for job in self.jobs:
            job.cancelled = True
        if self in self.agent.controls:
            self.agent.controls.remove(self)
            self.agent.loop.drop(self.sock)

    def read(self) -> None:
        data = self.sock.recv(1 << 18)
        self.unread += data
        if b"\n" in data:
            *lines, self.unread = self.unread.split(b"\n")
            for line in lines:
                self.obey(line)
        most = MOST_LINE if self.session else MOST_UNPROVEN
        if not data or max(len(self.unread), len(self.unsent)) > most:
            raise ConnectionError

    def obey(self, line: bytes) -> None:
        handlers = {
            "hello": self.hello,
            "probe": self.probe,
            "arrived": self.testify,
            "print": self.print,
            "outlive": self.outlive,
            "finish": self.finish,
        }
        data = self.opened(line)
        try:
            request = decoded(data)
            self.count(request["id"])
            handlers[request["op"]](request)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            self.say({"id": None, "error": f"not understood: {shown(repr(error))}"})

    def opened(self, line: bytes) -> bytes:
        """Return what stands under a seal; raise ConnectionError where it is not ours."""
        said, _, rest = line.partition(b" ")
        session, _, data = rest.partition(b" ")
        known = self.session or session
        if session != known or not same(said, proof(self.agent.key, b"ask " + rest).encode()):
            raise ConnectionError
        if not self.session:
            self.agent.begin(session)
            self.session = session
        return data

    def count(self, number: object) -> None:
        if type(number) is not int or number <= self.number:
            raise ValueError("id")
        self.number = number

    def hello(self, request: dict[str, Any]) -> None:
        self.say({"id": request["id"], **self.agent.about()})

    def print(self, request: dict[str, Any]) -> None:
        """Show a nonce on standard output, to whoever is attached to it."""
        nonce = request["nonce"]
        if not (nonce.isalnum() and len(nonce) <= 64):
            raise ValueError("nonce")
        ours = proof(self.agent.key, nonce.encode())
        shown = {"identity": self.agent.identity, "nonce": nonce, "proof": ours}
        os.write(1, encoded(shown) + b"\n")
        self.say({"id": request["id"]})

    def outlive(self, request: dict[str, Any]) -> None:
        """Stay when we are told to end, for as long as we are let."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.say({"id": request["id"]})

    def finish(self, request: dict[str, Any]) -> None:
        """End well once who asks for it has heard us and left: an answer would not outlive us."""
        self.finished = True
        self.say({"id": request["id"]})

    def probe(self, request: dict[str, Any]) -> None:
        job = Job(self.say, request)
        self.jobs = [*(other for other in self.jobs if other.left), job]
        if not job.left:
            job.tell()
        self.agent.prober.waiting.extend((job, i, t) for i, t in enumerate(request["targets"]))

    def testify(self, request: dict[str, Any]) -> None:
        server = self.agent.server
        server.drain()
        came = [server.arrived[name] for name in request["nonces"] if name in server.arrived]
        forgot = round(time.monotonic() - server.forgot, 3) if server.forgot else None
        asked = request.get("half")
        begun = half_open() if asked else set()
        half = [one for one in asked or () if one in begun]
        reply = {"arrived": came, "half": half, "boot": self.agent.boot, "forgot": forgot}
        self.say({"id": request["id"], **reply})

    def say(self, reply: object) -> None:
        self.unsent += sealed(self.agent.key, self.session, encoded(reply))
        try:
            self.flush()
        except OSError:
            self.unsent = b""  # the other side is gone, which the next read will tell

    def flush(self) -> None:
        while self.unsent:
            try:
                self.unsent = self.unsent[self.sock.send(self.unsent) :]
            except BlockingIOError:
                return  # it wakes us when there is room


class Agent:
    """Everything together, in one thread."""

    control = Control

    def __init__(self, config: dict[str, Any]) -> None:
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.boot, self.identity = os.urandom(8).hex(), config["identity"]
        self.key = bytes.fromhex(config.get("key", ""))
        self.controls: list[Control] = []
        self.sessions: dict[bytes, None] = {}
        self.loop = Loop()
        self.server = Server(self.loop, config)
        probes = max(16, min(MOST_PROBES, most - MOST_GUESTS - 200))
        self.prober = TargetRunner(self.loop, probes)
        self.listeners: list[socket.socket] = []
        self.listen(config["control"])

    def listen(self, control: Any) -> None:
        """Take orders at a name of the pod's network, which lies on no disk."""
        self.take_orders(socket.socket(socket.AF_UNIX), "\0" + control)

    def take_orders(self, listener: socket.socket, at: Any) -> None:
        listener.bind(at)
        listener.listen(64)
        listener.setblocking(False)
        self.listeners.append(listener)
        self.loop.add(listener, lambda _: self.admit(listener), select.EPOLLIN)

    def admit(self, listener: socket.socket) -> None:
        try:
            sock, peer = accepted(listener)
        except OSError:  # out of descriptors, or gone again already
            return
        self.enter(sock, peer)

    def enter(self, sock: socket.socket, _: Any) -> None:
        if len(self.controls) >= MOST_CONTROLS:
            strangers = [control for control in self.controls if not control.session]
            if not strangers:
                sock.close()
                return
            strangers[0].leave()
        sock.setblocking(False)
        self.controls.append(self.control(self, sock))

    def begin(self, session: bytes) -> None:
        if not session or session in self.sessions:
            raise ConnectionError
        if len(self.sessions) >= MOST_SESSIONS:
            del self.sessions[next(iter(self.sessions))]
        self.sessions[session] = None

    def about(self) -> dict[str, object]:
        try:
            socket.socket(socket.AF_INET, *KINDS["SCTP"]).close()
            sctp = True
        except OSError:
            sctp = False
        there = ways()
        return {
            "identity": self.identity,
            "version": VERSION,
            "pid": os.getpid(),
            "boot": self.boot,
            "serving": self.server.serving,
            "failures": self.server.failures,
            "sctp": sctp,
            "mtu": max((most for _, most in there), default=0),
            "faults": self.loop.faults,
            "resolvers": resolvers(),
            "addresses": [address for address, _ in there],
        }

    def run(self) -> None:
        idle = True
        while True:
            self.loop.turn(idle)
            idle = self.prober.start()


def configured(words: list[str]) -> dict[str, Any]:
    """Read identity, control socket, ports (`80/TCP,53/UDP`), addresses to listen at and key."""
    identity, control, ports, listen, key = words
    served = [port.split("/") for port in ports.split(",") if port]
    return {
        "identity": identity,
        "control": control,
        "ports": [[int(number), protocol] for number, protocol in served],
        "listen": [address for address in listen.split(",") if address],
        "key": key,
    }


def main(arguments: list[str]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: os._exit(128 + number))  # no end of its own
    gc.set_threshold(MOST_FRESH)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # a pod's first process inherits orphans
    agent = Agent(configured(arguments[1:]))
    served, failed = len(agent.server.serving), len(agent.server.failures)
    try:
        line = f"netproof-agent ready: {agent.identity} serves {served} ports, {failed} failed\n"
        os.write(1, line.encode())
    except OSError:
        pass  # nobody listens
    agent.run()


if __name__ == "__main__":
    main(sys.argv[1:])
