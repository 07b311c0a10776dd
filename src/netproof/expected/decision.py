"""What the policies of one pod decide about packets in one direction, and in which words.

The question: may this pod, in this direction, exchange these packets with that party?

The order of the questions is the argument:
1. A pod that no policy isolates in the direction is open.
2. A rule for the port that names no peers lets everyone pass, whoever they are.
3. Where the API does not say who the other party is to a policy, the answer is undefined.
4. A rule for the port whose peers match lets the packets pass; without one they are denied.
Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

from netproof.expected.index import IndexedRule, PolicyIndex
from netproof.expected.traffic import Packets, Party
from netproof.expected.undefined import why_undefined
from netproof.model.flow import Direction, Expected, Reason
from netproof.model.workload import Family, Host, HostKind, Pod


def decide(
    index: PolicyIndex, pod: Pod, other: Party, packets: Packets, direction: Direction
) -> Reason:
    """Say whether the policies that isolate `pod` let these packets pass, and in which words."""
    policies = tuple(policy.key for policy in index.isolating(pod, direction))
    if not policies:
        return Reason(direction, Expected.ALLOWED, _open(pod, direction))
    expected, passing, why = weigh(index, pod, other, packets, direction)
    if expected is Expected.UNDEFINED:
        text = f"{_isolate(policies, pod, direction)}, but {why}"
        return Reason(direction, expected, text, policies)
    if passing:
        text = _lets(passing, other, packets, direction)
        names = tuple(rule.place for rule in passing)
        return Reason(direction, expected, text, policies, names)
    text = _denied(policies, pod, other, packets, direction)
    return Reason(direction, expected, text, policies)


def weigh(
    index: PolicyIndex, pod: Pod, other: Party, packets: Packets, direction: Direction
) -> tuple[Expected, list[IndexedRule], str]:
    """Return the answer without its words: with the rules that let pass, or why it is undefined."""
    if not index.isolating(pod, direction):
        return Expected.ALLOWED, [], ""
    server = pod if direction is Direction.INGRESS else other.pod
    rules = [
        rule
        for rule in index.rules(pod, direction)
        if rule.has_port(packets.port, packets.protocol, server)
    ]
    passing = [rule for rule in rules if rule.everyone or _matches(rule, other, packets)]
    if not any(rule.everyone or _is_everywhere(rule, other, packets) for rule in passing):
        blocks = any(rule.blocks for rule in rules)
        of_api = isinstance(other.who, Host) and other.who.kind is HostKind.API_SERVER
        named = (rule.strangers or (of_api and rule.api_server) for rule in rules)
        strangers = not passing and any(named)
        why = why_undefined(pod, other, packets, direction, blocks=blocks, strangers=strangers)
        if why:
            return Expected.UNDEFINED, [], why
    return Expected.ALLOWED if passing else Expected.DENIED, passing, ""


def _matches(rule: IndexedRule, other: Party, packets: Packets) -> bool:
    # An ipBlock counts for pods too: the API has no exception, though its documentation says
    # that blocks "should be cluster-external IPs" and some CNIs match those only.
    if rule.pods and other.name in rule.pods:
        return True
    if _is_everywhere(rule, other, packets):
        return True
    address = other.who.ip(packets.family) if rule.blocks else None
    return address is not None and rule.has_address(address)


def _is_everywhere(rule: IndexedRule, other: Party, packets: Packets) -> bool:
    """Tell whether a block holds the API server wherever it is: one of all addresses."""
    if not isinstance(other.who, Host) or other.who.kind is not HostKind.API_SERVER:
        return False
    version = 4 if packets.family is Family.IPV4 else 6
    return any(
        not block.cidr.prefixlen and not block.excepts and block.cidr.version == version
        for block in rule.blocks
    )


def _open(pod: Pod, direction: Direction) -> str:
    end = "anyone may connect to it" if direction is Direction.INGRESS else "it may go anywhere"
    return f"no policy isolates {pod.key} for {direction.lower()}, so {end}"


def _isolate(policies: tuple[str, ...], pod: Pod, direction: Direction) -> str:
    verb = "isolates" if len(policies) == 1 else "isolate"
    return f"{_listed(policies)} {verb} {pod.key} for {direction.lower()}"


def _lets(passing: list[IndexedRule], other: Party, packets: Packets, direction: Direction) -> str:
    names = [rule.name for rule in passing]
    verb = "lets" if len(passing) == 1 else "let"
    return f"{_listed(names)} {verb} {_passage(other, packets, direction)}"


def _denied(
    policies: tuple[str, ...], pod: Pod, other: Party, packets: Packets, direction: Direction
) -> str:
    whose = "its" if len(policies) == 1 else "their"
    passage = _passage(other, packets, direction)
    return f"{_isolate(policies, pod, direction)} and none of {whose} rules lets {passage}"


def _passage(other: Party, packets: Packets, direction: Direction) -> str:
    if direction is Direction.INGRESS:
        return f"{other.name} in on {packets}"
    return f"it out to {other.name} on {packets}"


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
