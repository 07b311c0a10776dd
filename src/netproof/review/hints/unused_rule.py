"""A rule that no flow can ever use: nobody it names is there, or its direction is not in force."""

from __future__ import annotations

from collections.abc import Iterator

from netproof.model.flow import Direction
from netproof.model.review import Hint, Severity
from netproof.policy import IpBlock, NetworkPolicy, PodPeer, Rule
from netproof.review import wording
from netproof.review.hints.look import Look, rule_name

NAME = "unused-rule"


def find(look: Look) -> Iterator[Hint]:
    """Yield a hint for each rule that lets nothing pass in any bundle state we know."""
    yield from _not_in_force(look)
    for policy, rule in look.rules():
        if not look.selected(policy):
            continue
        yield from _nobody(look, policy, rule)
        yield from _no_such_port(look, policy, rule)


def _not_in_force(look: Look) -> Iterator[Hint]:
    for policy in look.world.policies:
        written = {Direction.INGRESS: policy.ingress, Direction.EGRESS: policy.egress}
        for direction, rules in written.items():
            if rules and direction not in policy.policy_types:
                yield Hint(
                    NAME,
                    Severity.ERROR,
                    str(rules[0].origin),
                    rule_name(policy, rules[0]),
                    f"policyTypes leaves {direction} out, so its rules are not in force",
                    f"add {direction} to policyTypes, or remove the rules",
                )


def _nobody(look: Look, policy: NetworkPolicy, rule: Rule) -> Iterator[Hint]:
    """Yield a hint for a rule whose peers match nobody.

    Where not even the namespace is in the bundle it is only worth a remark: it may be elsewhere.
    """
    if not rule.peers or any(
        isinstance(peer, IpBlock) or look.named(policy, peer) for peer in rule.peers
    ):
        return
    spaces = look.world.namespace_labels
    here = any(
        peer.namespace_selector is None
        or any(peer.namespace_selector.matches(labels) for labels in spaces.values())
        for peer in rule.peers
        if isinstance(peer, PodPeer)
    )
    yield Hint(
        NAME,
        Severity.WARNING if here else Severity.INFO,
        str(rule.origin),
        rule_name(policy, rule),
        f"nobody in the bundle is {wording.peers(rule.peers, policy.namespace)}",
        "correct the selectors" if here else "add what it names to the bundle to have it tried",
    )


def _no_such_port(look: Look, policy: NetworkPolicy, rule: Rule) -> Iterator[Hint]:
    servers = look.servers(policy, rule)
    for match in rule.ports:
        if not isinstance(match.port, str) or not servers:
            continue
        names = sorted({p.name for pod in servers for p in pod.ports if p.name})
        found = any(
            (p.name, p.protocol) == (match.port, match.protocol)
            for pod in servers
            for p in pod.ports
        )
        if not found:
            yield Hint(
                NAME,
                Severity.ERROR,
                str(match.origin),
                rule_name(policy, rule),
                f"no pod that it is about has a {match.protocol} port named {match.port}",
                f"there are {', '.join(names)}" if names else "name the port in the containers",
            )
