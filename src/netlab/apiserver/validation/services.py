"""Rules for Service, in the API server's words.

Source: pkg/apis/core/validation in kubernetes/kubernetes. Whether an address or a node port is
free is the allocator's question, not asked here.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from netlab.apiserver.objects import Obj
from netlab.apiserver.validation import fields, meta, names
from netlab.apiserver.validation.fields import Errors

PROTOCOLS = ("SCTP", "TCP", "UDP")
TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
FAMILIES = ("IPv4", "IPv6")
FAMILY_POLICIES = ("SingleStack", "PreferDualStack", "RequireDualStack")


def service(obj: Obj) -> Errors:
    """Check a service's spec, after defaulting and before allocation."""
    spec = obj.get("spec") or {}
    said = meta.plain_selector(spec.get("selector"), "spec.selector")
    if spec.get("type") not in TYPES:
        said.append(fields.not_supported("spec.type", spec.get("type"), TYPES))
    headless = spec.get("clusterIP") == "None"
    if not spec.get("ports") and not headless and spec.get("type") != "ExternalName":
        said.append(fields.required("spec.ports"))
    said += _ports(spec.get("ports") or [])
    return said + _cluster_ips(spec) + _families(spec)


def service_update(new: Obj, old: Obj) -> Errors:
    """Check that a service keeps its addresses."""
    before, after = old.get("spec") or {}, new.get("spec") or {}
    if not before.get("clusterIP") or "ExternalName" in {before.get("type"), after.get("type")}:
        return []
    if after.get("clusterIP") == before["clusterIP"]:
        return []
    listed = after.get("clusterIPs") or [after.get("clusterIP", "")]
    why = "may not change once set"
    return [fields.invalid("spec.clusterIPs[0]", listed[0], why)]


def _ports(ports: list[Obj]) -> Errors:
    said: Errors = []
    seen_names: set[str] = set()
    seen_ports: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        path = f"spec.ports[{index}]"
        said += _port(port, path, named=len(ports) > 1)
        name, number = port.get("name"), (port.get("port"), port.get("protocol"))
        if name and name in seen_names:
            said.append(fields.duplicate(f"{path}.name", name))
        if number in seen_ports:
            shown = {"port": number[0], "protocol": number[1]}
            said.append(fields.duplicate(path, shown))
        seen_names.add(name or "")
        seen_ports.add(number)
    return said


def _port(port: Obj, path: str, *, named: bool) -> Errors:
    said: Errors = []
    name = port.get("name") or ""
    if name:
        said += fields.all_invalid(f"{path}.name", name, names.dns_label(name))
    elif named:
        said.append(fields.required(f"{path}.name"))
    said += fields.port_number(f"{path}.port", port.get("port", 0))
    if port.get("protocol") not in PROTOCOLS:
        said.append(fields.not_supported(f"{path}.protocol", port.get("protocol"), PROTOCOLS))
    return said + _target(port.get("targetPort"), f"{path}.targetPort")


def _target(target: Any, path: str) -> Errors:
    if isinstance(target, str):
        return fields.all_invalid(path, target, names.port_name(target))
    return [] if target is None else fields.port_number(path, target)


def _cluster_ips(spec: Obj) -> Errors:
    said: Errors = []
    given = spec.get("clusterIPs") or []
    first = spec.get("clusterIP") or ""
    if given and first and given[0] != first:
        why = "first value must match `clusterIP`"
        said.append(fields.invalid("spec.clusterIPs", given, why))
    for index, text in enumerate(given or ([first] if first else [])):
        if text not in {"", "None"} and not _is_ip(text):
            why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
            said.append(fields.invalid(f"spec.clusterIPs[{index}]", text, why))
    return said


def _families(spec: Obj) -> Errors:
    said: Errors = []
    families = spec.get("ipFamilies") or []
    for index, family in enumerate(families):
        path = f"spec.ipFamilies[{index}]"
        if family not in FAMILIES:
            said.append(fields.not_supported(path, family, FAMILIES))
        elif family in families[:index]:
            said.append(fields.duplicate(path, family))
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in FAMILY_POLICIES:
        said.append(fields.not_supported("spec.ipFamilyPolicy", policy, FAMILY_POLICIES))
    if policy == "SingleStack" and len(families) > 1:
        why = "must be RequireDualStack or PreferDualStack when multiple 'ipFamilies' are specified"
        said.append(fields.invalid("spec.ipFamilyPolicy", policy, why))
    return said


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
