"""The way to one API server: connections that any number of threads share, and the login on them.

Bytes go in and come out. Whatever goes wrong below leaves as a ClusterError: no answer at all is an
UnreachableError, and what an answer means is read in `answers`.
"""

from __future__ import annotations

import datetime
import email.utils
import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3

from netproof.cluster.api.answers import ApiAnswer, too_large
from netproof.cluster.api.dialling import pool as pool_of
from netproof.cluster.api.login import Login, log_in
from netproof.cluster.api.waiting import Presence
from netproof.cluster.backend import ClusterRef
from netproof.errors import ClusterError, UnreachableError, UsageError
from netproof.timelimit import left, within

REQUEST_TIMEOUT_S = 30.0
"""For a call and all of its answer; who needs longer for one object is not going to answer."""

LARGEST_ANSWER = 1 << 27
"""Bytes, unpacked: 5,000 nodes with their status are about 100 MB."""

READ_AT_ONCE = 1 << 16

AGENT = "netproof"
"""What we call ourselves in the API server's log."""

Query = Mapping[str, str] | Sequence[tuple[str, str]]

_BROKEN = (urllib3.exceptions.HTTPError, OSError, ValueError)
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
        self.presence = Presence(ref.gone_after_s, starts_again=ref.starts_again)
        self.login = log_in(ref)
        self._pool = pool_of(self.login)

    def send(
        self, request: ApiRequest, *, what: str, timeout_s: float = REQUEST_TIMEOUT_S
    ) -> ApiAnswer:
        """Make one call and return the answer, whatever its status; `what` heads the errors.

        `timeout_s` is for all of it, to the last byte of the answer.
        Where the login is no longer taken (401), a new one is made once. Raises UnreachableError
        where there is no answer.
        """
        if self.presence.gone:
            raise UnreachableError(f"{what}: the API server has gone away")
        with self._guard:
            login, pool = self.login, self._pool
        with within(timeout_s):
            answer = self._answer(pool, login, request, what)
            if answer.status == 401 and self.log_in_again(login):
                answer = self._answer(self._pool, self.login, request, what)
        return answer

    def _answer(
        self, pool: urllib3.PoolManager, login: Login, request: ApiRequest, what: str
    ) -> ApiAnswer:
        try:
            answer = _call(pool, login, request, what)
        except UnreachableError:
            self.presence.missed()
            raise
        self.presence.heard()
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
            old, self._pool = self._pool, pool_of(fresh)
            self.login = fresh
        old.clear()
        return True

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._pool.clear()


def _call(pool: urllib3.PoolManager, login: Login, request: ApiRequest, what: str) -> ApiAnswer:
    has_body = request.body is not None
    kind = {"Content-Type": request.content_type} if has_body else {}
    try:
        answer = pool.request(
            request.method,
            login.server + request.target,
            body=json.dumps(request.body).encode() if has_body else None,
            headers={"Accept": request.accept, "User-Agent": AGENT, **kind, **login.headers},
            timeout=urllib3.Timeout(total=left()),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        data = _body(answer, what)
    except _BROKEN as error:
        raise unreachable(what, error) from error
    return ApiAnswer(answer.status, data, answer.reason or "", _retry_after(answer))


def _body(answer: urllib3.BaseHTTPResponse, what: str) -> bytes:
    """Read an answer to its end; the connection of one that has none is closed."""
    data = bytearray()
    with ExitStack() as unread:
        unread.callback(answer.close)
        for part in answer.stream(READ_AT_ONCE, decode_content=True):
            left()
            data += part
            if len(data) > LARGEST_ANSWER:
                raise too_large(what, LARGEST_ANSWER, answer.status)
        unread.pop_all()
    answer.release_conn()
    return bytes(data)


def _retry_after(answer: urllib3.BaseHTTPResponse) -> float | None:
    """Return for how many seconds a server is not to be asked, None where it does not say.

    A number or a date (RFC 9110 10.2.3).
    """
    said = str(answer.headers.get("Retry-After", "")).strip()[:40]
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        when = email.utils.parsedate_to_datetime(said)
        return max(0.0, when.timestamp() - datetime.datetime.now(datetime.UTC).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None


def unreachable(what: str, error: BaseException) -> UnreachableError:
    """Word that no answer came."""
    return UnreachableError(
        f"{what}: the API server cannot be reached: {_innermost(error)}; "
        "check that the cluster runs and that the kubeconfig names it",
        refused=_was_refused(error),
    )


def _innermost(error: BaseException) -> str:
    """Return an error's innermost words; urllib3 wraps them in the pool and the URL."""
    cause = getattr(error, "reason", None)
    return _innermost(cause) if isinstance(cause, BaseException) else str(error)


def _was_refused(error: BaseException | None) -> bool:
    """Tell whether an error comes from a connection that nobody took."""
    while error is not None and not isinstance(error, ConnectionRefusedError):
        error = error.__cause__ or error.__context__
    return error is not None
