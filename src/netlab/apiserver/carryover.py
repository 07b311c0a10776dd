"""What an update keeps of the object that it replaces.

Source: the update strategies in kubernetes/kubernetes, for Services `patchAllocatedValues`.
"""

from __future__ import annotations

from netlab.apiserver.defaults import WITH_GENERATION, apply_defaults
from netlab.apiserver.objects import Obj, clone
from netlab.apiserver.resources import Resource


def carry_over(resource: Resource, new: Obj, old: Obj) -> None:
    """Change an update in place: give it what it may leave out or may not change."""
    before, meta = old["metadata"], new["metadata"]
    for key in ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        if key in before and not meta.get(key):
            meta[key] = before[key]
    if "managedFields" in before and "managedFields" not in meta:
        meta["managedFields"] = before["managedFields"]
    meta["resourceVersion"] = before["resourceVersion"]
    if "status" in old:
        new["status"] = old["status"]
    if resource.plural == "services":
        _carry_over_addresses(new.setdefault("spec", {}), old.get("spec") or {})
    if resource.plural in WITH_GENERATION:
        changed = _defaulted(resource, new).get("spec") != old.get("spec")
        meta["generation"] = before.get("generation", 1) + (1 if changed else 0)


def _defaulted(resource: Resource, obj: Obj) -> Obj:
    copy: Obj = clone(obj)
    apply_defaults(resource, copy)
    return copy


def _carry_over_addresses(spec: Obj, before: Obj) -> None:
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
