"""Model values as Kubernetes objects: pure, so that what is sent can be read in a test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from netproof.cluster.naming import Naming
from netproof.model.workload import NAMESPACE_NAME_LABEL, Listens, Namespace, Pod, Port, Protocol

Obj = dict[str, Any]

PRIVILEGED_PORTS_END = 1024

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
"""What the `restricted` Pod Security Standard asks of a container, and a read-only root besides."""


def namespace(source: Namespace, naming: Naming) -> Obj:
    """Return the namespace that stands for one of the bundle, its labels kept."""
    kept = {key: value for key, value in source.labels.items() if key != NAMESPACE_NAME_LABEL}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": naming.namespace(source.name), "labels": {**kept, **naming.labels}},
    }


def probe_pod(pod: Pod, naming: Naming, *, command: Sequence[str], image: str) -> Obj:
    """Return the pod that stands for one of the bundle and runs the probe agent.

    It has the labels and container ports of the original, passes the `restricted` Pod Security
    level, holds no token, and counts as started once its first TCP port answers its own kubelet.
    There is no readiness probe on purpose: a policy must not take a pod out of its Services.
    An agent that fails is started again; one that is told to finish completes its pod.
    """
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": naming.namespace(pod.namespace),
            "name": naming.pod(pod.name),
            "labels": dict(pod.labels),
            "annotations": {"netproof.dev/stands-for": pod.key},
        },
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "restartPolicy": "OnFailure",
            "securityContext": _pod_security(pod),
            "containers": [_container(pod, command, image)],
            **({"nodeName": pod.node} if pod.node else {}),
            **({"hostNetwork": True} if pod.host_network else {}),
            **({"serviceAccountName": pod.service_account} if pod.service_account else {}),
        },
    }


def service_accounts(pods: Iterable[Pod], naming: Naming) -> list[Obj]:
    """Return the service accounts that pods name, each once; none of them holds a token."""
    named = dict.fromkeys((p.namespace, p.service_account) for p in pods if p.service_account)
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"namespace": naming.namespace(space), "name": name},
            "automountServiceAccountToken": False,
        }
        for space, name in named
    ]


def _pod_security(pod: Pod) -> Obj:
    low = any(port.number < PRIVILEGED_PORTS_END for port in pod.ports)
    sysctl = {"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}
    return {
        "runAsNonRoot": True,
        "runAsUser": 65534,
        "runAsGroup": 65534,
        "seccompProfile": {"type": "RuntimeDefault"},
        # A safe sysctl since Kubernetes 1.22; it is the node's own where the network is.
        **({"sysctls": [sysctl]} if low and not pod.host_network else {}),
    }


def _container(pod: Pod, command: Sequence[str], image: str) -> Obj:
    ports = pod.ports
    # The kubelet dials the pod's address, where not every pod listens.
    started = () if pod.listens is Listens.LOOPBACK else ports
    return {
        "name": "agent",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
        "ports": [container_port(port) for port in ports],
        "securityContext": RESTRICTED,
        **_started_when_it_answers(started),
    }


def _started_when_it_answers(ports: Sequence[Port]) -> Obj:
    """Return a startup probe of the first TCP port, nothing where there is none."""
    tcp = [port.number for port in ports if port.protocol is Protocol.TCP]
    if not tcp:
        return {}
    dial = {"tcpSocket": {"port": tcp[0]}, "periodSeconds": 1, "failureThreshold": 60}
    return {"startupProbe": dial}


def container_port(port: Port) -> Obj:
    """Return a port as ContainerPort, without the name where it has none."""
    named = {"name": port.name} if port.name else {}
    return {"containerPort": port.number, "protocol": str(port.protocol), **named}


def owned(raw: Mapping[str, Any], naming: Naming) -> Obj:
    """Return a copy of a bundle's object that carries the owner's labels."""
    metadata = dict(raw.get("metadata", {}))
    metadata["labels"] = {**metadata.get("labels", {}), **naming.labels}
    return {**raw, "metadata": metadata}
