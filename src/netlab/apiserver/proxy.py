"""The API server as a proxy: pods/proxy and services/proxy, for any method.

Its connections begin at the node that it runs on and go to a pod's own address, also for a
Service: policies see them as the node's traffic, which only the pod's own node may send freely.
"""

from __future__ import annotations

import os
import random
import socket
import ssl
from typing import Any

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from netlab.apiserver import errors
from netlab.apiserver.locations import (
    Location,
    pod_location,
    service_locations,
    split_name,
)
from netlab.apiserver.requests import Call
from netlab.apiserver.routes import ResourcePath
from netlab.apiserver.runtime import Runtime
from netlab.apiserver.store import Store

DIAL_S = 5.0
"""How long a connection may take; in the lab's network one that takes longer never comes."""

_CHUNK = 64 * 1024

_FOR_ONE_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)
_FOR_US = frozenset({"authorization", "host"})
"""What a pod must not see: whoever runs it could act as the client."""

_NO_BODY = frozenset({204, 304})


class Proxy:
    """Passes requests on to pods and to the pods behind Services."""

    def __init__(self, store: Store, runtime: Runtime) -> None:
        """Find pods and endpoints in a store; dial from the runtime's node."""
        self._store = store
        self._runtime = runtime

    async def serve(self, call: Call, path: ResourcePath) -> web.StreamResponse:
        """Pass a request on and its answer back; raise ApiError where nobody answers."""
        location = self._locate(path)
        request = call.http
        if request.headers.get(hdrs.UPGRADE):
            raise errors.not_implemented("the lab's proxy passes on no upgrades")
        behind = _behind(request)
        if not behind:
            # A page's relative links lead nowhere without the slash (kubernetes issue 4958).
            query = f"?{request.query_string}" if request.query_string else ""
            return web.Response(status=301, headers={hdrs.LOCATION: f"{request.path}/{query}"})
        return await self._pass_on(request, location, behind)

    def _locate(self, path: ResourcePath) -> Location:
        plural, name = path.resource.plural, path.name or ""
        scheme, name, port = split_name(name, plural.removesuffix("s"))
        if plural == "nodes":
            raise errors.not_implemented("the lab's kubelet serves no HTTP of its own")
        if plural == "pods":
            return pod_location(self._store.get("pods", path.namespace, name), scheme, port)
        service = self._store.get("services", path.namespace, name)
        slices = self._store.list("endpointslices", path.namespace)
        found = service_locations(service, slices, scheme, port)
        return random.choice(found)  # noqa: S311 - any will do

    async def _pass_on(
        self, request: web.BaseRequest, location: Location, behind: str
    ) -> web.StreamResponse:
        async with self._session() as session:
            answer = await _ask(session, request, location, behind)
            async with answer:
                return await _relay(request, answer)

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            socket_factory=lambda info: self._runtime.node_socket(socket.AddressFamily(info[0])),
            force_close=True,
        )
        return aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            skip_auto_headers=(hdrs.USER_AGENT, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=DIAL_S),
        )


async def _ask(
    session: aiohttp.ClientSession, request: web.BaseRequest, location: Location, behind: str
) -> aiohttp.ClientResponse:
    """Send a request on and return the head of its answer; raise ApiError where none comes."""
    try:
        return await session.request(
            request.method,
            URL(f"{location.scheme}://{location.address}{behind}", encoded=True),
            headers=_kept(request.headers, _FOR_ONE_HOP | _FOR_US, "impersonate-"),
            data=request.content if request.can_read_body else None,
            allow_redirects=False,
            ssl=_anybody() if location.scheme == "https" else False,
        )
    except (OSError, aiohttp.ClientError) as error:  # a TimeoutError is an OSError, too
        why = f"error trying to reach service: {_reason(location, error)}"
        raise errors.service_unavailable(why) from error


async def _relay(request: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(
        status=answer.status,
        reason=answer.reason,
        headers=CIMultiDict(_kept(answer.headers, _FOR_ONE_HOP)),
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


def _behind(request: web.BaseRequest) -> str:
    """Return path and query behind .../proxy as they came, "" without a path."""
    path, mark, query = request.raw_path.partition("?")
    # A pod or a Service: /api/v1/namespaces/NAMESPACE/KIND/NAME/proxy/...
    parts = path.split("/", 8)
    return f"/{parts[8]}{mark}{query}" if len(parts) > 8 else ""


def _kept(headers: Any, dropped: frozenset[str], prefix: str = "\n") -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, value in headers.items()
        if name.lower() not in dropped and not name.lower().startswith(prefix)
    ]


def _anybody() -> ssl.SSLContext:
    """Return a context that takes any certificate, as the API server does for pods."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _reason(location: Location, error: BaseException) -> str:
    """Say what went wrong as Go's net package does."""
    if isinstance(error, TimeoutError):
        return f"dial tcp {location.address}: i/o timeout"
    number = getattr(error, "errno", None)
    if number:
        return f"dial tcp {location.address}: connect: {os.strerror(number).lower()}"
    return f"{error or 'EOF'}"
