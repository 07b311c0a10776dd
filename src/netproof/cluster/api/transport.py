"""The way to one API server: connections that any number of threads share, and the login on them.

Bytes go in and come out. Whatever goes wrong below leaves as a ClusterError: no answer at all is an
UnreachableError, and what an answer means is read in `answers`.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig

from netproof.cluster.api.answers import ApiAnswer
from netproof.cluster.api.login import Login, log_in
from netproof.cluster.backend import ClusterRef
from netproof.errors import ClusterError, UnreachableError, UsageError

REQUEST_TIMEOUT_S = 30.0
"""An API server that needs longer for one object is not going to answer."""

AGENT = "netproof"
"""What we call ourselves in the API server's log."""

MOST_CONNECTIONS = 32
"""Kept open a server; more at once are made and closed again."""

Query = Mapping[str, str] | Sequence[tuple[str, str]]

_BROKEN = (urllib3.exceptions.HTTPError, OSError, UnicodeError)
"""What urllib3 raises; its own Retry is off, because reads are retried in one place."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """What is asked of an API server; `body` is sent as JSON."""

    method: str
    path: str
    query: Query = ()
    body: Any = None
    content_type: str = "application/json"
    accept: str = "application/json"

    @property
    def target(self) -> str:
        """The path with the query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


class Transport:
    """Requests to one API server; to be used by any number of threads."""

    def __init__(self, ref: ClusterRef) -> None:
        """Log in; raise UsageError where the kubeconfig cannot be used."""
        self._ref = ref
        self._guard = threading.Lock()
        self.login = log_in(ref)
        self._pool = _pool(self.login)

    def send(
        self, request: ApiRequest, *, what: str, timeout_s: float = REQUEST_TIMEOUT_S
    ) -> ApiAnswer:
        """Make one call and return the answer, whatever its status; `what` heads the errors.

        Where the login is no longer taken (401), a new one is made once. Raises UnreachableError
        where there is no answer.
        """
        with self._guard:
            login, pool = self.login, self._pool
        answer = _call(pool, login, request, what, timeout_s)
        if answer.status == 401 and self.log_in_again(login):
            answer = _call(self._pool, self.login, request, what, timeout_s)
        return answer

    def log_in_again(self, refused: Login) -> bool:
        """Log in anew after a refusal, once for all who were refused; False where it is the same.

        A token of an exec plugin or a projected file lives for minutes.
        """
        with self._guard:
            if self.login is not refused:
                return True
            try:
                fresh = log_in(self._ref)
            except UsageError as error:
                raise ClusterError(f"logging in again: {error}", 401) from error
            if fresh == refused:
                return False
            old, self._pool = self._pool, _pool(fresh)
            self.login = fresh
        old.clear()
        return True

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._pool.clear()


def _call(
    pool: urllib3.PoolManager, login: Login, request: ApiRequest, what: str, timeout_s: float
) -> ApiAnswer:
    has_body = request.body is not None
    kind = {"Content-Type": request.content_type} if has_body else {}
    try:
        answer = pool.request(
            request.method,
            login.server + request.target,
            body=json.dumps(request.body).encode() if has_body else None,
            headers={"Accept": request.accept, "User-Agent": AGENT, **kind, **login.headers},
            timeout=urllib3.Timeout(total=timeout_s),
            retries=False,
            redirect=False,
        )
    except _BROKEN as error:
        raise unreachable(what, error) from error
    return ApiAnswer(answer.status, answer.data, answer.reason or "")


def dial(login: Login, timeout_s: float) -> socket.socket:
    """Return a new connection to the API server itself, TLS and a proxy on the way included.

    Raises OSError or urllib3's HTTPError. `timeout_s` is for each step.
    """
    there = urlsplit(login.server)
    secure = there.scheme == "https"
    host, port = there.hostname or "", there.port or (443 if secure else 80)
    made = _connection(login, host, port, timeout_s)
    try:
        made.connect()
        found = made.sock
    except BaseException:
        made.close()
        raise
    if found is None:
        raise OSError("no connection was made")
    made.sock = None  # it is ours from now on, and not to be closed with its maker
    return found


def _connection(login: Login, host: str, port: int, timeout_s: float) -> HTTPConnection:
    tls = login.tls if login.server.startswith("https") else {}
    kind: type[HTTPConnection] = HTTPSConnection if tls else HTTPConnection
    if not login.proxy:
        return kind(host, port, timeout=timeout_s, **tls)
    if login.proxy.startswith("socks"):
        pool = _pool(login).connection_from_url(login.server)
        socks: Any = pool.ConnectionCls
        made: HTTPConnection = socks(host, port, timeout=timeout_s, **pool.conn_kw, **tls)
        return made
    way = urllib3.util.parse_url(login.proxy)
    config = ProxyConfig(None, False, None, None)
    made = kind(
        way.host or "",
        way.port or (443 if way.scheme == "https" else 80),
        timeout=timeout_s,
        proxy=way,
        proxy_config=config,
        **tls,
    )
    headers = dict(login.proxy_headers)
    made.set_tunnel(host, port, headers=headers, scheme=way.scheme or "http")
    return made


def _pool(login: Login) -> urllib3.PoolManager:
    settings: dict[str, Any] = {"maxsize": MOST_CONNECTIONS, **login.tls}
    try:
        if login.proxy.startswith("socks"):
            from urllib3.contrib.socks import SOCKSProxyManager  # noqa: PLC0415 - needs PySocks

            return SOCKSProxyManager(login.proxy, **settings)
        if login.proxy:
            headers = dict(login.proxy_headers)
            return urllib3.ProxyManager(login.proxy, proxy_headers=headers, **settings)
    except (ImportError, ValueError) as error:
        raise UsageError(f"the proxy {login.proxy} cannot be used: {error}") from error
    return urllib3.PoolManager(**settings)


def unreachable(what: str, error: BaseException) -> UnreachableError:
    """Word that no answer came."""
    return UnreachableError(
        f"{what}: the API server cannot be reached: {_innermost(error)}; "
        "check that the cluster runs and that the kubeconfig names it"
    )


def _innermost(error: BaseException) -> str:
    """Return an error's innermost words; urllib3 wraps them in the pool and the URL."""
    cause = getattr(error, "reason", None)
    return _innermost(cause) if isinstance(cause, BaseException) else str(error)
