"""Intents against what the policies mean: kept, broken, or not to be told; and by which rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from netproof.model.flow import Expectation, Expected, Flow
from netproof.model.review import BrokenFlow, Cause, IntentResult, Judgement, Kept
from netproof.model.workload import Pod
from netproof.review import argument, wording
from netproof.review.argument import Side
from netproof.review.intents import Intent, wanted_of
from netproof.review.world import World

ARGUED = 5
"""For how many broken flows of one intent the causes are worked out; nobody reads further."""


def judge_all(world: World, intents: Iterable[Intent]) -> tuple[IntentResult, ...]:
    """Judge each intent by what the policies mean."""
    return tuple(
        IntentResult(intent.text, intent.place, intent.reason, judge(world, intent))
        for intent in intents
    )


def judge(world: World, intent: Intent) -> Judgement:
    """Judge one intent by what the policies mean."""
    wanted = wanted_of(intent, world)
    wrong = differing(wanted, world.matrix)
    broken = tuple(
        _broken(world, flow, wanted[flow], world.matrix[flow], argued=number < ARGUED)
        for number, flow in enumerate(wrong)
    )
    return Judgement(*verdict(len(wanted), broken, intent))


def differing(
    wanted: Mapping[Flow, Expected], matrix: Mapping[Flow, Expectation]
) -> tuple[Flow, ...]:
    """Return the flows that go otherwise than wanted, the plainly wrong before the undefined."""
    wrong = [flow for flow, answer in wanted.items() if matrix[flow].expected is not answer]
    return tuple(sorted(wrong, key=lambda flow: matrix[flow].expected is Expected.UNDEFINED))


def verdict(
    flows: int, broken: tuple[BrokenFlow, ...], intent: Intent
) -> tuple[Kept, int, tuple[BrokenFlow, ...], str]:
    """Return the parts of a judgement."""
    if not flows:
        there = intent.statement.destination.text
        return Kept.UNKNOWN, 0, (), f"it is about no flow: nothing of {there} serves such a port"
    if not broken:
        return Kept.KEPT, flows, (), ""
    plain = any(one.said in (Expected.ALLOWED, Expected.DENIED) for one in broken)
    return (Kept.BROKEN if plain else Kept.UNKNOWN), flows, broken, ""


def _broken(
    world: World, flow: Flow, wanted: Expected, said: Expectation, *, argued: bool
) -> BrokenFlow:
    found = causes(world, flow, said) if argued else ()
    return BrokenFlow(wording.flow(flow), str(wanted), str(said.expected), found)


def causes(world: World, flow: Flow, said: Expectation) -> tuple[Cause, ...]:
    """Return what makes a flow go as it goes: rules and policies, or those that are missing."""
    if said.expected is Expected.UNDEFINED:
        undefined = [r for r in said.reasons if r.expected is Expected.UNDEFINED]
        return tuple(Cause("", reason.text) for reason in undefined)
    answers = {reason.direction: reason.expected for reason in said.reasons}
    found: list[Cause] = []
    for side in argument.sides(world, flow):
        if said.expected is Expected.ALLOWED:
            found += _lets_pass(world, side)
        elif answers.get(side.direction) is Expected.DENIED:
            found += _denies(world, side)
    return tuple(found)


def _lets_pass(world: World, side: Side) -> Iterator[Cause]:
    said = argument.arguments(world, side)
    passing = [one for one in said if one.weight == argument.LETS_PASS]
    if passing:
        yield from (Cause(one.place, one.text) for one in passing)
    elif not any(one.weight == argument.ISOLATES for one in said):
        word = side.direction.lower()
        yield Cause(
            "",
            f"no policy isolates {side.pod.key} for {word}: a default-deny of {word} is missing "
            f"in namespace {side.pod.namespace}",
        )


def _denies(world: World, side: Side) -> Iterator[Cause]:
    said = argument.arguments(world, side)
    for one in said:
        if one.weight == argument.ISOLATES:
            yield Cause(one.place, one.text)
    for one in said:
        if one.weight == argument.NEAR_MISS:
            yield Cause(one.place, one.text)
    yield Cause("", f"missing: {missing_rule(side)}")


def missing_rule(side: Side) -> str:
    """Return the rule that would let a side pass, in words."""
    number, protocol, _ = side.packet
    word = side.direction.lower()
    target = wording.own_labels(side.pod.labels)
    whom = _whom(side)
    return (
        f"a policy in {side.pod.namespace} that selects {target} with {word} "
        f"{wording.verb(side.direction)} {whom} on {number}/{protocol}"
    )


def _whom(side: Side) -> str:
    if not isinstance(side.other, Pod):
        address = side.other.ips[0] if side.other.ips else side.other.name
        return f"ipBlock {address}"
    pods = f"pods with {wording.own_labels(side.other.labels)}"
    if side.other.namespace == side.pod.namespace:
        return pods
    return f"{pods} of namespace {side.other.namespace} (namespaceSelector)"
