"""What comes over a connection to the lab's API server: heads, SPDY frames, WebSocket messages.

Once piece by piece, at the speed of the code, and once through a socket with TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import WSMessage, WSMsgType, web
from hypothesis import strategies as st

from netlab.http.streams import spdyframes
from netlab.http.streams.front import HEAD_END, parse_head
from netlab.http.streams.spdysession import SpdySession
from netlab.http.streams.websockets import _ExecPeer
from tests.fuzz.rounds import attack_for
from tests.lab._api import TOKEN, Api, running_api

LONG_S = 10.0


def test_heads_of_requests() -> None:
    """The first bytes of a connection, which are looked at before anything is known."""
    words = st.sampled_from(
        [b"GET", b" ", b"//[", b"?a=", b"HTTP/1.1", b"\r\n", b":", b"%ff", b"["]
    )
    data = st.lists(words | st.binary(max_size=10), max_size=20).map(b"".join)
    attack_for(data, lambda head: parse_head(head + HEAD_END))


class Wire:
    """A connection whose client says some pieces and leaves."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces[::-1]

    async def read(self) -> bytes:
        return self._pieces.pop() if self._pieces else b""

    async def write(self, data: bytes) -> None:
        del data


NUMBERS = st.integers(0, 5) | st.integers(0, 2**31 - 1)
HEADERS = st.dictionaries(
    st.sampled_from(["streamtype", "port", "requestid"]) | st.text(max_size=5),
    st.sampled_from(["error", "data", "80", "x", "²"]) | st.text(max_size=5),
    max_size=4,
)
FRAMES = st.one_of(
    st.builds(spdyframes.SynStream, NUMBERS, HEADERS, st.booleans()),
    st.builds(spdyframes.SynReply, NUMBERS, HEADERS, st.booleans()),
    st.builds(spdyframes.DataFrame, NUMBERS, st.binary(max_size=50), st.booleans()),
    st.builds(spdyframes.ResetFrame, NUMBERS),
    st.builds(spdyframes.Ping, NUMBERS),
    st.builds(spdyframes.GoAway, NUMBERS),
)
PIECES = st.lists(FRAMES | st.binary(max_size=30), max_size=12)


def _bytes_of(pieces: list[Any]) -> list[bytes]:
    encoder = spdyframes.FrameEncoder()
    said = []
    for piece in pieces:
        with contextlib.suppress(UnicodeEncodeError):
            said.append(piece if isinstance(piece, bytes) else encoder.encode(piece))
    return said


def test_spdy(failures: list[str]) -> None:
    """Frames of all kinds, and bytes between them."""

    async def connection(pieces: list[bytes]) -> None:
        async with asyncio.timeout(LONG_S):
            await SpdySession(Wire(pieces)).serve()

    attack_for(PIECES, lambda pieces: asyncio.run(connection(_bytes_of(pieces))))
    assert failures == []


def test_websocket_messages() -> None:
    """Messages of an exec client: any channel, any bytes, text as well."""

    async def conversation(messages: list[WSMessage]) -> None:
        peer = _ExecPeer(cast("web.WebSocketResponse", _Messages(messages)))
        async for _ in peer.inputs():
            pass

    numbers = st.one_of(
        st.none(), st.integers(), st.floats(), st.text(max_size=9), st.sampled_from([10**400, {}])
    )
    size = st.fixed_dictionaries({}, optional={"Height": numbers, "Width": numbers})
    resizes = (numbers | size | st.lists(size)).map(
        lambda value: b"\x04" + json.dumps(value).encode()
    )
    binary = (st.binary(max_size=20) | resizes).map(
        lambda data: WSMessage(WSMsgType.BINARY, data, None)
    )
    text = st.text(max_size=20).map(lambda data: WSMessage(WSMsgType.TEXT, data, None))
    attack_for(st.lists(binary | text), lambda said: asyncio.run(conversation(said)))


class _Messages:
    ws_protocol = "v5.channel.k8s.io"

    def __init__(self, messages: list[WSMessage]) -> None:
        self._messages = messages[::-1]

    def __aiter__(self) -> _Messages:
        return self

    async def __anext__(self) -> WSMessage:
        if not self._messages:
            raise StopAsyncIteration
        return self._messages.pop()


POD = "/api/v1/namespaces/default/pods/web"
EXEC = f"{POD}/exec?command=cat&stdin=1&stdout=1"
SPDY = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: "
WEBSOCKET = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"
    "\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
)
STARTS = {
    "SPDY": (
        f"POST {POD}/portforward HTTP/1.1\r\nHost: x\r\n{SPDY}portforward.k8s.io",
        f"POST {EXEC} HTTP/1.1\r\nHost: x\r\n{SPDY}v4.channel.k8s.io",
        f"POST {POD}/attach?stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\n{SPDY}v4.channel.k8s.io",
    ),
    "WebSocket": (
        f"GET {EXEC} HTTP/1.1\r\nHost: x\r\n{WEBSOCKET}",
        f"GET {POD}/portforward?ports=80 HTTP/1.1\r\nHost: x\r\n{WEBSOCKET}",
    ),
    "a body": (f"PATCH {POD} HTTP/1.1\r\nHost: x\r\nContent-Length: 30",),
}
UNCHECKED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
UNCHECKED.check_hostname, UNCHECKED.verify_mode = False, ssl.CERT_NONE
OWNER = f"\r\nAuthorization: Bearer {TOKEN}".encode()


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Api]:
    """Yield a server on its socket, with TLS and one pod."""
    with running_api(tmp_path) as api:
        body = {
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"nodeName": "n", "containers": [{"name": "main", "image": "i"}]},
            "status": {"phase": "Running"},
        }
        api.call(lambda: api.store.create("pods", body))
        yield api


def _say(api: Api, pieces: Sequence[bytes], answer_s: float = 0.02) -> bytes:
    """Say pieces after each other; much of it is the beginning of something longer."""
    plain = socket.create_connection(("127.0.0.1", int(api.url.rpartition(":")[2])), LONG_S)
    with UNCHECKED.wrap_socket(plain) as sock, contextlib.suppress(OSError):
        for piece in pieces:
            sock.sendall(piece)
        sock.settimeout(answer_s)
        return sock.recv(1 << 16)
    return b""


@pytest.mark.parametrize("kind", STARTS)
def test_over_the_wire(wire: Api, kind: str, failures: list[str]) -> None:
    """With a token and without: the server still answers, and nothing failed inside."""
    starts = [start.encode() for start in STARTS[kind]]
    heads = [start + OWNER + HEAD_END for start in starts] + [start + HEAD_END for start in starts]

    no_method = (heads[0], [b"x" * 40, b"\0\x80\3 / HTTP/1.1\r\n\r\n"])

    def attack(one: tuple[bytes, list[Any]]) -> None:
        head, pieces = one
        _say(wire, [head, *_bytes_of(pieces)])

    def still_answers() -> None:
        version = b"GET /version HTTP/1.1\r\nHost: x" + OWNER + HEAD_END
        assert _say(wire, [version], LONG_S).startswith(b"HTTP/1.1 200")
        assert [] == failures

    said = st.tuples(st.sampled_from(heads), PIECES)
    attack_for(said, attack, known=[no_method], after_round=still_answers)
