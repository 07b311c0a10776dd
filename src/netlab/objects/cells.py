"""What `kubectl get` prints of an object in each column: one function per kind; pure.

Sources: pkg/printers/internalversion in kubernetes/kubernetes, for ages apimachinery's
pkg/util/duration.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from netlab.objects.obj import Obj, at

Cells = list[Any]


def _name(obj: Obj) -> str:
    return str(obj["metadata"]["name"])


def _age(obj: Obj, now: datetime) -> str:
    return _time_since(obj["metadata"].get("creationTimestamp"), now)


def plain_cells(obj: Obj, now: datetime) -> Cells:
    return [_name(obj), _age(obj, now)]


def pod_cells(obj: Obj, now: datetime) -> Cells:
    status = obj.get("status") or {}
    return [
        _name(obj),
        _readiness(obj),
        _state(obj),
        _restarts(obj),
        _age(obj, now),
        status.get("podIP") or "<none>",
        at(obj, "spec", "nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>",
        "<none>",
    ]


def service_cells(obj: Obj, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    pending = "<pending>" if spec.get("type") == "LoadBalancer" else "<none>"
    external = ",".join(spec.get("externalIPs") or []) or spec.get("externalName") or pending
    return [
        _name(obj),
        spec.get("type", ""),
        spec.get("clusterIP") or "<none>",
        external,
        ",".join(_service_port(port) for port in spec.get("ports") or []) or "<none>",
        _age(obj, now),
        _label_map(spec.get("selector")),
    ]


def _service_port(port: Obj) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node}/{port.get('protocol', 'TCP')}"


def network_policy_cells(obj: Obj, now: datetime) -> Cells:
    return [_name(obj), _selector_text(at(obj, "spec", "podSelector")), _age(obj, now)]


def namespace_cells(obj: Obj, now: datetime) -> Cells:
    return [_name(obj), at(obj, "status", "phase") or "Active", _age(obj, now)]


def node_cells(obj: Obj, now: datetime) -> Cells:
    info = at(obj, "status", "nodeInfo") or {}
    return [
        _name(obj),
        _node_state(obj),
        _node_roles(obj),
        _age(obj, now),
        info.get("kubeletVersion", ""),
        _node_address(obj, "InternalIP"),
        _node_address(obj, "ExternalIP"),
        info.get("osImage") or "<unknown>",
        info.get("kernelVersion") or "<unknown>",
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


def _node_state(obj: Obj) -> str:
    conditions = at(obj, "status", "conditions") or []
    ready = next((c.get("status") for c in conditions if c.get("type") == "Ready"), None)
    state = {None: "Unknown", "True": "Ready"}.get(ready, "NotReady")
    off = at(obj, "spec", "unschedulable")
    return f"{state},SchedulingDisabled" if off else state


def _node_roles(obj: Obj) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = obj["metadata"].get("labels") or {}
    roles = sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))
    return ",".join(roles) or "<none>"


def _node_address(obj: Obj, type_: str) -> str:
    addresses = at(obj, "status", "addresses") or []
    address = next((a.get("address") for a in addresses if a.get("type") == type_), None)
    return address or "<none>"


def config_map_cells(obj: Obj, now: datetime) -> Cells:
    size = len(obj.get("data") or {}) + len(obj.get("binaryData") or {})
    return [_name(obj), size, _age(obj, now)]


def service_account_cells(obj: Obj, now: datetime) -> Cells:
    return [_name(obj), len(obj.get("secrets") or []), _age(obj, now)]


def endpoint_slice_cells(obj: Obj, now: datetime) -> Cells:
    ports = ",".join(str(port.get("port", "*")) for port in obj.get("ports") or [])
    ips = [ip for end in obj.get("endpoints") or [] for ip in end.get("addresses") or []]
    more = f" + {len(ips) - 3} more..." if len(ips) > 3 else ""
    ends = ",".join(ips[:3]) + more
    return [
        _name(obj),
        obj.get("addressType"),
        ports or "<unset>",
        ends or "<unset>",
        _age(obj, now),
    ]


def event_cells(obj: Obj, now: datetime) -> Cells:
    about = obj.get("involvedObject") or {}
    source = obj.get("source") or {}
    stamp = obj["metadata"].get("creationTimestamp")
    return [
        _time_since(obj.get("lastTimestamp") or stamp, now),
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}",
        (obj.get("message") or "").strip(),
        about.get("fieldPath", ""),
        source.get("component") or obj.get("reportingComponent", ""),
        _time_since(obj.get("firstTimestamp") or stamp, now),
        obj.get("count", 1),
        _name(obj),
    ]


def role_cells(obj: Obj, now: datetime) -> Cells:  # noqa: ARG001 - as all layouts
    return [_name(obj), obj["metadata"].get("creationTimestamp", "")]


def binding_cells(obj: Obj, now: datetime) -> Cells:
    ref, subjects = obj.get("roleRef") or {}, obj.get("subjects") or []
    named = [
        ", ".join(_subject(s) for s in subjects if s.get("kind") == kind)
        for kind in ("User", "Group", "ServiceAccount")
    ]
    return [_name(obj), f"{ref.get('kind')}/{ref.get('name')}", _age(obj, now), *named]


def _subject(subject: Obj) -> str:
    home = subject.get("namespace")
    return f"{home}/{subject.get('name')}" if home else str(subject.get("name"))


def quota_cells(obj: Obj, now: datetime) -> Cells:
    hard, used = at(obj, "status", "hard") or {}, at(obj, "status", "used") or {}
    usage = ", ".join(f"{key}: {used.get(key)}/{hard[key]}" for key in sorted(hard))
    return [_name(obj), usage, "", _age(obj, now)]


def _label_map(labels: dict[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"


def _selector_text(selector: Obj | None) -> str:
    """Return a LabelSelector as a label selector's text."""
    terms = [f"{k}={v}" for k, v in sorted(((selector or {}).get("matchLabels") or {}).items())]
    forms = {"In": "{} in ({})", "NotIn": "{} notin ({})", "Exists": "{}", "DoesNotExist": "!{}"}
    for term in (selector or {}).get("matchExpressions") or []:
        values = ",".join(sorted(term.get("values") or []))
        terms.append(forms.get(term.get("operator"), "{}").format(term.get("key"), values))
    return ",".join(terms) or "<none>"


