"""A stand-in for an API server, on loopback and without TLS: it gives the answers it is told to."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from netproof.cluster.backend import ClusterRef

HTML = b"<html><body>Please log in to the guest network</body></html>"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `length` other than that of the body makes it break off."""

    status: int = 200
    body: bytes = b"{}"
    length: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


def plain(value: Any, status: int = 200) -> Reply:
    """Return an answer that holds a JSON value."""
    return Reply(status, json.dumps(value).encode())


def refusal(status: int, message: str) -> Reply:
    """Return an answer as the API server refuses."""
    return plain({"kind": "Status", "message": message, "code": status}, status)


@dataclass(slots=True)
class Standin:
    """A running server: what it was asked, and what it says."""

    port: int
    answer: Callable[[str, str, str], Reply]
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def ref(self, folder: Path, **user: Any) -> ClusterRef:
        """Write a kubeconfig for it, with that user, and return the cluster."""
        return ClusterRef("existing", "standin", str(kubeconfig(folder, self.url, **user)))


def websocket_opened(asked: bytes, protocol: str = "v4.channel.k8s.io") -> bytes:
    """Return what a server says to open the WebSocket that it was asked for (RFC 6455 4.2.2)."""
    key = next(
        line.split(b": ")[1]
        for line in asked.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key")
    )
    magic = key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(magic, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Protocol: %s\r\nSec-WebSocket-Accept: %s\r\n\r\n"
        % (protocol.encode(), accept)
    )


def kubeconfig(folder: Path, server: str, **user: Any) -> Path:
    """Write a kubeconfig with one cluster and one user."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


@contextmanager
def running(answer: Callable[[str, str, str], Reply]) -> Iterator[Standin]:
    """Run a server; `answer` is given method, path and the login of each request."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = (self.command, self.path, self.headers.get("Authorization", ""))
            standin.asked.append(asked)
            reply = standin.answer(*asked)
            self.send_response(reply.status)
            length = len(reply.body) if reply.length is None else reply.length
            for name, value in {"Content-Length": str(length), **reply.headers}.items():
                self.send_header(name, value)
            if length != len(reply.body) or reply.headers:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(reply.body)

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self.handle_any
            raise AttributeError(name)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        standin = Standin(server.server_address[1], answer)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield standin
        finally:
            server.shutdown()
            thread.join()
