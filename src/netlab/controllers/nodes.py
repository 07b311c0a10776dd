"""Node objects for the lab's nodes and for the host that stands for the internet. Pure.

Must not know: namespaces or links; the addresses come from the plan.
"""

import os
import platform
from typing import Any

from netlab.node.addresses import (
    OUTSIDE_EXTRA_IPS,
    OUTSIDE_IPS,
    OUTSIDE_NAME,
    NodeAddresses,
)

Obj = dict[str, Any]

OUTSIDE_KEY = "netproof.dev/outside"
_PODS_PER_NODE = 253  # what the pool of pod addresses holds


def node_object(plan: NodeAddresses, now: str) -> Obj:
    """Return the Node object of a node that is ready."""
    node = _node(plan.name, plan.ips, now)
    v4, v6 = plan.pod_cidrs
    node["spec"] = {"podCIDR": v4, "podCIDRs": [v4, v6]}
    return node


def outside_object(now: str) -> Obj:
    """Return the Node object that lets pods run on the outside host if they ask for it."""
    node = _node(OUTSIDE_NAME, OUTSIDE_IPS, now)
    node["metadata"]["labels"][OUTSIDE_KEY] = "true"
    external = [{"type": "ExternalIP", "address": ip} for ip in OUTSIDE_IPS + OUTSIDE_EXTRA_IPS]
    node["status"]["addresses"] += external
    node["spec"] = {"taints": [{"key": OUTSIDE_KEY, "effect": "NoSchedule"}]}
    return node


def _node(name: str, ips: tuple[str, str], now: str) -> Obj:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    addresses = [{"type": "InternalIP", "address": ip} for ip in ips]
    resources = {"cpu": str(os.cpu_count() or 1), "pods": str(_PODS_PER_NODE)}
    system = {"kubernetes.io/os": "linux", "kubernetes.io/arch": machine}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **system}},
        "spec": {},
        "status": {
            "addresses": [*addresses, {"type": "Hostname", "address": name}],
            "capacity": resources,
            "allocatable": resources,
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "KubeletReady",
                    "message": "the lab's kubelet is ready",
                    "lastHeartbeatTime": now,
                    "lastTransitionTime": now,
                }
            ],
            "nodeInfo": {
                "architecture": machine,
                "operatingSystem": "linux",
                "kernelVersion": platform.release(),
                "osImage": "netproof lab",
                "containerRuntimeVersion": "lab://1",
                "kubeletVersion": "v1.35.0",
                "kubeProxyVersion": "v1.35.0",
                "machineID": name,
                "systemUUID": name,
                "bootID": name,
            },
        },
    }
