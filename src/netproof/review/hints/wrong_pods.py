"""Selectors that name other pods than was meant: nobody, the wrong namespace, the wrong end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

from netproof.model.flow import Direction
from netproof.model.review import Hint, Severity
from netproof.policy import LabelSelector, NetworkPolicy, Peer, PodPeer, PortMatch, Rule
from netproof.review import phrases
from netproof.review.hints.context import HintContext

SELECTS_NOTHING = "selects-nothing"
OWN_NAMESPACE_ONLY = "own-namespace-only"
OR_WHERE_AND = "or-where-and"
RULE_FOR_ITSELF = "rule-for-itself"
SPLIT_RULE = "split-rule"
HOST_NETWORK_PEER = "host-network-peer"

_PROMISE = re.compile(r"#.*\b((any|all|every|each|other|another) namespaces?)\b", re.IGNORECASE)

COMMENT_LINES = 3
"""How far above an entry a comment is still about it."""

_END = {
    Direction.INGRESS: "the pods that receive, and `from` those that send",
    Direction.EGRESS: "the pods that send, and `to` those that receive",
}


def selects_nothing(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each policy that applies to no workload of the bundle.

    It does nothing then, unless its pods are made by something that the bundle does not show: an
    operator, or whoever keeps the workloads where no such are in the bundle. That is a question.
    """
    for policy in context.reach.policies:
        if policy.pod_selector == LabelSelector() or context.selected(policy):
            yield from _in_no_namespace(context, policy)
            continue
        text = f"no workload in {policy.namespace} has {policy.pod_selector}"
        place = str(policy.origin)
        if context.maker or policy.namespace not in context.peopled:
            made = f"{context.maker} stands for" if context.maker else "are kept elsewhere"
            question = f"{text}: does the policy do nothing, or are there such pods all the same?"
            fix = f"if pods that {made} have it, add them as Pods; else correct the selector"
            if elsewhere := _elsewhere(context, policy):
                fix = f"{elsewhere}, if that is meant; {fix}"
            yield Hint(SELECTS_NOTHING, Severity.INFO, place, policy.key, question, fix)
        else:
            told = f"{text}, so the policy does nothing"
            fix = _selects_instead(context, policy)
            yield Hint(SELECTS_NOTHING, Severity.WARNING, place, policy.key, told, fix)


def _in_no_namespace(context: HintContext, policy: NetworkPolicy) -> Iterator[Hint]:
    """Yield a hint for a policy for all pods of a namespace that is nobody's, but nearly is.

    Objects without `metadata.namespace` go to `default`, and a name may be misspelt.
    """
    space, mirror = policy.namespace, context.reach.mirror
    if space in context.peopled or mirror.known_labels(space) is not None:
        return
    near = get_close_matches(space, context.peopled, n=1, cutoff=0.8)
    if near or (space == "default" and context.peopled):
        yield Hint(
            SELECTS_NOTHING,
            Severity.INFO if context.maker else Severity.WARNING,
            str(policy.origin),
            policy.key,
            f"no workload is in namespace {space}, so the policy does nothing",
            f"set metadata.namespace to {phrases.listed(near or sorted(context.peopled))}",
        )


def _selects_instead(context: HintContext, policy: NetworkPolicy) -> str:
    if elsewhere := _elsewhere(context, policy):
        return elsewhere
    near = [pod for pod in context.reach.workloads if pod.namespace == policy.namespace]
    labelled = [f"{pod.name} ({phrases.labels(pod.labels)})" for pod in near]
    return f"select what is there: {phrases.listed(labelled)}"


def _elsewhere(context: HintContext, policy: NetworkPolicy) -> str:
    same = [pod.key for pod in context.anywhere(policy.pod_selector)]
    return f"{phrases.listed(same)} would match: set metadata.namespace to theirs" if same else ""


