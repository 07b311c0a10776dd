"""Rules for what all kinds have: metadata and label selectors.

Source: k8s.io/apimachinery pkg/api/validation and pkg/apis/meta/v1/validation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netlab.objects import fielderrors, namesyntax
from netlab.objects.fielderrors import FieldErrors
from netlab.objects.kinds import ServedKind
from netlab.objects.limits import MAX_MANAGER
from netlab.objects.obj import Obj, at

NameRule = Callable[[str], list[str]]

NAME_RULES: dict[str, NameRule] = {
    "namespaces": namesyntax.dns_label,
    # A Service's name becomes a DNS label that old resolvers must take.
    "services": namesyntax.dns_1035_label,
    "clusterrolebindings": namesyntax.path_segment,
    "clusterroles": namesyntax.path_segment,
    "rolebindings": namesyntax.path_segment,
    "roles": namesyntax.path_segment,
}

MAX_ANNOTATIONS = 256 * 1024

IMMUTABLE = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp")
"""Metadata that an update may leave out but not change."""


def metadata(resource: ServedKind, obj: Obj) -> FieldErrors:
    """Check an object's metadata at its creation."""
    meta = obj["metadata"]
    return [
        *_name(resource, meta),
        *_labels(meta.get("labels") or {}, "metadata.labels"),
        *_annotations(meta.get("annotations") or {}),
        *_finalizers(meta.get("finalizers") or []),
    ]


def metadata_update(new: Obj, old: Obj) -> FieldErrors:
    """Check that an update leaves alone what identifies the object."""
    errors = _managed_fields(new["metadata"].get("managedFields") or [])
    for key in IMMUTABLE:
        value = new["metadata"].get(key)
        if value and value != old["metadata"].get(key):
            errors.append(fielderrors.invalid(f"metadata.{key}", value, "field is immutable"))
    return errors


def label_selector(selector: Any, path: str) -> FieldErrors:
    """Check a LabelSelector; None is none, {} is the one that matches everything."""
    if selector is None:
        return []
    errors = _labels(selector.get("matchLabels") or {}, f"{path}.matchLabels")
    for index, term in enumerate(selector.get("matchExpressions") or []):
        errors += _requirement(term, f"{path}.matchExpressions[{index}]")
    return errors


def plain_selector(selector: Any, path: str) -> FieldErrors:
    """Check a map of labels that selects, as a Service has it."""
    return _labels(selector or {}, path)


def _requirement(term: Obj, path: str) -> FieldErrors:
    operator = term.get("operator", "")
    values = term.get("values") or []
    errors: FieldErrors = []
    if operator in {"In", "NotIn"}:
        if not values:
            why = "must be specified when `operator` is 'In' or 'NotIn'"
            errors.append(fielderrors.required(f"{path}.values", why))
    elif operator in {"Exists", "DoesNotExist"}:
        if values:
            why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(fielderrors.forbidden(f"{path}.values", why))
    else:
        errors.append(
            fielderrors.invalid(f"{path}.operator", operator, "not a valid selector operator")
        )
    key = term.get("key", "")
    errors += fielderrors.all_invalid(f"{path}.key", key, namesyntax.qualified_name(key))
    for index, value in enumerate(values):
        errors += fielderrors.all_invalid(
            f"{path}.values[{index}]", value, namesyntax.label_value(value)
        )
    return errors


def _name(resource: ServedKind, meta: Obj) -> FieldErrors:
    rule = NAME_RULES.get(resource.plural, namesyntax.dns_subdomain)
    name = meta.get("name", "")
    prefix = meta.get("generateName", "")
    errors: FieldErrors = []
    if prefix:
        # The API server checks the prefix as if the suffix were there: a trailing hyphen is good.
        trial = prefix.removesuffix("-") + ("a" if prefix.endswith("-") else "")
        errors += fielderrors.all_invalid("metadata.generateName", prefix, rule(trial))
    if not name:
        return [*errors, fielderrors.required("metadata.name", "name or generateName is required")]
    return [*errors, *fielderrors.all_invalid("metadata.name", name, rule(name))]


def _labels(labels: dict[str, str], path: str) -> FieldErrors:
    errors: FieldErrors = []
    for key, value in labels.items():
        errors += fielderrors.all_invalid(path, key, namesyntax.qualified_name(key))
        errors += fielderrors.all_invalid(path, value, namesyntax.label_value(value))
    return errors


def _annotations(annotations: dict[str, str]) -> FieldErrors:
    path = "metadata.annotations"
    errors: FieldErrors = []
    for key in annotations:
        errors += fielderrors.all_invalid(path, key, namesyntax.qualified_name(key.lower()))
    if sum(len(key) + len(value) for key, value in annotations.items()) > MAX_ANNOTATIONS:
        errors.append(fielderrors.too_long(path, MAX_ANNOTATIONS))
    return errors


def _finalizers(finalizers: list[str]) -> FieldErrors:
    path = "metadata.finalizers"
    errors: FieldErrors = []
    for name in finalizers:
        errors += fielderrors.all_invalid(path, name, namesyntax.qualified_name(name))
    return errors


def _managed_fields(entries: list[Obj]) -> FieldErrors:
    """Check what clients write of managedFields: all later applies read it."""
    errors: FieldErrors = []
    for index, entry in enumerate(entries):
        path = f"metadata.managedFields[{index}]"
        operation, type_ = entry.get("operation", ""), entry.get("fieldsType", "")
        if operation not in _OPERATIONS:
            errors.append(fielderrors.invalid(f"{path}.operation", operation, "Apply or Update"))
        if type_ != "FieldsV1":
            errors.append(fielderrors.invalid(f"{path}.fieldsType", type_, "must be `FieldsV1`"))
        if len(entry.get("manager", "")) > MAX_MANAGER:
            errors.append(fielderrors.too_long(f"{path}.manager", MAX_MANAGER))
        if not _is_field_set(entry.get("fieldsV1")):
            errors.append(fielderrors.required(f"{path}.fieldsV1", "a set of fields"))
    return errors


_OPERATIONS = ("Apply", "Update")


def _is_field_set(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return all(
        (key == "." or key[:2] in _FIELD_KINDS) and _is_field_set(inner)
        for key, inner in value.items()
    )


_FIELD_KINDS = frozenset({"f:", "i:", "k:", "v:"})


def immutable(new: Obj, old: Obj, *path: str) -> FieldErrors:
    """Check that an update leaves the value at a path as it was."""
    value, before = at(new, *path), at(old, *path)
    if value == before:
        return []
    return [fielderrors.invalid(".".join(path), value, "field is immutable")]
