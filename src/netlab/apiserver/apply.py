"""Server-side apply: a manager's wishes merged into the live object; pure.

The fields a manager applied are kept in managedFields (FieldsV1), so that what it leaves out next
time goes away unless another manager applied it too. Conflicts are always won by the applier, as
with force=true; changes by other verbs are not tracked. Source: KEP-555.
"""

from __future__ import annotations

import json
from typing import Any

from netlab.apiserver.mergekeys import DEFAULTS, SETS, merge_key
from netlab.apiserver.objects import Obj, clone

Fields = dict[str, Any]

_NOT_OWNED = frozenset({"apiVersion", "kind", "metadata.name", "metadata.namespace"})


def apply(plural: str, live: Obj, wanted: Obj, manager: str, *, time: str) -> Obj:
    """Return the live object ({} where there is none) with what the manager wants in it."""
    entries = list((live.get("metadata") or {}).get("managedFields") or [])
    mine = next((e for e in entries if _is(e, manager)), None)
    others = [e["fieldsV1"] for e in entries if e is not mine]
    owned = fields_of(plural, wanted)
    merged: Obj = clone(live)
    if mine is not None:
        _drop(plural, merged, mine["fieldsV1"], [owned, *others], "")
    merged = {**_merge(plural, merged, wanted, "")}
    if mine is None or mine["fieldsV1"] != owned:
        entry = {
            "manager": manager,
            "operation": "Apply",
            "apiVersion": wanted.get("apiVersion", ""),
            "time": time,
            "fieldsType": "FieldsV1",
            "fieldsV1": owned,
        }
        merged["metadata"]["managedFields"] = [*(e for e in entries if e is not mine), entry]
    return merged


def fields_of(plural: str, value: Any, path: str = "") -> Fields:
    """Return the set of fields in an object, in the nested form of FieldsV1."""
    if isinstance(value, dict):
        return {
            f"f:{key}": fields_of(plural, item, where)
            for key, item in value.items()
            if (where := f"{path}.{key}" if path else key) not in _NOT_OWNED
        }
    keys = merge_key(plural, path)
    if isinstance(value, list) and keys:
        return {_item_key(item, keys): {".": {}, **fields_of(plural, item, path)} for item in value}
    return {}


def _is(entry: Obj, manager: str) -> bool:
    return entry.get("manager") == manager and entry.get("operation") == "Apply"


def _item_key(item: Obj, keys: tuple[str, ...]) -> str:
    named = {key: item.get(key, DEFAULTS.get(key)) for key in keys}
    known = {key: value for key, value in named.items() if value is not None}
    return "k:" + json.dumps(known, sort_keys=True, separators=(",", ":"))


def _drop(plural: str, value: Any, old: Fields, keep: list[Fields], path: str) -> None:
    """Remove from `value` the fields of `old` that nobody in `keep` has."""
    for key, below in old.items():
        kept = [fields[key] for fields in keep if key in fields]
        if key.startswith("f:") and isinstance(value, dict):
            name = key[2:]
            where = f"{path}.{name}" if path else name
            if kept and below:
                _drop(plural, value.get(name), below, kept, where)
            elif not kept:
                _drop_field(plural, value, name, below, where)
        elif key.startswith("k:") and isinstance(value, list):
            _drop_item(plural, value, key, below, kept, path)


def _drop_field(plural: str, value: Obj, name: str, below: Fields, path: str) -> None:
    child = value.get(name)
    if below and child:
        # What is inside but was not applied by anybody (defaults, other verbs) stays.
        _drop(plural, child, below, [], path)
    if not below or not child:
        value.pop(name, None)


def _drop_item(
    plural: str, items: list[Any], key: str, below: Fields, kept: list[Fields], path: str
) -> None:
    keys = merge_key(plural, path)
    at = next((i for i, item in enumerate(items) if _item_key(item, keys) == key), None)
    if at is None:
        return
    if kept:
        _drop(plural, items[at], below, kept, path)
    else:
        del items[at]


def _merge(plural: str, live: Any, wanted: Any, path: str) -> Any:
    if isinstance(wanted, dict):
        merged = dict(live) if isinstance(live, dict) else {}
        for key, value in wanted.items():
            where = f"{path}.{key}" if path else key
            merged[key] = _merge(plural, merged.get(key), value, where)
        return merged
    keys = merge_key(plural, path)
    if isinstance(wanted, list) and isinstance(live, list):
        if keys:
            return _merge_items(plural, live, wanted, path)
        if (plural, path) in SETS or ("", path) in SETS:
            return [*live, *(item for item in wanted if item not in live)]
    return clone(wanted)


def _merge_items(plural: str, live: list[Any], wanted: list[Any], path: str) -> list[Any]:
    keys = merge_key(plural, path)
    merged = {_item_key(item, keys): item for item in live}
    for item in wanted:
        key = _item_key(item, keys)
        merged[key] = _merge(plural, merged.get(key), item, path)
    return list(merged.values())
