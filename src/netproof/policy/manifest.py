"""One object of a bundle: what is sent to the cluster, and what netproof reads in it.

The table of kinds is here: a kind is understood when it has a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from netproof.errors import PolicyError
from netproof.model.workload import Namespace, Pod, Service
from netproof.policy.document import Node, Origin, plain
from netproof.policy.fields import Field, Problem
from netproof.policy.metadata import Metadata, read_metadata
from netproof.policy.networkpolicy import NetworkPolicy, read_network_policy
from netproof.policy.syntax import dns_label, dns_subdomain, service_name
from netproof.policy.workloads import read_namespace, read_pod, read_service

Value = Namespace | Pod | Service | NetworkPolicy


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table: how an object of this kind is named, and what netproof reads in it."""

    api_version: str
    namespaced: bool
    fields: tuple[str, ...]
    check_name: Callable[[str], list[str]]
    read: Callable[[Field, Metadata], Value]


KINDS: Mapping[str, Kind] = {
    "Namespace": Kind("v1", False, ("spec", "status"), dns_label, read_namespace),
    "Pod": Kind("v1", True, ("spec", "status"), dns_subdomain, read_pod),
    "Service": Kind("v1", True, ("spec", "status"), service_name, read_service),
    "NetworkPolicy": Kind(
        "networking.k8s.io/v1", True, ("spec", "status"), dns_subdomain, read_network_policy
    ),
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """An object as it was written, with its namespace filled in; `raw` is JSON."""

    kind: str
    api_version: str
    namespace: str
    name: str
    raw: Mapping[str, Any]
    origin: Origin

    def __str__(self) -> str:
        return called(self.kind, self.namespace, self.name)


def called(kind: str, namespace: str, name: str) -> str:
    """Return what messages call an object: `NetworkPolicy production/allow-api`."""
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def read_manifest(node: Node, default_namespace: str) -> tuple[Manifest, Value]:
    """Read one object that is no List; raise PolicyError with everything that is wrong with it."""
    root = Field.root(node)
    kind = _kind(root)
    row = KINDS[kind]
    root.mapping(("apiVersion", "kind", "metadata", *row.fields))
    namespace = default_namespace if row.namespaced else None
    metadata = read_metadata(root, default_namespace=namespace, check_name=row.check_name)
    value = row.read(root, metadata)
    if root.problems:
        raise _error(called(kind, metadata.namespace, metadata.name or "(no name)"), root.problems)
    raw = plain(node)
    if metadata.namespace:
        raw["metadata"]["namespace"] = metadata.namespace
    manifest = Manifest(kind, row.api_version, metadata.namespace, metadata.name, raw, node.origin)
    return manifest, value


def kind_of(node: Node) -> str:
    """Return an object's kind; raise PolicyError where a document is no Kubernetes object."""
    root = Field.root(node)
    if not isinstance(node.value, Mapping):
        raise PolicyError(
            str(node.origin),
            "is no Kubernetes object; each document must be a mapping with apiVersion and kind",
        )
    for name in ("apiVersion", "kind"):
        if not root.child(name).text():
            problem = root.problems[0] if root.problems else f"{name} is not set"
            raise PolicyError(str(root.child(name).origin), f"{problem}; every object needs it")
    return root.child("kind").text() or ""


def is_manifest(node: Node) -> bool:
    """Tell whether a document is meant as a Kubernetes object, if perhaps a faulty one."""
    if not isinstance(node.value, Mapping):
        return False
    root = Field.root(node)
    kind, version = root.child("kind"), root.child("apiVersion")
    if kind.present:
        word = kind.text() or ""
        return bool(word) and (
            version.present or word in KINDS or word.endswith(("List", "Policy"))
        )
    parts = root.child("metadata").present or root.child("spec").present
    return version.present and parts


def _kind(root: Field) -> str:
    kind, version = root.child("kind").text() or "", root.child("apiVersion").text() or ""
    place = str(root.child("kind").origin)
    if kind not in KINDS:
        raise PolicyError(
            place,
            f"kind {kind} is not understood; a bundle may hold {', '.join(KINDS)} and List. "
            "Take the object out of the bundle, or put the pods it makes in as Pods",
        )
    wanted = KINDS[kind].api_version
    if version != wanted:
        place = str(root.child("apiVersion").origin)
        raise PolicyError(place, f'there is no {kind} in "{version}"; write apiVersion: {wanted}')
    return kind


def _error(name: str, problems: list[Problem]) -> PolicyError:
    first, *others = sorted(dict.fromkeys(problems), key=lambda problem: problem.origin)
    also = [f"{problem.origin}: {name}: {problem}" for problem in others]
    return PolicyError(str(first.origin), f"{name}: {first}", also)
