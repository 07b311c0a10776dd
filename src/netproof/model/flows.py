"""Which flows there are between the members of a topology."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import permutations
from zlib import crc32

from netproof.model.flow import Endpoint, EndpointKind, Flow, Path
from netproof.model.value import replace
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


def sources(topology: Topology) -> tuple[Pod, ...]:
    """Return the pods that can start a flow: those that run our agent."""
    return tuple(pod for pod in topology.pods if pod.probes)


def pod_flows(topology: Topology, families: Iterable[Family] = tuple(Family)) -> Iterator[Flow]:
    """Yield every flow from pod to pod, to each port the destination serves, in the families.

    A pod's flows to itself are among them: the API leaves them undefined, reports show them.
    """
    ends = [(pod, Endpoint.pod(pod.key)) for pod in sources(topology)]
    for source, here in ends:
        for destination, there in ends:
            for family in _common(source, destination, families):
                for port in destination.ports:
                    yield Flow(here, there, port.number, port.protocol, family)


def mixed_flows(topology: Topology) -> Iterator[Flow]:
    """Yield the flows from pod to pod with each port of each pair in one of the families.

    Which one goes by the names, half and half, so that it is the same in every run and before and
    after a change; no pair and no port is left out, at half the packets of `pod_flows`.
    """
    ends = [(pod, Endpoint.pod(pod.key)) for pod in sources(topology)]
    for source, here in ends:
        for destination, there in ends:
            families = _common(source, destination)
            for port in destination.ports if families else ():
                turn = crc32(f"{here} {there} {port}".encode())
                family = families[turn % len(families)]
                yield Flow(here, there, port.number, port.protocol, family)


def fragment_flows(topology: Topology) -> Iterator[Flow]:
    """Yield the flows between different pods, to each UDP port, with datagrams in fragments.

    A pod's to itself are none of them: what goes by its loopback interface is not cut to pieces.
    """
    for flow in pod_flows(topology):
        if flow.protocol is Protocol.UDP and not is_self(flow):
            yield replace(flow, path=Path.FRAGMENTS)


def datagram_flows(topology: Topology) -> Iterator[Flow]:
    """Yield the flows between different pods by UDP: with large datagrams, and with small ones.

    The latter are in one of the families each. Without them nobody could tell a CNI that stumbles
    over fragments from one that stumbles over UDP.
    """
    yield from fragment_flows(topology)
    for flow in mixed_flows(topology):
        if flow.protocol is Protocol.UDP and not is_self(flow):
            yield flow


def ping_flows(topology: Topology) -> Iterator[Flow]:
    """Yield an ICMP echo from each pod to each other one, in each family."""
    for source, destination in permutations(sources(topology), 2):
        for family in _common(source, destination):
            here, there = Endpoint.pod(source.key), Endpoint.pod(destination.key)
            yield Flow(here, there, 0, Protocol.ICMP, family)


def outside_flows(topology: Topology) -> Iterator[Flow]:
    """Yield every flow from a pod to a host outside the cluster."""
    for source in sources(topology):
        for host in (h for h in topology.hosts if h.kind is HostKind.OUTSIDE):
            for family in _common(source, host):
                for port in host.ports:
                    yield Flow(
                        Endpoint.pod(source.key),
                        Endpoint.outside(host.name),
                        port.number,
                        port.protocol,
                        family,
                        Path.HOST_IP,
                    )


def node_flows(topology: Topology) -> Iterator[Flow]:
    """Yield every flow between pods and the nodes that run our agent, which serve a port."""
    for node in (h for h in topology.hosts if h.kind is HostKind.NODE and h.ports):
        there = Endpoint.node(node.name)
        for pod in sources(topology):
            here = Endpoint.pod(pod.key)
            for family in _common(pod, node):
                for port in node.ports:
                    yield Flow(here, there, port.number, port.protocol, family, Path.HOST_IP)
                for port in pod.ports:
                    yield Flow(there, here, port.number, port.protocol, family)


def service_flows(topology: Topology, path: Path = Path.CLUSTER_IP) -> Iterator[Flow]:
    """Yield every flow from a pod to a Service that has backends with our agent.

    `path` is `cluster-ip`, or `name` to have the pod look the Service's name up first.
    """
    for service in topology.services:
        backends = topology.backends(service)
        if backends and all(pod.probes for pod in backends):
            yield from _to_service(topology, service, path)


def dns_flows(topology: Topology, dns: str) -> Iterator[Flow]:
    """Yield a look-up from every pod, by UDP and TCP, at the cluster's DNS Service."""
    services = [service for service in topology.services if service.key == dns]
    for service in services:
        yield from _to_service(topology, service, Path.DNS)


