"""Server-side apply: what a manager wants, merged into what is there; pure.

The fields a manager applied are kept in managedFields (FieldsV1), so that what it leaves out next
time goes away unless another manager applied it too. Conflicts are always won by the applier, as
with force=true; changes by other verbs are not tracked. Source: KEP-555.
"""

from __future__ import annotations

import json
from typing import Any

from netlab.objects import apierrors
from netlab.objects.merging import KEY_DEFAULTS, is_set, merge_key, united, value_key
from netlab.objects.obj import Obj, clone

FieldSet = dict[str, Any]

_NOT_OWNED = frozenset({"apiVersion", "kind", "metadata.name", "metadata.namespace"})


def server_side_apply(plural: str, live: Obj, applied: Obj, manager: str, *, time: str) -> Obj:
    """Return the live object ({} where there is none) with what the manager wants in it."""
    if applied["metadata"].get("managedFields"):
        raise apierrors.bad_request("metadata.managedFields must be nil")
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
    keys = merge_key(plural, path)
    if isinstance(value, list) and keys:
        if not all(isinstance(item, dict) for item in value):
            raise apierrors.bad_request(f"{path}: associative list with keys has other elements")
        return {_item_key(item, keys): {".": {}, **fields_of(plural, item, path)} for item in value}
    return {}


def _is_of(entry: Obj, manager: str) -> bool:
    return entry.get("manager") == manager and entry.get("operation") == "Apply"


def _item_key(item: Any, keys: tuple[str, ...]) -> str:
    if not isinstance(item, dict):
        return f"v:{value_key(item)}"
    named = {key: item.get(key, KEY_DEFAULTS.get(key)) for key in keys}
    key_fields = {key: value for key, value in named.items() if value is not None}
    return "k:" + json.dumps(key_fields, sort_keys=True, separators=(",", ":"))


def _drop(plural: str, value: Any, old: FieldSet, keep: list[FieldSet], path: str) -> None:
    """Remove from `value` the fields of `old` that nobody in `keep` has."""
    unwanted: dict[str, FieldSet] = {}
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
            if not keepers:
                unwanted[key] = children
            elif item := _item_of(value, key, merge_key(plural, path)):
                _drop(plural, item, children, keepers, path)
    if unwanted:
        keys = merge_key(plural, path)
        value[:] = [item for item in value if _item_key(item, keys) not in unwanted]


def _item_of(items: list[Any], key: str, keys: tuple[str, ...]) -> Any:
    return next((item for item in items if _item_key(item, keys) == key), None)


def _drop_field(plural: str, value: Obj, name: str, children: FieldSet, path: str) -> None:
    child = value.get(name)
    if children and child:
        # What is inside but was not applied by anybody (defaults, other verbs) stays.
        _drop(plural, child, children, [], path)
    if not children or not child:
        value.pop(name, None)


def _apply_value(plural: str, live: Any, applied: Any, path: str) -> Any:
    if isinstance(applied, dict):
        merged = dict(live) if isinstance(live, dict) else {}
        for key, value in applied.items():
            where = f"{path}.{key}" if path else key
            merged[key] = _apply_value(plural, merged.get(key), value, where)
        return merged
    keys = merge_key(plural, path)
    if isinstance(applied, list) and isinstance(live, list):
        if keys:
            return _apply_items(plural, live, applied, path)
        if is_set(plural, path):
            return united(live, applied)
    return clone(applied)


def _apply_items(plural: str, live: list[Any], applied: list[Any], path: str) -> list[Any]:
    keys = merge_key(plural, path)
    merged = {_item_key(item, keys): item for item in live}
    for item in applied:
        key = _item_key(item, keys)
        merged[key] = _apply_value(plural, merged.get(key), item, path)
    return list(merged.values())
