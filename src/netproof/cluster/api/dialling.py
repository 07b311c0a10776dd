"""Dialling: connections of urllib3 that keep a limit for all they do, and for how much they take.

urllib3's own time limits are for each read: a server that says one byte now and then is waited for
as long as it likes, in headers, bodies, chunks and their trailers. Here each read and write gets
the time that is left.
"""

from __future__ import annotations

import io
import socket
from functools import cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig

from netproof.cluster.api.login import Login
from netproof.errors import UsageError
from netproof.timelimit import left, left_behind, within

MOST_CONNECTIONS = 32
"""Kept open a server; more at once are made and closed again."""

MOST_RECEIVED = 1 << 28
"""Bytes of one answer on the wire, chunks and headers included."""

SENT_AT_ONCE = 1 << 14
"""Bytes; TLS makes one record of so many."""


class TimedSocket:
    """A socket as urllib3 and ssl use one, of which nothing lasts longer than the time left."""

    def __init__(self, sock: socket.socket) -> None:
        """Take a socket over; `sock` stays it, for who wants it bare."""
        self.sock = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)

    def gettimeout(self) -> float:
        """Return what the handshake of TLS may take."""
        return left()

    def sendall(self, data: Any) -> None:
        """Send all of it."""
        view = memoryview(data).cast("B")
        while view:
            self.sock.settimeout(left())
            view = view[self.sock.send(view[:SENT_AT_ONCE]) :]

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """Return what an answer is read from."""
        return io.BufferedReader(_TimedReader(self.sock))


class _TimedReader(io.RawIOBase):
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)  # keeps the socket open as long as it is
        self._received = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(left())
        count = self._raw.readinto(buffer)
        self._received += count or 0
        if self._received > MOST_RECEIVED:
            raise OSError(f"its answer has more than {MOST_RECEIVED} bytes")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Timed:
    """What a class of connections gets before its own."""

    sock: Any
    host: str
    timeout: Any

    def _new_conn(self) -> Any:
        # Who looks up a name has limits of its own, which nobody may shorten.
        return TimedSocket(left_behind(self._dial, late=lambda made: made.close()))

    def _dial(self) -> Any:
        self.timeout = left() / _addresses(self.host)  # urllib3 tries all, each for so long
        return super()._new_conn()  # type: ignore[misc]

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        if self.sock is not None and not isinstance(self.sock, TimedSocket):
            self.sock = TimedSocket(self.sock)


@cache
def timed(kind: type[Any]) -> type[Any]:
    """Return a class of connections with the limits kept."""
    return type(f"Timed{kind.__name__}", (_Timed, kind), {})


def keep_limits(manager: urllib3.PoolManager) -> urllib3.PoolManager:
    """Have all connections of a manager keep the limits."""
    manager.pool_classes_by_scheme = {
        scheme: _timed_pool(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
    }
    return manager


@cache
def _timed_pool(pool: Any) -> Any:
    return type(pool.__name__, (pool,), {"ConnectionCls": timed(pool.ConnectionCls)})


def _addresses(host: str) -> int:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        try:
            return max(1, len(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)))
        except OSError:  # told by who connects
            return 1
    return 1


def dial(login: Login, timeout_s: float) -> socket.socket:
    """Return a new connection to the API server itself, TLS and a proxy on the way included.

    Raises OSError or urllib3's HTTPError. `timeout_s` is for all of it.
    """
    with within(timeout_s):
        return _dial(login)


def _dial(login: Login) -> socket.socket:
    there = urlsplit(login.server)
    secure = there.scheme == "https"
    host, port = there.hostname or "", there.port or (443 if secure else 80)
    made = _connection(login, host, port)
    try:
        made.connect()
        found: Any = made.sock
    except BaseException:
        made.close()
        raise
    if found is None:
        raise OSError("no connection was made")
    made.sock = None  # it is ours from now on, and not to be closed with its maker
    return found.sock if isinstance(found, TimedSocket) else found


def _connection(login: Login, host: str, port: int) -> HTTPConnection:
    tls = login.tls if login.server.startswith("https") else {}
    kind: type[HTTPConnection] = timed(HTTPSConnection if tls else HTTPConnection)
    if not login.proxy:
        return kind(host, port, timeout=left(), **tls)
    if login.proxy.startswith("socks"):
        ways = pool(login).connection_from_url(login.server)
        socks: Any = ways.ConnectionCls
        made: HTTPConnection = socks(host, port, timeout=left(), **ways.conn_kw, **tls)
        return made
    way = urllib3.util.parse_url(login.proxy)
    config = ProxyConfig(None, False, None, None)
    made = kind(
        way.host or "",
        way.port or (443 if way.scheme == "https" else 80),
        timeout=left(),
        proxy=way,
        proxy_config=config,
        **tls,
    )
    headers = dict(login.proxy_headers)
    made.set_tunnel(host, port, headers=headers, scheme=way.scheme or "http")
    return made


def pool(login: Login) -> urllib3.PoolManager:
    settings: dict[str, Any] = {"maxsize": MOST_CONNECTIONS, **login.tls}
    try:
        if login.proxy.startswith("socks"):
            from urllib3.contrib.socks import SOCKSProxyManager  # noqa: PLC0415 - needs PySocks

            return keep_limits(SOCKSProxyManager(login.proxy, **settings))
        if login.proxy:
            headers = dict(login.proxy_headers)
            return keep_limits(urllib3.ProxyManager(login.proxy, proxy_headers=headers, **settings))
    except (ImportError, ValueError) as error:
        raise UsageError(f"the proxy {login.proxy} cannot be used: {error}") from error
    return keep_limits(urllib3.PoolManager(**settings))
