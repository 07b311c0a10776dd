"""The handshake of a WebSocket: refusals, silence and what is no WebSocket, each told in time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from netproof.cluster.api.client import Client
from netproof.cluster.backend import ClusterRef
from netproof.cluster.streams.channels import STDOUT, ChannelSocket
from netproof.cluster.streams.handshake import connect
from netproof.errors import StreamRefusedError
from tests.unit.cluster.api.standin import kubeconfig, websocket_opened

SOON_S = 60.0
"""Only a machine that hangs takes as long: the first login loads the official client."""
PATH = "/api/v1/namespaces/shop/pods/web/exec"
FIRST = b"\x82\x03\x01hi"
"""A message that comes in the same packet as the end of the handshake."""


def _accepting(protocol: str, then: bytes = b"") -> Callable[[bytes], bytes]:
    def answer(request: bytes) -> bytes:
        assert b"sec-websocket-protocol: v4.channel.k8s.io" in request.lower()
        return websocket_opened(request, protocol) + then

    return answer


@contextmanager
def _connected(
    folder: Path, answer: Callable[[bytes], bytes], timeout_s: float = SOON_S
) -> Iterator[ChannelSocket]:
    """Connect to a server that gives one answer to whatever it is asked, and waits."""
    done = threading.Event()

    def serve(server: socket.socket) -> None:
        try:
            there, _ = server.accept()
        except TimeoutError:
            return  # nobody came
        with there:
            there.sendall(answer(there.recv(1 << 16)))
            done.wait(SOON_S)

    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(SOON_S)
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        ref = ClusterRef("existing", "c", str(kubeconfig(folder, url, token="secret")))
        try:
            with (
                closing(Client(ref)) as client,
                closing(connect(client, PATH, [("a", "b c")], "exec", timeout_s=timeout_s)) as made,
            ):
                yield made
        finally:
            done.set()
            thread.join()


def test_what_comes_with_the_handshake_is_not_lost(tmp_path: Path) -> None:
    """The first bytes of a pod may stand in the same packet."""
    with _connected(tmp_path, _accepting("v4.channel.k8s.io", FIRST)) as stream:
        assert b"hi" == stream.read(STDOUT, SOON_S)


def test_path_query_and_login_are_asked(tmp_path: Path) -> None:
    """As the API server wants them."""
    asked = b""

    def answer(request: bytes) -> bytes:
        nonlocal asked
        asked = request
        return _accepting("v4.channel.k8s.io")(request)

    with _connected(tmp_path, answer):
        assert asked.startswith(f"GET {PATH}?a=b+c HTTP/1.1\r\n".encode())
        assert b"authorization: bearer secret" in asked.lower()


@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        (b'HTTP/1.1 403 F\r\nContent-Length: 36\r\n\r\n{"kind":"Status","message":"not you"}'[:-1]
         + b"}", 403, r"\(403\)"),
        (b"HTTP/1.1 404 N\r\nContent-Length: 4\r\n\r\ngone", 404, r"gone \(404\)"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage", 200, r"page \(200\)"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", 0, "cannot be reached"),
        (b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 0, "cannot be"),
    ],
    ids=["403", "404", "200", "no HTTP", "no key"],
)  # fmt: skip
def test_what_is_no_websocket(tmp_path: Path, answer: bytes, status: int, told: str) -> None:
    """A refusal has its status and words, anything else is no answer of an API server."""
    with (
        pytest.raises(StreamRefusedError, match=told) as caught,
        _connected(tmp_path, lambda _: answer),
    ):
        pass
    assert status == caught.value.status


def test_another_protocol_than_asked_for(tmp_path: Path) -> None:
    """Channels of another form would be misread."""
    with (
        pytest.raises(StreamRefusedError, match="cannot be reached"),
        _connected(tmp_path, _accepting("v9.channel.k8s.io")),
    ):
        pass


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 101 Switch"], ids=["silence", "half"])
def test_a_server_that_falls_silent(tmp_path: Path, answer: bytes) -> None:
    """The time limit is for the whole handshake."""
    with (
        pytest.raises(StreamRefusedError, match="cannot be reached"),
        _connected(tmp_path, lambda _: answer, timeout_s=0.2),
    ):
        pass
