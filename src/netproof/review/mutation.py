"""How strong is the test: each rule dropped and widened in turn, and who notices.

A mutation that no intent notices is a mistake that could be made tomorrow without anybody being
told. One that changes no flow of the bundle cannot be noticed and is no fault of the intents.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace

from netproof.expected.evaluate import REWRITTEN_PATHS
from netproof.model.flow import Direction, Expected, Flow
from netproof.model.review import Mutation
from netproof.policy import NetworkPolicy, Rule, matching
from netproof.policy.document import Origin
from netproof.policy.limits import MAX_MUTATED, refuse_more
from netproof.review import phrases
from netproof.review.intents import Intent, wanted_of
from netproof.review.reachability import Reachability


@dataclass(frozen=True, slots=True)
class Mutant:
    """A policy as it would be after the change, None where it is gone.

    `rule` is the one that changes, None where all do; `wider` is what takes its place.
    """

    original: NetworkPolicy
    changed: NetworkPolicy | None
    origin: Origin
    text: str
    rule: Rule | None = None
    wider: Rule | None = None


def mutate(reach: Reachability, intents: Iterable[Intent]) -> tuple[Mutation, ...]:
    """Try every mutation of every policy and return what became of it, in the bundle's order."""
    wanted = [(intent, wanted_of(intent, reach)) for intent in intents]
    tried = [mutant for policy in reach.policies for mutant in mutants(policy)]
    work = len(tried) * len(reach.flows)
    if work > MAX_MUTATED:
        things = f"mutations times flows ({work:,})"
        place = str(tried[-1].origin)
        refuse_more(work, MAX_MUTATED, things, place, "leave --mutate to a part of the bundle")
    return tuple(_tried(reach, mutant, wanted) for mutant in tried)


def mutants(policy: NetworkPolicy) -> Iterator[Mutant]:
    """Yield the mutations of a policy: itself dropped, each rule dropped, each rule widened."""
    yield Mutant(policy, None, policy.origin, f"drop the policy {policy.key}")
    for direction in Direction:
        for rule in policy.rules(direction):
            name = policy.rule_name(rule)
            yield Mutant(policy, _with(policy, rule, None), rule.origin, f"drop {name}", rule)
            if rule.peers:
                word = phrases.verb(direction)
                yield _widened(policy, rule, replace(rule, peers=()), f"{word} everyone")
            if rule.ports:
                yield _widened(policy, rule, replace(rule, ports=()), "on every port")


def _widened(policy: NetworkPolicy, rule: Rule, wider: Rule, how: str) -> Mutant:
    text = f"widen {policy.rule_name(rule)}: {how}"
    return Mutant(policy, _with(policy, rule, wider), rule.origin, text, rule, wider)


def _with(policy: NetworkPolicy, rule: Rule, new: Rule | None) -> NetworkPolicy:
    """Return the policy with a rule replaced or dropped; what it isolates stays as it is."""
    kept = tuple(r for one in policy.rules(rule.direction) for r in (_swap(one, rule, new),) if r)
    if rule.direction is Direction.INGRESS:
        return replace(policy, ingress=kept)
    return replace(policy, egress=kept)


def _swap(one: Rule, rule: Rule, new: Rule | None) -> Rule | None:
    return new if one is rule else one


def _tried(
    reach: Reachability, mutant: Mutant, wanted: Iterable[tuple[Intent, dict[Flow, Expected]]]
) -> Mutation:
    changed = _changed(reach, mutant)
    noticed = tuple(
        intent.place
        for intent, wants in wanted
        if any(
            flow in wants and (wants[flow] is reach.matrix[flow].expected) != (wants[flow] is now)
            for flow, now in changed.items()
        )
    )
    example = ""
    if changed:
        flow, now = next(iter(changed.items()))
        example = f"{phrases.flow(flow)} becomes {now}"
    return Mutation(str(mutant.origin), mutant.text, len(changed), noticed, example)


def _changed(reach: Reachability, mutant: Mutant) -> dict[Flow, Expected]:
    """Return the flows that a mutation changes; only those of pods it applies to can be."""
    pods = dict.fromkeys(pod.key for pod in reach.index.selected(mutant.original))
    flows = dict.fromkeys(flow for pod in pods for flow in reach.flows_of[pod])
    likely = [flow for flow in flows if _may_change(reach, mutant, flow, pods)]
    after = reach.answers.with_changed(mutant.original, mutant.changed)
    answers = {flow: after.expect(flow).expected for flow in likely}
    return {flow: now for flow, now in answers.items() if now is not reach.matrix[flow].expected}


def _may_change(reach: Reachability, mutant: Mutant, flow: Flow, pods: Container[str]) -> bool:
    """Tell whether the answer for a flow can be another one; `pods` are those selected.

    One rule decides at one end, where the answer is made of the rules for the flow's port. Which
    port of which pod a Service leads to is not asked here.
    """
    rule, wider = mutant.rule, mutant.wider
    if rule is None or flow.path in REWRITTEN_PATHS:
        return True
    inward = rule.direction is Direction.INGRESS
    if (flow.destination if inward else flow.source).name not in pods:
        return False
    ends = reach.matrix[flow].reasons
    if any(end.direction is not rule.direction and end.expected is Expected.DENIED for end in ends):
        return False
    server = reach.pods.get(flow.destination.name)
    before = matching.is_for_port(rule.ports, flow.port, flow.protocol, server)
    return not before if wider is not None and wider.ports != rule.ports else before
