"""The API server as a proxy: pods/proxy and services/proxy, for any method.

Its connections begin at the node that it runs on and go to a pod's own address, also for a
Service: policies see them as the node's traffic, which only the pod's own node may send freely.
Sources: ResourceLocation of pods and services in pkg/registry/core of kubernetes/kubernetes.
"""

from __future__ import annotations

import os
import random
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from netlab.controllers.endpoints import ready_ips, slices_of
from netlab.http.calls import ApiCall
from netlab.http.podruntime import PodRuntime
from netlab.http.routes import ResourcePath
from netlab.objects import apierrors
from netlab.objects.limits import whole_number
from netlab.objects.obj import Obj, at
from netlab.objects.store import Store

_STANDARD_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class ProxyLocation:
    """Where a request goes."""

    scheme: str
    ip: str
    port: int

    @property
    def address(self) -> str:
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"{host}:{self.port}"


def split_name(text: str, kind: str) -> tuple[str, str, str]:
    """Split [SCHEME:]NAME[:PORT]; raise ApiError (BadRequest).

    With one colon it is a port that is given.
    """
    parts = text.split(":")
    scheme = parts.pop(0) if len(parts) == 3 else ""
    name, port = (*parts, "")[:2]
    if not name or len(parts) > 2 or scheme not in {"", *_STANDARD_PORTS}:
        raise apierrors.bad_request(f'invalid {kind} request "{text}"')
    return scheme or "http", name, port


def pod_location(pod: Obj, scheme: str, port: str) -> ProxyLocation:
    """Return a pod's address and the port asked for, or its first; raise ApiError (BadRequest)."""
    ip = at(pod, "status", "podIP")
    if not ip:
        raise apierrors.bad_request("address not allowed")
    containers = pod["spec"].get("containers") or []
    listed = [str(p["containerPort"]) for c in containers for p in c.get("ports") or []]
    number = port or next(iter(listed), _STANDARD_PORTS[scheme])
    dialled = whole_number(number, 65535)
    if not dialled:
        raise apierrors.bad_request(f'invalid pod request "{pod["metadata"]["name"]}:{port}"')
    return ProxyLocation(scheme, ip, dialled)


def service_locations(
    service: Obj, slices: Sequence[Obj], scheme: str, port: str
) -> list[ProxyLocation]:
    """Return the ready endpoints of a Service's port, given by name or number.

    Those of the Service's first family: the proxy knows no other. Raises ApiError
    (ServiceUnavailable) where there are none.
    """
    name = service["metadata"]["name"]
    port_name = _port_name(service, port)
    wants_v6 = (at(service, "spec", "ipFamilies") or ["IPv4"])[0] == "IPv6"
    locations = [
        ProxyLocation(scheme, ip, int(entry["port"]))
        for piece in slices_of(slices, name)
        for entry in piece.get("ports") or []
        if entry.get("name", "") == port_name
        for ip in ready_ips(piece)
        if (":" in ip) is wants_v6
    ]
    if not locations:
        raise apierrors.service_unavailable(f'no endpoints available for service "{name}"')
    return locations


def _port_name(service: Obj, port: str) -> str:
    number = whole_number(port, 65535)
    if number is None:
        return port
    name = service["metadata"]["name"]
    for entry in at(service, "spec", "ports") or []:
        if entry.get("port") == number:
            return str(entry.get("name", ""))
    raise apierrors.service_unavailable(f'no service port {port} found for service "{name}"')


_DIAL_S = 5.0
"""How long a connection may take; in the lab's network one that takes longer never comes."""

_CHUNK = 64 * 1024

_FOR_ONE_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)
_FOR_THE_API = frozenset({"authorization", "host"})
"""What a pod must not see: whoever runs it could act as the client."""

_NO_BODY = frozenset({204, 304})


