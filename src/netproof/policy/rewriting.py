"""What of a manifest is sent to a cluster: only what counts, in namespaces of other names.

A user's cluster is perhaps theirs too. A Service of type LoadBalancer would rent an address, one
with nodePorts would take them from somebody, and server-side fields of a live object
(`resourceVersion`) would be refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from netproof.model.workload import NAMESPACE_NAME_LABEL
from netproof.policy.manifest import Manifest

_PORT_FIELDS = ("name", "port", "targetPort", "protocol")


def rename_namespaces(
    manifests: Iterable[Manifest], mapping: Mapping[str, str]
) -> tuple[Manifest, ...]:
    """Return the manifests with namespaces renamed; those that `mapping` lacks keep their names.

    Renamed are Namespaces, `metadata.namespace`, and the values of the label
    `kubernetes.io/metadata.name` on Namespaces and in every `namespaceSelector` of a spec.
    """
    return tuple(_rename(manifest, mapping) for manifest in manifests)


def _rename(manifest: Manifest, mapping: Mapping[str, str]) -> Manifest:
    raw = {**manifest.raw, "metadata": dict(manifest.raw["metadata"])}
    if "spec" in raw:
        raw["spec"] = _selectors(raw["spec"], mapping)
    if manifest.kind == "Namespace":
        name = mapping.get(manifest.name, manifest.name)
        raw["metadata"]["name"] = name
        if raw["metadata"].get("labels"):
            raw["metadata"]["labels"] = _labels(raw["metadata"]["labels"], mapping)
        return replace(manifest, name=name, raw=raw)
    namespace = mapping.get(manifest.namespace, manifest.namespace)
    raw["metadata"]["namespace"] = namespace
    return replace(manifest, namespace=namespace, raw=raw)


def _selectors(value: Any, mapping: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_selectors(item, mapping) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: _selector(item, mapping)
        if key == "namespaceSelector" and isinstance(item, Mapping)
        else _selectors(item, mapping)
        for key, item in value.items()
    }


def _selector(selector: Mapping[str, Any], mapping: Mapping[str, str]) -> dict[str, Any]:
    renamed = dict(selector)
    if selector.get("matchLabels"):
        renamed["matchLabels"] = _labels(selector["matchLabels"], mapping)
    if selector.get("matchExpressions"):
        renamed["matchExpressions"] = [
            _expression(item, mapping) for item in selector["matchExpressions"]
        ]
    return renamed


def _labels(labels: Mapping[str, Any], mapping: Mapping[str, str]) -> dict[str, Any]:
    return {
        key: mapping.get(value, value) if key == NAMESPACE_NAME_LABEL else value
        for key, value in labels.items()
    }


def _expression(expression: Mapping[str, Any], mapping: Mapping[str, str]) -> dict[str, Any]:
    if expression.get("key") != NAMESPACE_NAME_LABEL or not expression.get("values"):
        return dict(expression)
    values = [mapping.get(value, value) for value in expression["values"]]
    return {**expression, "values": values}


def reduced(original: Manifest) -> Manifest:
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
