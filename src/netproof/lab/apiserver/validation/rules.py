"""Which rules hold for which kind."""

from __future__ import annotations

from collections.abc import Callable

from netproof.lab.apiserver.objects import Obj
from netproof.lab.apiserver.resources import Resource
from netproof.lab.apiserver.validation import meta, networkpolicies, others, pods, services
from netproof.lab.apiserver.validation.fields import Errors

_SHAPE: dict[str, Callable[[Obj], Errors]] = {
    "configmaps": others.config_map,
    "endpointslices": others.endpoint_slice,
    "namespaces": others.namespace,
    "networkpolicies": networkpolicies.network_policy,
    "pods": pods.pod,
    "services": services.service,
}

_CHANGE: dict[str, Callable[[Obj, Obj], Errors]] = {
    "configmaps": others.config_map_update,
    "endpointslices": lambda new, old: meta.immutable(new, old, "addressType"),
    "pods": pods.pod_update,
    "services": services.service_update,
}


def on_create(resource: Resource, obj: Obj) -> Errors:
    """Return what is wrong with a new object, after defaulting."""
    return meta.metadata(resource, obj) + _shape(resource, obj)


def on_update(resource: Resource, new: Obj, old: Obj) -> Errors:
    """Return what is wrong with an object that replaces another, after defaulting."""
    change = _CHANGE.get(resource.plural)
    said = meta.metadata_update(new, old) + meta.metadata(resource, new) + _shape(resource, new)
    return said + (change(new, old) if change else [])


def _shape(resource: Resource, obj: Obj) -> Errors:
    rule = _SHAPE.get(resource.plural)
    return rule(obj) if rule else []
