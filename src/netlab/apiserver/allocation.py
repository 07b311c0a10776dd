"""ClusterIPs and node ports: which a new or changed Service gets.

What is taken is read from the services there are, so nothing can leak or get out of step. Raises
ApiError (Invalid) in the API server's words where a wish cannot be met.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from netlab.apiserver import errors
from netlab.apiserver.objects import Obj, at
from netlab.apiserver.resources import BY_PLURAL
from netlab.apiserver.validation import fields

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

RANGES: dict[str, _Network] = {
    "IPv4": ipaddress.ip_network("10.96.0.0/16"),
    "IPv6": ipaddress.ip_network("fd00:10:96::/112"),
}

STATIC_BAND = 256
"""The first addresses of a range are for those who ask for them (kubernetes, kube-dns)."""

NODE_PORTS = range(30000, 32768)
STATIC_NODE_PORTS = 86
"""The first node ports are for those who ask for them (KEP-3668)."""

FAMILY_OF_VERSION = {4: "IPv4", 6: "IPv6"}


class Allocator:
    """Gives Services their addresses and node ports."""

    def __init__(self, services: Callable[[], list[Obj]]) -> None:
        """Keep how to list all services."""
        self._services = services
        self._next_ip = dict.fromkeys(RANGES, STATIC_BAND)
        self._next_port = STATIC_NODE_PORTS

    def allocate(self, service: Obj) -> None:
        """Fill in clusterIPs, families and node ports of a decoded, valid Service in place."""
        spec = service["spec"]
        if spec["type"] == "ExternalName":
            return
        others = [s for s in self._services() if not _same(s, service)]
        self._choose_families(spec)
        if spec.get("clusterIP") == "None":
            spec["clusterIPs"] = ["None"]
        else:
            self._choose_ips(service, others)
        if spec["type"] in {"NodePort", "LoadBalancer"}:
            self._choose_ports(service, others)

    def _choose_families(self, spec: Obj) -> None:
        policy = spec.setdefault("ipFamilyPolicy", "SingleStack")
        families = list(spec.get("ipFamilies") or _families_of(spec.get("clusterIPs") or []))
        if not families:
            families = _families_of([spec.get("clusterIP") or ""]) or ["IPv4"]
        if policy != "SingleStack" and len(families) == 1:
            families.append("IPv6" if families[0] == "IPv4" else "IPv4")
        spec["ipFamilies"] = families

    def _choose_ips(self, service: Obj, others: list[Obj]) -> None:
        spec = service["spec"]
        taken = {ip for other in others for ip in at(other, "spec", "clusterIPs") or []}
        given = [ip for ip in spec.get("clusterIPs") or [spec.get("clusterIP")] if ip]
        ips = []
        for index, family in enumerate(spec["ipFamilies"]):
            wish = given[index] if index < len(given) else None
            if wish is not None:
                _check_ip(service, wish, family, taken)
            ips.append(wish or self._free_ip(family, taken))
        spec["clusterIPs"] = ips
        spec["clusterIP"] = ips[0]

    def _free_ip(self, family: str, taken: set[str]) -> str:
        network = RANGES[family]
        size = network.num_addresses - 1
        for offset in _around(self._next_ip[family], STATIC_BAND, size):
            ip = str(network[offset])
            if ip not in taken:
                # On, not back: a freed address rests before somebody else gets it.
                self._next_ip[family] = offset + 1
                return ip
        raise errors.internal(f"failed to allocate a serviceIP: range {network} is full")

    def _choose_ports(self, service: Obj, others: list[Obj]) -> None:
        taken = {p.get("nodePort") for other in others for p in at(other, "spec", "ports") or []}
        own: dict[int, set[str]] = {}
        for index, port in enumerate(service["spec"].get("ports") or []):
            number = port.get("nodePort")
            if number:
                clash = number in taken or port["protocol"] in own.get(number, ())
                _check_port(service, number, index, clash=clash)
            else:
                number = port["nodePort"] = self._free_port(chain(taken, own))
            own.setdefault(number, set()).add(port["protocol"])

    def _free_port(self, taken: Iterable[int | None]) -> int:
        used = set(taken)
        for offset in _around(self._next_port, STATIC_NODE_PORTS, len(NODE_PORTS)):
            if NODE_PORTS[offset] not in used:
                self._next_port = offset + 1
                return NODE_PORTS[offset]
        raise errors.internal("failed to allocate a nodePort: range is full")


def _around(start: int, low: int, high: int) -> Iterator[int]:
    """Yield low..high-1 once, from `start` on and then from the beginning."""
    return chain(range(start, high), range(low, min(start, high)))


def _same(one: Obj, other: Obj) -> bool:
    keys = ("namespace", "name")
    return all(one["metadata"].get(key) == other["metadata"].get(key) for key in keys)


def _families_of(ips: list[str]) -> list[str]:
    return [
        FAMILY_OF_VERSION[ipaddress.ip_address(ip).version] for ip in ips if ip not in {"", "None"}
    ]


def _check_ip(service: Obj, ip: str, family: str, taken: set[str]) -> None:
    network = RANGES[family]
    if ipaddress.ip_address(ip) not in network:
        why = (
            f"the provided IP ({ip}) is not in the valid range. The range of valid IPs is {network}"
        )
    elif ip in taken:
        why = "provided IP is already allocated"
    else:
        return
    detail = f"failed to allocate IP {ip}: {why}"
    raise _invalid(service, fields.invalid("spec.clusterIPs", [ip], detail))


def _check_port(service: Obj, number: int, index: int, *, clash: bool) -> None:
    if number not in NODE_PORTS:
        why = (
            "provided port is not in the valid range. The range of valid ports is "
            f"{NODE_PORTS[0]}-{NODE_PORTS[-1]}"
        )
    elif clash:
        why = "provided port is already allocated"
    else:
        return
    raise _invalid(service, fields.invalid(f"spec.ports[{index}].nodePort", number, why))


def _invalid(service: Obj, cause: errors.Cause) -> errors.ApiError:
    return errors.invalid(BY_PLURAL["services"], service["metadata"]["name"], [cause])
