"""Kubernetes objects as the API server stores them, with no more in them than a dataplane reads."""

from collections.abc import Iterable
from typing import Any

Obj = dict[str, Any]


def pod(
    name: str,
    *,
    namespace: str = "default",
    node: str = "lab-node-0",
    ips: Iterable[str] = (),
    labels: dict[str, str] | None = None,
    ports: Iterable[tuple[str, int, str]] = (),
) -> Obj:
    """Return a running pod as the API has it; ports are (name, number, protocol)."""
    listed = [{"name": n, "containerPort": number, "protocol": p} for n, number, p in ports]
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"{namespace}/{name}",
            "labels": labels or {},
        },
        "spec": {"nodeName": node, "containers": [{"name": "main", "ports": listed}]},
        "status": {"phase": "Running", "podIPs": [{"ip": ip} for ip in ips]},
    }


def namespace(name: str, **labels: str) -> Obj:
    """Return a namespace as the API has it."""
    return {"metadata": {"name": name, "uid": name, "labels": labels}}


def policy(name: str, spec: Obj, *, namespace: str = "default") -> Obj:
    """Return a policy as the API has it."""
    meta = {"name": name, "namespace": namespace, "uid": f"{namespace}/{name}"}
    return {"metadata": meta, "spec": {"podSelector": {}, **spec}}


def service(
    name: str, *, ips: Iterable[str], port: int = 80, protocol: str = "TCP", **spec: Any
) -> Obj:
    """Return a Service with one port, called "web"; `spec` adds fields to it or to its spec."""
    entry = {"name": "web", "port": port, "protocol": protocol}
    if "node_port" in spec:
        entry["nodePort"] = spec.pop("node_port")
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"clusterIPs": list(ips), "ports": [entry], **spec},
    }


def endpoint_slice(
    name: str, *, ips: dict[str, str], port: int = 80, protocol: str = "TCP", ready: bool = True
) -> Obj:
    """Return the slice of a Service of that name; `ips` maps addresses to nodes, one family."""
    is_v6 = any(":" in ip for ip in ips)
    return {
        "metadata": {
            "name": f"{name}-{6 if is_v6 else 4}",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv6" if is_v6 else "IPv4",
        "ports": [{"name": "web", "port": port, "protocol": protocol}],
        "endpoints": [
            {"addresses": [ip], "conditions": {"ready": ready}, "nodeName": node}
            for ip, node in ips.items()
        ],
    }
