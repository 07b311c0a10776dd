"""Exec as programs with client-go and browsers open it: streams by SPDY, text by WebSocket."""

from __future__ import annotations

import base64
import json
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import websocket

from netlab.http.streams.spdyframes import DataFrame, FrameDecoder, FrameEncoder, SynStream
from tests.lab._api import DEADLINE_S, TOKEN, Api, pod, running_api

COMMAND = ("sh", "-c", "echo out; echo err >&2; exit 3")
SERVED = "v4.channel.k8s.io"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Run an API server with a pod named web for this module's tests."""
    with running_api(tmp_path_factory.mktemp("api")) as api:
        body = {**pod("web"), "metadata": {"name": "web", "namespace": "default"}}
        api.call(lambda: api.store.create("pods", body))
        yield api


def path(**wants: str) -> str:
    """Return the address of an exec with a terminal."""
    query = [("command", word) for word in COMMAND] + [("tty", "true"), *wants.items()]
    return f"/api/v1/namespaces/default/pods/web/exec?{urlencode(query)}"


def by_spdy(api: Api, address: str, opened: Sequence[str]) -> dict[str, bytes]:
    """Open streams; return what came on each before the server ended the connection."""
    place = urlsplit(api.url)
    lines = (
        f"POST {address} HTTP/1.1",
        f"Host: {place.netloc}",
        f"Authorization: Bearer {TOKEN}",
        "Connection: Upgrade",
        "Upgrade: SPDY/3.1",
        *(f"X-Stream-Protocol-Version: {name}" for name in ("v5.channel.k8s.io", SERVED)),
    )
    encoder = FrameEncoder()
    streams = (SynStream(2 * n + 1, {"streamtype": kind}) for n, kind in enumerate(opened))
    context = ssl.create_default_context(cafile=str(api.ca_file))
    with (
        closing(socket.create_connection((place.hostname, place.port), DEADLINE_S)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as sock,
    ):
        sock.sendall("\r\n".join((*lines, "", "")).encode())
        sock.sendall(b"".join(encoder.encode(stream) for stream in streams))
        answer = b""
        while data := sock.recv(65536):
            answer += data
    head, _, frames = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 "), head
    assert f"X-Stream-Protocol-Version: {SERVED}".encode() in head
    return _texts(opened, frames)


def _texts(opened: Sequence[str], frames: bytes) -> dict[str, bytes]:
    texts = dict.fromkeys(opened, b"")
    for frame in FrameDecoder().feed(frames):
        if isinstance(frame, DataFrame):
            texts[opened[frame.stream // 2]] += frame.data
    return texts


@pytest.mark.parametrize(
    "opened",
    [("error", "stdout", "stderr"), ("error", "stdout", "resize")],
    ids=["cyclonus", "kubectl"],
)
def test_a_terminal_over_spdy(api: Api, opened: tuple[str, ...]) -> None:
    """Three streams are awaited: which three is the client's matter. A terminal has one output."""
    texts = by_spdy(api, path(stdout="true", stderr="true"), opened)
    assert (texts["stdout"], texts[opened[2]]) == (b"out\nerr\n", b"")
    assert json.loads(texts["error"])["details"]["causes"][0]["message"] == "3"


def by_websocket(api: Api, address: str, *protocols: str) -> list[Any]:
    """Return all messages up to the end."""
    connection: Any = websocket.create_connection(
        api.url.replace("https", "wss") + address,
        header=[f"Authorization: Bearer {TOKEN}"],
        subprotocols=list(protocols),
        sslopt={"ca_certs": str(api.ca_file)},
        timeout=DEADLINE_S,
    )
    messages: list[Any] = []
    try:
        while (received := connection.recv_data())[0] != websocket.ABNF.OPCODE_CLOSE:
            messages.append(received[1])
    finally:
        connection.shutdown()  # `close` does nothing where the server closed first
    return messages


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
def test_a_terminal_over_websocket(api: Api, protocol: str) -> None:
    """The first message is empty: the connection stands. No stream is counted, none waited for."""
    first, *rest = by_websocket(api, path(stdout="true", stderr="true"), protocol)
    output = b"".join(message[1:] for message in rest if message[:1] == b"\x01")
    assert (first, output) == (b"\x01", b"out\nerr\n")
    assert rest[-1][:1] == b"\x03"
    assert json.loads(rest[-1][1:])["reason"] == "NonZeroExitCode"


@pytest.mark.parametrize("protocol", ["v4.base64.channel.k8s.io", "base64.channel.k8s.io"])
def test_text_over_websocket(api: Api, protocol: str) -> None:
    """Browsers ask for it: a digit and base64. Before version 4 a failure is told in words."""
    first, *rest = by_websocket(api, path(stdout="true"), protocol)
    output = b"".join(base64.b64decode(message[1:]) for message in rest if message[:1] == b"1")
    assert (first, output) == (b"1", b"out\nerr\n")
    last = base64.b64decode(rest[-1][1:])
    words = json.loads(last)["message"] if protocol.startswith("v4") else last.decode()
    assert words == "command terminated with non-zero exit code: exit status 3"
