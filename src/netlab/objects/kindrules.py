"""Which rules hold for which kind; and those for NetworkPolicy and for RBAC's kinds.

Sources: pkg/apis/networking/validation and pkg/apis/rbac/validation in kubernetes/kubernetes, with
their paths and wording.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from netlab.objects import corerules, fielderrors, metarules, namesyntax, servicekind
from netlab.objects.fielderrors import FieldErrors
from netlab.objects.kinds import RBAC_GROUP, ServedKind
from netlab.objects.obj import Obj

PROTOCOLS = ("TCP", "UDP", "SCTP")
POLICY_TYPES = ("Ingress", "Egress")

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def network_policy(obj: Obj) -> FieldErrors:
    """Check a policy's spec, after defaulting."""
    spec = obj.get("spec") or {}
    errors = metarules.label_selector(spec.get("podSelector"), "spec.podSelector")
    for index, rule in enumerate(spec.get("ingress") or []):
        errors += _policy_rule(rule, "from", f"spec.ingress[{index}]")
    for index, rule in enumerate(spec.get("egress") or []):
        errors += _policy_rule(rule, "to", f"spec.egress[{index}]")
    return errors + _policy_types(spec.get("policyTypes") or [], "spec.policyTypes")


def _policy_rule(rule: Obj, peers: str, path: str) -> FieldErrors:
    errors: FieldErrors = []
    for index, port in enumerate(rule.get("ports") or []):
        errors += _policy_port(port, f"{path}.ports[{index}]")
    for index, peer in enumerate(rule.get(peers) or []):
        errors += _policy_peer(peer, f"{path}.{peers}[{index}]")
    return errors


def _policy_types(types: list[str], path: str) -> FieldErrors:
    if len(types) > len(POLICY_TYPES):
        return [fielderrors.invalid(path, types, "may not specify more than two policyTypes")]
    return [
        fielderrors.not_supported(f"{path}[{index}]", policy_type, POLICY_TYPES)
        for index, policy_type in enumerate(types)
        if policy_type not in POLICY_TYPES
    ]


def _policy_port(port: Obj, path: str) -> FieldErrors:
    errors: FieldErrors = []
    protocol = port.get("protocol")
    if protocol is not None and protocol not in PROTOCOLS:
        errors.append(fielderrors.not_supported(f"{path}.protocol", protocol, PROTOCOLS))
    return [*errors, *_port_range(port.get("port"), port.get("endPort"), path)]


def _port_range(port: Any, end: int | None, path: str) -> FieldErrors:
    if port is None:
        return _no_end(end, "may not be specified when `port` is not specified", path)
    if isinstance(port, str):
        errors = _no_end(end, "may not be specified when `port` is non-numeric", path)
        return errors + fielderrors.all_invalid(f"{path}.port", port, namesyntax.port_name(port))
    errors = fielderrors.port_number(f"{path}.port", port)
    if end is None:
        return errors
    if end < port:
        why = "must be greater than or equal to `port`"
        errors.append(fielderrors.invalid(f"{path}.endPort", end, why))
    return errors + fielderrors.port_number(f"{path}.endPort", end)


def _no_end(end: int | None, why: str, path: str) -> FieldErrors:
    return [] if end is None else [fielderrors.invalid(f"{path}.endPort", end, why)]


def _policy_peer(peer: Obj, path: str) -> FieldErrors:
    pods, namespaces = peer.get("podSelector"), peer.get("namespaceSelector")
    block = peer.get("ipBlock")
    errors = metarules.label_selector(pods, f"{path}.podSelector")
    errors += metarules.label_selector(namespaces, f"{path}.namespaceSelector")
    if block is not None:
        errors += _ip_block(block, f"{path}.ipBlock")
        if pods is not None or namespaces is not None:
            why = "may not specify both ipBlock and another peer"
            errors.append(fielderrors.forbidden(path, why))
    elif pods is None and namespaces is None:
        errors.append(fielderrors.required(path, "must specify a peer"))
    return errors


