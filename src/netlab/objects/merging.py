"""How a change is merged into an object: three kinds of patch and server-side apply; pure.

Which lists merge by which key is what the patchMergeKey and listMapKey tags of k8s.io/api say. The
first key is strategic merge patch's, all of them together are server-side apply's. A list that is
not named here is atomic: NetworkPolicy's rules, peers and ports, for instance.

Of server-side apply: the fields a manager applied are kept in managedFields (FieldsV1), so that
what it leaves out next time goes away unless another manager applied it too. Conflicts are always
won by the applier, as with force=true; changes by other verbs are not tracked.
Sources: RFC 6902, RFC 7396, k8s.io/apimachinery pkg/util/strategicpatch, KEP-555.
"""

from __future__ import annotations

import json
from typing import Any

import jsonpatch

from netlab.objects import apierrors
from netlab.objects.obj import Obj, clone

_CONTAINER_LISTS = {
    "ports": ("containerPort", "protocol"),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
}

_COMMON = {
    "metadata.ownerReferences": ("uid",),
    "status.conditions": ("type",),
}

_BY_KIND: dict[str, dict[str, tuple[str, ...]]] = {
    "pods": {
        "spec.containers": ("name",),
        "spec.initContainers": ("name",),
        "spec.ephemeralContainers": ("name",),
        "spec.volumes": ("name",),
        "spec.imagePullSecrets": ("name",),
        "spec.hostAliases": ("ip",),
        "spec.topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
        "status.podIPs": ("ip",),
        "status.hostIPs": ("ip",),
        **{
            f"spec.{containers}.{name}": keys
            for containers in ("containers", "initContainers", "ephemeralContainers")
            for name, keys in _CONTAINER_LISTS.items()
        },
    },
    "services": {"spec.ports": ("port", "protocol")},
    "nodes": {"spec.taints": ("key", "effect"), "status.addresses": ("type", "address")},
    "serviceaccounts": {"secrets": ("name",), "imagePullSecrets": ("name",)},
}

_SETS = frozenset({("", "metadata.finalizers"), ("nodes", "spec.podCIDRs")})
"""Lists of plain values that merge as sets; a kind of "" is every kind."""

_KEY_DEFAULTS = {"protocol": "TCP"}
"""What a key that is left out stands for."""


def _merge_key(plural: str, path: str) -> tuple[str, ...]:
    """Return the keys of the list at a path such as spec.containers.env, () for an atomic one."""
    return _BY_KIND.get(plural, {}).get(path, _COMMON.get(path, ()))


_DIRECTIVE = "$patch"
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"
_RETAIN = "$retainKeys"


