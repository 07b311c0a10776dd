"""The requests into pods that end in a stream: exec, attach, port-forward and a log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from aiohttp import hdrs, web

from netlab.http.calls import ApiCall
from netlab.http.podruntime import PodRuntime
from netlab.http.routes import ResourcePath
from netlab.http.streams import remotecommand, websockets
from netlab.http.streams.front import RequestHead, StreamWire, switching
from netlab.http.streams.podtargets import (
    ExecTarget,
    QueryParameters,
    attach_target,
    check_running,
    exec_target,
    listed,
    plain_parameters,
    ports_of,
    serve_log,
)
from netlab.http.streams.portforwarding import serve_spdy_port_forward
from netlab.objects import apierrors
from netlab.objects.obj import Obj
from netlab.objects.store import Store

_SPDY_FORWARD = "portforward.k8s.io"

_COMMANDS: Mapping[str, Callable[[Obj, QueryParameters], ExecTarget]] = {
    "attach": attach_target,
    "exec": exec_target,
}


class StreamRequests:
    """Serves the streaming subresources of pods."""

    def __init__(self, store: Store, runtime: PodRuntime) -> None:
        """Find pods in the store and reach into them by the runtime."""
        self._store = store
        self._runtime = runtime

    async def log(self, call: ApiCall, path: ResourcePath) -> web.StreamResponse:
        """Answer with a container's log."""
        return await serve_log(call.http, self._runtime, self._pod(path), call.query)

    async def over_http(self, call: ApiCall, path: ResourcePath) -> web.StreamResponse:
        """Serve a WebSocket client."""
        request, pod = call.http, self._pod(path)
        self._check_served(path)
        if request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
            message = "Upgrade request required"
            raise apierrors.bad_request(message)
        target_of = _COMMANDS.get(path.subresource or "")
        if target_of is not None:
            target = target_of(pod, request.query)
            return await websockets.serve_websocket_exec(request, self._runtime, target)
        check_running(pod)
        ports = () if websockets.wants_tunnel(request) else ports_of(request.query)
        return await websockets.serve_websocket_forward(request, self._runtime, pod, ports)

    async def over_spdy(
        self,
        head: RequestHead,
        path: ResourcePath,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        """Serve a SPDY client; raises ApiError before the connection is upgraded."""
        pod, wire = self._pod(path), StreamWire(*streams)
        self._check_served(path)
        offered = listed(head.headers.getall("X-Stream-Protocol-Version", ()))
        target_of = _COMMANDS.get(path.subresource or "")
        if target_of is not None:
            target = target_of(pod, plain_parameters(head.query))
            name = negotiated(offered, tuple(remotecommand.SPDY_PROTOCOLS))
            await wire.write(switching(name))
            protocol = remotecommand.SPDY_PROTOCOLS[name]
            await remotecommand.serve_spdy_exec(self._runtime, target, wire, protocol)
            return
        check_running(pod)
        await wire.write(switching(negotiated(offered, (_SPDY_FORWARD,))))
        await serve_spdy_port_forward(self._runtime, pod, wire)

    def _check_served(self, path: ResourcePath) -> None:
        why = self._runtime.refuses(path.subresource or "")
        if why:
            raise apierrors.ApiError(405, "MethodNotAllowed", why)

    def _pod(self, path: ResourcePath) -> Obj:
        return self._store.get(path.resource.plural, path.namespace, path.name or "")


def negotiated(offered: Sequence[str], served: Sequence[str]) -> str:
    """Return the first protocol that a client offers and the server knows, "" where it offers none.

    Raises ApiError in the words of apimachinery's httpstream.Handshake.
    """
    if not offered:
        return ""
    for name in offered:
        if name in served:
            return name
    accepted = " ".join(name for name in served if name)
    why = f"unable to negotiate protocol: client supports [{' '.join(offered)}], "
    raise apierrors.bad_request(f"unable to upgrade: {why}server accepts [{accepted}]")
