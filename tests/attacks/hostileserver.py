"""A server on loopback that answers as no API server does, and never ends by itself."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.unit.cluster.api.standin import websocket_opened

Sent = Callable[[bytes], None]
Shape = Callable[[Sent, bytes], None]
"""Answers a request, through a function that raises once the client or the test has gone."""

PAUSE_S = 0.02
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class GoneError(Exception):
    """Nobody listens any more."""


@contextmanager
def serving(shape: Shape) -> Iterator[int]:
    """Serve every connection by a shape, request by request, and yield the port."""
    over = threading.Event()
    threads: list[threading.Thread] = []

    def converse(client: socket.socket) -> None:
        client.settimeout(0.05)

        def send(data: bytes) -> None:
            _listening(over)
            view = memoryview(data)
            while view:
                _listening(over)
                with contextlib.suppress(TimeoutError):
                    view = view[client.send(view) :]

        with client, contextlib.suppress(GoneError, OSError):
            while not over.is_set():
                asked = _request(client, over)
                shape(send, asked)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=converse, args=(client,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *threads):
                thread.join()


def _listening(over: threading.Event) -> None:
    if over.is_set():
        raise GoneError


def _request(client: socket.socket, over: threading.Event) -> bytes:
    data = b""
    while not over.is_set():
        head, end, body = data.partition(b"\r\n\r\n")
        lengths = [line[15:] for line in head.lower().split(b"\r\n") if line[:15] == LENGTH]
        if end and len(body) >= int(lengths[0] if lengths else 0):
            return data
        with contextlib.suppress(TimeoutError):
            more = client.recv(1 << 16)
            if not more:
                raise GoneError
            data += more
    raise GoneError


LENGTH = b"content-length:"


def _again(send: Sent, data: bytes, pause_s: float = 0.0) -> None:
    """Send the same without an end."""
    waiting = threading.Event()
    while True:
        send(data)
        waiting.wait(pause_s)


def _drip(head: bytes, data: bytes = b" ") -> Shape:
    def shape(send: Sent, _: bytes) -> None:
        send(head)
        _again(send, data, PAUSE_S)

    return shape


def _flood(head: bytes, data: bytes) -> Shape:
    def shape(send: Sent, _: bytes) -> None:
        send(head)
        _again(send, data)

    return shape


def answer(body: bytes, head: bytes = HEAD) -> Shape:
    """Give one whole answer to each request."""
    return lambda send, _: send(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def busy(retry_after: str, status: int = 429) -> Shape:
    """Be too busy for ever."""
    head = f"HTTP/1.1 {status} Busy\r\nRetry-After: {retry_after}\r\n".encode()
    return answer(b"{}", head)


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BOMB = gzip.compress(b"[" + b" " * (1 << 26))

ENDLESS: Mapping[str, Shape] = {
    "silence": lambda send, _: _again(send, b"", 0.05),
    "a dripping status line": _drip(b"", b"H"),
    "dripping headers": _drip(HEAD, b"X"),
    "endless headers": _drip(HEAD, b"X: y\r\n"),
    "one more continue": _drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a flood of continues": _flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "a dripping body": _drip(HEAD + b"Content-Length: 99999\r\n\r\n"),
    "a body without an end": _drip(HEAD + b"\r\n"),
    "dripping chunks": _drip(CHUNKED, b"1\r\n \r\n"),
    "a dripping size of a chunk": _drip(CHUNKED, b"0"),
    "dripping trailers": _drip(CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n"),
    "a dripping zip": _drip(
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 99999\r\n\r\n" + BOMB[:50], b"\x00"
    ),
    "busy without an end": busy("0"),
    "busy for a second, always": busy("1", 503),
    "busy for years": busy("99999999"),
    "busy till long ago": busy("Mon, 01 Jan 1990 00:00:00 GMT", 503),
}
"""Answers that never end, each of which kept netproof longer than it said."""

TOO_MUCH: Mapping[str, Shape] = {
    "endless chunks": _flood(CHUNKED, b"10000\r\n" + b" " * 65536 + b"\r\n"),
    "an endless body": _flood(HEAD + b"\r\n", b" " * 65536),
    "an endless size of a chunk": _flood(CHUNKED, b"0" * 65536),
    "endless trailers": _flood(CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n" * 10000),
    "a zip that is a bomb": lambda send, _: send(
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB
    ),
}
"""Answers larger than anybody's memory."""

