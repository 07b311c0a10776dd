"""What a cluster has from its start: nodes, namespaces, the Service kubernetes, roles, DNS.

The host outside is a Node too, so that pods can run there if they ask for it. Must not know: links
or processes; the addresses come from the plan.
"""

import os
import platform

from netlab.controllers import dns
from netlab.controllers.clusterroles import create_built_in
from netlab.controllers.namespaces import INITIAL_NAMESPACES
from netlab.node.addressplan import (
    API_IP,
    OUTSIDE_EXTRA_IPS,
    OUTSIDE_IPS,
    OUTSIDE_NAME,
    NodeAddresses,
)
from netlab.node.network import Network
from netlab.objects.kinds import BY_PLURAL
from netlab.objects.obj import Obj
from netlab.objects.registry import Registry
from netlab.objects.store import Store, now

OUTSIDE_KEY = "netproof.dev/outside"
_PODS_PER_NODE = 253  # what the pool of pod addresses holds


def node_object(plan: NodeAddresses, now: str) -> Obj:
    """Return the Node object of a node that is ready."""
    node = _node_object(plan.name, plan.ips, now)
    v4, v6 = plan.pod_cidrs
    node["spec"] = {"podCIDR": v4, "podCIDRs": [v4, v6]}
    return node


def outside_object(now: str) -> Obj:
    """Return the Node object that lets pods run on the outside host if they ask for it."""
    node = _node_object(OUTSIDE_NAME, OUTSIDE_IPS, now)
    node["metadata"]["labels"][OUTSIDE_KEY] = "true"
    external = [{"type": "ExternalIP", "address": ip} for ip in OUTSIDE_IPS + OUTSIDE_EXTRA_IPS]
    node["status"]["addresses"] += external
    node["spec"] = {"taints": [{"key": OUTSIDE_KEY, "effect": "NoSchedule"}]}
    return node


def _node_object(name: str, ips: tuple[str, str], now: str) -> Obj:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    addresses = [{"type": "InternalIP", "address": ip} for ip in ips]
    resources = {"cpu": str(len(os.sched_getaffinity(0))), "pods": str(_PODS_PER_NODE)}
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


# An object like any cluster's; pods have no use for the API, so nothing answers behind it.
_KUBERNETES_SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
        "name": "kubernetes",
        "namespace": "default",
        "labels": {"component": "apiserver", "provider": "kubernetes"},
    },
    "spec": {"clusterIP": API_IP, "ports": [{"name": "https", "port": 443, "targetPort": 6443}]},
}


def create_objects(
    network: Network, store: Store, registry: Registry, names: dns.ClusterDns
) -> None:
    """Create what a cluster has from the start."""
    for node in network.nodes.values():
        store.create("nodes", node_object(node.addresses, now()))
    store.create("nodes", outside_object(now()))
    for namespace in INITIAL_NAMESPACES:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        registry.create(BY_PLURAL["namespaces"], None, body)
    registry.create(BY_PLURAL["services"], "default", _KUBERNETES_SERVICE)
    create_built_in(registry)
    names.create_objects()
