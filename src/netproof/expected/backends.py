"""Which pods, at which ports, a flow to a Service or a node port may end at.

kube-proxy picks one of the ready backends and rewrites the destination to it; a named targetPort
is looked up on each backend, and a backend without that name is none for that port
(https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports).
"""

from __future__ import annotations

from dataclasses import dataclass

from netproof.expected.index import PolicyIndex
from netproof.model.flow import EndpointKind, Expected, Flow, Path
from netproof.model.workload import Pod, Service, ServicePort

REWRITTEN_PATHS = frozenset({Path.CLUSTER_IP, Path.NAME, Path.DNS, Path.NODE_PORT})
"""The paths on which the destination's address is rewritten."""


@dataclass(frozen=True, slots=True)
class BackendPod:
    """A pod behind a Service, and the port that it is reached at."""

    pod: Pod
    port: int


@dataclass(frozen=True, slots=True)
class NoBackend:
    """There is nobody to judge the flow by; `text` says why."""

    expected: Expected
    text: str


def find_backends(index: PolicyIndex, flow: Flow) -> tuple[BackendPod, ...] | NoBackend:
    """Return all the pods that the flow may be sent to, or why there is none.

    Without backends kube-proxy rejects what is sent to a Service, so the flow is denied, though
    by no policy. Who stands behind a Service without a selector, or behind a port that it does
    not have, is not ours to know: that is undefined.
    """
    addressed = _service_port(index, flow)
    if addressed is None:
        what = "node port" if flow.path is Path.NODE_PORT else "port"
        text = f"no {what} {flow.port}/{flow.protocol} is known of {flow.destination}"
        return NoBackend(Expected.UNDEFINED, text)
    service, port = addressed
    if not service.selector:
        text = f"Service {service.key} has no selector, so its backends are not known"
        return NoBackend(Expected.UNDEFINED, text)
    reached = tuple(
        BackendPod(pod, number)
        for pod in index.backends(service)
        if (number := _target(port, pod)) is not None
    )
    if not reached:
        text = f"Service {service.key} has no backend for {flow.port}/{flow.protocol}"
        return NoBackend(Expected.DENIED, f"{text}, so what is sent there is rejected")
    return reached


def _service_port(index: PolicyIndex, flow: Flow) -> tuple[Service, ServicePort] | None:
    if flow.destination.kind is EndpointKind.SERVICE:
        services: tuple[Service, ...] = (index.service(flow.destination.name),)
    else:
        services = index.topology.services
    for service in services:
        for port in service.ports:
            number = port.node_port if flow.path is Path.NODE_PORT else port.number
            if number == flow.port and port.protocol is flow.protocol:
                return service, port
    return None


def _target(port: ServicePort, pod: Pod) -> int | None:
    if isinstance(port.target, int):
        return port.target
    return next(
        (p.number for p in pod.ports if p.name == port.target and p.protocol is port.protocol),
        None,
    )