def _ip_block(block: Obj, path: str) -> FieldErrors:
    cidr_text = block.get("cidr") or ""
    if not cidr_text:
        return [fielderrors.required(f"{path}.cidr")]
    cidr, errors = _cidr(cidr_text, f"{path}.cidr")
    if cidr is None:
        return errors
    for index, text in enumerate(block.get("except") or []):
        at = f"{path}.except[{index}]"
        inner, complaints = _cidr(text, at)
        errors += complaints
        if inner is not None and not _strictly_inside(inner, cidr):
            errors.append(fielderrors.invalid(at, text, "must be a strict subset of `cidr`"))
    return errors


def _cidr(text: str, path: str) -> tuple[_Network | None, FieldErrors]:
    """Parse a CIDR.

    Bits beyond the prefix are let through, as the API server does for this old field; zeros in
    front of a number are not: what 010 means depends on who reads it.
    """
    why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
    wrong = fielderrors.invalid(path, text, why)
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


def role(obj: Obj) -> FieldErrors:
    """Check the rules of a Role."""
    return _role_rules(obj, namespaced=True)


def cluster_role(obj: Obj) -> FieldErrors:
    """Check the rules of a ClusterRole and whom it aggregates."""
    errors = _role_rules(obj, namespaced=False)
    rule = obj.get("aggregationRule")
    if rule is None:
        return errors
    selectors = rule.get("clusterRoleSelectors") or []
    path = "aggregationRule.clusterRoleSelectors"
    if not selectors:
        errors.append(fielderrors.required(path, "at least one clusterRoleSelector required"))
    for index, selector in enumerate(selectors):
        errors += metarules.label_selector(selector, f"{path}[{index}]")
    return errors


def role_binding(obj: Obj) -> FieldErrors:
    """Check what a RoleBinding binds."""
    return _role_ref(obj, ("Role", "ClusterRole")) + _subjects(obj, namespaced=True)


def cluster_role_binding(obj: Obj) -> FieldErrors:
    """Check what a ClusterRoleBinding binds."""
    return _role_ref(obj, ("ClusterRole",)) + _subjects(obj, namespaced=False)


def binding_update(new: Obj, old: Obj) -> FieldErrors:
    """Check that a binding stays one to the same role."""
    if new.get("roleRef") == old.get("roleRef"):
        return []
    return [fielderrors.invalid("roleRef", new.get("roleRef"), "cannot change roleRef")]


def _role_rules(obj: Obj, *, namespaced: bool) -> FieldErrors:
    errors: FieldErrors = []
    for index, rule in enumerate(obj.get("rules") or []):
        errors += _role_rule(rule, f"rules[{index}]", namespaced=namespaced)
    return errors


def _role_rule(rule: Obj, path: str, *, namespaced: bool) -> FieldErrors:
    errors: FieldErrors = []
    if not rule.get("verbs"):
        errors.append(
            fielderrors.required(f"{path}.verbs", "verbs must contain at least one value")
        )
    urls = rule.get("nonResourceURLs")
    if urls:
        why = ""
        if namespaced:
            why = "namespaced rules cannot apply to non-resource URLs"
        elif any(rule.get(key) for key in ("apiGroups", "resources", "resourceNames")):
            why = "rules cannot apply to both regular resources and non-resource URLs"
        if why:
            errors.append(fielderrors.invalid(f"{path}.nonResourceURLs", urls, why))
        return errors
    for key, what in (("apiGroups", "api group"), ("resources", "resource")):
        if not rule.get(key):
            why = f"resource rules must supply at least one {what}"
            errors.append(fielderrors.required(f"{path}.{key}", why))
    return errors


