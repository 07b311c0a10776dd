"""The handshake of a WebSocket to the API server, with a time limit and its refusals told.

The client's own `stream` swaps a method of a shared object while it calls, waits without end, and
folds every refusal into status 0; hence one of our own, on the library underneath.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Sequence
from typing import Any

import certifi
from kubernetes.stream.ws_client import get_websocket_url, websocket_proxycare
from websocket import WebSocket, WebSocketBadStatusException, WebSocketException

from netproof.cluster.api.client import RESOURCES, Client
from netproof.cluster.naming import PodName
from netproof.cluster.streams.channels import ChannelSocket
from netproof.errors import StreamRefusedError

HANDSHAKE_S = 30.0
"""An API server behind a slow tunnel answers within seconds; one that does not, never."""

PROTOCOLS = "v4.channel.k8s.io"
"""Channels, their number before each message; v5 would add the closing of one."""

Query = Sequence[tuple[str, str]]


def into_pod(client: Client, pod: PodName, way: str, query: Query, what: str) -> ChannelSocket:
    """Open channels into a pod by one of its subresources (`exec`, `attach`, `portforward`).

    `what` heads the messages of errors. Raises StreamRefusedError as `connect` does.
    """
    path = f"{RESOURCES['Pod'].path(*pod)}/{way}"
    return ChannelSocket(connect(client, path, query, what), what)


def connect(
    client: Client, path: str, query: Query, what: str, *, timeout_s: float = HANDSHAKE_S
) -> socket.socket:
    """Open a WebSocket to a path of the API and return the socket under it, not blocking.

    Any number of threads may do so with one client, of which only the configuration is used.
    Raises StreamRefusedError with the API server's own words; `what` heads the message.
    """
    configuration = client.api.configuration
    _, url, headers, *_ = client.api.param_serialize(
        "GET", path, query_params=list(query), auth_settings=["BearerToken"]
    )
    made: Any = WebSocket(sslopt=_tls(configuration), enable_multithread=False)
    made.settimeout(timeout_s)
    try:
        made.connect(get_websocket_url(url), **_options(configuration, url, headers))
    except WebSocketBadStatusException as error:
        raise StreamRefusedError(f"{what}: {_words(error)}", error.status_code) from error
    except (WebSocketException, OSError) as error:
        made.shutdown()
        raise StreamRefusedError(f"{what}: the API server cannot be reached: {error}") from error
    # The library reads the answer byte by byte up to its end, so nothing of what follows is lost.
    made.sock.setblocking(False)
    under: socket.socket = made.sock
    return under


def _options(configuration: Any, url: str, headers: dict[str, str]) -> dict[str, Any]:
    named = {key.lower(): value for key, value in headers.items()}
    sent = [f"sec-websocket-protocol: {PROTOCOLS}"]
    if "authorization" in named:
        sent.append(f"authorization: {named['authorization']}")
    options: dict[str, Any] = {"header": sent}
    if configuration.proxy or configuration.proxy_headers:
        return dict(websocket_proxycare(options, configuration, url, headers))
    return options


def _tls(configuration: Any) -> dict[str, Any]:
    if configuration.verify_ssl:
        checks = {
            "cert_reqs": ssl.CERT_REQUIRED,
            "ca_certs": configuration.ssl_ca_cert or certifi.where(),
            "check_hostname": configuration.assert_hostname,
        }
    else:
        checks = {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    wanted = {
        **checks,
        "certfile": configuration.cert_file,
        "keyfile": configuration.key_file,
        "server_hostname": configuration.tls_server_name,
    }
    return {key: value for key, value in wanted.items() if value is not None}


def _words(error: WebSocketBadStatusException) -> str:
    body = error.resp_body or b""
    try:
        told = json.loads(body)["message"]
    except (ValueError, LookupError, TypeError):
        told = body.decode(errors="replace").strip()[:200] or "no reason given"
    return f"{told} ({error.status_code})"
