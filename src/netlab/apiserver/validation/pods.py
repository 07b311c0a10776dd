"""Rules for Pod: what the lab's runtime relies on, in the API server's words.

Source: pkg/apis/core/validation in kubernetes/kubernetes. Fields that the lab does not act on
(volumes, probes, affinity) are not looked into.
"""

from __future__ import annotations

from typing import Any

from netlab.apiserver.objects import Obj, clone
from netlab.apiserver.validation import fields, names
from netlab.apiserver.validation.fields import Errors

PROTOCOLS = ("SCTP", "TCP", "UDP")
RESTART_POLICIES = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")


def pod(obj: Obj) -> Errors:
    """Check a pod's spec, after defaulting; ephemeral containers have a way of their own."""
    spec = obj.get("spec") or {}
    seen: set[str] = set()
    said = containers(spec, "containers", seen) + containers(spec, "initContainers", seen)
    if not spec.get("containers"):
        said.insert(0, fields.required("spec.containers"))
    said += _one_of(spec, "restartPolicy", RESTART_POLICIES)
    said += _one_of(spec, "dnsPolicy", DNS_POLICIES)
    for key in ("nodeName", "serviceAccountName"):
        if name := spec.get(key):
            said += fields.all_invalid(f"spec.{key}", name, names.dns_subdomain(name))
    return said


def pod_update(new: Obj, old: Obj) -> Errors:
    """Check that an update changes only what may change: images, tolerations, the node once."""
    if _fixed_part(new, old) == old.get("spec"):
        return []
    why = (
        "pod updates may not change fields other than `spec.containers[*].image`,"
        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` "
        "(only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "
        "(allow it to be set to 1 if it was previously negative)"
    )
    return [fields.forbidden("spec", why)]


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


def containers(spec: Obj, key: str, seen: set[str]) -> Errors:
    """Check one of a pod's lists of containers; `seen` are the names that are taken."""
    said: Errors = []
    for index, container in enumerate(spec.get(key) or []):
        path = f"spec.{key}[{index}]"
        said += _container_name(container.get("name") or "", path, seen)
        if not container.get("image"):
            said.append(fields.required(f"{path}.image"))
        host = bool(spec.get("hostNetwork"))
        for at, port in enumerate(container.get("ports") or []):
            said += _port(port, f"{path}.ports[{at}]", host_network=host)
        said += _duplicate_names(container.get("ports") or [], path)
        for at, variable in enumerate(container.get("env") or []):
            if not variable.get("name"):
                said.append(fields.required(f"{path}.env[{at}].name"))
    return said


def _container_name(name: str, path: str, seen: set[str]) -> Errors:
    if not name:
        return [fields.required(f"{path}.name")]
    if name in seen:
        return [fields.duplicate(f"{path}.name", name)]
    seen.add(name)
    return fields.all_invalid(f"{path}.name", name, names.dns_label(name))


def _port(port: Obj, path: str, *, host_network: bool) -> Errors:
    said: Errors = []
    if name := port.get("name"):
        said += fields.all_invalid(f"{path}.name", name, names.port_name(name))
    number = port.get("containerPort")
    if number is None:
        said.append(fields.required(f"{path}.containerPort"))
    else:
        said += fields.port_number(f"{path}.containerPort", number)
    host_port = port.get("hostPort")
    if host_port:
        said += fields.port_number(f"{path}.hostPort", host_port)
        if host_network and host_port != number:
            why = "must match `containerPort` when `hostNetwork` is true"
            said.append(fields.invalid(f"{path}.hostPort", host_port, why))
    if port.get("protocol") not in PROTOCOLS:
        said.append(fields.not_supported(f"{path}.protocol", port.get("protocol"), PROTOCOLS))
    return said


def _duplicate_names(ports: list[Obj], path: str) -> Errors:
    said: Errors = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        name = port.get("name")
        if not name:
            continue
        if name in seen:
            said.append(fields.duplicate(f"{path}.ports[{index}].name", name))
        seen.add(name)
    return said


def _one_of(spec: Obj, key: str, allowed: tuple[str, ...]) -> Errors:
    value = spec.get(key)
    return [] if value in allowed else [fields.not_supported(f"spec.{key}", value, allowed)]
