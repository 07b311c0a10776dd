"""What is lost when a bundle's namespaces stand in a cluster under names of our own.

Labels are kept and selectors by `kubernetes.io/metadata.name` are rewritten, so policies mean what
they meant. What that cannot keep is listed here.
"""

from __future__ import annotations

from collections.abc import Iterator

from netproof.model.review import Note
from netproof.policy import LabelSelector, NetworkPolicy, PodPeer, Rule
from netproof.policy.mirror import Mirror

SYSTEM = "kube-system"

OURS = ("app.kubernetes.io/managed-by", "netproof.dev/")
"""Labels that every namespace of ours carries, whatever the bundle says."""


def notes(mirror: Mirror) -> tuple[Note, ...]:
    """Return what the mapping of namespaces does not keep of a bundle."""
    return (*_system(mirror), *_labels(mirror))


def unprobed(why: str) -> tuple[Note, ...]:
    """Return what a cluster without agents on its nodes leaves unsaid; nothing where it has."""
    return (Note("nodes", "", f"no packet was sent to or from them: {why}"),) if why else ()


def _system(mirror: Mirror) -> Iterator[Note]:
    for space in mirror.bundle.namespaces:
        if space.name == SYSTEM:
            keys = [w.key for w in mirror.workloads if w.pod.namespace == SYSTEM]
            place = mirror.place("Namespace", SYSTEM) or mirror.place("", next(iter(keys), ""))
            text = (
                "stands under a name of ours in the cluster: its pods are not the cluster's DNS, "
                "and rules for DNS are tried on the copies"
            )
            yield Note(f"Namespace {SYSTEM}", place, text)


def _labels(mirror: Mirror) -> Iterator[Note]:
    for policy in mirror.bundle.policies:
        for rule in (*policy.ingress, *policy.egress):
            for key in _taken(rule):
                text = f"selects namespaces by the label {key}, which is ours in the cluster"
                yield Note(_name(policy, rule), str(rule.origin), text)


def _taken(rule: Rule) -> Iterator[str]:
    for peer in rule.peers:
        if isinstance(peer, PodPeer) and peer.namespace_selector is not None:
            yield from (key for key in _keys(peer.namespace_selector) if key.startswith(OURS))


def _keys(selector: LabelSelector) -> Iterator[str]:
    yield from selector.match_labels
    yield from (expression.key for expression in selector.match_expressions)


def _name(policy: NetworkPolicy, rule: Rule) -> str:
    return f"{policy.key} {rule.direction.lower()}[{rule.index}]"