def _role_ref(obj: Obj, kinds: tuple[str, ...]) -> FieldErrors:
    ref = obj.get("roleRef") or {}
    errors: FieldErrors = []
    if ref.get("apiGroup") != RBAC_GROUP:
        errors.append(
            fielderrors.not_supported("roleRef.apiGroup", ref.get("apiGroup", ""), (RBAC_GROUP,))
        )
    if ref.get("kind") not in kinds:
        errors.append(fielderrors.not_supported("roleRef.kind", ref.get("kind", ""), kinds))
    name = ref.get("name", "")
    if not name:
        return [*errors, fielderrors.required("roleRef.name")]
    return errors + fielderrors.all_invalid("roleRef.name", name, namesyntax.path_segment(name))


def _subjects(obj: Obj, *, namespaced: bool) -> FieldErrors:
    errors: FieldErrors = []
    for index, subject in enumerate(obj.get("subjects") or []):
        errors += _subject(subject, f"subjects[{index}]", namespaced=namespaced)
    return errors


_SUBJECT_KINDS = ("ServiceAccount", "User", "Group")


def _subject(subject: Obj, path: str, *, namespaced: bool) -> FieldErrors:
    kind, name = subject.get("kind", ""), subject.get("name", "")
    errors: FieldErrors = [] if name else [fielderrors.required(f"{path}.name")]
    if kind not in _SUBJECT_KINDS:
        return [*errors, fielderrors.not_supported(f"{path}.kind", kind, _SUBJECT_KINDS)]
    group = "" if kind == "ServiceAccount" else RBAC_GROUP
    if subject.get("apiGroup", "") != group:
        errors.append(
            fielderrors.not_supported(f"{path}.apiGroup", subject.get("apiGroup"), (group,))
        )
    if kind == "ServiceAccount":
        if name:
            errors += fielderrors.all_invalid(f"{path}.name", name, namesyntax.dns_subdomain(name))
        if not namespaced and not subject.get("namespace"):
            errors.append(fielderrors.required(f"{path}.namespace"))
    return errors


_RULES: dict[str, Callable[[Obj], FieldErrors]] = {
    "clusterrolebindings": cluster_role_binding,
    "clusterroles": cluster_role,
    "configmaps": corerules.config_map_rules,
    "endpointslices": corerules.endpoint_slice_rules,
    "namespaces": corerules.namespace_rules,
    "networkpolicies": network_policy,
    "pods": corerules.pod_rules,
    "resourcequotas": corerules.resource_quota_rules,
    "rolebindings": role_binding,
    "roles": role,
    "services": servicekind.service_rules,
}

_CREATION_RULES: dict[str, Callable[[Obj], FieldErrors]] = {
    "pods": corerules.no_ephemeral_on_create
}

_UPDATE_RULES: dict[str, Callable[[Obj, Obj], FieldErrors]] = {
    "clusterrolebindings": binding_update,
    "configmaps": corerules.config_map_update_rules,
    "endpointslices": lambda new, old: metarules.immutable(new, old, "addressType"),
    "pods": corerules.pod_update_rules,
    "rolebindings": binding_update,
    "services": servicekind.service_update_rules,
}


def creation_errors(resource: ServedKind, obj: Obj) -> FieldErrors:
    """Return what is wrong with a new object, after defaulting."""
    created = _CREATION_RULES.get(resource.plural)
    errors = metarules.metadata(resource, obj) + _rules_of_kind(resource, obj)
    return errors + (created(obj) if created else [])


def update_errors(resource: ServedKind, new: Obj, old: Obj) -> FieldErrors:
    """Return what is wrong with an object that replaces another, after defaulting."""
    change = _UPDATE_RULES.get(resource.plural)
    errors = (
        metarules.metadata_update(new, old)
        + metarules.metadata(resource, new)
        + _rules_of_kind(resource, new)
    )
    return errors + (change(new, old) if change else [])


def _rules_of_kind(resource: ServedKind, obj: Obj) -> FieldErrors:
    rule = _RULES.get(resource.plural)
    return rule(obj) if rule else []
