"""A gate in front of an API: it refuses what it is told to, in the API server's own words.

The lab has RBAC and quotas of its own. The gate is for what they cannot do: note what is asked for,
refuse one right after another at no cost, quote the words of other clusters, and be gone. It
speaks plain HTTP on loopback and forwards byte for byte over TLS, so streams go through it as well.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

VERBS = {"POST": "create", "DELETE": "delete", "PATCH": "patch", "PUT": "update"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request wants: the attributes that an authorizer decides by."""

    verb: str
    group: str
    resource: str
    namespace: str = ""

    @property
    def right(self) -> tuple[str, str, str]:
        """What a role would have to grant."""
        return self.verb, self.group, self.resource


Decision = tuple[int, str] | None
"""The status and message of a refusal, None to let a request pass."""

SILENCE: Decision = (0, "")
"""The connection is closed and nothing is said: what a server does that is not there."""

Rule = Callable[[Asked], Decision]


def attributes(method: str, target: str) -> Asked | None:
    """Read a request line, None for what is no resource (discovery, version)."""
    parts = [part for part in urlsplit(target).path.split("/") if part]
    if parts[:1] == ["api"]:
        group, rest = "", parts[2:]
    elif parts[:1] == ["apis"]:
        group, rest = "".join(parts[1:2]), parts[3:]
    else:
        return None
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    if not rest:
        return None
    resource = "/".join([rest[0], *rest[2:3]])
    named = len(rest) > 1
    verb = VERBS.get(method, "get" if named else "list")
    verb = "deletecollection" if verb == "delete" and not named else verb
    return Asked(verb, group, resource, namespace)


def only(granted: Iterable[tuple[str, str, str]]) -> Rule:
    """Refuse every right but these, as RBAC does."""
    allowed = set(granted) | {("create", "authorization.k8s.io", "selfsubjectaccessreviews")}

    def rule(asked: Asked) -> Decision:
        if asked.right in allowed:
            return None
        where = f' in the namespace "{asked.namespace}"' if asked.namespace else " at cluster scope"
        return 403, (
            f'{asked.resource} is forbidden: User "guest" cannot {asked.verb} resource '
            f'"{asked.resource}" in API group "{asked.group}"{where}'
        )

    return rule


@dataclass(slots=True)
class Gate:
    """A running gate; what it saw is in `seen`.

    `rights` are what its authorizer says, which can be asked for beforehand; without any the API
    behind it says so. `admission` is what is said of an object when it comes.
    """

    kubeconfig: Path
    rights: Sequence[Rule]
    admission: Sequence[Rule]
    seen: set[tuple[str, str, str]] = field(default_factory=set)

    def decide(self, asked: Asked | None) -> Decision:
        """Return the first refusal of the rules."""
        if asked is None:
            return None
        self.seen.add(asked.right)
        rules = (*self.rights, *self.admission)
        return next((found for rule in rules if (found := rule(asked))), None)


@contextlib.contextmanager
def gate(
    kubeconfig: str, folder: Path, *rights: Rule, admission: Sequence[Rule] = ()
) -> Iterator[Gate]:
    """Stand in front of the API of a kubeconfig for the time of a block."""
    upstream = _Upstream.read(kubeconfig)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        made = Gate(_kubeconfig(folder, port, upstream.token), rights, admission)
        threading.Thread(target=_accept, args=(server, upstream, made), daemon=True).start()
        yield made
        server.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True, slots=True)
class _Upstream:
    host: str
    port: int
    token: str
    context: ssl.SSLContext

    @classmethod
    def read(cls, kubeconfig: str) -> _Upstream:
        plain = yaml.safe_load(Path(kubeconfig).read_text())
        cluster = plain["clusters"][0]["cluster"]
        url = urlsplit(cluster["server"])
        authority = Path(kubeconfig).parent / cluster["certificate-authority"]
        context = ssl.create_default_context(cafile=str(authority))
        token = plain["users"][0]["user"]["token"]
        return cls(str(url.hostname), int(url.port or 443), token, context)

    def connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection((self.host, self.port))
        return self.context.wrap_socket(plain, server_hostname=self.host)


def _kubeconfig(folder: Path, port: int, token: str) -> Path:
    path = folder / f"gate-{port}.yaml"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "gate",
        "clusters": [{"name": "gate", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "contexts": [{"name": "gate", "context": {"cluster": "gate", "user": "guest"}}],
        "users": [{"name": "guest", "user": {"token": token}}],
    }
    path.write_text(yaml.safe_dump(config))
    return path


def _accept(server: socket.socket, upstream: _Upstream, made: Gate) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return  # the block is over
        threading.Thread(target=_serve, args=(client, upstream, made), daemon=True).start()


def _serve(client: socket.socket, upstream: _Upstream, made: Gate) -> None:
    """Serve one request; the connection is closed after it, which every client takes."""
    with client, contextlib.suppress(OSError):
        head, body = _read_head(client)
        if not head:
            return
        method, target = head.split(b" ")[:2]
        asked = attributes(method.decode(), target.decode())
        decision = made.decide(asked)
        if decision == SILENCE:
            return
        body += _read_rest(client, head, len(body))
        if asked and made.rights and asked.resource == "selfsubjectaccessreviews":
            _answer(client, 201, _review(made, body))
        elif decision:
            _answer(client, decision[0], _status(*decision))
        else:
            _forward(client, upstream, head, body)


def _read_head(client: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = client.recv(65536)
        if not chunk:
            return b"", b""
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    return head, body


def _read_rest(client: socket.socket, head: bytes, have: int) -> bytes:
    lengths = [
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    data = b""
    while len(data) < sum(lengths) - have:
        data += client.recv(65536)
    return data


def _review(made: Gate, body: bytes) -> Any:
    review = json.loads(body)
    spec = review["spec"]["resourceAttributes"]
    parts = [spec["resource"], *([spec["subresource"]] if spec.get("subresource") else [])]
    asked = Asked(spec["verb"], spec.get("group", ""), "/".join(parts))
    refused = next((found for rule in made.rights if (found := rule(asked))), None)
    return {**review, "status": {"allowed": refused is None}}


def _status(code: int, message: str) -> Any:
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return {**status, "message": message, "reason": "Forbidden", "code": code}


def _answer(client: socket.socket, code: int, document: Any) -> None:
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 {code} Gate\r\nContent-Type: application/json\r\nConnection: close\r\n"
    client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def _forward(client: socket.socket, upstream: _Upstream, head: bytes, body: bytes) -> None:
    lines = head.split(b"\r\n")
    if not any(line.lower().startswith(b"upgrade:") for line in lines):
        kept = [line for line in lines if not line.lower().startswith(b"connection:")]
        head = b"\r\n".join([*kept, b"Connection: close"])
    with upstream.connect() as server:
        server.sendall(head + b"\r\n\r\n" + body)
        _splice(client, server)


def _splice(client: socket.socket, server: ssl.SSLSocket) -> None:
    ends: dict[socket.socket, socket.socket] = {client: server, server: client}
    while True:
        ready = [server] if server.pending() else select.select(list(ends), [], [])[0]
        for source in ready:
            data = source.recv(65536)
            if not data:
                return
            ends[source].sendall(data)
