"""A podSelector without a namespaceSelector, where pods it could mean are in other namespaces.

NetworkPolicyPeer.podSelector: without a namespaceSelector it selects "pods in the policy's own
namespace", and never pods of any namespace.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from netproof.model.review import Hint, Severity
from netproof.policy import LabelSelector, NetworkPolicy, PodPeer, Rule
from netproof.review import wording
from netproof.review.hints.look import Look, rule_name

NAME = "own-namespace-only"

_PROMISE = re.compile(r"#.*\b((any|all|every|each|other|another) namespaces?)\b", re.IGNORECASE)

COMMENT_LINES = 3
"""How far above an entry a comment is still about it."""


def find(look: Look) -> Iterator[Hint]:
    """Yield a hint for each such peer that means nobody though there are such pods elsewhere.

    Where there are such pods in the own namespace too, that is mostly what is meant, and a hint
    is given only if a comment beside the peer speaks of other namespaces.
    """
    for policy, rule in look.rules():
        for peer in rule.peers:
            if isinstance(peer, PodPeer) and peer.namespace_selector is None and peer.pod_selector:
                yield from _of_peer(look, policy, rule, peer, peer.pod_selector)


def _of_peer(
    look: Look, policy: NetworkPolicy, rule: Rule, peer: PodPeer, chosen: LabelSelector
) -> Iterator[Hint]:
    same = [pod for pod in look.world.workloads if chosen.matches(pod.labels)]
    elsewhere = [pod.key for pod in same if pod.namespace != policy.namespace]
    promised = _comment(look, peer)
    nobody = bool(elsewhere) and len(elsewhere) == len(same)
    if not promised and not (nobody and chosen != LabelSelector()):
        return
    yield Hint(
        NAME,
        Severity.WARNING,
        str(peer.origin),
        rule_name(policy, rule),
        _text(policy, chosen, elsewhere, promised),
        "add a namespaceSelector to the same entry (`namespaceSelector: {}` for every namespace)",
    )


def _text(policy: NetworkPolicy, chosen: LabelSelector, elsewhere: list[str], promised: str) -> str:
    told = f', though its comment says "{promised}"' if promised else ""
    others = ""
    if elsewhere:
        have = "has" if len(elsewhere) == 1 else "have"
        others = f"; {wording.listed(elsewhere)} {have} these labels too and cannot pass"
    return (
        f"podSelector {wording.selector(chosen)} without a namespaceSelector means pods of "
        f"{policy.namespace} only{told}{others}"
    )


def _comment(look: Look, peer: PodPeer) -> str:
    """Return the words of a comment beside a peer that promise other namespaces, "" if none do."""
    lines = look.world.mirror.texts.get(peer.origin.file, "").splitlines()
    near = lines[max(0, peer.origin.line - 1 - COMMENT_LINES) : peer.origin.line]
    found = (_PROMISE.search(line) for line in reversed(near))
    return next((match[1] for match in found if match), "")