def node_port_flows(topology: Topology, service: str, *, local: bool = False) -> Iterator[Flow]:
    """Yield every flow to the node ports of a Service (`namespace/name`), at every node.

    They start at the pods and at the first host outside the cluster. `local` leaves out the nodes
    without a backend, where externalTrafficPolicy Local drops what comes.
    """
    starts: list[Pod | Host] = list(sources(topology))
    starts += [host for host in topology.hosts if host.kind is HostKind.OUTSIDE][:1]
    for start in starts:
        for node, port in _node_ports(topology, topology.service(service), local=local):
            for family in (f for f in Family if start.ip(f) and node.ip(f)):
                yield Flow(
                    _end(start),
                    Endpoint.node(node.name),
                    port.node_port or 0,
                    port.protocol,
                    family,
                    Path.NODE_PORT,
                )


def _node_ports(
    topology: Topology, service: Service, *, local: bool
) -> list[tuple[Host, ServicePort]]:
    homes = {pod.node for pod in topology.backends(service)}
    nodes = [h for h in topology.hosts if h.kind is HostKind.NODE]
    ports = [port for port in service.ports if port.node_port]
    return [(node, port) for node in nodes if not local or node.name in homes for port in ports]


def _end(start: Pod | Host) -> Endpoint:
    return Endpoint.pod(start.key) if isinstance(start, Pod) else Endpoint.outside(start.name)


def same_node(topology: Topology) -> Iterator[Flow]:
    """Yield the flows between pods that share a node, a pod's flows to itself left out."""
    return (flow for flow in pod_flows(topology) if _nodes(flow, topology) == 1)


def cross_node(topology: Topology) -> Iterator[Flow]:
    """Yield the flows between pods on different nodes."""
    return (flow for flow in pod_flows(topology) if _nodes(flow, topology) == 2)


def _nodes(flow: Flow, topology: Topology) -> int:
    """Return how many nodes a flow between pods touches, 0 for one of a pod to itself."""
    if is_self(flow):
        return 0
    return len({topology.pod(end.name).node for end in (flow.source, flow.destination)})


def _to_service(topology: Topology, service: Service, path: Path) -> Iterator[Flow]:
    for source in sources(topology):
        for family in (f for f in _families(topology, service, path) if source.ip(f)):
            for port in (p for p in service.ports if path is not Path.DNS or p.number == 53):
                yield Flow(
                    Endpoint.pod(source.key),
                    Endpoint.service(service.key),
                    port.number,
                    port.protocol,
                    family,
                    path,
                )


def _families(topology: Topology, service: Service, path: Path) -> list[Family]:
    """Return where a Service can be reached; the name of a headless one leads to its pods."""
    if service.cluster_ips or path is not Path.NAME:
        return [family for family in Family if service.ip(family)]
    pods = topology.backends(service)
    return [family for family in Family if all(pod.ip(family) for pod in pods)]


def _common(a: Pod, b: Pod | Host, families: Iterable[Family] = tuple(Family)) -> list[Family]:
    return [family for family in families if a.ip(family) and b.ip(family)]


def is_self(flow: Flow) -> bool:
    """Tell whether a pod is both ends of the flow."""
    return flow.source.kind is EndpointKind.POD and flow.source == flow.destination
