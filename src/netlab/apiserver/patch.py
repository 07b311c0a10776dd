"""JSON patch, merge patch and strategic merge patch: an object and a patch in, an object out; pure.

Sources: RFC 6902, RFC 7396, k8s.io/apimachinery pkg/util/strategicpatch.
"""

from __future__ import annotations

from typing import Any

import jsonpatch

from netlab.apiserver import errors
from netlab.apiserver.mergekeys import SETS, merge_key
from netlab.apiserver.objects import Obj, clone

_DIRECTIVE = "$patch"
_ORDER = "$setElementOrder/"
_DROP = "$deleteFromPrimitiveList/"
_RETAIN = "$retainKeys"


def json_patch(obj: Obj, patch: Any) -> Obj:
    """Apply RFC 6902 operations; raise ApiError (BadRequest, or Invalid where they do not fit)."""
    if not isinstance(patch, list):
        raise errors.bad_request("json: cannot unmarshal into Go value of type jsonpatch.Patch")
    try:
        patched: Obj = jsonpatch.JsonPatch(patch).apply(clone(obj))
    except (jsonpatch.InvalidJsonPatch, TypeError) as error:
        raise errors.bad_request(f"invalid JSON patch: {error}") from error
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        message = "the server rejected our request due to an error in our request"
        cause = errors.Cause("", str(error))
        raise errors.ApiError(422, "Invalid", message, causes=[cause]) from error
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
            merged[key] = _value(plural, merged.get(key), value, where)
    _reorder(plural, merged, patch, path)
    return merged


def _value(plural: str, target: Any, value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return strategic_merge(plural, target if isinstance(target, dict) else {}, value, path)
    if not isinstance(value, list):
        return value
    before = target if isinstance(target, list) else []
    if (plural, path) in SETS or ("", path) in SETS:
        return [*before, *(item for item in value if item not in before)]
    keys = merge_key(plural, path)
    return _items(plural, before, value, path, keys[0]) if keys else clone(value)


def _items(plural: str, target: list[Any], patch: list[Any], path: str, key: str) -> list[Any]:
    wanted = [item for item in patch if item != {_DIRECTIVE: "replace"}]
    merged = [] if len(wanted) != len(patch) else list(target)
    for item in wanted:
        if not isinstance(item, dict) or key not in item:
            why = f"map: {item} does not contain declared merge key: {key}"
            raise errors.bad_request(why)
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
    if directive.startswith(_DROP):
        key = directive.removeprefix(_DROP)
        merged[key] = [item for item in merged.get(key) or [] if item not in values]


def _reorder(plural: str, merged: Obj, patch: Obj, path: str) -> None:
    """Sort lists as $setElementOrder says; what it does not name comes last, as it was."""
    for directive, order in patch.items():
        name = directive.removeprefix(_ORDER)
        if name == directive or not isinstance(merged.get(name), list):
            continue
        keys = merge_key(plural, f"{path}.{name}" if path else name)
        rank = {_identity(item, keys): index for index, item in enumerate(order)}
        last = len(rank)
        merged[name] = sorted(merged[name], key=lambda item: rank.get(_identity(item, keys), last))


def _identity(item: Any, keys: tuple[str, ...]) -> Any:
    return item.get(keys[0]) if keys and isinstance(item, dict) else str(item)
