"""Reading a pod's status: is it running, and if not, why not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netproof.errors import NotReadyError
from netproof.model.value import replace
from netproof.model.workload import Pod

Obj = dict[str, Any]

HOPELESS = {"ErrImageNeverPull", "InvalidImageName"}
"""Reasons a container waits for that waiting does not mend: nothing but another pod does."""

STARTING = {
    "CreateContainerConfigError",
    "CreateContainerError",
    "CreatePodSandboxError",
    "RunContainerError",
    "StartError",
}
"""What the kubelet and runtimes say of a start that failed, and that the kubelet tries again."""

PULLING = {"ErrImagePull", "ImagePullBackOff"}
"""What the kubelet says while it tries again: one hiccup of a registry is enough for it."""

PATIENCE_S = 60.0
"""How long failing pulls and starts are waited for: the kubelet tries again after 10, 20 and 40 s
(MaxContainerBackOff and the image back-off of kubelet.go), so at least its third try is seen."""

SHOWN = 5
"""Pods named in a message; more say no more."""


def unready(raw: Obj | None, waited_s: float = 0.0) -> str:
    """Return why a pod is not running yet, "" when it is; raise NotReadyError where it never will.

    Running means that the kubelet says Ready and that the pod has its address. An image that could
    not be pulled, and a start that failed, are given up once they were waited for long enough:
    `waited_s` is for how long.
    """
    if raw is None:
        return "not there"
    status = raw.get("status", {})
    for container in status.get("containerStatuses") or []:
        waiting = container.get("state", {}).get("waiting") or {}
        if waiting.get("reason") in HOPELESS:
            raise NotReadyError(f"{_name(raw)} cannot run: {_words(waiting)}")
        if waiting.get("reason") in PULLING | STARTING and waited_s >= PATIENCE_S:
            pulls = waiting["reason"] in PULLING
            advice = "; name an image that the nodes can pull: --probe-image" if pulls else ""
            raise NotReadyError(
                f"{_name(raw)} cannot run after {waited_s:.0f} s: {_words(waiting)}{advice}"
            )
    if is_ready(raw) and status.get("podIPs"):
        return ""
    return _why(status)


def is_ready(raw: Obj) -> bool:
    """Tell whether the kubelet says that a pod is ready."""
    return _condition(raw.get("status", {}), "Ready") == "True"


def is_unschedulable(raw: Obj) -> bool:
    """Tell whether the scheduler has said that no node takes a pod as it is."""
    return _condition(raw.get("status", {}), "PodScheduled") == "False"


def not_running(raw: Obj) -> str:
    """Return why no container of a pod runs, "" where one does."""
    status = raw.get("status", {})
    states = [c.get("state", {}) for c in status.get("containerStatuses") or []]
    return "" if any("running" in state for state in states) else _why(status)


def placed(pod: Pod, raw: Obj) -> Pod:
    """Return the pod with the node and the addresses that the cluster gave it."""
    ips = tuple(entry["ip"] for entry in raw["status"]["podIPs"])
    return replace(pod, node=raw["spec"].get("nodeName", ""), ips=ips)


def sentence(unready_pods: Mapping[str, str]) -> str:
    """Word which pods are not running and why, the first few of them."""
    waiting = [f"{key}: {why}" for key, why in unready_pods.items() if why]
    more = f" and {len(waiting) - SHOWN} more" if len(waiting) > SHOWN else ""
    return f"{len(waiting)} probe pods are not ready: {'; '.join(waiting[:SHOWN])}{more}"


def _condition(status: Obj, kind: str) -> str:
    found = [c["status"] for c in status.get("conditions") or [] if c["type"] == kind]
    return str(found[0]) if found else ""


def _why(status: Obj) -> str:
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return _words(condition)
    for container in status.get("containerStatuses") or []:
        for state in container.get("state", {}).values():
            if state.get("reason"):
                return _words(state)
    return str(status.get("phase", "no status"))


def _words(state: Obj) -> str:
    return f"{state.get('reason', '')}: {state.get('message', '')}".strip(": ")


def _name(raw: Obj) -> str:
    return f"pod {raw['metadata']['namespace']}/{raw['metadata']['name']}"
