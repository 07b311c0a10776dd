"""Rules for the kinds of the core group: Pod, ConfigMap, Namespace, ResourceQuota; EndpointSlice.

Of a Pod: what the lab's runtime relies on, in the API server's words. Fields that the lab does not
act on (volumes, probes, affinity) are not looked into. Of ephemeral containers some may be added,
none changed or removed. Source: pkg/apis/core/validation in kubernetes/kubernetes.
"""

from __future__ import annotations

from typing import Any

from netlab.objects import fielderrors, namesyntax
from netlab.objects.admission import hard_limits
from netlab.objects.defaults import NAME_LABEL
from netlab.objects.fielderrors import FieldErrors
from netlab.objects.limits import whole_number
from netlab.objects.obj import Obj, at, clone, labels_of

PROTOCOLS = ("SCTP", "TCP", "UDP")
RESTART_POLICIES = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")


def pod_rules(obj: Obj) -> FieldErrors:
    """Check a pod's spec, after defaulting; ephemeral containers have a way of their own."""
    spec = obj.get("spec") or {}
    taken_names: set[str] = set()
    errors = _containers(spec, "containers", taken_names) + _containers(
        spec, "initContainers", taken_names
    )
    if not spec.get("containers"):
        errors.insert(0, fielderrors.required("spec.containers"))
    errors += _one_of(spec, "restartPolicy", RESTART_POLICIES)
    errors += _one_of(spec, "dnsPolicy", DNS_POLICIES)
    for key in ("nodeName", "serviceAccountName"):
        if name := spec.get(key):
            errors += fielderrors.all_invalid(f"spec.{key}", name, namesyntax.dns_subdomain(name))
    return errors


