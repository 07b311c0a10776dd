"""Rules for NetworkPolicy.

Source: pkg/apis/networking/validation in kubernetes/kubernetes, with its paths and wording.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from netlab.apiserver.objects import Obj
from netlab.apiserver.validation import fields, meta, names
from netlab.apiserver.validation.fields import Errors

PROTOCOLS = ("TCP", "UDP", "SCTP")
POLICY_TYPES = ("Ingress", "Egress")

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def network_policy(obj: Obj) -> Errors:
    """Check a policy's spec, after defaulting."""
    spec = obj.get("spec") or {}
    said = meta.label_selector(spec.get("podSelector"), "spec.podSelector")
    for index, rule in enumerate(spec.get("ingress") or []):
        said += _rule(rule, "from", f"spec.ingress[{index}]")
    for index, rule in enumerate(spec.get("egress") or []):
        said += _rule(rule, "to", f"spec.egress[{index}]")
    return said + _policy_types(spec.get("policyTypes") or [], "spec.policyTypes")


def _rule(rule: Obj, peers: str, path: str) -> Errors:
    said: Errors = []
    for index, port in enumerate(rule.get("ports") or []):
        said += _port(port, f"{path}.ports[{index}]")
    for index, peer in enumerate(rule.get(peers) or []):
        said += _peer(peer, f"{path}.{peers}[{index}]")
    return said


def _policy_types(types: list[str], path: str) -> Errors:
    if len(types) > len(POLICY_TYPES):
        return [fields.invalid(path, types, "may not specify more than two policyTypes")]
    return [
        fields.not_supported(f"{path}[{index}]", given, POLICY_TYPES)
        for index, given in enumerate(types)
        if given not in POLICY_TYPES
    ]


def _port(port: Obj, path: str) -> Errors:
    said: Errors = []
    protocol = port.get("protocol")
    if protocol is not None and protocol not in PROTOCOLS:
        said.append(fields.not_supported(f"{path}.protocol", protocol, PROTOCOLS))
    return [*said, *_port_range(port.get("port"), port.get("endPort"), path)]


def _port_range(port: Any, end: int | None, path: str) -> Errors:
    if port is None:
        return _no_end(end, "may not be specified when `port` is not specified", path)
    if isinstance(port, str):
        said = _no_end(end, "may not be specified when `port` is non-numeric", path)
        return said + fields.all_invalid(f"{path}.port", port, names.port_name(port))
    said = fields.port_number(f"{path}.port", port)
    if end is None:
        return said
    if end < port:
        why = "must be greater than or equal to `port`"
        said.append(fields.invalid(f"{path}.endPort", end, why))
    return said + fields.port_number(f"{path}.endPort", end)


def _no_end(end: int | None, why: str, path: str) -> Errors:
    return [] if end is None else [fields.invalid(f"{path}.endPort", end, why)]


def _peer(peer: Obj, path: str) -> Errors:
    pods, namespaces = peer.get("podSelector"), peer.get("namespaceSelector")
    block = peer.get("ipBlock")
    said = meta.label_selector(pods, f"{path}.podSelector")
    said += meta.label_selector(namespaces, f"{path}.namespaceSelector")
    if block is not None:
        said += _ip_block(block, f"{path}.ipBlock")
        if pods is not None or namespaces is not None:
            why = "may not specify both ipBlock and another peer"
            said.append(fields.forbidden(path, why))
    elif pods is None and namespaces is None:
        said.append(fields.required(path, "must specify a peer"))
    return said


def _ip_block(block: Obj, path: str) -> Errors:
    given = block.get("cidr") or ""
    if not given:
        return [fields.required(f"{path}.cidr")]
    cidr, said = _cidr(given, f"{path}.cidr")
    if cidr is None:
        return said
    for index, text in enumerate(block.get("except") or []):
        at = f"{path}.except[{index}]"
        inner, complaints = _cidr(text, at)
        said += complaints
        if inner is not None and not _strictly_inside(inner, cidr):
            said.append(fields.invalid(at, text, "must be a strict subset of `cidr`"))
    return said


def _cidr(text: str, path: str) -> tuple[_Network | None, Errors]:
    """Parse a CIDR.

    Bits beyond the prefix are let through, as the API server does for this old field; zeros in
    front of a number are not: what 010 means depends on who reads it.
    """
    why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
    wrong = fields.invalid(path, text, why)
    address, slash, length = text.partition("/")
    if not slash or not length.isdigit() or "%" in address:
        return None, [wrong]
    try:
        return ipaddress.ip_network(text, strict=False), []
    except ValueError:
        return None, [wrong]


def _strictly_inside(inner: _Network, outer: _Network) -> bool:
    return (
        inner.version == outer.version
        and inner.prefixlen > outer.prefixlen
        and inner.network_address in outer
    )
