"""A namespaceSelector and a podSelector as two entries of a list, where one entry was meant.

Two entries mean either; one entry with both selectors means both
(https://kubernetes.io/docs/concepts/services-networking/network-policies/, "Behavior of to and
from selectors"). In YAML the difference is one dash.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from netproof.model.review import Hint, Severity
from netproof.policy import Peer, PodPeer
from netproof.review import wording
from netproof.review.hints.look import Look, rule_name

NAME = "or-where-and"


def find(look: Look) -> Iterator[Hint]:
    """Yield a hint for each pair of neighbouring entries that one dash could have split."""
    for policy, rule in look.rules():
        for first, second in pairwise(rule.peers):
            if not (_whole_namespaces(first) and _own_pods(second)):
                continue
            either = wording.peers((first, second), policy.namespace)
            yield Hint(
                NAME,
                Severity.WARNING,
                str(second.origin),
                rule_name(policy, rule),
                f"two entries, so it means {either}",
                "if both selectors are to match, remove the dash before podSelector; if not, "
                "silence this hint",
            )


def _whole_namespaces(peer: Peer) -> bool:
    return isinstance(peer, PodPeer) and bool(peer.namespace_selector) and peer.pod_selector is None


def _own_pods(peer: Peer) -> bool:
    return isinstance(peer, PodPeer) and bool(peer.pod_selector) and peer.namespace_selector is None
