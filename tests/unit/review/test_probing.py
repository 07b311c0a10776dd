"""What the names of our own namespaces cannot keep is said, and results are found by pairs."""

from __future__ import annotations

from netproof.review import probing
from tests.unit.review.build import FILE, mirror, policy, workload


def test_ordinary_bundle_loses_nothing() -> None:
    """A bundle with namespaces of its own and selectors by name is mapped without loss."""
    by_name = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: far}}}"
    text = policy("shop/p", f"{{podSelector: {{}}, ingress: [{{from: [{by_name}]}}]}}")

    assert () == probing.notes(mirror(workload("shop/web", 80), text))


def test_system_namespace() -> None:
    """A bundle that holds kube-system itself is told that its pods are copies."""
    (note,) = probing.notes(mirror(workload("kube-system/coredns", 53)))

    assert ("Namespace kube-system", f"{FILE}:1") == (note.what, note.place)


def test_label_that_is_ours() -> None:
    """A selector by a label that we set on every namespace is told with its rule."""
    by_label = "{namespaceSelector: {matchLabels: {app.kubernetes.io/managed-by: Helm}}}"
    text = policy("shop/p", f"{{podSelector: {{}}, ingress: [{{from: [{by_label}]}}]}}")
    (note,) = probing.notes(mirror(text))

    assert "shop/p ingress[0]" == note.what
