"""What `kubectl get pods` says of a pod: readiness, state and restarts in a word; pure.

Source: printPod in pkg/printers/internalversion of kubernetes/kubernetes.
"""

from __future__ import annotations

from netlab.apiserver.objects import Obj, at


def ready(pod: Obj) -> str:
    """Return how many of the containers are ready, as 1/2."""
    total = len(at(pod, "spec", "containers") or [])
    return f"{sum(bool(status.get('ready')) for status in _statuses(pod))}/{total}"


def restarts(pod: Obj) -> str:
    """Return how often containers were restarted."""
    return str(sum(status.get("restartCount", 0) for status in _statuses(pod)))


def state(pod: Obj) -> str:
    """Return the pod's state: its phase, or what holds it up."""
    status = pod.get("status") or {}
    said = str(status.get("reason") or status.get("phase") or "Unknown")
    for container in reversed(_statuses(pod)):
        said = _reason(container) or said
    if said == "Completed" and any(s.get("ready") for s in _statuses(pod)):
        said = "Running"
    return "Terminating" if pod["metadata"].get("deletionTimestamp") else said


def _reason(container: Obj) -> str:
    waiting = at(container, "state", "waiting") or {}
    ended = at(container, "state", "terminated") or {}
    if waiting.get("reason"):
        return str(waiting["reason"])
    if not ended:
        return ""
    if ended.get("signal"):
        return f"Signal:{ended['signal']}"
    return str(ended.get("reason") or f"ExitCode:{ended.get('exitCode')}")


def _statuses(pod: Obj) -> list[Obj]:
    return at(pod, "status", "containerStatuses") or []