def json_patch(obj: Obj, patch: Any) -> Obj:
    """Apply RFC 6902 operations; raise ApiError (BadRequest, or Invalid where they do not fit)."""
    if not isinstance(patch, list):
        raise apierrors.bad_request("json: cannot unmarshal into Go value of type jsonpatch.Patch")
    try:
        patched: Obj = jsonpatch.JsonPatch(patch).apply(clone(obj))
    except (jsonpatch.InvalidJsonPatch, TypeError) as error:
        raise apierrors.bad_request(f"invalid JSON patch: {error}") from error
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        message = "the server rejected our request due to an error in our request"
        cause = apierrors.StatusCause("", str(error))
        raise apierrors.ApiError(422, "Invalid", message, causes=[cause]) from error
    return patched


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply an RFC 7396 merge patch: objects merge, null deletes, the rest replaces."""
    if not isinstance(patch, dict):
        return clone(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def strategic_merge(plural: str, target: Obj, patch: Obj, path: str = "") -> Obj:
    """Apply a strategic merge patch to an object of a kind, or to the part of it at `path`.

    Lists whose items have a key merge by it, other lists are replaced.
    """
    if patch.get(_DIRECTIVE) == "replace":
        return {key: clone(value) for key, value in patch.items() if key != _DIRECTIVE}
    merged = _retained(target, patch)
    for key, value in patch.items():
        where = f"{path}.{key}" if path else key
        if key.startswith("$"):
            _remove_primitives(merged, key, value)
        elif value is None or (isinstance(value, dict) and value.get(_DIRECTIVE) == "delete"):
            merged.pop(key, None)
        else:
            merged[key] = _merge_value(plural, merged.get(key), value, where)
    _reorder(plural, merged, patch, path)
    return merged


def _merge_value(plural: str, target: Any, value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return strategic_merge(plural, target if isinstance(target, dict) else {}, value, path)
    if not isinstance(value, list):
        return value
    before = target if isinstance(target, list) else []
    if (plural, path) in _SETS or ("", path) in _SETS:
        return [*before, *(item for item in value if item not in before)]
    keys = _merge_key(plural, path)
    return _merge_keyed(plural, before, value, path, keys[0]) if keys else clone(value)


def _merge_keyed(
    plural: str, target: list[Any], patch: list[Any], path: str, key: str
) -> list[Any]:
    patch_items = [item for item in patch if item != {_DIRECTIVE: "replace"}]
    merged = [] if len(patch_items) != len(patch) else list(target)
    for item in patch_items:
        if not isinstance(item, dict) or key not in item:
            why = f"map: {item} does not contain declared merge key: {key}"
            raise apierrors.bad_request(why)
        at = next((i for i, have in enumerate(merged) if have.get(key) == item[key]), None)
        if item.get(_DIRECTIVE) == "delete":
            merged = [have for have in merged if have.get(key) != item[key]]
        elif at is None:
            merged.append(strategic_merge(plural, {}, item, path))
        else:
            merged[at] = strategic_merge(plural, merged[at], item, path)
    return merged


def _retained(target: Obj, patch: Obj) -> Obj:
    keys = patch.get(_RETAIN)
    return {key: value for key, value in target.items() if keys is None or key in keys}


def _remove_primitives(merged: Obj, directive: str, values: Any) -> None:
    if directive.startswith(_DELETE):
        key = directive.removeprefix(_DELETE)
        merged[key] = [item for item in merged.get(key) or [] if item not in values]


def _reorder(plural: str, merged: Obj, patch: Obj, path: str) -> None:
    """Sort lists as $setElementOrder says; what it does not name comes last, as it was."""
    for directive, order in patch.items():
        name = directive.removeprefix(_ORDER)
        if name == directive or not isinstance(merged.get(name), list):
            continue
        keys = _merge_key(plural, f"{path}.{name}" if path else name)
        rank = {_identity(item, keys): index for index, item in enumerate(order)}
        last = len(rank)
        merged[name] = sorted(merged[name], key=lambda item: rank.get(_identity(item, keys), last))


def _identity(item: Any, keys: tuple[str, ...]) -> Any:
    return item.get(keys[0]) if keys and isinstance(item, dict) else str(item)


FieldSet = dict[str, Any]

_NOT_OWNED = frozenset({"apiVersion", "kind", "metadata.name", "metadata.namespace"})


def server_side_apply(plural: str, live: Obj, applied: Obj, manager: str, *, time: str) -> Obj:
    """Return the live object ({} where there is none) with what the manager wants in it."""
    entries = list((live.get("metadata") or {}).get("managedFields") or [])
    own_entry = next((e for e in entries if _is_of(e, manager)), None)
    others = [e["fieldsV1"] for e in entries if e is not own_entry]
    owned = fields_of(plural, applied)
    merged: Obj = clone(live)
    if own_entry is not None:
        _drop(plural, merged, own_entry["fieldsV1"], [owned, *others], "")
    merged = {**_apply_value(plural, merged, applied, "")}
    if own_entry is None or own_entry["fieldsV1"] != owned:
        entry = {
            "manager": manager,
            "operation": "Apply",
            "apiVersion": applied.get("apiVersion", ""),
            "time": time,
            "fieldsType": "FieldsV1",
            "fieldsV1": owned,
        }
        merged["metadata"]["managedFields"] = [*(e for e in entries if e is not own_entry), entry]
    return merged


def fields_of(plural: str, value: Any, path: str = "") -> FieldSet:
    """Return the set of fields in an object, in the nested form of FieldsV1."""
    if isinstance(value, dict):
        return {
            f"f:{key}": fields_of(plural, item, where)
            for key, item in value.items()
            if (where := f"{path}.{key}" if path else key) not in _NOT_OWNED
        }
    keys = _merge_key(plural, path)
    if isinstance(value, list) and keys:
        return {_item_key(item, keys): {".": {}, **fields_of(plural, item, path)} for item in value}
    return {}


def _is_of(entry: Obj, manager: str) -> bool:
    return entry.get("manager") == manager and entry.get("operation") == "Apply"


def _item_key(item: Obj, keys: tuple[str, ...]) -> str:
    named = {key: item.get(key, _KEY_DEFAULTS.get(key)) for key in keys}
    key_fields = {key: value for key, value in named.items() if value is not None}
    return "k:" + json.dumps(key_fields, sort_keys=True, separators=(",", ":"))


def _drop(plural: str, value: Any, old: FieldSet, keep: list[FieldSet], path: str) -> None:
    """Remove from `value` the fields of `old` that nobody in `keep` has."""
    for key, children in old.items():
        keepers = [fields[key] for fields in keep if key in fields]
        if key.startswith("f:") and isinstance(value, dict):
            name = key[2:]
            where = f"{path}.{name}" if path else name
            if keepers and children:
                _drop(plural, value.get(name), children, keepers, where)
            elif not keepers:
                _drop_field(plural, value, name, children, where)
        elif key.startswith("k:") and isinstance(value, list):
            _drop_item(plural, value, key, children, keepers, path)


def _drop_field(plural: str, value: Obj, name: str, children: FieldSet, path: str) -> None:
    child = value.get(name)
    if children and child:
        # What is inside but was not applied by anybody (defaults, other verbs) stays.
        _drop(plural, child, children, [], path)
    if not children or not child:
        value.pop(name, None)


def _drop_item(
    plural: str, items: list[Any], key: str, children: FieldSet, keepers: list[FieldSet], path: str
) -> None:
    keys = _merge_key(plural, path)
    at = next((i for i, item in enumerate(items) if _item_key(item, keys) == key), None)
    if at is None:
        return
    if keepers:
        _drop(plural, items[at], children, keepers, path)
    else:
        del items[at]


def _apply_value(plural: str, live: Any, applied: Any, path: str) -> Any:
    if isinstance(applied, dict):
        merged = dict(live) if isinstance(live, dict) else {}
        for key, value in applied.items():
            where = f"{path}.{key}" if path else key
            merged[key] = _apply_value(plural, merged.get(key), value, where)
        return merged
    keys = _merge_key(plural, path)
    if isinstance(applied, list) and isinstance(live, list):
        if keys:
            return _apply_items(plural, live, applied, path)
        if (plural, path) in _SETS or ("", path) in _SETS:
            return [*live, *(item for item in applied if item not in live)]
    return clone(applied)


def _apply_items(plural: str, live: list[Any], applied: list[Any], path: str) -> list[Any]:
    keys = _merge_key(plural, path)
    merged = {_item_key(item, keys): item for item in live}
    for item in applied:
        key = _item_key(item, keys)
        merged[key] = _apply_value(plural, merged.get(key), item, path)
    return list(merged.values())
