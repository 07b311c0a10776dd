"""What of the cluster is not ours but takes part: nodes, cluster DNS."""

from __future__ import annotations

from collections.abc import Mapping

from netproof.cluster.api.client import Client, Obj
from netproof.cluster.placement import open_nodes
from netproof.errors import ClusterError
from netproof.model.workload import (
    Host,
    HostKind,
    Namespace,
    Pod,
    Port,
    Protocol,
    Service,
    ServicePort,
    Topology,
)

DNS_NAMESPACE = "kube-system"
DNS_SERVICE = "kube-dns"
"""CoreDNS keeps the name of its predecessor, so that clients need not change."""

DNS_LABELS = "k8s-app=kube-dns"


def nodes(client: Client, *, outside: str) -> tuple[Host, ...]:
    """Return the cluster's nodes; `outside` names a Node object that is no node."""
    return tuple(map(_host, _listed(client, outside)))


def nodes_for_pods(client: Client, *, outside: str) -> tuple[Host, ...]:
    """Return the nodes that probe pods may be put on, those that would rather have none last."""
    listed = _listed(client, outside)
    named = {node["metadata"]["name"]: _host(node) for node in listed}
    return tuple(named[name] for name in open_nodes(listed, client.ref.pods))


def _listed(client: Client, outside: str) -> list[Obj]:
    return [node for node in client.list("Node") if node["metadata"]["name"] != outside]


def _host(node: Obj) -> Host:
    return Host(HostKind.NODE, node["metadata"]["name"], _addresses(node, "InternalIP"))


def outside_hosts(client: Client, node: str, ports: tuple[Port, ...]) -> tuple[Host, ...]:
    """Return the hosts that a Node object outside the cluster network stands for.

    The n-th address of each family makes the n-th host: `outside`, `outside-2`, ...
    """
    addresses = _addresses(client.get("Node", node), "ExternalIP")
    v4 = [address for address in addresses if ":" not in address]
    v6 = [address for address in addresses if ":" in address]
    return tuple(
        Host(HostKind.OUTSIDE, node if n == 0 else f"{node}-{n + 1}", pair, ports)
        for n, pair in enumerate(zip(v4, v6, strict=True))
    )


def _addresses(node: Obj, kind: str) -> tuple[str, ...]:
    return tuple(a["address"] for a in node["status"]["addresses"] if a["type"] == kind)


def cluster_dns(client: Client) -> Topology:
    """Return the cluster's DNS as a small topology, empty where it is not there or not ours to see.

    A run needs the right to read Services and pods in kube-system for it; without, DNS flows are
    not probed, which the suites say.
    """
    try:
        space = client.get("Namespace", DNS_NAMESPACE)
        dns = client.get("Service", DNS_SERVICE, DNS_NAMESPACE)
        pods = client.list("Pod", DNS_NAMESPACE, labels=DNS_LABELS)
    except ClusterError:
        return Topology()
    return Topology(
        namespaces=(Namespace(DNS_NAMESPACE, space["metadata"].get("labels", {})),),
        pods=tuple(_dns_pod(pod) for pod in pods),
        services=(service(dns),),
    )


def _dns_pod(pod: Obj) -> Pod:
    ports = [port for c in pod["spec"]["containers"] for port in c.get("ports", [])]
    return Pod(
        namespace=DNS_NAMESPACE,
        name=pod["metadata"]["name"],
        labels=pod["metadata"].get("labels", {}),
        ports=tuple(_port(port) for port in ports),
        node=pod["spec"].get("nodeName", ""),
        ips=pod_ips(pod),
        host_network=pod["spec"].get("hostNetwork", False),
        probes=False,
    )


def _port(port: Obj) -> Port:
    protocol = Protocol(port.get("protocol", "TCP"))
    return Port(port["containerPort"], protocol, port.get("name", ""))


def pod_ips(pod: Obj) -> tuple[str, ...]:
    """Return a pod's addresses as its status tells them (PodStatus.podIPs)."""
    return tuple(entry["ip"] for entry in pod.get("status", {}).get("podIPs") or [])


def service(raw: Obj, logical: Mapping[str, str] | None = None) -> Service:
    """Return a Service of the cluster; `logical` gives namespaces the names they have with us."""
    spec = raw["spec"]
    namespace = raw["metadata"]["namespace"]
    return Service(
        namespace=(logical or {}).get(namespace, namespace),
        name=raw["metadata"]["name"],
        selector=spec.get("selector") or {},
        ports=service_ports(spec),
        cluster_ips=cluster_ips(spec),
    )


def service_ports(spec: Obj) -> tuple[ServicePort, ...]:
    """Return the ports of a Service as the API server completed them."""
    return tuple(
        ServicePort(
            number=port["port"],
            target=port.get("targetPort", port["port"]),
            protocol=Protocol(port.get("protocol", "TCP")),
            name=port.get("name", ""),
            node_port=port.get("nodePort"),
        )
        for port in spec.get("ports", [])
    )


def cluster_ips(spec: Obj) -> tuple[str, ...]:
    """Return the addresses of a Service, none for a headless one (Service.spec.clusterIPs)."""
    return tuple(ip for ip in spec.get("clusterIPs") or [] if ip != "None")
