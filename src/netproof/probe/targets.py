"""What an agent is told to try for a flow: pure, from the flow and where things are.

It must not know how the agent is reached, nor what is expected of the flow.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from netproof.errors import HarnessBug, ProbeError
from netproof.model.flow import Endpoint, EndpointKind, Flow, Path
from netproof.model.value import Value, replace
from netproof.model.workload import (
    Family,
    Host,
    HostKind,
    Pod,
    Protocol,
    Service,
    ServicePort,
    Topology,
)
from netproof.probe.identity import OUTSIDE_IDENTITY, identity_of

T = TypeVar("T")

CLUSTER_DOMAIN = "cluster.local"
"""Kubernetes' default (KubeletConfiguration.clusterDomain); a DNS server that answers "no such
name" in a cluster of another domain has answered as well."""

Rename = Callable[[str], str]
"""From a namespace's name in the bundle to its name in the cluster."""


class TargetKind(StrEnum):
    """What an agent does for a target."""

    CONNECT = "connect"
    LARGE = "large"
    NAME = "name"
    DNS = "dns"
    PING = "ping"


UNPROVEN = (TargetKind.DNS, TargetKind.PING)
"""What is answered by somebody who has no key of ours: a name server, a kernel."""


class ProbeTarget(Value, omit_defaults=True):
    """One probe as the agent understands it, as JSON without what is empty.

    `identities` are those whose answer counts. `name` is what to look up, and `expect` holds the
    addresses that a name server may answer with, any address where it is empty. `nonce` is the
    request's own, drawn when it is sent.
    """

    kind: TargetKind
    protocol: Protocol
    family: Family
    address: str
    port: int
    identities: tuple[str, ...] = ()
    name: str = ""
    expect: tuple[str, ...] = ()
    nonce: str = ""


def target_of(flow: Flow, topology: Topology, rename: Rename = str) -> ProbeTarget:
    """Return what the source's agent has to try for a flow.

    Raises ProbeError where the destination has no address of the flow's family (it is not placed
    yet, or the cluster has one family only), HarnessBug where the flow is not of this topology.
    """
    try:
        return _BY_PATH[flow.path](flow, topology, rename)
    except KeyError as error:
        raise HarnessBug(f"{flow}: the topology has no {error.args[0]}") from error


def _pod_ip(flow: Flow, topology: Topology, _: Rename) -> ProbeTarget:
    pod = topology.pod(flow.destination.name)
    address = _address(pod.ip(flow.family), pod.key, flow.family)
    if flow.protocol is Protocol.ICMP:
        return ProbeTarget(TargetKind.PING, flow.protocol, flow.family, address, flow.port)
    return _connect(flow, address, (pod.key,))


def _fragments(flow: Flow, topology: Topology, rename: Rename) -> ProbeTarget:
    return replace(_pod_ip(flow, topology, rename), kind=TargetKind.LARGE)


def _host_ip(flow: Flow, topology: Topology, _: Rename) -> ProbeTarget:
    host = topology.host(flow.destination.name)
    address = _address(host.ip(flow.family), host.name, flow.family)
    return _connect(flow, address, _host_identities(host, topology))


def _cluster_ip(flow: Flow, topology: Topology, _: Rename) -> ProbeTarget:
    service = _service(flow, topology)
    address = _address(service.ip(flow.family), str(flow.destination), flow.family)
    return _connect(flow, address, _identities(topology.backends(service)))


def _node_port(flow: Flow, topology: Topology, _: Rename) -> ProbeTarget:
    if flow.destination.kind is EndpointKind.NODE:
        host = topology.host(flow.destination.name)
        service = _behind(flow, topology)
    else:
        service = _service(flow, topology)
        host = _any_node(flow, topology)
    address = _address(host.ip(flow.family), host.name, flow.family)
    return _connect(flow, address, _identities(topology.backends(service)))


def _name(flow: Flow, topology: Topology, rename: Rename) -> ProbeTarget:
    service = _service(flow, topology)
    # Completed by the pod's search list, so that it is right in a cluster of any domain.
    name = f"{service.name}.{rename(service.namespace)}.svc"
    identities = _identities(topology.backends(service))
    return ProbeTarget(TargetKind.NAME, flow.protocol, flow.family, "", flow.port, identities, name)


def _dns(flow: Flow, topology: Topology, _: Rename) -> ProbeTarget:
    service = _service(flow, topology)
    known = _address(service.ip(flow.family), str(flow.destination), flow.family)
    asked = (one for one in service.asked_at if Family.of(one) is flow.family)
    address = next(asked, known)
    name = f"{service.name}.{service.namespace}.svc.{CLUSTER_DOMAIN}"
    return ProbeTarget(
        TargetKind.DNS,
        flow.protocol,
        flow.family,
        address,
        flow.port,
        name=name,
        expect=(known,),
    )


_BY_PATH: dict[Path, Callable[[Flow, Topology, Rename], ProbeTarget]] = {
    Path.POD_IP: _pod_ip,
    Path.HOST_IP: _host_ip,
    Path.FRAGMENTS: _fragments,
    Path.CLUSTER_IP: _cluster_ip,
    Path.NODE_PORT: _node_port,
    Path.NAME: _name,
    Path.DNS: _dns,
}


def _connect(flow: Flow, address: str, identities: tuple[str, ...]) -> ProbeTarget:
    return ProbeTarget(
        TargetKind.CONNECT, flow.protocol, flow.family, address, flow.port, identities
    )


def _address(found: str | None, whose: str, family: Family) -> str:
    if found is None:
        raise ProbeError(f"{whose} has no {family} address")
    return found


def _service(flow: Flow, topology: Topology) -> Service:
    if flow.destination.kind is not EndpointKind.SERVICE:
        raise HarnessBug(f"{flow}: by {flow.path} only a Service can be reached")
    return topology.service(flow.destination.name)


def _behind(flow: Flow, topology: Topology) -> Service:
    """Return the Service that a node's port leads to."""
    return _first(
        f"Service with node port {flow.port}/{flow.protocol}",
        [s for s in topology.services if any(_has_node_port(p, flow) for p in s.ports)],
    )


def _has_node_port(port: ServicePort, flow: Flow) -> bool:
    return port.node_port == flow.port and port.protocol is flow.protocol


def _any_node(flow: Flow, topology: Topology) -> Host:
    nodes = [h for h in topology.hosts if h.kind is HostKind.NODE and h.ip(flow.family)]
    if not nodes:
        raise ProbeError(f"no node has an {flow.family} address")
    return nodes[0]


def _host_identities(host: Host, topology: Topology) -> tuple[str, ...]:
    if host.kind is HostKind.OUTSIDE:
        return (OUTSIDE_IDENTITY,)
    if host.ports:
        return (host.name,)
    return _identities(
        tuple(pod for pod in topology.pods if pod.host_network and pod.node == host.name)
    )


def _identities(pods: tuple[Pod, ...]) -> tuple[str, ...]:
    return tuple(pod.key for pod in pods if pod.probes)


def _first(what: str, found: list[T]) -> T:
    if not found:
        raise KeyError(what)
    return found[0]


def witnesses(flow: Flow, target: ProbeTarget) -> tuple[Endpoint, ...]:
    """Return the ends whose agents know whether a request for that target arrived."""
    hosts = (EndpointKind.OUTSIDE, EndpointKind.NODE)
    if flow.destination.kind in hosts and identity_of(flow.destination) in target.identities:
        return (flow.destination,)
    return tuple(Endpoint.pod(identity) for identity in target.identities)
