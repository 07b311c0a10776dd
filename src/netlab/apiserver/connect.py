"""The requests that end in a stream: exec, attach, port-forward and a log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from aiohttp import hdrs, web

from netlab.apiserver import errors, logs
from netlab.apiserver.objects import Obj
from netlab.apiserver.requests import Call
from netlab.apiserver.routes import ResourcePath
from netlab.apiserver.runtime import Runtime
from netlab.apiserver.store import Store
from netlab.apiserver.streams import spdy_exec, websockets
from netlab.apiserver.streams.front import Wire
from netlab.apiserver.streams.spdy_portforward import serve_port_forward
from netlab.apiserver.streams.target import (
    ExecTarget,
    Query,
    attach_target,
    check_running,
    exec_target,
    plain,
    ports_of,
)
from netlab.apiserver.streams.upgrade import Head, switching

_SPDY_FORWARD = "portforward.k8s.io"

_COMMANDS: Mapping[str, Callable[[Obj, Query], ExecTarget]] = {
    "attach": attach_target,
    "exec": exec_target,
}


class Connect:
    """Serves the streaming subresources of pods."""

    def __init__(self, store: Store, runtime: Runtime) -> None:
        """Find pods in the store and reach into them by the runtime."""
        self._store = store
        self._runtime = runtime

    async def log(self, call: Call, path: ResourcePath) -> web.StreamResponse:
        """Answer with a container's log."""
        return await logs.serve(call.http, self._runtime, self._pod(path), call.query)

    async def over_http(self, call: Call, path: ResourcePath) -> web.StreamResponse:
        """Serve a WebSocket client."""
        request, pod = call.http, self._pod(path)
        self._check_served(path)
        if request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
            message = "Upgrade request required"
            raise errors.bad_request(message)
        target_of = _COMMANDS.get(path.subresource or "")
        if target_of is not None:
            target = target_of(pod, request.query)
            return await websockets.serve_exec(request, self._runtime, target)
        check_running(pod)
        ports = () if websockets.wants_tunnel(request) else ports_of(request.query)
        return await websockets.serve_forward(request, self._runtime, pod, ports)

    async def over_spdy(
        self,
        head: Head,
        path: ResourcePath,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        """Serve a SPDY client; raises ApiError before the connection is upgraded."""
        pod, wire = self._pod(path), Wire(*streams)
        self._check_served(path)
        offered = ",".join(head.headers.getall("X-Stream-Protocol-Version", ()))
        target_of = _COMMANDS.get(path.subresource or "")
        if target_of is not None:
            target = target_of(pod, plain(head.query))
            _check_offered(spdy_exec.PROTOCOL, offered)
            await wire.write(switching(spdy_exec.PROTOCOL))
            await spdy_exec.serve_exec(self._runtime, target, wire)
            return
        check_running(pod)
        _check_offered(_SPDY_FORWARD, offered)
        await wire.write(switching(_SPDY_FORWARD))
        await serve_port_forward(self._runtime, pod, wire)

    def _check_served(self, path: ResourcePath) -> None:
        why = self._runtime.refuses(path.subresource or "")
        if why:
            raise errors.ApiError(405, "MethodNotAllowed", why)

    def _pod(self, path: ResourcePath) -> Obj:
        return self._store.get(path.resource.plural, path.namespace, path.name or "")


def _check_offered(protocol: str, offered: str) -> None:
    if protocol not in [name.strip() for name in offered.split(",")]:
        why = f"unable to upgrade: unable to negotiate protocol: client supports [{offered}], "
        raise errors.bad_request(f"{why}server accepts [{protocol}]")
