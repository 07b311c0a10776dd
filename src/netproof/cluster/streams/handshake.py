"""The handshake of a WebSocket to the API server, with a time limit and its refusals told."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from urllib.parse import urlencode, urlsplit

import urllib3
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, RejectConnection, RejectData, Request
from wsproto.utilities import ProtocolError

from netproof.cluster.api.answers import ApiAnswer, refusal_words
from netproof.cluster.api.client import RESOURCES, Client
from netproof.cluster.api.dialling import dial
from netproof.cluster.api.login import Login
from netproof.cluster.api.transport import unreachable
from netproof.cluster.naming import PodName
from netproof.cluster.streams.channels import CHUNK, ChannelSocket
from netproof.errors import StreamCutError, StreamRefusedError
from netproof.timelimit import at_most

HANDSHAKE_S = 30.0
"""An API server behind a slow tunnel answers within seconds; one that does not, never."""

PROTOCOL = "v4.channel.k8s.io"
"""Channels, their number before each message; v5 would add the closing of one."""

LONGEST_REFUSAL = 1 << 16
"""Bytes of a refusal's body; a Status object has some hundreds."""

Query = Sequence[tuple[str, str]]


def into_pod(client: Client, pod: PodName, way: str, query: Query, what: str) -> ChannelSocket:
    """Open channels into a pod by one of its subresources (`exec`, `attach`, `portforward`).

    `what` heads the messages of errors. Raises StreamRefusedError as `connect` does.
    """
    return connect(client, f"{RESOURCES['Pod'].path(*pod)}/{way}", query, what)


def connect(
    client: Client, path: str, query: Query, what: str, *, timeout_s: float = HANDSHAKE_S
) -> ChannelSocket:
    """Open a WebSocket to a path of the API and return the channels on it.

    Any number of threads may do so with one client, of which only the login is used. A login that
    is no longer taken is made anew once. Raises StreamRefusedError with the API server's own words;
    `what` heads the message.
    """
    target, login = f"{path}?{urlencode(query)}", client.transport.login
    until = time.monotonic() + at_most(timeout_s)
    opened = _open(login, target, what, until)
    lapsed = isinstance(opened, ApiAnswer) and opened.status == 401
    if lapsed and client.transport.log_in_again(login):
        opened = _open(client.transport.login, target, what, until)
    if isinstance(opened, ApiAnswer):
        raise StreamRefusedError(f"{what}: {refusal_words(opened)}", opened.status)
    return opened


def _open(login: Login, target: str, what: str, until: float) -> ChannelSocket | ApiAnswer:
    """Return the channels, or the answer by which they were refused."""
    with ExitStack() as undo:
        try:
            sock = undo.enter_context(dial(login, _left(until)))
            opened = _shake_hands(sock, login, target, what, until)
        except (ProtocolError, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise StreamRefusedError(str(unreachable(what, error))) from error
        except StreamCutError as error:  # by what came with the end of the handshake
            raise StreamRefusedError(str(error)) from error
        if isinstance(opened, ChannelSocket):
            undo.pop_all()  # the socket is theirs
    return opened


def _shake_hands(
    sock: socket.socket, login: Login, target: str, what: str, until: float
) -> ChannelSocket | ApiAnswer:
    there = urlsplit(login.server)
    web = WSConnection(ConnectionType.CLIENT)
    headers = [(name.encode(), value.encode("latin-1")) for name, value in login.headers.items()]
    request = Request(
        host=there.netloc.rpartition("@")[2],
        target=there.path + target,
        subprotocols=[PROTOCOL],
        extra_headers=headers,
    )
    sock.settimeout(_left(until))
    sock.sendall(web.send(request))
    status, body = 0, b""
    for event in _events(sock, web, until):
        if isinstance(event, AcceptConnection):
            sock.setblocking(False)
            return ChannelSocket(sock, what, web)
        if isinstance(event, RejectConnection):
            status = event.status_code
            if not event.has_body:
                break
        if isinstance(event, RejectData):
            body += event.data
            if event.body_finished or len(body) > LONGEST_REFUSAL:
                break
    return ApiAnswer(status, body)


def _events(sock: socket.socket, web: WSConnection, until: float) -> Iterator[object]:
    while True:
        sock.settimeout(_left(until))
        data = sock.recv(CHUNK)
        if not data:
            raise ConnectionError("it ended the connection within the handshake")
        web.receive_data(data)
        yield from web.events()


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left
