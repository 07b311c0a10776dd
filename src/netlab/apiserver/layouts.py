"""What `kubectl get` prints of each kind: columns, and how an object fills them; pure.

Columns are those of pkg/printers/internalversion in kubernetes/kubernetes; a priority of 1 is
shown with -o wide only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from netlab.apiserver import podcells
from netlab.apiserver.durations import age
from netlab.apiserver.objects import Obj, at

Cells = list[Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a kind and how an object fills them."""

    columns: tuple[tuple[str, int], ...]
    cells: Callable[[Obj, datetime], Cells]


def layout(plural: str) -> Layout:
    """Return the columns of a resource, name and age where it has none of its own."""
    return _LAYOUTS.get(plural, _PLAIN)


def _columns(shown: str, wide: str = "") -> tuple[tuple[str, int], ...]:
    names = [(name, 0) for name in shown.split("|")]
    return (*names, *((name, 1) for name in wide.split("|") if name))


def _name(obj: Obj) -> str:
    return str(obj["metadata"]["name"])


def _age(obj: Obj, now: datetime) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def _plain(obj: Obj, now: datetime) -> Cells:
    return [_name(obj), _age(obj, now)]


def _pod(obj: Obj, now: datetime) -> Cells:
    status = obj.get("status") or {}
    return [
        _name(obj),
        podcells.ready(obj),
        podcells.state(obj),
        podcells.restarts(obj),
        _age(obj, now),
        status.get("podIP") or "<none>",
        at(obj, "spec", "nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>",
        "<none>",
    ]


def _service(obj: Obj, now: datetime) -> Cells:
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
        _map(spec.get("selector")),
    ]


def _service_port(port: Obj) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node}/{port.get('protocol', 'TCP')}"


def _network_policy(obj: Obj, now: datetime) -> Cells:
    return [_name(obj), _selector(at(obj, "spec", "podSelector")), _age(obj, now)]


def _namespace(obj: Obj, now: datetime) -> Cells:
    return [_name(obj), at(obj, "status", "phase") or "Active", _age(obj, now)]


def _node(obj: Obj, now: datetime) -> Cells:
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
    found = next((a.get("address") for a in addresses if a.get("type") == type_), None)
    return found or "<none>"


def _config_map(obj: Obj, now: datetime) -> Cells:
    size = len(obj.get("data") or {}) + len(obj.get("binaryData") or {})
    return [_name(obj), size, _age(obj, now)]


def _service_account(obj: Obj, now: datetime) -> Cells:
    return [_name(obj), len(obj.get("secrets") or []), _age(obj, now)]


def _endpoint_slice(obj: Obj, now: datetime) -> Cells:
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


def _event(obj: Obj, now: datetime) -> Cells:
    about = obj.get("involvedObject") or {}
    source = obj.get("source") or {}
    stamp = obj["metadata"].get("creationTimestamp")
    return [
        age(obj.get("lastTimestamp") or stamp, now),
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}",
        (obj.get("message") or "").strip(),
        about.get("fieldPath", ""),
        source.get("component") or obj.get("reportingComponent", ""),
        age(obj.get("firstTimestamp") or stamp, now),
        obj.get("count", 1),
        _name(obj),
    ]


def _role(obj: Obj, now: datetime) -> Cells:  # noqa: ARG001 - as all layouts
    return [_name(obj), obj["metadata"].get("creationTimestamp", "")]


def _binding(obj: Obj, now: datetime) -> Cells:
    ref, subjects = obj.get("roleRef") or {}, obj.get("subjects") or []
    named = [
        ", ".join(_subject(s) for s in subjects if s.get("kind") == kind)
        for kind in ("User", "Group", "ServiceAccount")
    ]
    return [_name(obj), f"{ref.get('kind')}/{ref.get('name')}", _age(obj, now), *named]


def _subject(subject: Obj) -> str:
    home = subject.get("namespace")
    return f"{home}/{subject.get('name')}" if home else str(subject.get("name"))


def _quota(obj: Obj, now: datetime) -> Cells:
    hard, used = at(obj, "status", "hard") or {}, at(obj, "status", "used") or {}
    said = ", ".join(f"{key}: {used.get(key)}/{hard[key]}" for key in sorted(hard))
    return [_name(obj), said, "", _age(obj, now)]


def _map(labels: dict[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"


def _selector(selector: Obj | None) -> str:
    """Return a LabelSelector as a label selector's text."""
    terms = [f"{k}={v}" for k, v in sorted(((selector or {}).get("matchLabels") or {}).items())]
    forms = {"In": "{} in ({})", "NotIn": "{} notin ({})", "Exists": "{}", "DoesNotExist": "!{}"}
    for term in (selector or {}).get("matchExpressions") or []:
        values = ",".join(sorted(term.get("values") or []))
        terms.append(forms.get(term.get("operator"), "{}").format(term.get("key"), values))
    return ",".join(terms) or "<none>"


_PLAIN = Layout(_columns("Name|Age"), _plain)
_BINDING = Layout(_columns("Name|Role|Age", "Users|Groups|ServiceAccounts"), _binding)
_ROLE = Layout(_columns("Name|Created At"), _role)

_LAYOUTS: dict[str, Layout] = {
    "clusterrolebindings": _BINDING,
    "clusterroles": _ROLE,
    "configmaps": Layout(_columns("Name|Data|Age"), _config_map),
    "endpointslices": Layout(_columns("Name|AddressType|Ports|Endpoints|Age"), _endpoint_slice),
    "events": Layout(
        _columns("Last Seen|Type|Reason|Object|Message", "Subobject|Source|First Seen|Count|Name"),
        _event,
    ),
    "namespaces": Layout(_columns("Name|Status|Age"), _namespace),
    "networkpolicies": Layout(_columns("Name|Pod-Selector|Age"), _network_policy),
    "nodes": Layout(
        _columns(
            "Name|Status|Roles|Age|Version",
            "Internal-IP|External-IP|OS-Image|Kernel-Version|Container-Runtime",
        ),
        _node,
    ),
    "pods": Layout(
        _columns("Name|Ready|Status|Restarts|Age", "IP|Node|Nominated Node|Readiness Gates"), _pod
    ),
    "resourcequotas": Layout(_columns("Name|Request|Limit|Age"), _quota),
    "rolebindings": _BINDING,
    "roles": _ROLE,
    "serviceaccounts": Layout(_columns("Name|Secrets|Age"), _service_account),
    "services": Layout(
        _columns("Name|Type|Cluster-IP|External-IP|Port(s)|Age", "Selector"), _service
    ),
}
