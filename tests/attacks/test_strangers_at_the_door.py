"""Other users of the machine hold connections to the API open, and say nothing or not enough.

Found in a lab that kept 1,500 connections without a token for ever.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import resource
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from netlab.http.doorkeeper import MOST_STRANGERS
from tests.lab._api import TOKEN, running_api

CROWD = 1500
STAY_S = 4.0
DEADLINE_S = 60.0
LASTS_S = 1.5 * STAY_S
PATH = "/api/v1/namespaces"


@dataclass(frozen=True)
class Door:
    """Where a server of the lab's API on loopback stands, and who it is."""

    address: tuple[str, int]
    context: ssl.SSLContext

    def ask(self, token: str = TOKEN) -> tuple[int, float]:
        """Ask on a new connection; return the answer's code and how long it took."""
        begin = time.monotonic()
        connection = self.connect()
        try:
            connection.request("GET", PATH, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            answer.read()
            return answer.status, time.monotonic() - begin
        finally:
            connection.close()

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(*self.address, context=self.context, timeout=DEADLINE_S)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Door]:
    """Serve the API for the time of a test."""
    with running_api(tmp_path, stranger_s=STAY_S) as served:
        port = int(served.url.rpartition(":")[2])
        context = ssl.create_default_context(cafile=str(served.ca_file))
        yield Door(("127.0.0.1", port), context)


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Let this process have enough of them for both ends of a crowd."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 3 * CROWD:
        pytest.skip(f"this needs {3 * CROWD} descriptors: ulimit -Hn says {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def says_nothing(api: Door) -> socket.socket:
    return socket.create_connection(api.address, timeout=DEADLINE_S)


def begins_a_handshake(api: Door) -> socket.socket:
    sock = says_nothing(api)
    sock.sendall(b"\x16\x03\x01\x02\x00\x01")
    return sock


def is_silent_behind_tls(api: Door) -> socket.socket:
    return api.context.wrap_socket(says_nothing(api), server_hostname="localhost")


def begins_a_head(api: Door) -> socket.socket:
    sock = is_silent_behind_tls(api)
    sock.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n".encode())
    return sock


def sends_a_long_head_without_end(api: Door) -> socket.socket:
    sock = is_silent_behind_tls(api)
    sock.sendall(f"GET {PATH} HTTP/1.1\r\n".encode() + b"X: " + b"a" * 70_000)
    return sock


def is_refused_and_stays(api: Door) -> socket.socket:
    sock = is_silent_behind_tls(api)
    sock.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return sock


def owes_a_body(api: Door) -> socket.socket:
    sock = is_silent_behind_tls(api)
    sock.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{{".encode())
    return sock


WAYS = [
    says_nothing,
    begins_a_handshake,
    is_silent_behind_tls,
    begins_a_head,
    sends_a_long_head_without_end,
    is_refused_and_stays,
    owes_a_body,
]


def test_who_shows_no_token_is_sent_away(api: Door) -> None:
    """Whatever is left out, the connection ends when its time is over, and the API answers."""
    standing = {come.__name__: come(api) for come in WAYS}
    try:
        assert api.ask()[0] == 200
        assert [] == [way for way, sock in standing.items() if not _ends(sock)]
    finally:
        for sock in standing.values():
            sock.close()


def test_who_drips_a_head_is_sent_away(api: Door) -> None:
    """A byte now and then does not buy more time."""
    pause, end = threading.Event(), time.monotonic() + DEADLINE_S
    with is_silent_behind_tls(api) as sock:
        sock.sendall(f"GET {PATH} HTTP/1.1\r\nX: ".encode())
        with contextlib.suppress(OSError):
            while time.monotonic() < end:
                sock.sendall(b"a")
                pause.wait(STAY_S / 50)
    assert time.monotonic() < end, "bytes were taken until the deadline"


def test_a_crowd_without_a_token_keeps_nobody_out(api: Door, descriptors: None) -> None:  # noqa: ARG001
    """Of 1,500 connections few are let stand, none for long, and the API answers beside them."""
    crowd = [says_nothing(api) for _ in range(CROWD)]
    try:
        assert api.ask()[0] == 200
        assert CROWD - MOST_STRANGERS <= _gone(crowd, CROWD - MOST_STRANGERS)
        assert CROWD == _gone(crowd, CROWD)
        assert api.ask()[0] == 200
    finally:
        for sock in crowd:
            sock.close()


def test_who_showed_a_token_stays(api: Door) -> None:
    """A client's pool keeps its connection beyond that time."""
    connection = api.connect()
    try:
        assert "NamespaceList" == _kind(connection)
        first = connection.sock
        assert first is not None
        assert not select_readable(first, LASTS_S), "the connection was ended"
        assert "NamespaceList" == _kind(connection)
        assert first is connection.sock
    finally:
        connection.close()


def _kind(connection: http.client.HTTPSConnection) -> str:
    connection.request("GET", PATH, headers={"Authorization": f"Bearer {TOKEN}"})
    kind: str = json.loads(connection.getresponse().read())["kind"]
    return kind


def test_a_wrong_token_ends_the_connection_at_once(api: Door) -> None:
    """It is said (401), and that is all."""
    code, _ = api.ask("of nobody")
    assert code == 401
    with is_refused_and_stays(api) as sock:
        said = b""
        with contextlib.suppress(OSError):
            while chunk := sock.recv(65536):
                said += chunk
    assert b"HTTP/1.1 401" in said
    assert b"Connection: close" in said


def select_readable(sock: socket.socket, timeout_s: float) -> bool:
    """Return whether there is something to read, or the end, within a time."""
    with selectors.DefaultSelector() as chosen:
        chosen.register(sock, selectors.EVENT_READ)
        return bool(chosen.select(timeout_s))


def _ends(sock: socket.socket) -> bool:
    """Return whether the other end closes a connection before the deadline."""
    sock.settimeout(DEADLINE_S)
    try:
        while sock.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def _gone(crowd: list[socket.socket], wanted: int) -> int:
    """Return how many were sent away, as soon as it is that many or the deadline passes."""
    gone = 0
    end = time.monotonic() + DEADLINE_S
    with selectors.DefaultSelector() as chosen:
        for sock in crowd:
            chosen.register(sock, selectors.EVENT_READ)
        while gone < wanted and time.monotonic() < end:
            for key, _ in chosen.select(1):
                chosen.unregister(key.fileobj)
                gone += 1
    return gone
