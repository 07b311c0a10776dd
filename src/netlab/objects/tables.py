"""Objects as the Table that a client asks for to print them; pure.

Columns are those of pkg/printers/internalversion in kubernetes/kubernetes; a priority of 1 is
shown with -o wide only. What stands in the cells is `cells`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from netlab.objects.cells import (
    Cells,
    binding_cells,
    config_map_cells,
    endpoint_slice_cells,
    event_cells,
    namespace_cells,
    network_policy_cells,
    node_cells,
    plain_cells,
    pod_cells,
    quota_cells,
    role_cells,
    service_account_cells,
    service_cells,
)
from netlab.objects.kinds import ServedKind
from netlab.objects.obj import Obj


@dataclass(frozen=True, slots=True)
class TableLayout:
    """The columns of a kind and how an object fills them."""

    columns: tuple[tuple[str, int], ...]
    cells: Callable[[Obj, datetime], Cells]


def layout(plural: str) -> TableLayout:
    """Return the columns of a resource, name and age where it has none of its own."""
    return _LAYOUTS.get(plural, _PLAIN)


def _columns(shown: str, wide: str = "") -> tuple[tuple[str, int], ...]:
    names = [(name, 0) for name in shown.split("|")]
    return (*names, *((name, 1) for name in wide.split("|") if name))


_PLAIN = TableLayout(_columns("Name|Age"), plain_cells)
_BINDING = TableLayout(_columns("Name|Role|Age", "Users|Groups|ServiceAccounts"), binding_cells)
_ROLE = TableLayout(_columns("Name|Created At"), role_cells)

_LAYOUTS: dict[str, TableLayout] = {
    "clusterrolebindings": _BINDING,
    "clusterroles": _ROLE,
    "configmaps": TableLayout(_columns("Name|Data|Age"), config_map_cells),
    "endpointslices": TableLayout(
        _columns("Name|AddressType|Ports|Endpoints|Age"), endpoint_slice_cells
    ),
    "events": TableLayout(
        _columns("Last Seen|Type|Reason|Object|Message", "Subobject|Source|First Seen|Count|Name"),
        event_cells,
    ),
    "namespaces": TableLayout(_columns("Name|Status|Age"), namespace_cells),
    "networkpolicies": TableLayout(_columns("Name|Pod-Selector|Age"), network_policy_cells),
    "nodes": TableLayout(
        _columns(
            "Name|Status|Roles|Age|Version",
            "Internal-IP|External-IP|OS-Image|Kernel-Version|Container-Runtime",
        ),
        node_cells,
    ),
    "pods": TableLayout(
        _columns("Name|Ready|Status|Restarts|Age", "IP|Node|Nominated Node|Readiness Gates"),
        pod_cells,
    ),
    "resourcequotas": TableLayout(_columns("Name|Request|Limit|Age"), quota_cells),
    "rolebindings": _BINDING,
    "roles": _ROLE,
    "serviceaccounts": TableLayout(_columns("Name|Secrets|Age"), service_account_cells),
    "services": TableLayout(
        _columns("Name|Type|Cluster-IP|External-IP|Port(s)|Age", "Selector"), service_cells
    ),
}


def table(
    resource: ServedKind,
    objects: Sequence[Obj],
    now: datetime,
    *,
    include: str = "Metadata",
    version: str = "",
) -> Obj:
    """Return the Table of some objects; `include` says what of each object goes along."""
    chosen = layout(resource.plural)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version} if version else {},
        "columnDefinitions": [_column(name, priority) for name, priority in chosen.columns],
        "rows": [{"cells": _cells(chosen, obj, now), **_included(obj, include)} for obj in objects],
    }


def _cells(chosen: TableLayout, obj: Obj, now: datetime) -> Cells:
    try:
        return chosen.cells(obj, now)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        # Parts that are kept as they come may be anything: one object must not hide the others.
        return [str(obj["metadata"]["name"]), *["<invalid>"] * (len(chosen.columns) - 1)]


def partial(obj: Obj) -> Obj:
    """Return only the metadata of an object."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj["metadata"],
    }


def _included(obj: Obj, include: str) -> Obj:
    if include == "None":
        return {}
    return {"object": obj if include == "Object" else partial(obj)}


def _column(name: str, priority: int) -> Obj:
    kind = "integer" if name in {"Data", "Secrets", "Count"} else "string"
    return {
        "name": name,
        "type": kind,
        "format": "name" if name == "Name" else "",
        "description": "",
        "priority": priority,
    }