class PodProxy:
    """Passes requests on to pods and to the pods behind Services."""

    def __init__(self, store: Store, runtime: PodRuntime) -> None:
        """Find pods and endpoints in a store; dial from the runtime's node."""
        self._store = store
        self._runtime = runtime

    async def serve(self, call: ApiCall, path: ResourcePath) -> web.StreamResponse:
        """Pass a request on and its answer back; raise ApiError where nobody answers."""
        location = self._locate(path)
        request = call.http
        if request.headers.get(hdrs.UPGRADE):
            raise apierrors.not_implemented("the lab's proxy passes on no upgrades")
        pod_path = _path_behind(request)
        if not pod_path:
            # A page's relative links lead nowhere without the slash (kubernetes issue 4958).
            query = f"?{request.query_string}" if request.query_string else ""
            return web.Response(status=301, headers={hdrs.LOCATION: f"{request.path}/{query}"})
        return await self._pass_on(request, location, pod_path)

    def _locate(self, path: ResourcePath) -> ProxyLocation:
        plural, name = path.resource.plural, path.name or ""
        scheme, name, port = split_name(name, plural.removesuffix("s"))
        if plural == "nodes":
            raise apierrors.not_implemented("the lab's kubelet serves no HTTP of its own")
        if plural == "pods":
            return pod_location(self._store.get("pods", path.namespace, name), scheme, port)
        service = self._store.get("services", path.namespace, name)
        slices = self._store.list("endpointslices", path.namespace)
        locations = service_locations(service, slices, scheme, port)
        return random.choice(locations)  # noqa: S311 - any will do

    async def _pass_on(
        self, request: web.BaseRequest, location: ProxyLocation, pod_path: str
    ) -> web.StreamResponse:
        async with self._session() as session:
            answer = await _send_on(session, request, location, pod_path)
            async with answer:
                return await _relay_answer(request, answer)

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            socket_factory=lambda info: self._runtime.node_socket(socket.AddressFamily(info[0])),
            force_close=True,
        )
        return aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            skip_auto_headers=(hdrs.USER_AGENT, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_DIAL_S),
        )


async def _send_on(
    session: aiohttp.ClientSession, request: web.BaseRequest, location: ProxyLocation, pod_path: str
) -> aiohttp.ClientResponse:
    """Send a request on and return the head of its answer; raise ApiError where none comes."""
    try:
        return await session.request(
            request.method,
            URL(f"{location.scheme}://{location.address}{pod_path}", encoded=True),
            headers=_kept_headers(request.headers, _FOR_ONE_HOP | _FOR_THE_API, "impersonate-"),
            data=request.content if request.can_read_body else None,
            allow_redirects=False,
            ssl=_unverified_tls() if location.scheme == "https" else False,
        )
    except (OSError, aiohttp.ClientError) as error:  # a TimeoutError is an OSError, too
        why = f"error trying to reach service: {_dial_error(location, error)}"
        raise apierrors.service_unavailable(why) from error


async def _relay_answer(
    request: web.BaseRequest, answer: aiohttp.ClientResponse
) -> web.StreamResponse:
    response = web.StreamResponse(
        status=answer.status,
        reason=answer.reason,
        headers=CIMultiDict(_kept_headers(answer.headers, _FOR_ONE_HOP)),
    )
    await response.prepare(request)
    try:
        if request.method != hdrs.METH_HEAD and answer.status not in _NO_BODY:
            async for data in answer.content.iter_chunked(_CHUNK):
                await response.write(data)
        await response.write_eof()
    except aiohttp.ClientError as error:
        # The head is out: all that is left to say it with is the end of the connection.
        raise ConnectionResetError(f"the answer broke off: {error}") from error
    return response


def _path_behind(request: web.BaseRequest) -> str:
    """Return path and query behind .../proxy as they came, "" without a path."""
    path, mark, query = request.raw_path.partition("?")
    # A pod or a Service: /api/v1/namespaces/NAMESPACE/KIND/NAME/proxy/...
    parts = path.split("/", 8)
    return f"/{parts[8]}{mark}{query}" if len(parts) > 8 else ""


def _kept_headers(
    headers: Any, dropped: frozenset[str], prefix: str = "\n"
) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, value in headers.items()
        if name.lower() not in dropped and not name.lower().startswith(prefix)
    ]


def _unverified_tls() -> ssl.SSLContext:
    """Return a context that takes any certificate, as the API server does for pods."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _dial_error(location: ProxyLocation, error: BaseException) -> str:
    """Say what went wrong as Go's net package does."""
    if isinstance(error, TimeoutError):
        return f"dial tcp {location.address}: i/o timeout"
    number = getattr(error, "errno", None)
    if number:
        return f"dial tcp {location.address}: connect: {os.strerror(number).lower()}"
    return f"{error or 'EOF'}"
