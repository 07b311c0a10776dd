"""Objects as the Table that a client asks for to print them; pure.

What stands in its cells is `layouts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from netlab.apiserver.layouts import layout
from netlab.apiserver.objects import Obj
from netlab.apiserver.resources import Resource


def table(
    resource: Resource,
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
        "rows": [{"cells": chosen.cells(obj, now), **_included(obj, include)} for obj in objects],
    }


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
