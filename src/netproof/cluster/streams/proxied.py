"""HTTP through the API server's proxy to a pod or a Service."""

from __future__ import annotations

from dataclasses import dataclass

from urllib3.exceptions import ReadTimeoutError

from netproof.cluster.api.answers import status_message
from netproof.cluster.api.client import Client
from netproof.cluster.api.transport import ApiRequest
from netproof.errors import UnreachableError

RESOURCES = ("pods", "services")


@dataclass(frozen=True, slots=True)
class Proxied:
    """An answer; `said` is what the API server itself had to say, "" where it passed one on.

    A backend that cannot be reached and a refusal both come as a Status object (`kind: Status`).
    """

    status: int
    body: bytes
    said: str = ""


def fetch(
    client: Client,
    resource: str,
    *,
    namespace: str,
    name: str,
    port: int,
    path: str,
    timeout_s: float,
) -> Proxied:
    """GET a path of a pod or Service; raise TimeoutError where no answer comes in time.

    Raises UnreachableError where the API server itself cannot be reached.
    """
    full = f"/api/v1/namespaces/{namespace}/{resource}/{name}:{port}/proxy/{path}"
    try:
        request = ApiRequest("GET", full, accept="*/*")
        answer = client.transport.send(request, what=f"GET {full}", timeout_s=timeout_s)
    except UnreachableError as error:
        if isinstance(error.__cause__, ReadTimeoutError):
            raise TimeoutError(f"no answer in {timeout_s:g} s through the proxy") from error
        raise
    return Proxied(answer.status, answer.data, status_message(answer.data))
