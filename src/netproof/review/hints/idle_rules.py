"""Rules that change nothing: nobody can use them, another lets it all pass, the other side denies.

What one rule lets pass of another, and which pods are named, is `policy.matching`'s to say.
"""

from __future__ import annotations

from collections.abc import Iterator

from netproof.model.flow import Direction, Expected
from netproof.model.review import Hint, Severity
from netproof.model.value import replace
from netproof.model.workload import Pod
from netproof.policy import (
    IpBlock,
    LabelSelector,
    NetworkPolicy,
    Peer,
    PodPeer,
    PortMatch,
    Rule,
    matching,
)
from netproof.review.hints.context import HintContext

UNUSED_RULE = "unused-rule"
SUPERFLUOUS_RULE = "superfluous-rule"
ONE_SIDED_RULE = "one-sided-rule"
PEERS_UNDONE = "peers-undone"
POLICY_WITHOUT_EFFECT = "policy-without-effect"

_Placed = tuple[int, tuple[NetworkPolicy, Rule]]

_OTHER = {Direction.INGRESS: "egress of the sources", Direction.EGRESS: "ingress of the targets"}
_LETS = {Direction.INGRESS: "lets everyone in", Direction.EGRESS: "lets out to everyone"}
_SAYS = {Direction.INGRESS: "lets in", Direction.EGRESS: "lets out"}