def own_namespace_only(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each podSelector alone that means nobody though there are pods elsewhere.

    NetworkPolicyPeer.podSelector: without a namespaceSelector it selects "pods in the policy's own
    namespace". Where such pods are there too, that is mostly what is meant, and a hint is given
    only if a comment beside the peer speaks of other namespaces.
    """
    for policy, rule in context.rules():
        for peer in rule.peers:
            if isinstance(peer, PodPeer) and peer.namespace_selector is None and peer.pod_selector:
                yield from _of_own_namespace(context, policy, rule, peer, peer.pod_selector)


def _of_own_namespace(
    context: HintContext, policy: NetworkPolicy, rule: Rule, peer: PodPeer, chosen: LabelSelector
) -> Iterator[Hint]:
    same = context.anywhere(chosen)
    elsewhere = [pod.key for pod in same if pod.namespace != policy.namespace]
    promised = _comment(context, peer)
    nobody = bool(elsewhere) and len(elsewhere) == len(same)
    if not promised and not (nobody and chosen != LabelSelector()):
        return
    yield Hint(
        OWN_NAMESPACE_ONLY,
        Severity.WARNING,
        str(peer.origin),
        policy.rule_name(rule),
        _only_own(policy, chosen, elsewhere, promised),
        "add a namespaceSelector to the same entry (`namespaceSelector: {}` for every namespace)",
    )


def _only_own(
    policy: NetworkPolicy, chosen: LabelSelector, elsewhere: list[str], promised: str
) -> str:
    though = f', though its comment says "{promised}"' if promised else ""
    others = ""
    if elsewhere:
        have = "has" if len(elsewhere) == 1 else "have"
        others = f"; {phrases.listed(elsewhere)} {have} these labels too and cannot pass"
    return (
        f"podSelector {chosen} without a namespaceSelector means pods of "
        f"{policy.namespace} only{though}{others}"
    )


def _comment(context: HintContext, peer: PodPeer) -> str:
    """Return the words of a comment beside a peer that promise other namespaces, "" if none do."""
    lines = context.lines_of(peer.origin)
    near = lines[max(0, peer.origin.line - 1 - COMMENT_LINES) : peer.origin.line]
    promises = (_PROMISE.search(line) for line in reversed(near))
    return next((promise[1] for promise in promises if promise), "")


def or_where_and(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each pair of neighbouring entries that one dash could have split.

    Two entries mean either; one entry with both selectors means both
    (https://kubernetes.io/docs/concepts/services-networking/network-policies/, "Behavior of to and
    from selectors"). In YAML the difference is one dash.
    """
    for policy, rule in context.rules():
        for first, second in pairwise(rule.peers):
            if not (_whole_namespaces(first) and _own_pods(second)):
                continue
            names = [peer.words(policy.namespace) for peer in (first, second)]
            yield Hint(
                OR_WHERE_AND,
                Severity.WARNING,
                str(second.origin),
                policy.rule_name(rule),
                f"two entries, so it means {' or '.join(names)}",
                "if both selectors are to match, remove the dash before podSelector; if not, "
                "silence this hint",
            )


def host_network_peer(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each peer that names pods of which all use their node's network.

    https://kubernetes.io/docs/concepts/services-networking/network-policies/, "NetworkPolicy and
    hostNetwork pods": in the most common implementation their traffic is their node's.
    """
    for policy, rule in context.rules():
        for peer in rule.peers:
            named = context.named(policy, peer) if isinstance(peer, PodPeer) else ()
            if named and all(pod.host_network for pod in named):
                yield Hint(
                    HOST_NETWORK_PEER,
                    Severity.WARNING,
                    str(peer.origin),
                    policy.rule_name(rule),
                    f"{phrases.listed(pod.key for pod in named)} uses hostNetwork, so most CNIs "
                    "see a node there and no pod that a selector could mean",
                    "write an ipBlock of the nodes' addresses, or take those pods off hostNetwork",
                )


def split_rule(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each pair of neighbouring rules of which each is half of what was meant.

    One dash too many makes two rules: these peers on any port, and everyone on these ports.
    DNS to anywhere beside other egress is written so on purpose. So does one make two ports of
    `protocol` and `port`: every port of that protocol, and one of TCP.
    """
    for policy, spec in context.written():
        yield from _split_ports(policy, spec)
    for policy in context.reach.policies:
        for direction in Direction:
            for first, second in pairwise(policy.rules(direction)):
                halves = sorted((first, second), key=lambda rule: bool(rule.ports))
                who, where = halves
                if not who.peers or who.ports or where.peers or not where.ports:
                    continue
                if direction is Direction.EGRESS and all(map(_is_of_dns, where.ports)):
                    continue
                yield Hint(
                    SPLIT_RULE,
                    Severity.WARNING,
                    str(second.origin),
                    policy.rule_name(second),
                    f"two rules, so it means {who.peer_words(policy.namespace)} on any port, or "
                    f"everyone on {where.port_words()}",
                    f"if these peers on these ports are meant, make it one rule: remove the dash "
                    f"before `{'ports' if where is second else phrases.verb(direction)}`; if not, "
                    "silence this hint",
                )


def _split_ports(policy: NetworkPolicy, spec: Mapping[str, Any]) -> Iterator[Hint]:
    for direction in Direction:
        written = spec.get(direction.lower()) or ()
        for rule, entries in zip(policy.rules(direction), written, strict=False):
            ports = zip(rule.ports, (entries or {}).get("ports") or (), strict=False)
            for (first, one), (second, other) in pairwise(ports):
                if set(one) == {"protocol"} and set(other) == {"port"}:
                    yield Hint(
                        SPLIT_RULE,
                        Severity.WARNING,
                        str(second.origin),
                        policy.rule_name(rule),
                        f"two entries, so it means {first}, or {second}",
                        "if this port of that protocol is meant, make it one entry: remove the "
                        "dash before `port`; if not, silence this hint",
                    )


def _is_of_dns(match: PortMatch) -> bool:
    return match.port in (53, 5353, "dns", "dns-tcp")


def _whole_namespaces(peer: Peer) -> bool:
    return isinstance(peer, PodPeer) and bool(peer.namespace_selector) and peer.pod_selector is None


def _own_pods(peer: Peer) -> bool:
    """Tell whether a peer is some pods of its policy's own namespace; all of them is meant so."""
    alone = isinstance(peer, PodPeer) and peer.namespace_selector is None
    return alone and isinstance(peer, PodPeer) and peer.pod_selector not in (None, LabelSelector())


def rule_for_itself(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each rule whose peers are exactly the pods that its policy selects.

    Mostly it is the podSelector of the wrong end. A policy for all pods of a namespace is none:
    "everyone here may talk" is often meant. Beside other rules, and for a StatefulSet, so are
    replicas that talk to each other.
    """
    for policy, rule in context.rules():
        if policy.pod_selector == LabelSelector() or len(rule.peers) != 1:
            continue
        (peer,) = rule.peers
        if not isinstance(peer, PodPeer) or peer.namespace_selector is not None:
            continue
        if peer.pod_selector != policy.pod_selector:
            continue
        chosen = policy.pod_selector
        alone = len(policy.rules(rule.direction)) == 1
        replicas = any(
            context.workloads[pod.key].kind == "StatefulSet" for pod in context.selected(policy)
        )
        yield Hint(
            RULE_FOR_ITSELF,
            Severity.WARNING if alone and not replicas else Severity.INFO,
            str(rule.origin),
            policy.rule_name(rule),
            f"the policy selects {chosen} and the rule names {chosen} too: it lets these pods "
            "reach each other and nobody else",
            f"spec.podSelector selects {_END[rule.direction]}; for replicas that talk to each "
            "other, silence this hint",
        )
