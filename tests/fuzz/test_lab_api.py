"""The lab's API server against requests, frames and messages that nobody would send.

FUZZ_SECONDS is how long each of the targets is tried. Whatever comes: no internal error, no
controller that failed, no request that takes long, no memory that is not given back.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import resource
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any, cast
from urllib.parse import quote

import pytest
import yaml
from aiohttp import WSMessage, WSMsgType, web
from hypothesis import strategies as st

from netlab.controllers.dns import ClusterDns
from netlab.http.streams import spdyframes
from netlab.http.streams.front import HEAD_END, parse_head
from netlab.http.streams.spdysession import SpdySession
from netlab.http.streams.websockets import _ExecPeer
from netlab.objects.kinds import STORED
from netlab.objects.registry import Registry
from tests.attacks.labapi import TOKEN, LabApi
from tests.fuzz.rounds import attack_for
from tests.lab._api import TOKEN as WIRE_TOKEN
from tests.lab._api import running_api

SECONDS = float(os.environ.get("FUZZ_SECONDS", "2"))
LONG_S = 10.0
MEMORY_KIB = 1024 * 1024

ODD = st.sampled_from(
    [
        *("\ud800", "\x00", "a\nb", "x" * 300, "²", "9" * 5000, "a/b", "../..", "10.0.0.1", "::1"),
        *(-1, 0, 80, 65536, 2**31, 2**63, 1e308, True, None),
    ]
)
WORDS = st.sampled_from(
    [
        "metadata",
        "spec",
        "status",
        "name",
        "namespace",
        "labels",
        "annotations",
        "finalizers",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "uid",
        "generateName",
        "containers",
        "initContainers",
        "ephemeralContainers",
        "ports",
        "image",
        "env",
        "data",
        "rules",
        "verbs",
        "resources",
        "apiGroups",
        "resourceNames",
        "nonResourceURLs",
        "roleRef",
        "subjects",
        "kind",
        "aggregationRule",
        "clusterRoleSelectors",
        "matchLabels",
        "matchExpressions",
        "key",
        "operator",
        "values",
        "podSelector",
        "ingress",
        "egress",
        "from",
        "to",
        "ipBlock",
        "cidr",
        "except",
        "policyTypes",
        "port",
        "endPort",
        "protocol",
        "selector",
        "type",
        "clusterIP",
        "clusterIPs",
        "externalIPs",
        "nodePort",
        "targetPort",
        "hard",
        "scopes",
        "endpoints",
        "addresses",
        "conditions",
        "phase",
        "podIPs",
        "containerStatuses",
        "state",
        "fieldsV1",
        "manager",
        "operation",
        "fieldsType",
        "f:spec",
        "$patch",
        "$retainKeys",
        "$setElementOrder/containers",
        "$deleteFromPrimitiveList/finalizers",
        "user",
        "groups",
        "extra",
        "resourceAttributes",
        "audiences",
        "expirationSeconds",
        "involvedObject",
        "count",
        "lastTimestamp",
        "taints",
    ]
)
PLAIN = st.sampled_from(
    ["x", "In", "delete", "replace", "TCP", "shop", "Apply", "FieldsV1", "Role"]
)
SCALARS = st.one_of(ODD, PLAIN, st.integers(), st.text(max_size=10), st.booleans())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=5),
    ),
    max_leaves=15,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "metadata": st.fixed_dictionaries({}, optional={"name": st.just("x"), "labels": VALUES})
        | VALUES,
        "spec": st.fixed_dictionaries(
            {},
            optional={
                "containers": st.just([{"name": "c", "image": "i"}]) | VALUES,
                "ports": st.just([{"port": 80}]) | VALUES,
                "selector": VALUES,
                "podSelector": VALUES,
                "hard": VALUES,
            },
        )
        | VALUES,
        "status": VALUES,
        "rules": VALUES,
        "roleRef": VALUES,
        "subjects": VALUES,
        "data": VALUES,
        "endpoints": VALUES,
    },
)
POINTERS = st.lists(WORDS | st.sampled_from(["0", "-", "~", "9" * 30]), max_size=4).map(
    lambda parts: "".join(f"/{part}" for part in parts)
)
OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "copy", "move", "remove", "replace", "test"]) | VALUES},
        optional={"path": POINTERS | VALUES, "from": POINTERS | VALUES, "value": VALUES},
    )
    | VALUES,
    max_size=6,
)
SELECTOR = st.text(alphabet="ab,!=()<> inot0/.", max_size=60)
QUERIES = st.dictionaries(
    st.sampled_from(
        [
            "labelSelector",
            "fieldSelector",
            "resourceVersion",
            "limit",
            "continue",
            "dryRun",
            "fieldManager",
            "fieldValidation",
            "gracePeriodSeconds",
            "includeObject",
            "tailLines",
            "limitBytes",
            "container",
        ]
    ),
    SELECTOR | SCALARS.map(str) | st.sampled_from(["All", "m", "Strict", "1", "metadata.name=x"]),
    max_size=4,
)
KINDS = {
    "application/json": BODIES | VALUES,
    "application/yaml": BODIES | VALUES,
    "application/apply-patch+yaml": BODIES | VALUES,
    "application/json-patch+json": OPERATIONS | VALUES,
    "application/merge-patch+json": BODIES | VALUES,
    "application/strategic-merge-patch+json": BODIES | VALUES,
    "application/vnd.kubernetes.protobuf": st.binary(max_size=200).map(
        lambda data: b"k8s\0" + data
    ),
}
AS_TABLE = (("Accept", "application/json;as=Table;g=meta.k8s.io;v=v1"),)


class Failures(logging.Handler):
    """What the lab's log says went wrong."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(self.format(record))


