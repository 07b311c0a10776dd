"""Giving a bundle's namespaces other names without changing what its policies mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from netproof.model.workload import NAMESPACE_NAME_LABEL
from netproof.policy.manifest import Manifest


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
