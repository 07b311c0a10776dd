"""Rules for the kinds that need only a few: ConfigMap, Namespace, EndpointSlice, Node."""

from __future__ import annotations

from netlab.apiserver.objects import Obj, labels_of
from netlab.apiserver.validation import fields, names
from netlab.apiserver.validation.fields import Errors

NAME_LABEL = "kubernetes.io/metadata.name"
ADDRESS_TYPES = ("IPv4", "IPv6", "FQDN")


def config_map(obj: Obj) -> Errors:
    """Check the keys of a ConfigMap."""
    said: Errors = []
    for part in ("data", "binaryData"):
        for key in obj.get(part) or {}:
            said += fields.all_invalid(f"{part}[{key}]", key, names.config_key(key))
    return said


def config_map_update(new: Obj, old: Obj) -> Errors:
    """Check that an immutable ConfigMap stays as it is."""
    same = all(new.get(part) == old.get(part) for part in ("data", "binaryData", "immutable"))
    if not old.get("immutable") or same:
        return []
    return [fields.forbidden("data", "field is immutable when `immutable` is set")]


def namespace(obj: Obj) -> Errors:
    """Check the label that names the namespace; it is set by defaulting and cannot be another."""
    value = labels_of(obj).get(NAME_LABEL)
    name = obj["metadata"].get("name")
    if value == name:
        return []
    return [fields.invalid(f"metadata.labels[{NAME_LABEL}]", value, f"must be {name}")]


def endpoint_slice(obj: Obj) -> Errors:
    """Check the address type of an EndpointSlice."""
    given = obj.get("addressType")
    if given in ADDRESS_TYPES:
        return []
    if not given:
        return [fields.required("addressType")]
    return [fields.not_supported("addressType", given, ADDRESS_TYPES)]
