"""The lab's API server without a socket: requests in, answers out, as fast as the server itself."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any, cast

from aiohttp import StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from netlab.controllers.clusterroles import ClusterRoleController, create_built_in
from netlab.controllers.endpoints import EndpointsController
from netlab.controllers.namespaces import QuotaController
from netlab.http.certificates import Certificates
from netlab.http.podruntime import PodRuntime
from netlab.http.server import ApiServer
from netlab.objects.kinds import BY_PLURAL, RBAC_GROUP
from netlab.objects.limits import MAX_BODY
from netlab.objects.store import Store

TOKEN = "the-administrators"
RBAC = f"/apis/{RBAC_GROUP}/v1"


@dataclass(frozen=True)
class ApiAnswer:
    """What came back, and after how long."""

    code: int
    text: str
    seconds: float
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def value(self) -> Any:
        return json.loads(self.text)


class LabApi:
    """A lab's objects, controllers and server; no node, no pod."""

    def __init__(self) -> None:
        """Begin with the built-in roles and the namespaces default and shop."""
        self._loop = asyncio.new_event_loop()
        self.store = store = Store()
        self._server = ApiServer(
            store,
            cast("PodRuntime", None),
            token=TOKEN,
            certificates=cast("Certificates", None),
        )
        EndpointsController(store).start()
        QuotaController(store).start()
        ClusterRoleController(store).start()
        create_built_in(self._server.registry)
        for name in ("default", "shop"):
            body = {"metadata": {"name": name}}
            self._server.registry.create(BY_PLURAL["namespaces"], None, body)

    def close(self) -> None:
        """Close the loop."""
        self._loop.close()

    def ask(
        self,
        method: str,
        path: str,
        body: Any = b"",
        *,
        kind: str = "application/json",
        user: str = "",
        headers: tuple[tuple[str, str], ...] = (),
        ends: bool = True,
    ) -> ApiAnswer:
        """Ask as a user, or as the administrator; a body that is no bytes is sent as JSON.

        Where it does not end, the server waits for the rest.
        """
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = CIMultiDict(headers)
        given.setdefault("Authorization", f"Bearer {TOKEN}")
        given.setdefault("Content-Type", kind)
        if user:
            given.add("Impersonate-User", user)
        return self._loop.run_until_complete(self._answer(method, path, data, given, ends=ends))

    async def _answer(
        self, method: str, path: str, data: bytes, headers: CIMultiDict[str], *, ends: bool
    ) -> ApiAnswer:
        connection = BaseProtocol(self._loop)
        connection.transport = asyncio.Transport()
        payload = StreamReader(connection, 2**26, loop=self._loop)
        payload.feed_data(data)
        if ends:
            payload.feed_eof()
        request = make_mocked_request(
            method, path, headers, payload=payload, client_max_size=MAX_BODY, loop=self._loop
        )
        begin = time.perf_counter()
        answer = await self._server._serve(request)
        seconds = time.perf_counter() - begin
        body = answer.body if isinstance(answer, web.Response) else b""
        text = body.decode() if isinstance(body, bytes) else ""
        return ApiAnswer(answer.status, text, seconds, dict(answer.headers))

    def let(self, user: str, *rules: dict[str, Any]) -> None:
        """Give a user a ClusterRole of its own in the whole cluster."""
        role = {"metadata": {"name": f"of-{user}"}, "rules": list(rules)}
        ref = {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": f"of-{user}"}
        subject = {"apiGroup": RBAC_GROUP, "kind": "User", "name": user}
        binding = {"metadata": {"name": f"of-{user}"}, "roleRef": ref, "subjects": [subject]}
        for plural, body in (("clusterroles", role), ("clusterrolebindings", binding)):
            made = self.ask("POST", f"{RBAC}/{plural}", body)
            assert made.code == 201, made.text


def rule(verbs: str, resources: str, group: str = "", names: str = "") -> dict[str, Any]:
    """Return a rule; words are separated by blanks."""
    given: dict[str, Any] = {"verbs": verbs.split(), "resources": resources.split()}
    given["apiGroups"] = [group]
    return {**given, **({"resourceNames": names.split()} if names else {})}
