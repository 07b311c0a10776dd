"""Services: what makes one acceptable, and which ClusterIPs and node ports it gets and keeps.

What is taken is read from the services there are, so nothing can leak or get out of step. Raises
ApiError (Invalid) in the API server's words where a wish cannot be met. Sources: pkg/apis/core/
validation and `patchAllocatedValues` in kubernetes/kubernetes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from netlab.objects import apierrors, fielderrors, metarules, namesyntax
from netlab.objects.fielderrors import FieldErrors
from netlab.objects.kinds import BY_PLURAL
from netlab.objects.obj import Obj, at


def carry_over_addresses(spec: Obj, before: Obj) -> None:
    """Keep a Service's addresses and node ports where an update says nothing of them."""
    if "ExternalName" in {spec.get("type"), before.get("type")}:
        return
    if not spec.get("clusterIP"):
        for key in ("clusterIP", "clusterIPs"):
            if key in before:
                spec[key] = before[key]
    for key in ("ipFamilies", "ipFamilyPolicy"):
        if key in before and key not in spec:
            spec[key] = before[key]
    numbers = {
        (port.get("port"), port.get("protocol")): port.get("nodePort")
        for port in before.get("ports") or []
    }
    if spec.get("type") in {"NodePort", "LoadBalancer"}:
        for port in spec.get("ports") or []:
            number = numbers.get((port.get("port"), port.get("protocol", "TCP")))
            if number and not port.get("nodePort"):
                port["nodePort"] = number


PROTOCOLS = ("SCTP", "TCP", "UDP")
TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
FAMILIES = ("IPv4", "IPv6")
FAMILY_POLICIES = ("SingleStack", "PreferDualStack", "RequireDualStack")


def service_rules(obj: Obj) -> FieldErrors:
    """Check a service's spec, after defaulting and before allocation."""
    spec = obj.get("spec") or {}
    errors = metarules.plain_selector(spec.get("selector"), "spec.selector")
    if spec.get("type") not in TYPES:
        errors.append(fielderrors.not_supported("spec.type", spec.get("type"), TYPES))
    headless = spec.get("clusterIP") == "None"
    if not spec.get("ports") and not headless and spec.get("type") != "ExternalName":
        errors.append(fielderrors.required("spec.ports"))
    errors += _check_service_ports(spec.get("ports") or [])
    return errors + _check_cluster_ips(spec) + _check_families(spec)


def service_update_rules(new: Obj, old: Obj) -> FieldErrors:
    """Check that a service keeps its addresses."""
    before, after = old.get("spec") or {}, new.get("spec") or {}
    if not before.get("clusterIP") or "ExternalName" in {before.get("type"), after.get("type")}:
        return []
    if after.get("clusterIP") == before["clusterIP"]:
        return []
    listed = after.get("clusterIPs") or [after.get("clusterIP", "")]
    why = "may not change once set"
    return [fielderrors.invalid("spec.clusterIPs[0]", listed[0], why)]


def _check_service_ports(ports: list[Obj]) -> FieldErrors:
    errors: FieldErrors = []
    taken_names: set[str] = set()
    taken_ports: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        path = f"spec.ports[{index}]"
        errors += _check_service_port(port, path, named=len(ports) > 1)
        name, number = port.get("name"), (port.get("port"), port.get("protocol"))
        if name and name in taken_names:
            errors.append(fielderrors.duplicate(f"{path}.name", name))
        if number in taken_ports:
            port_fields = {"port": number[0], "protocol": number[1]}
            errors.append(fielderrors.duplicate(path, port_fields))
        taken_names.add(name or "")
        taken_ports.add(number)
    return errors


def _check_service_port(port: Obj, path: str, *, named: bool) -> FieldErrors:
    errors: FieldErrors = []
    name = port.get("name") or ""
    if name:
        errors += fielderrors.all_invalid(f"{path}.name", name, namesyntax.dns_label(name))
    elif named:
        errors.append(fielderrors.required(f"{path}.name"))
    errors += fielderrors.port_number(f"{path}.port", port.get("port", 0))
    if port.get("protocol") not in PROTOCOLS:
        errors.append(
            fielderrors.not_supported(f"{path}.protocol", port.get("protocol"), PROTOCOLS)
        )
    return errors + _check_target(port.get("targetPort"), f"{path}.targetPort")


def _check_target(target: Any, path: str) -> FieldErrors:
    if isinstance(target, str):
        return fielderrors.all_invalid(path, target, namesyntax.port_name(target))
    return [] if target is None else fielderrors.port_number(path, target)


def _check_cluster_ips(spec: Obj) -> FieldErrors:
    errors: FieldErrors = []
    listed_ips = spec.get("clusterIPs") or []
    first = spec.get("clusterIP") or ""
    if listed_ips and first and listed_ips[0] != first:
        why = "first value must match `clusterIP`"
        errors.append(fielderrors.invalid("spec.clusterIPs", listed_ips, why))
    for index, text in enumerate(listed_ips or ([first] if first else [])):
        if text not in {"", "None"} and not _is_ip(text):
            why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
            errors.append(fielderrors.invalid(f"spec.clusterIPs[{index}]", text, why))
    return errors


