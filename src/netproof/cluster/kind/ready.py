"""Waiting until a CNI is up: its daemonsets and deployments, the nodes, the cluster's DNS.

This is the cluster's own word. Whether policies bite is for the canary to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from netproof.cluster.kind.tools import Tools, call, failure
from netproof.cluster.profiles.profile import Readiness
from netproof.cluster.waiting import wait_until
from netproof.errors import ClusterError

Obj = Mapping[str, Any]

DNS = "kube-system/coredns"

CALL_TIMEOUT_S = 30.0

_TRANSIENT = re.compile(r"\brefused\b|timed? ?out|EOF|TLS handshake", re.IGNORECASE)
"""What kubectl says when the API server restarts; a look that ends so is repeated."""


def wait_ready(tools: Tools, wanted: Readiness) -> None:
    """Wait until everything is up; raise NotReadyError with what is not, at the deadline."""
    state: list[str] = []

    def look() -> bool | None:
        state[:] = unready(tools, wanted)
        return None if state else True

    wait_until(look, deadline_s=wanted.timeout_s, what=lambda: f"not ready: {'; '.join(state)}")


def unready(tools: Tools, wanted: Readiness) -> list[str]:
    """Return what is not up yet, in words."""
    try:
        return _unready(tools, wanted)
    except ClusterError as error:
        if _TRANSIENT.search(str(error)):
            return [str(error)]
        raise


def _unready(tools: Tools, wanted: Readiness) -> list[str]:
    found = [_daemonset(key, _get(tools, "daemonset", key)) for key in wanted.daemonsets]
    deployments = (*wanted.deployments, DNS)
    found += [_deployment(key, _get(tools, "deployment", key)) for key in deployments]
    found += [_node(node) for node in (_get(tools, "nodes", "") or {}).get("items", [])]
    return [text for text in found if text]


def _daemonset(key: str, raw: Obj | None) -> str:
    if raw is None:
        return f"daemonset {key} is not there"
    status = raw.get("status", {})
    wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
    if _is_stale(raw) or wanted == 0:
        return f"daemonset {key} is not scheduled yet"
    fresh = status.get("updatedNumberScheduled", 0)
    good = min(ready, fresh)
    return "" if good == wanted else f"daemonset {key}: {good} of {wanted} pods"


def _deployment(key: str, raw: Obj | None) -> str:
    if raw is None:
        return f"deployment {key} is not there"
    wanted, ready = raw["spec"].get("replicas", 1), raw.get("status", {}).get("readyReplicas", 0)
    if _is_stale(raw):
        return f"deployment {key} is not seen yet"
    return "" if ready >= wanted else f"deployment {key}: {ready} of {wanted} pods"


def _is_stale(raw: Obj) -> bool:
    """Tell whether the status speaks of an older object (observedGeneration of apps/v1)."""
    generation = raw["metadata"].get("generation", 0)
    return bool(raw.get("status", {}).get("observedGeneration", 0) < generation)


def _node(raw: Obj) -> str:
    conditions = raw.get("status", {}).get("conditions") or []
    ready = [c for c in conditions if c["type"] == "Ready"]
    if ready and ready[0]["status"] == "True":
        return ""
    why = ready[0].get("message", "") if ready else "no condition Ready"
    return f"node {raw['metadata']['name']}: {why}"


def _get(tools: Tools, kind: str, key: str) -> Obj | None:
    """Return an object as kubectl prints it, None where it is not there."""
    namespace, _, name = key.rpartition("/")
    where = ("--namespace", namespace, name) if key else ()
    argv = ("kubectl", "--kubeconfig", str(tools.kubeconfig), "get", kind, *where, "-o", "json")
    what = f"looking at {kind} {key}".rstrip()
    code, out, said = call(argv, tools.environment, what=what, timeout_s=CALL_TIMEOUT_S)
    if code != 0:
        if "NotFound" in said:
            return None
        raise ClusterError(failure(what, argv, code, said))
    try:
        loaded: Obj = json.loads(out)
    except ValueError as error:
        raise ClusterError(f"{what}: kubectl printed no JSON but {out[:200]!r}") from error
    return loaded