MINUTE, HOUR, DAY = 60, 3600, 86_400


def _time_since(stamp: str | None, now: datetime) -> str:
    """Return how long ago an API timestamp was."""
    if not stamp:
        return "<unknown>"
    then = datetime.fromisoformat(stamp)
    return human(max(0, int((now - then).total_seconds())))


def human(seconds: int) -> str:
    """Return seconds in at most two units, the finer one only while it matters."""
    for limit, big, small in _STEPS:
        if seconds < limit:
            return _in_units(seconds, big) + (
                _in_units(seconds % big, small, zero="") if small else ""
            )
    return _in_units(seconds, DAY)


_NAMES = {1: "s", MINUTE: "m", HOUR: "h", DAY: "d"}

# Below how many seconds, in which unit, and with which finer one (0: none).
_STEPS = (
    (2 * MINUTE, 1, 0),
    (10 * MINUTE, MINUTE, 1),
    (3 * HOUR, MINUTE, 0),
    (8 * HOUR, HOUR, MINUTE),
    (2 * DAY, HOUR, 0),
    (8 * DAY, DAY, HOUR),
)


def _in_units(seconds: int, unit: int, *, zero: str | None = None) -> str:
    count = seconds // unit
    return zero if zero is not None and not count else f"{count}{_NAMES[unit]}"


def _readiness(pod: Obj) -> str:
    """Return how many of the containers are ready, as 1/2."""
    total = len(at(pod, "spec", "containers") or [])
    return f"{sum(bool(status.get('ready')) for status in _container_statuses(pod))}/{total}"


def _restarts(pod: Obj) -> str:
    """Return how often containers were restarted."""
    return str(sum(status.get("restartCount", 0) for status in _container_statuses(pod)))


def _state(pod: Obj) -> str:
    """Return the pod's state: its phase, or what holds it up."""
    status = pod.get("status") or {}
    state = str(status.get("reason") or status.get("phase") or "Unknown")
    for container in reversed(_container_statuses(pod)):
        state = _holdup(container) or state
    if state == "Completed" and any(s.get("ready") for s in _container_statuses(pod)):
        state = "Running"
    return "Terminating" if pod["metadata"].get("deletionTimestamp") else state


def _holdup(container: Obj) -> str:
    waiting = at(container, "state", "waiting") or {}
    ended = at(container, "state", "terminated") or {}
    if waiting.get("reason"):
        return str(waiting["reason"])
    if not ended:
        return ""
    if ended.get("signal"):
        return f"Signal:{ended['signal']}"
    return str(ended.get("reason") or f"ExitCode:{ended.get('exitCode')}")


def _container_statuses(pod: Obj) -> list[Obj]:
    return at(pod, "status", "containerStatuses") or []
