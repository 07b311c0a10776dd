"""The API server: a socket, TLS, and for each request who, what and which handler."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Awaitable
from typing import Any

from aiohttp import web

from netproof.lab.apiserver import discovery, errors
from netproof.lab.apiserver.auth import AllowAll, Attributes, Authorizer, TokenAuthenticator, User
from netproof.lab.apiserver.connect import Connect
from netproof.lab.apiserver.handlers import Handlers
from netproof.lab.apiserver.registry import Registry
from netproof.lab.apiserver.requests import MAX_BODY, Call
from netproof.lab.apiserver.responses import error_response, json_response
from netproof.lab.apiserver.routes import Discovery, ResourcePath, Route, route
from netproof.lab.apiserver.runtime import Runtime
from netproof.lab.apiserver.store import Store
from netproof.lab.apiserver.streams.front import Connections, Front
from netproof.lab.apiserver.streams.upgrade import Head, refusing

log = logging.getLogger(__name__)

STOP_S = 0.5
"""How long open requests may take to end when the server stops; watches never do by themselves."""

KEEPALIVE_S = 3600.0
"""How long an idle connection is kept; a client's pool must not meet a closed one."""


class ApiServer:
    """The Kubernetes API of one lab."""

    def __init__(
        self,
        store: Store,
        runtime: Runtime,
        *,
        token: str,
        ssl: ssl.SSLContext,
        authorizer: Authorizer | None = None,
    ) -> None:
        """Serve a store and a runtime to those who have the token."""
        self.registry = Registry(store)
        self._authenticator = TokenAuthenticator(token)
        self._authorizer = authorizer or AllowAll()
        self._connect = Connect(store, runtime)
        handlers = Handlers(self.registry, self._authorizer)
        self._handlers = {**handlers.by_verb(), "connect": self._connect.over_http}
        self._ssl = ssl
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = Connections()
        self._http: web.Server | None = None
        self._server: asyncio.Server | None = None

    async def start(self, sock: socket.socket) -> None:
        """Listen on a bound socket; raises OSError."""
        loop = asyncio.get_running_loop()
        http: web.Server = web.Server(
            self._serve,
            request_factory=_request,
            # A watch or an exec ends when its client leaves, not at its next write.
            handler_cancellation=True,
            keepalive_timeout=KEEPALIVE_S,
            access_log=None,
            max_line_size=MAX_BODY,
        )
        self._http = http
        self._server = await loop.create_server(
            lambda: Front(http, self._spawn, self._serve_spdy, self._connections),
            sock=sock,
            ssl=self._ssl,
        )

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is None or self._http is None:
            return
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.shutdown(STOP_S)
        await self._connections.abort()
        self._server = None

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            user = self._authenticator.authenticate(request.headers)
            where = route(request.method, request.path, request.query)
            self._authorize(user, where, request.path)
            return await self._answer(Call(request, user), where)
        except errors.ApiError as error:
            return error_response(error)
        except ConnectionError:
            raise  # the client has left; aiohttp ends the request
        except Exception as error:
            log.exception("%s %s failed", request.method, request.path)
            return error_response(error)

    async def _answer(self, call: Call, where: Route) -> web.StreamResponse:
        if isinstance(where, Discovery):
            found = discovery.document(where.path)
            return web.Response(text=found) if isinstance(found, str) else json_response(found)
        if where.subresource == "log":
            return await self._connect.log(call, where)
        return await self._handlers[where.verb](call, where)

    def _authorize(self, user: User, where: Route, path: str) -> None:
        attributes = _attributes(where, path)
        if self._authorizer.allows(user, attributes):
            return
        if isinstance(where, Discovery):
            message = f'forbidden: User "{user.name}" cannot {attributes.verb} path "{path}"'
            raise errors.ApiError(403, "Forbidden", message)
        why = (
            f'User "{user.name}" cannot {where.verb} resource "{where.resource.plural}" '
            f'in API group "{where.resource.group}"'
        )
        raise errors.forbidden(where.resource, where.name or "", why)

    async def _serve_spdy(
        self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            user = self._authenticator.authenticate(head.headers)
            where = route(head.method, head.path, {})
            self._authorize(user, where, head.path)
            if not isinstance(where, ResourcePath) or where.verb != "connect":
                raise errors.bad_request("this path does not upgrade to SPDY/3.1")  # noqa: TRY301
            await self._connect.over_spdy(head, where, (reader, writer))
        except errors.ApiError as error:
            writer.write(refusing(error))
        except ConnectionError:
            return  # the client has left
        except Exception:
            log.exception("%s %s failed", head.method, head.path)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _request(*args: Any) -> web.BaseRequest:
    """Make aiohttp's request with this API's limit for bodies."""
    message, payload, protocol, writer, task = args
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY)


def _attributes(where: Route, path: str) -> Attributes:
    if isinstance(where, Discovery):
        return Attributes(verb="get", path=path)
    return Attributes(
        verb="create" if where.verb == "connect" else where.verb,
        group=where.resource.group,
        resource=where.resource.plural,
        subresource=where.subresource or "",
        namespace=where.namespace or "",
        name=where.name or "",
    )
