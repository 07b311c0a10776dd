"""How a change is merged into an object: three kinds of patch, and which lists have keys; pure.

Which lists merge by which key is what the patchMergeKey and listMapKey tags of k8s.io/api say. The
first key is strategic merge patch's, all of them together are server-side apply's. A list that is
not named here is atomic: NetworkPolicy's rules, peers and ports, for instance.
Sources: RFC 6902, RFC 7396, k8s.io/apimachinery pkg/util/strategicpatch.
"""

from __future__ import annotations

import json
from typing import Any

import jsonpatch

from netlab.objects import apierrors
from netlab.objects.limits import MAX_COPIED, MAX_PATCH_OPERATIONS, check_value
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

KEY_DEFAULTS = {"protocol": "TCP"}
"""What a key that is left out stands for."""


def merge_key(plural: str, path: str) -> tuple[str, ...]:
    """Return the keys of the list at a path such as spec.containers.env, () for an atomic one."""
    return _BY_KIND.get(plural, {}).get(path, _COMMON.get(path, ()))


def is_set(plural: str, path: str) -> bool:
    """Tell whether a list of plain values merges as a set."""
    return (plural, path) in _SETS or ("", path) in _SETS


def united(before: list[Any], added: list[Any]) -> list[Any]:
    """Return the values of two lists, each once, in their order."""
    return list({value_key(item): item for item in (*before, *added)}.values())


def value_key(value: Any) -> str:
    """Return what is the same for equal JSON values: comparing long lists by == takes minutes."""
    return json.dumps(value, sort_keys=True)


_DIRECTIVE = "$patch"
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"
_RETAIN = "$retainKeys"


_OPERATIONS = frozenset({"add", "copy", "move", "remove", "replace", "test"})


def json_patch(obj: Obj, patch: Any) -> Any:
    """Apply RFC 6902 operations.

    Raises ApiError: BadRequest, Invalid where they do not fit, RequestEntityTooLarge for more
    operations or copies than the API server makes.
    """
    if not isinstance(patch, list):
        raise apierrors.bad_request("json: cannot unmarshal into Go value of type jsonpatch.Patch")
    if len(patch) > MAX_PATCH_OPERATIONS:
        why = (
            f"The allowed maximum operations in a JSON patch is {MAX_PATCH_OPERATIONS}, "
            f"got {len(patch)}"
        )
        raise apierrors.ApiError(413, "RequestEntityTooLarge", why)
    for index, operation in enumerate(patch):
        _check_operation(operation, f"patch[{index}]")
    patched, copied = clone(obj), 0
    for index, operation in enumerate(patch):
        try:
            if operation["op"] == "copy":
                source = jsonpatch.JsonPointer(operation["from"]).resolve(patched)
                copied += check_value(source, f"patch[{index}].from")
                _check_copied(copied)
            patched = jsonpatch.JsonPatch([operation]).apply(patched, in_place=True)
        except jsonpatch.InvalidJsonPatch as error:
            raise apierrors.bad_request(f"patch[{index}]: invalid JSON patch: {error}") from error
        except _DOES_NOT_FIT as error:
            message = "the server rejected our request due to an error in our request"
            cause = apierrors.StatusCause("", str(error)[:1000], f"patch[{index}]")
            raise apierrors.ApiError(422, "Invalid", message, causes=[cause]) from error
    return patched


_DOES_NOT_FIT = (
    *(jsonpatch.JsonPatchException, jsonpatch.JsonPointerException),
    # The library looks at what is there, not at what may be: a path into a string, for example.
    *(AttributeError, KeyError, IndexError, TypeError, ValueError, RecursionError),
)


def _check_operation(operation: Any, where: str) -> None:
    if not isinstance(operation, dict):
        raise apierrors.bad_request(f"{where}: has to be an object")
    if str(operation.get("op")) not in _OPERATIONS:
        raise apierrors.bad_request(f"{where}.op: one of {', '.join(sorted(_OPERATIONS))}")
    for key in ("path", "from"):
        if not isinstance(operation.get(key, ""), str):
            raise apierrors.bad_request(f"{where}.{key}: has to be a string")