def unused_rule(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each rule that lets nothing pass in any bundle state we know."""
    for policy in context.reach.policies:
        yield from _not_in_force(policy)
    for policy, rule in context.rules():
        if not context.selected(policy):
            continue
        yield from _about_nobody(context, policy, rule)
        yield from _no_such_port(context, policy, rule)


def _not_in_force(policy: NetworkPolicy) -> Iterator[Hint]:
    for direction in Direction:
        rules = policy.written(direction)
        if rules and direction not in policy.policy_types:
            yield Hint(
                UNUSED_RULE,
                Severity.ERROR,
                str(rules[0].origin),
                policy.rule_name(rules[0]),
                f"policyTypes leaves {direction} out, so its rules are not in force",
                f"add {direction} to policyTypes, or remove the rules",
            )


def _about_nobody(context: HintContext, policy: NetworkPolicy, rule: Rule) -> Iterator[Hint]:
    """Yield a hint for a rule whose peers match nobody.

    Where no workload of its namespace is in the bundle, or something there makes pods that are not,
    it is only worth a remark: they may be elsewhere. So may clients whose label nobody here has, or
    one like it: charts let those in whom somebody gives it.
    """
    if not rule.peers or any(
        isinstance(peer, IpBlock) or context.named(policy, peer) for peer in rule.peers
    ):
        return
    if bare := _unlabelled(context, rule):
        key, name = bare
        yield Hint(
            UNUSED_RULE,
            Severity.WARNING,
            str(rule.origin),
            policy.rule_name(rule),
            f"nobody in the bundle is {rule.peer_words(policy.namespace)}: namespace {name} has no "
            f"label {key}={name}",
            f"select it by kubernetes.io/metadata.name={name}, or give it that label",
        )
        return
    here = not context.maker and any(
        isinstance(peer, PodPeer)
        and context.names_peopled(peer, policy.namespace)
        and context.is_like_ours(peer)
        for peer in rule.peers
    )
    yield Hint(
        UNUSED_RULE,
        Severity.WARNING if here else Severity.INFO,
        str(rule.origin),
        policy.rule_name(rule),
        f"nobody in the bundle is {rule.peer_words(policy.namespace)}",
        "correct the selectors" if here else "add what it names to the bundle to have it tried",
    )


def _unlabelled(context: HintContext, rule: Rule) -> tuple[str, str] | None:
    """Return the label by which a rule means a namespace that lacks it, and the name of that.

    Namespaces have no label `name` unless somebody gives them one.
    """
    for peer in rule.peers:
        chosen = peer.namespace_selector if isinstance(peer, PodPeer) else None
        for key, value in chosen.match_labels.items() if chosen else ():
            labels = context.reach.mirror.known_labels(value)
            if labels is not None and labels.get(key) != value:
                return key, value
    return None


def _no_such_port(context: HintContext, policy: NetworkPolicy, rule: Rule) -> Iterator[Hint]:
    servers = context.servers(policy, rule)
    for match in rule.ports if servers else ():
        if isinstance(match.port, str) and not any(matching.serves(pod, match) for pod in servers):
            names = sorted({port.name for pod in servers for port in pod.ports if port.name})
            others = any(matching.serves(pod, one) for pod in servers for one in rule.ports)
            yield _hint_on_port(policy, rule, match, names, others=others)


def _hint_on_port(
    policy: NetworkPolicy, rule: Rule, match: PortMatch, names: list[str], *, others: bool
) -> Hint:
    """Return a hint on a name that no port has; beside others that do it may be an option's."""
    return Hint(
        UNUSED_RULE,
        Severity.INFO if others else Severity.ERROR,
        str(match.origin),
        policy.rule_name(rule),
        f"no pod that it is about has a {match.protocol} port named {match.port}",
        f"there are {', '.join(names)}" if names else "name the port in the containers",
    )


def superfluous_rule(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each rule that is contained in another; of two equals, for the later."""
    placed = list(enumerate(context.rules()))
    alike: dict[object, list[_Placed]] = {}
    for one in placed:
        alike.setdefault(_about(*one[1], one[1][0].pod_selector), []).append(one)
    for number, (policy, rule) in placed:
        keys = {_about(policy, rule, chosen) for chosen in (policy.pod_selector, LabelSelector())}
        others = sorted((o for key in keys for o in alike.get(key, ())), key=lambda o: o[0])
        for other_number, other in others:
            if number == other_number or not matching.contains_rule(other, (policy, rule)):
                continue
            if rule.peers and not other[1].peers:
                continue  # which is said by `peers-undone`
            if matching.contains_rule((policy, rule), other) and number < other_number:
                continue
            name, place = other[0].rule_name(other[1]), other[1].origin
            cut = matching.contains_rule(other, (policy, _uncut(rule))) and _uncut(rule) != rule
            also = ", so its `except` takes nothing away" if cut else ""
            yield Hint(
                SUPERFLUOUS_RULE,
                Severity.WARNING if cut else Severity.INFO,
                str(rule.origin),
                policy.rule_name(rule),
                f"{name} at {place} lets all of this pass already{also}",
                "remove this rule, or narrow the other one",
            )
            break


def _uncut(rule: Rule) -> Rule:
    """Return a rule without the exceptions of its blocks."""
    peers = (replace(p, excepts=()) if isinstance(p, IpBlock) else p for p in rule.peers)
    return replace(rule, peers=tuple(peers))


def peers_undone(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each rule whose peers mean nothing: another lets everyone pass there.

    Rules are added up, so the narrower one does not narrow the other; nor does a peer narrow the
    one beside it.
    """
    for policy, rule in context.rules():
        yield from _undone_beside(policy, rule)
    wide: dict[object, list[tuple[NetworkPolicy, Rule]]] = {}
    for policy, rule in context.rules():
        if not rule.peers:
            wide.setdefault((policy.namespace, rule.direction), []).append((policy, rule))
    for policy, rule in context.rules():
        others = wide.get((policy.namespace, rule.direction), ()) if rule.peers else ()
        other = next((o for o in others if _undoes(context, o, (policy, rule))), None)
        if other:
            name = other[0].rule_name(other[1])
            yield Hint(
                PEERS_UNDONE,
                Severity.WARNING,
                str(rule.origin),
                policy.rule_name(rule),
                f"{name} at {other[1].origin} {_LETS[rule.direction]} on {other[1].port_words()}, "
                f"so naming {rule.peer_words(policy.namespace)} here changes nothing",
                "write the peers into that rule too, or remove it",
            )


def _undone_beside(policy: NetworkPolicy, rule: Rule) -> Iterator[Hint]:
    """Yield a hint for the first peer of a rule that means nothing beside another one.

    Both selectors in two entries instead of one are what `or-where-and` is about.
    """
    everywhere = PodPeer(namespace_selector=LabelSelector())
    for at, peer in enumerate(rule.peers):
        narrow = isinstance(peer, IpBlock) or _chooses(peer)
        others = (one for one in rule.peers if one is not peer)
        wide = next((one for one in others if _takes_all_of(one, peer, everywhere)), None)
        split = isinstance(peer, PodPeer) and peer.namespace_selector is None and at > 0
        if not narrow or wide is None or (split and rule.peers[at - 1] is wide):
            continue
        own = policy.namespace
        yield Hint(
            PEERS_UNDONE,
            Severity.WARNING,
            str(peer.origin),
            policy.rule_name(rule),
            f"{wide.words(own)} at {wide.origin} may pass by the same rule, so naming "
            f"{peer.words(own)} here changes nothing",
            "narrow or remove the wider entry, or remove this one",
        )
        return


def _chooses(peer: PodPeer) -> bool:
    return any(chosen and chosen != LabelSelector() for chosen in _selectors(peer))


def _selectors(peer: PodPeer) -> tuple[LabelSelector | None, LabelSelector | None]:
    return peer.pod_selector, peer.namespace_selector


def _takes_all_of(wide: Peer, peer: Peer, everywhere: PodPeer) -> bool:
    """Tell whether a peer means all pods, or all of a block that another peer cuts."""
    if isinstance(peer, IpBlock):
        return bool(peer.excepts) and matching.contains_peer(wide, replace(peer, excepts=()))
    return isinstance(wide, PodPeer) and matching.contains_peer(wide, everywhere)


def _undoes(
    context: HintContext, wide: tuple[NetworkPolicy, Rule], narrow: tuple[NetworkPolicy, Rule]
) -> bool:
    """Tell whether a rule for everyone covers the ports of another, by name or by number."""
    (wide_policy, wide_rule), (policy, rule) = wide, narrow
    if wide_rule.peers or wide_rule.direction is not rule.direction:
        return False
    if matching.contains_rule(wide, narrow):
        return True
    pods = context.selected(policy)
    if not pods or not rule.ports or rule.direction is Direction.EGRESS:
        return False
    return all(
        matching.selects(wide_policy, pod)
        and any(port.number for port in pod.ports)
        and all(_is_covered(pod, match, wide_rule) for match in rule.ports)
        for pod in pods
    )


def _is_covered(pod: Pod, match: PortMatch, wide: Rule) -> bool:
    """Tell whether what a pod serves at an entry of a rule's ports another rule opens too."""
    served = [
        port
        for port in pod.ports
        if matching.port_condition(match, port.number, port.protocol, pod) is None
    ]
    return bool(served) and all(
        matching.is_for_port(wide.ports, port.number, port.protocol, pod) for port in served
    )


def policy_without_effect(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each denial that another policy undoes: it lets everyone pass anywhere.

    Policies are added up: what one allows no other denies.
    """
    for policy in context.reach.policies:
        pods = context.selected(policy)
        for direction in Direction:
            if direction not in policy.policy_types or policy.rules(direction) or not pods:
                continue
            name = _opened_by(context, pods[0], direction)
            if name and all(_opened_by(context, pod, direction) for pod in pods):
                yield Hint(
                    POLICY_WITHOUT_EFFECT,
                    Severity.INFO if context.maker else Severity.WARNING,
                    str(policy.origin),
                    policy.key,
                    f"its denial of {direction.lower()} has no effect: {name} {_LETS[direction]} "
                    "on any port, and what one policy allows no other denies",
                    "narrow or remove the rule that allows, or remove this policy",
                )


def _opened_by(context: HintContext, pod: Pod, direction: Direction) -> str:
    """Return the rule that lets everything of a pod pass in a direction, "" where none does."""
    for policy in context.isolating(pod, direction):
        for rule in policy.rules(direction):
            if not rule.peers and not rule.ports:
                return f"{policy.rule_name(rule)} at {rule.origin}"
    return ""


def _about(policy: NetworkPolicy, rule: Rule, chosen: LabelSelector) -> object:
    """Return what rules have to share for one to contain the other, but for its podSelector."""
    return policy.namespace, rule.direction, str(chosen)


def one_sided_rule(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each rule whose every flow is denied by the other side."""
    for policy, rule in context.rules():
        became = context.passed.get(f"{policy.key} {rule}")
        if became and set(became) == {Expected.DENIED}:
            other = _OTHER[rule.direction]
            yield Hint(
                ONE_SIDED_RULE,
                Severity.WARNING,
                str(rule.origin),
                policy.rule_name(rule),
                f"{_SAYS[rule.direction]} {became.total()} flows, and the {other} denies every one",
                f"let them pass on the other side too: the {other} needs a rule of its own",
            )