def pod_update_rules(new: Obj, old: Obj) -> FieldErrors:
    """Check that an update changes only what may change: images, tolerations, the node once."""
    if _fixed_part(new, old) == old.get("spec"):
        return []
    why = (
        "pod updates may not change fields other than `spec.containers[*].image`,"
        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` "
        "(only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "
        "(allow it to be set to 1 if it was previously negative)"
    )
    return [fielderrors.forbidden("spec", why)]


def _fixed_part(new: Obj, old: Obj) -> Any:
    """Return the new spec with the old values of what may change."""
    spec, before = clone(new.get("spec") or {}), old.get("spec") or {}
    for key in ("tolerations", "activeDeadlineSeconds"):
        spec.pop(key, None)
        if key in before:
            spec[key] = before[key]
    if not before.get("nodeName"):
        spec.pop("nodeName", None)
    for key in ("containers", "initContainers"):
        for container, earlier in zip(spec.get(key) or [], before.get(key) or [], strict=False):
            container["image"] = earlier.get("image")
            if "image" not in earlier:
                del container["image"]
    return spec


def _containers(spec: Obj, key: str, taken_names: set[str]) -> FieldErrors:
    """Check one of a pod's lists of containers; `seen` are the names that are taken."""
    errors: FieldErrors = []
    for index, container in enumerate(spec.get(key) or []):
        path = f"spec.{key}[{index}]"
        errors += _container_name(container.get("name") or "", path, taken_names)
        if not container.get("image"):
            errors.append(fielderrors.required(f"{path}.image"))
        host = bool(spec.get("hostNetwork"))
        for number, port in enumerate(container.get("ports") or []):
            errors += _container_port(port, f"{path}.ports[{number}]", host_network=host)
        errors += _duplicate_names(container.get("ports") or [], path)
        for number, variable in enumerate(container.get("env") or []):
            if not variable.get("name"):
                errors.append(fielderrors.required(f"{path}.env[{number}].name"))
    return errors


def _container_name(name: str, path: str, taken_names: set[str]) -> FieldErrors:
    if not name:
        return [fielderrors.required(f"{path}.name")]
    if name in taken_names:
        return [fielderrors.duplicate(f"{path}.name", name)]
    taken_names.add(name)
    return fielderrors.all_invalid(f"{path}.name", name, namesyntax.dns_label(name))


def _container_port(port: Obj, path: str, *, host_network: bool) -> FieldErrors:
    errors: FieldErrors = []
    if name := port.get("name"):
        errors += fielderrors.all_invalid(f"{path}.name", name, namesyntax.port_name(name))
    number = port.get("containerPort")
    if number is None:
        errors.append(fielderrors.required(f"{path}.containerPort"))
    else:
        errors += fielderrors.port_number(f"{path}.containerPort", number)
    host_port = port.get("hostPort")
    if host_port:
        errors += fielderrors.port_number(f"{path}.hostPort", host_port)
        if host_network and host_port != number:
            why = "must match `containerPort` when `hostNetwork` is true"
            errors.append(fielderrors.invalid(f"{path}.hostPort", host_port, why))
    if port.get("protocol") not in PROTOCOLS:
        errors.append(
            fielderrors.not_supported(f"{path}.protocol", port.get("protocol"), PROTOCOLS)
        )
    return errors


def _duplicate_names(ports: list[Obj], path: str) -> FieldErrors:
    errors: FieldErrors = []
    taken_names: set[str] = set()
    for index, port in enumerate(ports):
        name = port.get("name")
        if not name:
            continue
        if name in taken_names:
            errors.append(fielderrors.duplicate(f"{path}.ports[{index}].name", name))
        taken_names.add(name)
    return errors


def _one_of(spec: Obj, key: str, allowed: tuple[str, ...]) -> FieldErrors:
    value = spec.get(key)
    return [] if value in allowed else [fielderrors.not_supported(f"spec.{key}", value, allowed)]


_EPHEMERAL = "spec.ephemeralContainers"
_NOT_EPHEMERAL = ("ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle")


def no_ephemeral_on_create(obj: Obj) -> FieldErrors:
    """Check that a new pod has no ephemeral containers."""
    if not (obj.get("spec") or {}).get("ephemeralContainers"):
        return []
    return [fielderrors.forbidden(_EPHEMERAL, "cannot be set on create")]


def ephemeral_update_rules(new: Obj, old: Obj) -> FieldErrors:
    """Check the ephemeral containers of a pod against those that it had, after defaulting."""
    spec = new["spec"]
    names = {c["name"] for kind in ("containers", "initContainers") for c in spec.get(kind) or []}
    errors = _containers(spec, "ephemeralContainers", set(names))
    for index, container in enumerate(spec.get("ephemeralContainers") or []):
        errors += _ephemeral_shape(container, f"{_EPHEMERAL}[{index}]", names)
    return errors + _ephemeral_kept(spec, old["spec"])


def _ephemeral_shape(container: Obj, path: str, names: set[str]) -> FieldErrors:
    why = "cannot be set for an Ephemeral Container"
    errors = [
        fielderrors.forbidden(f"{path}.{key}", why) for key in _NOT_EPHEMERAL if container.get(key)
    ]
    target = container.get("targetContainerName")
    if target and target not in names:
        errors.append(fielderrors.not_found(f"{path}.targetContainerName", target))
    return errors


def _ephemeral_kept(spec: Obj, before: Obj) -> FieldErrors:
    now = {c.get("name"): c for c in spec.get("ephemeralContainers") or []}
    errors: FieldErrors = []
    for earlier in before.get("ephemeralContainers") or []:
        name = earlier["name"]
        if now.get(name) != earlier:
            what = "changed" if name in now else "removed"
            why = f'existing ephemeral containers "{name}" may not be {what}'
            errors.append(fielderrors.forbidden(_EPHEMERAL, why))
    return errors


ADDRESS_TYPES = ("IPv4", "IPv6", "FQDN")


def config_map_rules(obj: Obj) -> FieldErrors:
    """Check the keys of a ConfigMap."""
    errors: FieldErrors = []
    for part in ("data", "binaryData"):
        for key in obj.get(part) or {}:
            errors += fielderrors.all_invalid(f"{part}[{key}]", key, namesyntax.config_key(key))
    return errors


def config_map_update_rules(new: Obj, old: Obj) -> FieldErrors:
    """Check that an immutable ConfigMap stays as it is."""
    same = all(new.get(part) == old.get(part) for part in ("data", "binaryData", "immutable"))
    if not old.get("immutable") or same:
        return []
    return [fielderrors.forbidden("data", "field is immutable when `immutable` is set")]


def namespace_rules(obj: Obj) -> FieldErrors:
    """Check the label that names the namespace; it is set by defaulting and cannot be another."""
    value = labels_of(obj).get(NAME_LABEL)
    name = obj["metadata"].get("name")
    if value == name:
        return []
    return [fielderrors.invalid(f"metadata.labels[{NAME_LABEL}]", value, f"must be {name}")]


def endpoint_slice_rules(obj: Obj) -> FieldErrors:
    """Check the address type of an EndpointSlice."""
    address_type = obj.get("addressType")
    if address_type in ADDRESS_TYPES:
        return []
    if not address_type:
        return [fielderrors.required("addressType")]
    return [fielderrors.not_supported("addressType", address_type, ADDRESS_TYPES)]


def resource_quota_rules(obj: Obj) -> FieldErrors:
    """Check the limits of a quota."""
    errors: FieldErrors = []
    for key, value in hard_limits(obj).items():
        if whole_number(value) is None:
            path, why = f"spec.hard[{key}]", "must be a whole number, not negative"
            errors.append(fielderrors.invalid(path, value, why))
    if at(obj, "spec", "scopes") or at(obj, "spec", "scopeSelector"):
        errors.append(fielderrors.forbidden("spec.scopes", "the lab's quotas have no scopes"))
    return errors