def _check_copied(copied: int) -> None:
    if copied > MAX_COPIED:
        why = (
            f"Unable to complete the copy, the accumulated size increase of copy is {copied}, "
            f"exceeding the limit {MAX_COPIED}"
        )
        raise apierrors.ApiError(413, "RequestEntityTooLarge", why)


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
    directive = patch.get(_DIRECTIVE)
    if directive not in _WORDS:
        raise apierrors.bad_request(f"{_at(path, _DIRECTIVE)}: unknown: {str(directive)[:40]}")
    if directive == "replace":
        return {key: clone(value) for key, value in patch.items() if key != _DIRECTIVE}
    merged = _retained(target, patch, path)
    for key, value in patch.items():
        where = _at(path, key)
        if key.startswith("$"):
            _remove_primitives(merged, key, value, where)
        elif value is None or (isinstance(value, dict) and value.get(_DIRECTIVE) == "delete"):
            merged.pop(key, None)
        else:
            merged[key] = _merge_value(plural, merged.get(key), value, where)
    _reorder(plural, merged, patch, path)
    return merged


_WORDS = (None, "delete", "merge", "replace")


def _at(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _strings(value: Any, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise apierrors.bad_request(f"{where}: has to be a list of strings")
    return value


def _merge_value(plural: str, target: Any, value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return strategic_merge(plural, target if isinstance(target, dict) else {}, value, path)
    if not isinstance(value, list):
        return value
    before = target if isinstance(target, list) else []
    if is_set(plural, path):
        return united(before, value)
    keys = merge_key(plural, path)
    return _merge_keyed(plural, before, value, path, keys[0]) if keys else clone(value)


def _merge_keyed(
    plural: str, target: list[Any], patch: list[Any], path: str, key: str
) -> list[Any]:
    patch_items = [item for item in patch if item != {_DIRECTIVE: "replace"}]
    merged: list[Any] = [] if len(patch_items) != len(patch) else list(target)
    places: dict[str, list[int]] = {}
    for place, item in enumerate(merged):
        if isinstance(item, dict):
            places.setdefault(value_key(item.get(key)), []).append(place)
    for item in patch_items:
        if not isinstance(item, dict) or key not in item:
            why = f"{path}: map does not contain declared merge key: {key}"
            raise apierrors.bad_request(why)
        own_places = places.setdefault(value_key(item[key]), [])
        if item.get(_DIRECTIVE) == "delete":
            for place in own_places:
                merged[place] = _DELETED
            own_places.clear()
        elif own_places:
            first = own_places[0]
            merged[first] = strategic_merge(plural, merged[first], item, path)
        else:
            own_places.append(len(merged))
            merged.append(strategic_merge(plural, {}, item, path))
    return [item for item in merged if item is not _DELETED]


_DELETED = object()


def _retained(target: Obj, patch: Obj, path: str) -> Obj:
    if _RETAIN not in patch:
        return dict(target)
    keys = frozenset(_strings(patch[_RETAIN], _at(path, _RETAIN)))
    return {key: value for key, value in target.items() if key in keys}


def _remove_primitives(merged: Obj, directive: str, values: Any, where: str) -> None:
    if not directive.startswith(_DELETE):
        return
    key = directive.removeprefix(_DELETE)
    before = merged.get(key) or []
    if not isinstance(values, list) or not isinstance(before, list):
        raise apierrors.bad_request(f"{where}: takes a list from a list")
    unwanted = {value_key(value) for value in values}
    merged[key] = [item for item in before if value_key(item) not in unwanted]


def _reorder(plural: str, merged: Obj, patch: Obj, path: str) -> None:
    """Sort lists as $setElementOrder says; what it does not name comes last, as it was."""
    for directive, order in patch.items():
        name = directive.removeprefix(_ORDER)
        if name == directive or not isinstance(merged.get(name), list):
            continue
        if not isinstance(order, list):
            raise apierrors.bad_request(f"{_at(path, directive)}: has to be a list")
        keys = merge_key(plural, _at(path, name))
        rank = {_identity(item, keys): index for index, item in enumerate(order)}
        last = len(rank)
        ranks = [rank.get(_identity(item, keys), last) for item in merged[name]]
        places = sorted(range(len(ranks)), key=ranks.__getitem__)
        merged[name] = [merged[name][index] for index in places]


def _identity(item: Any, keys: tuple[str, ...]) -> str:
    return value_key(item.get(keys[0]) if keys and isinstance(item, dict) else item)