@pytest.fixture
def failures() -> Iterator[list[str]]:
    """Yield the errors that the lab logs; there must be none, nor much more memory in use."""
    handler, before = Failures(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loggers = [logging.getLogger(name) for name in ("netlab", "asyncio", "aiohttp")]
    for logger in loggers:
        logger.addHandler(handler)
    yield handler.messages
    for logger in loggers:
        logger.removeHandler(handler)
    assert handler.messages == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB


@pytest.fixture
def api() -> Iterator[LabApi]:
    """Yield a lab's API server with an object of each kind."""
    made = LabApi()
    for kind in STORED:
        _restore(made, kind.plural)
    yield made
    made.close()


def _fuzz(what: st.SearchStrategy[Any], attack: Callable[[Any], object]) -> None:
    """Attack until the time is over."""
    attack_for(SECONDS, what, attack)


BEGINNINGS: dict[str, Any] = {
    "pods": {"spec": {"containers": [{"name": "c", "image": "i"}]}},
    "services": {"spec": {"ports": [{"port": 80}]}},
    "endpointslices": {"addressType": "IPv4"},
    "rolebindings": {"roleRef": {"kind": "ClusterRole", "name": "view"}},
    "clusterrolebindings": {"roleRef": {"kind": "ClusterRole", "name": "view"}},
}


def _restore(api: LabApi, plural: str) -> None:
    """Create the object x of a kind where there is none (any more)."""
    if api.ask("GET", f"{_path(plural)}/x").code == 404:
        body = {"metadata": {"name": "x"}, **BEGINNINGS.get(plural, {})}
        made = api.ask("POST", _path(plural), body)
        assert made.code in {201, 403}, made.text  # a quota of before may forbid it


def _path(plural: str) -> str:
    kind = next(kind for kind in STORED if kind.plural == plural)
    root = f"/apis/{kind.group}/v1" if kind.group else "/api/v1"
    return f"{root}/namespaces/shop/{plural}" if kind.namespaced else f"{root}/{plural}"


REQUESTS = st.tuples(
    st.sampled_from([kind.plural for kind in STORED]),
    st.sampled_from(["POST", "PUT", "PATCH", "PATCH", "PATCH", "PATCH", "DELETE", "GET"]),
    st.sampled_from(sorted(KINDS)).flatmap(lambda kind: st.tuples(st.just(kind), KINDS[kind])),
    QUERIES,
    st.sampled_from(["", "/status", "/ephemeralcontainers", "/token", "/log", "/proxy"]),
)


def _written(kind: str, body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    if "yaml" in kind:
        with contextlib.suppress(yaml.YAMLError, UnicodeEncodeError):
            return yaml.safe_dump(body).encode()
    return json.dumps(body).encode()


def test_requests(api: LabApi, failures: list[str]) -> None:
    """Verbs, bodies, patches of all four kinds, selectors and other parameters."""

    def attack(one: Any) -> None:
        plural, method, (kind, body), query, below = one
        _restore(api, plural)
        name = "" if method == "POST" and below != "/token" else f"/x{below}"
        asked = "&".join(
            f"{key}={quote(str(value).encode('utf-8', 'replace'))}" for key, value in query.items()
        )
        manager = "" if "fieldManager" in query else "&fieldManager=m"
        path = f"{_path(plural)}{name}?{asked}{manager}"
        answer = api.ask(method, path, _written(kind, body), kind=kind)
        refused = {501, 503} if below == "/proxy" else set()
        assert answer.code < 500 or answer.code in refused, (method, path, kind, body, answer.text)
        assert answer.seconds < LONG_S
        table = api.ask("GET", _path(plural), headers=AS_TABLE)
        assert (200, []) == (table.code, failures), (method, path, kind, body, failures[:1])

    _fuzz(REQUESTS, attack)


REVIEWS = st.tuples(
    st.sampled_from(
        [
            *(
                f"/apis/authorization.k8s.io/v1/{plural}"
                for plural in (
                    *("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
                    *("subjectaccessreviews", "namespaces/shop/localsubjectaccessreviews"),
                )
            ),
            "/api/v1/namespaces/shop/serviceaccounts/x/token",
        ]
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "resourceAttributes": VALUES,
            "nonResourceAttributes": VALUES,
            "user": VALUES,
            "groups": VALUES,
            "uid": VALUES,
            "extra": VALUES,
            "namespace": VALUES,
            "audiences": VALUES,
            "expirationSeconds": VALUES,
        },
    ),
)


def test_reviews_and_tokens(api: LabApi, failures: list[str]) -> None:
    """Questions about rights, and tokens that are asked for."""

    def attack(one: Any) -> None:
        path, spec = one
        answer = api.ask("POST", path, {"spec": spec})
        assert answer.code < 500, (path, spec, answer.text)
        assert failures == []

    _fuzz(REVIEWS, attack)


def test_heads_of_requests() -> None:
    """The first bytes of a connection, which are looked at before anything is known."""
    words = st.sampled_from(
        [b"GET", b" ", b"//[", b"?a=", b"HTTP/1.1", b"\r\n", b":", b"%ff", b"["]
    )
    data = st.lists(words | st.binary(max_size=10), max_size=20).map(b"".join)
    _fuzz(data, lambda head: parse_head(head + HEAD_END))


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

    _fuzz(PIECES, lambda pieces: asyncio.run(connection(_bytes_of(pieces))))
    assert failures == []


def test_websocket_messages() -> None:
    """Messages of an exec client: any channel, any bytes, text as well."""

    async def conversation(messages: list[WSMessage]) -> None:
        peer = _ExecPeer(cast("web.WebSocketResponse", _Messages(messages)))
        async for _ in peer.inputs():
            pass

    resizes = VALUES.map(lambda value: b"\x04" + json.dumps(value).encode())
    sizes = st.builds(
        lambda a, b: b"\x04" + json.dumps({"Height": a, "Width": b}).encode(), SCALARS, SCALARS
    )
    binary = (st.binary(max_size=20) | resizes | sizes).map(
        lambda data: WSMessage(WSMsgType.BINARY, data, None)
    )
    text = st.text(max_size=20).map(lambda data: WSMessage(WSMsgType.TEXT, data, None))
    _fuzz(st.lists(binary | text), lambda said: asyncio.run(conversation(said)))


class _Messages:
    def __init__(self, messages: list[WSMessage]) -> None:
        self._messages = messages[::-1]

    def __aiter__(self) -> _Messages:
        return self

    async def __anext__(self) -> WSMessage:
        if not self._messages:
            raise StopAsyncIteration
        return self._messages.pop()


def test_dns(api: LabApi, failures: list[str]) -> None:
    """Messages that are none, and names that are too long."""
    names = ClusterDns(api.store, Registry(api.store))
    label = st.sampled_from(
        [b"x", b"shop", b"svc", b"pod", b"cluster", b"local", b"\xff", b"a" * 63]
    )
    name = st.lists(label, max_size=12).map(
        lambda labels: b"".join(bytes([len(one)]) + one for one in labels) + b"\0"
    )
    kind = st.sampled_from([b"\0\1\0\1", b"\0\x1c\0\1", b"\0\1\0\xff", b"", b"\0"])
    head = st.sampled_from([b"\0\1\1\0\0\1\0\0\0\0\0\0", b"\0\1\1\0\0\1\0\0\0\0\0\1", b"\0" * 12])
    rest = st.sampled_from([b"", b"\0\0\x29\xff\xff", b"\0\0\x29\0\0"]) | st.binary(max_size=20)
    message = st.tuples(head, name, kind, rest).map(b"".join) | st.binary(max_size=80)
    once_wrong = b"\0\1\1\0\0\1\0\0\0\0\0\0" + (b"\x3f" + b"a" * 63) * 1023 + b"\0\0\1\0\1"

    def attack(data: bytes) -> None:
        for udp in (True, False):
            answer = names.answer(data, udp=udp)
            assert answer is None or len(answer) < 2**16

    attack(once_wrong)
    _fuzz(message, attack)
    assert failures == []


def test_over_the_wire(tmp_path_factory: pytest.TempPathFactory, failures: list[str]) -> None:
    """A server on its socket, with TLS: requests, SPDY and WebSocket; then it still answers."""
    with running_api(tmp_path_factory.mktemp("wire")) as api:
        body = {
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"nodeName": "n", "containers": [{"name": "main", "image": "i"}]},
            "status": {"phase": "Running"},
        }
        api.call(lambda: api.store.create("pods", body))
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

        def say(data: bytes, answer_s: float = 0.02) -> bytes:
            plain = socket.create_connection(("127.0.0.1", int(api.url.rpartition(":")[2])), LONG_S)
            with context.wrap_socket(plain) as sock, contextlib.suppress(OSError):
                sock.sendall(data)
                sock.settimeout(answer_s)  # much of it is the beginning of something longer
                return sock.recv(1 << 16)
            return b""

        def attack(one: tuple[bytes, list[Any]]) -> None:
            head, pieces = one
            say(head + b"".join(_bytes_of(pieces)))

        pod = b"/api/v1/namespaces/default/pods/web"
        owner = b"\r\nAuthorization: Bearer " + WIRE_TOKEN.encode()
        spdy = b" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1"
        websocket = (
            b" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket"
            b"\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
        )
        protocol = b"\r\nX-Stream-Protocol-Version: "
        heads = [
            b"POST " + pod + b"/portforward" + spdy + protocol + b"portforward.k8s.io",
            b"POST "
            + pod
            + b"/exec?command=cat&stdin=1&stdout=1"
            + spdy
            + protocol
            + b"v4.channel.k8s.io",
            b"GET " + pod + b"/exec?command=cat&stdin=1&stdout=1" + websocket,
            b"GET " + pod + b"/portforward?ports=80" + websocket,
            b"PATCH " + pod + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 30",
        ]
        whole = [head + owner + HEAD_END for head in heads]
        _fuzz(st.tuples(st.sampled_from([*whole, *heads]), PIECES), attack)
        answer = say(b"GET /version HTTP/1.1\r\nHost: x" + owner + HEAD_END, LONG_S)
        assert answer.startswith(b"HTTP/1.1 200")
    assert failures == []


def test_the_token_is_the_one_that_is_used(api: LabApi) -> None:
    """Or the requests above would all have been refused."""
    assert api.ask("GET", "/version").code == 200
    wrong = (("Authorization", f"Bearer {TOKEN}x"),)
    assert api.ask("GET", "/version", headers=wrong).code == 401
