"""A rule that lets a workload reach itself only: mostly the podSelector of the wrong end."""

from __future__ import annotations

from collections.abc import Iterator

from netproof.model.flow import Direction
from netproof.model.review import Hint, Severity
from netproof.policy import LabelSelector, PodPeer
from netproof.review import wording
from netproof.review.hints.look import Look, rule_name

NAME = "rule-for-itself"

_END = {
    Direction.INGRESS: "the pods that receive, and `from` those that send",
    Direction.EGRESS: "the pods that send, and `to` those that receive",
}


def find(look: Look) -> Iterator[Hint]:
    """Yield a hint for each rule whose peers are exactly the pods that its policy selects.

    A policy for all pods of a namespace is none: "everyone here may talk" is often meant.
    """
    for policy, rule in look.rules():
        if policy.pod_selector == LabelSelector() or len(rule.peers) != 1:
            continue
        (peer,) = rule.peers
        if not isinstance(peer, PodPeer) or peer.namespace_selector is not None:
            continue
        if peer.pod_selector != policy.pod_selector:
            continue
        chosen = wording.selector(policy.pod_selector)
        yield Hint(
            NAME,
            Severity.WARNING,
            str(rule.origin),
            rule_name(policy, rule),
            f"the policy selects {chosen} and the rule names {chosen} too: it lets these pods "
            "reach each other and nobody else",
            f"spec.podSelector selects {_END[rule.direction]}; for replicas that talk to each "
            "other, silence this hint",
        )
