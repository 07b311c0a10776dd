"""What of a user's manifest is sent to a cluster that is perhaps theirs too: as little as counts.

A Service of type LoadBalancer would rent an address, one with nodePorts would take them from
somebody, and server-side fields of a live object (`resourceVersion`) would be refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from netproof.policy.manifest import Manifest

_PORT_FIELDS = ("name", "port", "targetPort", "protocol")


def manifest(original: Manifest) -> Manifest:
    """Return the manifest with only what decides who reaches whom."""
    raw = original.raw
    metadata = {
        key: raw["metadata"][key]
        for key in ("name", "namespace", "labels")
        if key in raw["metadata"]
    }
    kept: dict[str, Any] = {
        "apiVersion": original.api_version,
        "kind": original.kind,
        "metadata": metadata,
    }
    if original.kind == "Service":
        kept["spec"] = _service_spec(raw.get("spec") or {})
    elif original.kind == "NetworkPolicy":
        kept["spec"] = raw.get("spec") or {}
    return replace(original, raw=kept)


def _service_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    headless = {"clusterIP": "None"} if spec.get("clusterIP") == "None" else {}
    ports = [
        {key: port[key] for key in _PORT_FIELDS if key in port} for port in spec.get("ports") or ()
    ]
    return {"selector": dict(spec.get("selector") or {}), "ports": ports, **headless}
