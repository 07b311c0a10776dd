"""Services and EndpointSlices read into what a proxy needs: addresses, ports, who is behind. Pure.

Must not know: nftables.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netlab.dataplane.addresses import Family, Ip, parse_ip
from netlab.dataplane.ports import protocol_of
from netlab.dataplane.view import Obj

_SERVICE_NAME = "kubernetes.io/service-name"
_FAMILIES = {"IPv4": Family.V4, "IPv6": Family.V6}


@dataclass(frozen=True, slots=True)
class Backend:
    """One ready endpoint of a service port."""

    ip: Ip
    port: int
    node: str


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a Service in one family; `node_port` is 0 where it has none."""

    service: str
    ip: Ip
    protocol: str
    port: int
    node_port: int
    backends: tuple[Backend, ...]
    keeps_inside_local: bool
    keeps_outside_local: bool


def service_ports(services: Iterable[Obj], slices: Iterable[Obj]) -> tuple[ServicePort, ...]:
    """Read all ports of all Services that have a ClusterIP."""
    by_service: dict[tuple[str, str], list[Obj]] = defaultdict(list)
    for one in slices:
        meta = one["metadata"]
        name = (meta.get("labels") or {}).get(_SERVICE_NAME, "")
        by_service[meta["namespace"], name].append(one)
    return tuple(found for service in services for found in _ports(service, by_service))


def _ports(
    service: Obj, by_service: Mapping[tuple[str, str], Sequence[Obj]]
) -> Iterator[ServicePort]:
    meta, spec = service["metadata"], service.get("spec") or {}
    slices = by_service.get((meta["namespace"], meta["name"]), ())
    for ip in _cluster_ips(spec):
        for port in spec.get("ports") or []:
            if protocol := protocol_of(port):
                yield ServicePort(
                    service=f"{meta['namespace']}/{meta['name']}",
                    ip=ip,
                    protocol=protocol,
                    port=port["port"],
                    node_port=port.get("nodePort") or 0,
                    backends=tuple(_backends(slices, ip.family, protocol, port.get("name") or "")),
                    keeps_inside_local=spec.get("internalTrafficPolicy") == "Local",
                    keeps_outside_local=spec.get("externalTrafficPolicy") == "Local",
                )


def _cluster_ips(spec: Obj) -> tuple[Ip, ...]:
    """Return the addresses; none of a headless or an ExternalName Service."""
    listed = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return tuple(parse_ip(text) for text in listed if text and text != "None")


def _backends(
    slices: Iterable[Obj], family: Family, protocol: str, port_name: str
) -> Iterator[Backend]:
    for one in slices:
        if _FAMILIES.get(one.get("addressType", "")) is not family:
            continue
        for port in one.get("ports") or []:
            if (port.get("name") or "") == port_name and protocol_of(port) == protocol:
                for endpoint in filter(_is_ready, one.get("endpoints") or []):
                    # All addresses of one endpoint are the same pod's: the first will do.
                    ip = parse_ip(endpoint["addresses"][0])
                    yield Backend(ip, port["port"], endpoint.get("nodeName") or "")


def _is_ready(endpoint: Obj) -> bool:
    """Tell whether an endpoint takes traffic; a condition that is not given means yes."""
    return (endpoint.get("conditions") or {}).get("ready") is not False
