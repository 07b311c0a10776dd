"""What every object of a bundle has: a name, mostly a namespace, perhaps labels.

Source: k8s.io/apimachinery/pkg/api/validation/objectmeta.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from netproof.policy.fields import Field
from netproof.policy.selectors import read_labels
from netproof.policy.syntax import dns_label

_FIELDS = (
    "name",
    "namespace",
    "labels",
    "annotations",
    "generateName",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
    "finalizers",
    "managedFields",
    "clusterName",  # gone since Kubernetes 1.24, and in what was exported before
    "initializers",  # gone since Kubernetes 1.16
)


@dataclass(frozen=True, slots=True)
class Metadata:
    """An object's name, namespace ("" where its kind has none) and labels."""

    name: str
    namespace: str
    labels: Mapping[str, str]


def read_metadata(
    root: Field,
    *,
    default_namespace: str | None,
    check_name: Callable[[str], list[str]],
) -> Metadata:
    """Read `metadata`; `default_namespace` is None for a kind that lives outside of namespaces."""
    at = root.child("metadata").mapping(_FIELDS)
    name = _name(at, check_name)
    namespace = at.child("namespace").text() or ""
    if default_namespace is None:
        if namespace:
            at.child("namespace").forbidden("not allowed on this type")
        namespace = ""
    elif namespace:
        for message in dns_label(namespace):
            at.child("namespace").invalid(namespace, message)
    else:
        namespace = default_namespace
    at.child("annotations").texts()
    return Metadata(name, namespace, read_labels(at.child("labels")))


def _name(at: Field, check_name: Callable[[str], list[str]]) -> str:
    name = at.child("name").text()
    if not name:
        if at.child("generateName").present:
            text = "a name that the server makes up cannot be told from others here: write one"
        else:
            text = "name or generateName is required"
        at.child("name").required(text)
        return ""
    for message in check_name(name):
        at.child("name").invalid(name, message)
    return name