NO_API: Mapping[str, Shape] = {
    "another protocol": lambda send, _: send(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "HTML": answer(b"<html>", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"),
    "an empty object": answer(b"{}"),
    "a list": answer(b"[]"),
    "null": answer(b"null"),
    "204": lambda send, _: send(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "205": lambda send, _: send(b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"),
    "a redirect to itself": answer(b"", b"HTTP/1.1 307 T\r\nLocation: /version\r\n"),
    "UTF-16": answer("{}".encode("utf-16")),
    "Latin-1": answer(b'{"gitVersion":"\xe9"}'),
    "a half character": answer(b'{"gitVersion":"v1.30.0","x":"\\ud800"}'),
    "NaN": answer(b'{"gitVersion":NaN}'),
    "nested without an end": answer(b"[" * 100_000),
    "digits without an end": answer(b'{"gitVersion":' + b"9" * 100_000 + b"}"),
    "a binary": answer(bytes(range(256))),
    "no status": lambda send, _: send(b"HTTP/1.1 999999 X\r\n\r\n"),
    "a hundred thousand headers": lambda send, _: send(HEAD + b"X: y\r\n" * 100_000 + b"\r\n{}"),
    "a long header": lambda send, _: send(HEAD + b"X: " + b"y" * 200_000 + b"\r\n\r\n{}"),
    "two lengths": answer(b"{}", HEAD + b"Content-Length: 7\r\n"),
    "a length below nothing": lambda send, _: send(HEAD + b"Content-Length: -1\r\n\r\n{}"),
    "no zip": answer(b"{}", HEAD + b"Content-Encoding: gzip\r\n"),
    "zips in zips": answer(b"{}", HEAD + b"Content-Encoding: " + b"gzip, " * 50 + b"gzip\r\n"),
}
"""Answers of whatever else may stand at an API server's address."""


def websocket(then: Shape) -> Shape:
    """Make the handshake of a WebSocket, then send frames as told."""

    def shape(send: Sent, asked: bytes) -> None:
        send(websocket_opened(asked))
        then(send, asked)

    return shape


FRAMES: Mapping[str, Shape] = {
    "silence": lambda send, _: _again(send, b"", 0.05),
    "one-byte frames, dripping": _drip(b"", b"\x82\x02\x02x"),
    "a flood of one-byte frames": _flood(b"", b"\x82\x02\x02x" * 1000),
    "a flood of one-byte answers": _flood(b"", b"\x82\x02\x01x" * 1000),
    "empty frames": _flood(b"", b"\x82\x00" * 1000),
    "pings, dripping": _drip(b"", b"\x89\x01p"),
    "a flood of pings": _flood(b"", b"\x89\x01p" * 1000),
    "a message without an end": _flood(b"\x02\x01\x01", b"\x00\x7e\xff\xff" + b"x" * 65535),
    "a frame without an end": _flood(b"\x82\x7f\x00\x00\x00\x7f\xff\xff\xff\xff\x01", b"x" * 65536),
    "what is no frame": _flood(b"", b"\xff" * 1000),
}
"""What comes through a WebSocket from a server that means harm."""


def cluster(into_pods: Shape) -> Shape:
    """Answer as an API server does in which everything runs at once; but into pods, as told."""
    pods: dict[str, dict[str, Any]] = {}
    guard = threading.Lock()

    def shape(send: Sent, asked: bytes) -> None:
        head, _, body = asked.partition(b"\r\n\r\n")
        method, target = head.decode().split(" ", 2)[:2]
        path = target.partition("?")[0]
        if path.endswith("/exec"):
            into_pods(send, asked)
            return
        with guard:
            said = _answer(method, path, json.loads(body or b"{}"), pods)
        answer(json.dumps(said).encode())(send, asked)

    return shape


def _answer(method: str, path: str, body: dict[str, Any], pods: dict[str, Any]) -> dict[str, Any]:
    if path == "/version":
        return {"gitVersion": "v1.30.0"}
    if path.endswith("selfsubjectaccessreviews"):
        return {"status": {"allowed": True}}
    parts = path.split("/")
    namespace, kind = parts[4:6] if len(parts) > 5 else ("", parts[-1])
    if method == "POST" and kind == "pods":
        status = {
            "phase": "Running",
            "podIPs": [{"ip": f"10.0.0.{len(pods) + 1}"}],
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "agent", "ready": True, "state": {"running": {}}}],
        }
        spec = {**body["spec"], "nodeName": "n1"}
        pods[f"{namespace}/{body['metadata']['name']}"] = {**body, "spec": spec, "status": status}
        return body
    if method == "GET" and kind == "pods":
        return {"items": [pod for key, pod in pods.items() if key.startswith(f"{namespace}/")]}
    if method == "GET":
        return {"items": []}
    return body
