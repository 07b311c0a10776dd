"""HTTP through the API server's proxy to a pod or a Service."""

from __future__ import annotations

import json
from dataclasses import dataclass

import urllib3

from netproof.cluster.api.client import Client, short
from netproof.errors import ClusterError

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

    Raises ClusterError where the API server itself cannot be reached.
    """
    full = f"/api/v1/namespaces/{namespace}/{resource}/{name}:{port}/proxy/{path}"
    request = client.api.param_serialize("GET", full, auth_settings=["BearerToken"])
    try:
        answer = client.api.call_api(*request, _request_timeout=timeout_s)
        body = answer.read()
    except (urllib3.exceptions.HTTPError, OSError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, urllib3.exceptions.TimeoutError):
            raise TimeoutError(f"no answer in {timeout_s:g} s through the proxy") from error
        raise ClusterError(
            f"GET {full}: the API server cannot be reached: {short(error)}"
        ) from error
    return Proxied(answer.status, body, _status_message(body))


def _status_message(body: bytes) -> str:
    try:
        told = json.loads(body)
        return str(told["message"]) if told["kind"] == "Status" else ""
    except (ValueError, LookupError, TypeError):
        return ""
