"""The API server: a socket, TLS, and for each request who, what and which handler."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Coroutine
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from netlab import tasks
from netlab.access.authentication import Authenticator
from netlab.access.authorization import RbacAuthorizer
from netlab.access.gates import AccessGate, EscalationGuard
from netlab.access.reviews import REVIEWS
from netlab.access.tokens import ServiceAccountTokens
from netlab.http import routes
from netlab.http.calls import ApiCall, Handler
from netlab.http.certificates import Certificates, server_context
from netlab.http.doorkeeper import STRANGER_S, Doorkeeper, OpenConnections
from netlab.http.podruntime import PodRuntime
from netlab.http.proxy import PodProxy
from netlab.http.reads import ReadHandlers
from netlab.http.responses import error_response, json_response
from netlab.http.routes import DiscoveryPath, ResourcePath, Route, Verb, attributes_of, route
from netlab.http.streams.front import (
    ConnectionFront,
    RequestHead,
    refusing,
)
from netlab.http.streams.podstreams import StreamRequests
from netlab.http.watch import WatchHandler
from netlab.http.writes import QuestionAnswers, WriteHandlers
from netlab.objects import apierrors
from netlab.objects.kinds import STREAMS
from netlab.objects.limits import MAX_BODY, MAX_HEADER
from netlab.objects.registry import Registry
from netlab.objects.store import Store

log = logging.getLogger(__name__)


def _log_of_http() -> logging.Logger:
    """Return where aiohttp logs, but not what a client said wrong and is told with a 400."""
    logger = log.getChild("http")
    logger.addFilter(_is_ours)
    return logger


def _is_ours(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


STOP_S = 0.5
"""How long open requests may take to end when the server stops; watches never do by themselves."""

KEEPALIVE_S = 3600.0
"""How long an idle connection is kept; a client's pool must not meet a closed one."""


class ApiServer:
    """The Kubernetes API of one lab."""

    def __init__(
        self,
        store: Store,
        runtime: PodRuntime,
        *,
        token: str,
        certificates: Certificates,
        get_opens_streams: bool = False,
        stranger_s: float = STRANGER_S,
    ) -> None:
        """Serve a store and a runtime to those who have the token, and to whom they let in.

        `get_opens_streams` is the rule of servers before 1.35, see `AccessGate`; a connection may
        last `stranger_s` without a token.
        """
        self.registry = Registry(store)
        tokens, authorizer = ServiceAccountTokens(store), RbacAuthorizer(store)
        authenticator = Authenticator(token, tokens)
        self._gate = AccessGate(authenticator, authorizer, get_opens_streams=get_opens_streams)
        self._streams = streams = StreamRequests(store, runtime)
        guard = EscalationGuard(store, authorizer)
        self._by_verb: dict[Verb, Handler] = {
            **ReadHandlers(store).by_verb(),
            "watch": WatchHandler(store).watch,
            **WriteHandlers(self.registry, guard).by_verb(),
        }
        answers = QuestionAnswers(store, authorizer, tokens)
        self._by_question = dict.fromkeys(REVIEWS, answers.review)
        self._by_subresource: dict[str, Handler] = {
            **dict.fromkeys(STREAMS, streams.over_http),
            "log": streams.log,
            "proxy": PodProxy(store, runtime).serve,
            "token": answers.token,
        }
        self._certificates = certificates
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = OpenConnections()
        self._stranger_s = stranger_s
        self._http: web.Server | None = None
        self._door: Doorkeeper | None = None

    def start(self, sock: socket.socket) -> None:
        """Serve those who connect to a socket that listens."""
        http: web.Server = web.Server(
            self._serve,
            request_factory=_request,
            # A watch or an exec ends when its client leaves, not at its next write.
            handler_cancellation=True,
            keepalive_timeout=KEEPALIVE_S,
            access_log=None,
            logger=_log_of_http(),
            max_line_size=MAX_HEADER,
        )
        self._http = http
        self._door = Doorkeeper(
            lambda known: ConnectionFront(
                http, self._spawn, self._serve_spdy, self._connections, known
            ),
            server_context(self._certificates),
            stay_s=self._stranger_s,
        )
        self._door.open(sock)

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._door is None or self._http is None:
            return
        await self._door.close()
        await tasks.end(*self._tasks)
        await self._http.shutdown(STOP_S)
        await self._connections.abort()
        self._door = None

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            user = self._gate.identify(request.headers)
            self._connections.welcome(request.transport)
            where = route(request.method, request.path, request.query)
            asked = attributes_of(where, request.method, request.path, request.query)
            self._gate.admit(user, asked)
            return await self._answer(ApiCall(request, user), where)
        except apierrors.ApiError as error:
            answer = error_response(error)
            if error.code == 401:
                answer.force_close()  # who is not known does not stay
            return answer
        except ConnectionError:
            raise  # the client has left; aiohttp ends the request
        except Exception as error:
            log.exception("%s %s failed", request.method, request.path)
            return error_response(error)

    async def _answer(self, call: ApiCall, where: Route) -> web.StreamResponse:
        if isinstance(where, DiscoveryPath):
            document = routes.discovery_document(where.path)
            return (
                web.Response(text=document)
                if isinstance(document, str)
                else json_response(document)
            )
        return await self._handler(where)(call, where)

    def _handler(self, where: ResourcePath) -> Handler:
        if where.subresource in self._by_subresource:
            return self._by_subresource[where.subresource]
        return self._by_question.get(where.resource.plural) or self._by_verb[where.verb]

    async def _serve_spdy(
        self, head: RequestHead, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            user = self._gate.identify(head.headers)
            self._connections.welcome(writer.transport)
            where = route(head.method, head.path, {})
            self._gate.admit(user, attributes_of(where, head.method, head.path, {}))
            if not isinstance(where, ResourcePath) or where.subresource not in STREAMS:
                raise apierrors.bad_request("this path does not upgrade to SPDY/3.1")  # noqa: TRY301
            await self._streams.over_spdy(head, where, (reader, writer))
        except apierrors.ApiError as error:
            writer.write(refusing(error))
        except ConnectionError:
            return  # the client has left
        except Exception:
            log.exception("%s %s failed", head.method, head.path)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = tasks.start(work, "a SPDY connection")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _request(*args: Any) -> web.BaseRequest:
    """Make aiohttp's request with this API's limit for bodies."""
    message, payload, protocol, writer, task = args
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY)
