"""Which rules hold for which kind."""

from __future__ import annotations

from collections.abc import Callable

from netlab.apiserver.objects import Obj
from netlab.apiserver.resources import Resource
from netlab.apiserver.validation import (
    ephemeral,
    meta,
    networkpolicies,
    others,
    pods,
    quotas,
    rbac,
    services,
)
from netlab.apiserver.validation.fields import Errors

_SHAPE: dict[str, Callable[[Obj], Errors]] = {
    "clusterrolebindings": rbac.cluster_role_binding,
    "clusterroles": rbac.cluster_role,
    "configmaps": others.config_map,
    "endpointslices": others.endpoint_slice,
    "namespaces": others.namespace,
    "networkpolicies": networkpolicies.network_policy,
    "pods": pods.pod,
    "resourcequotas": quotas.resource_quota,
    "rolebindings": rbac.role_binding,
    "roles": rbac.role,
    "services": services.service,
}

_CREATION: dict[str, Callable[[Obj], Errors]] = {"pods": ephemeral.none_on_create}

_CHANGE: dict[str, Callable[[Obj, Obj], Errors]] = {
    "clusterrolebindings": rbac.binding_update,
    "configmaps": others.config_map_update,
    "endpointslices": lambda new, old: meta.immutable(new, old, "addressType"),
    "pods": pods.pod_update,
    "rolebindings": rbac.binding_update,
    "services": services.service_update,
}


def on_create(resource: Resource, obj: Obj) -> Errors:
    """Return what is wrong with a new object, after defaulting."""
    created = _CREATION.get(resource.plural)
    said = meta.metadata(resource, obj) + _shape(resource, obj)
    return said + (created(obj) if created else [])


def on_update(resource: Resource, new: Obj, old: Obj) -> Errors:
    """Return what is wrong with an object that replaces another, after defaulting."""
    change = _CHANGE.get(resource.plural)
    said = meta.metadata_update(new, old) + meta.metadata(resource, new) + _shape(resource, new)
    return said + (change(new, old) if change else [])


def _shape(resource: Resource, obj: Obj) -> Errors:
    rule = _SHAPE.get(resource.plural)
    return rule(obj) if rule else []
