"""From `pod/x`, `service/x` or `deployment/x` to a pod and the ports to dial in it.

As kubectl does it (`kubectl port-forward --help`): a Service and a Deployment stand for one of the
pods they select, and a port of a Service for its targetPort. A Service's address is not used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from netproof.cluster.api.client import Client
from netproof.cluster.naming import PodName
from netproof.errors import NotReadyError, UsageError

Obj = dict[str, Any]

KINDS: Mapping[str, str] = {
    **dict.fromkeys(("pod", "pods", "po"), "Pod"),
    **dict.fromkeys(("service", "services", "svc"), "Service"),
    **dict.fromkeys(("deployment", "deployments", "deploy", "deployment.apps"), "Deployment"),
}
"""What kubectl takes before the slash; without one it is a pod."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A pod, and which of its ports each wanted port leads to."""

    pod: PodName
    ports: Mapping[int, int]


def resolve(client: Client, namespace: str, name: str, ports: Iterable[int]) -> Destination:
    """Return the pod and ports that a target such as `service/postgres` stands for now.

    Raises UsageError for a target or port that there is not, NotReadyError where no pod of it is
    ready, ClusterError where the cluster does not know it.
    """
    kind, bare = _parse(name)
    if kind == "Pod":  # not looked up: whoever may forward to a pod need not be able to read it
        return Destination((namespace, bare), {port: port for port in ports})
    obj = client.get(kind, bare, namespace)
    pod = _first_ready(_selected(client, namespace, obj), f"{kind} {namespace}/{bare}")
    found = {port: _target_port(obj, pod, port) if kind == "Service" else port for port in ports}
    return Destination((namespace, pod["metadata"]["name"]), found)


def _parse(name: str) -> tuple[str, str]:
    kind, slash, bare = name.partition("/")
    if not slash:
        return "Pod", name
    if kind.lower() not in KINDS or not bare:
        raise UsageError(f"port-forward to {name}: write pod/NAME, service/NAME or deployment/NAME")
    return KINDS[kind.lower()], bare


def _selected(client: Client, namespace: str, obj: Obj) -> list[Obj]:
    spec = obj["spec"]
    selector = spec.get("selector") or {}
    if obj.get("kind") == "Deployment" or "matchLabels" in selector:
        return client.list("Pod", namespace, labels=label_selector(selector))
    if not selector:
        raise UsageError(f"{namespace}/{obj['metadata']['name']} selects no pods to forward to")
    return client.list("Pod", namespace, labels=label_selector({"matchLabels": selector}))


def label_selector(selector: Obj) -> str:
    """Return a LabelSelector as the query of a list takes it."""
    parts = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for one in selector.get("matchExpressions") or []:
        key, values = one["key"], ",".join(one.get("values") or [])
        words = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }
        parts.append(words[one["operator"]])
    return ",".join(parts)


def _first_ready(pods: Iterable[Obj], owner: str) -> Obj:
    """Choose among ready pods by name: kubectl's own choice is by age, which tells nobody more."""
    ready = [pod for pod in pods if _is_ready(pod)]
    if not ready:
        raise NotReadyError(f"port-forward to {owner}: no pod of it is ready")
    return min(ready, key=lambda pod: str(pod["metadata"]["name"]))


def _is_ready(pod: Obj) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = pod.get("status", {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _target_port(service: Obj, pod: Obj, wanted: int) -> int:
    spec = service["spec"]
    found = [one for one in spec.get("ports") or [] if one["port"] == wanted]
    tcp = [one for one in found if one.get("protocol", "TCP") == "TCP"]
    name = service["metadata"]["name"]
    if not found:
        raise UsageError(f"Service {name} does not have a port {wanted}")
    if not tcp:
        raise UsageError(f"port {wanted} of Service {name} is not TCP, which is all that forwards")
    if spec.get("clusterIP") == "None":
        return wanted
    target = tcp[0].get("targetPort") or wanted
    return target if isinstance(target, int) else _named_port(pod, target)


def _named_port(pod: Obj, name: str) -> int:
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or []:
            if port.get("name") == name and port.get("protocol", "TCP") == "TCP":
                return int(port["containerPort"])
    raise UsageError(f"pod {pod['metadata']['name']} has no TCP port named {name}")