def _check_families(spec: Obj) -> FieldErrors:
    errors: FieldErrors = []
    families = spec.get("ipFamilies") or []
    for index, family in enumerate(families):
        path = f"spec.ipFamilies[{index}]"
        if family not in FAMILIES:
            errors.append(fielderrors.not_supported(path, family, FAMILIES))
        elif family in families[:index]:
            errors.append(fielderrors.duplicate(path, family))
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in FAMILY_POLICIES:
        errors.append(fielderrors.not_supported("spec.ipFamilyPolicy", policy, FAMILY_POLICIES))
    if policy == "SingleStack" and len(families) > 1:
        why = "must be RequireDualStack or PreferDualStack when multiple 'ipFamilies' are specified"
        errors.append(fielderrors.invalid("spec.ipFamilyPolicy", policy, why))
    return errors


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


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


class ServiceAllocator:
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
        others = [s for s in self._services() if not _is_same(s, service)]
        self._choose_families(spec)
        if spec.get("clusterIP") == "None":
            spec["clusterIPs"] = ["None"]
        else:
            self._choose_ips(service, others)
        if spec["type"] in {"NodePort", "LoadBalancer"}:
            self._choose_ports(service, others)

    def _choose_families(self, spec: Obj) -> None:
        policy = spec.setdefault("ipFamilyPolicy", "SingleStack")
        families = list(spec.get("ipFamilies") or _families_of_ips(spec.get("clusterIPs") or []))
        if not families:
            families = _families_of_ips([spec.get("clusterIP") or ""]) or ["IPv4"]
        if policy != "SingleStack" and len(families) == 1:
            families.append("IPv6" if families[0] == "IPv4" else "IPv4")
        spec["ipFamilies"] = families

    def _choose_ips(self, service: Obj, others: list[Obj]) -> None:
        spec = service["spec"]
        taken_ips = {ip for other in others for ip in at(other, "spec", "clusterIPs") or []}
        asked_ips = [ip for ip in spec.get("clusterIPs") or [spec.get("clusterIP")] if ip]
        ips = []
        for index, family in enumerate(spec["ipFamilies"]):
            asked_ip = asked_ips[index] if index < len(asked_ips) else None
            if asked_ip is not None:
                _check_ip(service, asked_ip, family, taken_ips)
            ips.append(asked_ip or self._free_ip(family, taken_ips))
        spec["clusterIPs"] = ips
        spec["clusterIP"] = ips[0]

    def _free_ip(self, family: str, taken_ips: set[str]) -> str:
        network = RANGES[family]
        size = network.num_addresses - 1
        for offset in _ring(self._next_ip[family], STATIC_BAND, size):
            ip = str(network[offset])
            if ip not in taken_ips:
                # On, not back: a freed address rests before somebody else gets it.
                self._next_ip[family] = offset + 1
                return ip
        raise apierrors.internal(f"failed to allocate a serviceIP: range {network} is full")

    def _choose_ports(self, service: Obj, others: list[Obj]) -> None:
        taken_ports = {
            p.get("nodePort") for other in others for p in at(other, "spec", "ports") or []
        }
        own: dict[int, set[str]] = {}
        for index, port in enumerate(service["spec"].get("ports") or []):
            number = port.get("nodePort")
            if number:
                clash = number in taken_ports or port["protocol"] in own.get(number, ())
                _check_port(service, number, index, clash=clash)
            else:
                number = port["nodePort"] = self._free_port(chain(taken_ports, own))
            own.setdefault(number, set()).add(port["protocol"])

    def _free_port(self, taken_ports: Iterable[int | None]) -> int:
        used = set(taken_ports)
        for offset in _ring(self._next_port, STATIC_NODE_PORTS, len(NODE_PORTS)):
            if NODE_PORTS[offset] not in used:
                self._next_port = offset + 1
                return NODE_PORTS[offset]
        raise apierrors.internal("failed to allocate a nodePort: range is full")


def _ring(start: int, low: int, high: int) -> Iterator[int]:
    """Yield low..high-1 once, from `start` on and then from the beginning."""
    return chain(range(start, high), range(low, min(start, high)))


def _is_same(one: Obj, other: Obj) -> bool:
    keys = ("namespace", "name")
    return all(one["metadata"].get(key) == other["metadata"].get(key) for key in keys)


def _families_of_ips(ips: list[str]) -> list[str]:
    return [
        FAMILY_OF_VERSION[ipaddress.ip_address(ip).version] for ip in ips if ip not in {"", "None"}
    ]


def _check_ip(service: Obj, ip: str, family: str, taken_ips: set[str]) -> None:
    network = RANGES[family]
    if ipaddress.ip_address(ip) not in network:
        why = (
            f"the provided IP ({ip}) is not in the valid range. The range of valid IPs is {network}"
        )
    elif ip in taken_ips:
        why = "provided IP is already allocated"
    else:
        return
    detail = f"failed to allocate IP {ip}: {why}"
    raise _invalid_service(service, fielderrors.invalid("spec.clusterIPs", [ip], detail))


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
    raise _invalid_service(
        service, fielderrors.invalid(f"spec.ports[{index}].nodePort", number, why)
    )


def _invalid_service(service: Obj, cause: apierrors.StatusCause) -> apierrors.ApiError:
    return apierrors.invalid(BY_PLURAL["services"], service["metadata"]["name"], [cause])
