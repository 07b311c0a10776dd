"""Ephemeral containers, and pods that the kubelet looks at: what they tell of a pod's network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from netproof.cluster.api.client import REQUEST_TIMEOUT_S, Client, Obj
from netproof.cluster.api.remedies import with_remedy
from netproof.cluster.api.waiting import wait_until
from netproof.cluster.fleet import manifests
from netproof.cluster.naming import PodName
from netproof.errors import StreamRefusedError

_STRATEGIC = "application/strategic-merge-patch+json"


def add_ephemeral_container(
    client: Client, pod: PodName, name: str, *, command: Sequence[str], image: str
) -> None:
    """Put an ephemeral container into a running pod, as `kubectl debug` does.

    Raises StreamRefusedError where the API server refuses.
    """
    container = {
        "name": name,
        "image": image,
        "command": list(command),
        "securityContext": manifests.RESTRICTED,
    }
    path = f"/api/v1/namespaces/{pod[0]}/pods/{pod[1]}/ephemeralcontainers"
    status, body = _call(client, "PATCH", path, {"spec": {"ephemeralContainers": [container]}})
    if status >= 300:
        raise StreamRefusedError(
            with_remedy(f"ephemeral container in {pod[0]}/{pod[1]}: {_words(body)} ({status})"),
            status,
        )


def output(client: Client, pod: PodName, container: str, *, lines: int, deadline_s: float) -> str:
    """Wait until a container has written so many lines and return them.

    Raises NotReadyError with what there is at the deadline.
    """
    path = f"/api/v1/namespaces/{pod[0]}/pods/{pod[1]}/log"
    seen = ""

    def look() -> str | None:
        nonlocal seen
        status, body = _call(client, "GET", path, query=[("container", container)])
        seen = body.decode(errors="replace") if status == 200 else _words(body)
        return seen if status == 200 and seen.count("\n") >= lines else None

    what = f"container {container} of {pod[0]}/{pod[1]}"
    return wait_until(look, deadline_s=deadline_s, what=lambda: f"{what} wrote {seen[:200]!r}")


def _call(
    client: Client,
    method: str,
    path: str,
    body: Any = None,
    query: Sequence[tuple[str, str]] = (),
) -> tuple[int, bytes]:
    request = client.api.param_serialize(
        method,
        path,
        query_params=list(query),
        header_params={"Accept": "*/*", **({"Content-Type": _STRATEGIC} if body else {})},
        body=body,
        auth_settings=["BearerToken"],
    )
    answer = client.api.call_api(*request, _request_timeout=REQUEST_TIMEOUT_S)
    return answer.status, answer.read()


def _words(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, LookupError, TypeError):
        return body.decode(errors="replace")[:200]


def wait_seen_ready(client: Client, pod: Obj, *, deadline_s: float) -> str:
    """Create a pod with a readiness probe, return the node whose kubelet reached it, delete it.

    The probe dials the first TCP port at the pod's own address. Raises NotReadyError where the
    kubelet does not get through in time.
    """
    meta = pod["metadata"]
    spec = dict(pod["spec"])
    (container,) = spec["containers"]
    dial = {"tcpSocket": {"port": container["ports"][0]["containerPort"]}, "periodSeconds": 1}
    spec["containers"] = [{**container, "readinessProbe": dial}]
    client.create({**pod, "spec": spec})

    def look() -> str | None:
        raw = client.get("Pod", meta["name"], meta["namespace"])
        conditions = raw.get("status", {}).get("conditions") or []
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
        return str(raw["spec"]["nodeName"]) if ready else None

    try:
        what = f"the kubelet does not reach {meta['namespace']}/{meta['name']}"
        return wait_until(look, deadline_s=deadline_s, what=lambda: what)
    finally:
        client.delete("Pod", meta["name"], meta["namespace"])
