"""The trace of an answer in words: what decides, what isolates, what nearly lets a flow pass.

`expected` says which policies and rules took part and which condition failed for the others; here
that is worded, for those who ask why and for intents that do not hold. Nothing is read anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netproof.errors import UsageError
from netproof.expected import Condition, Mismatch
from netproof.expected.trace import PolicyTrace, RuleTrace, SideTrace, Trace
from netproof.model.flow import Expected, Flow
from netproof.model.review import Argument, Cause, Explanation, SideExplanation, Weight
from netproof.policy.mirror import Mirror
from netproof.review import phrases
from netproof.review.doubts import Doubts
from netproof.review.intents import Intent, IntentStance, reachability_of
from netproof.review.reachability import API_SERVER, NODES, OUTSIDE, Reachability
from netproof.review.statement import meant, parse_statement

_ORDER = tuple(Weight)

_WORDS: Mapping[Condition, str] = {
    Condition.POLICY_NAMESPACE: (
        "it is in namespace {written} and {pod} is not; a policy applies to pods of its own "
        "namespace"
    ),
    Condition.POD_SELECTOR: "its podSelector {written} does not select {pod} ({differs})",
    Condition.POLICY_TYPES: "its policyTypes leave {given} out, so the rule is not in force",
    Condition.PEER_NAMESPACE: (
        "its podSelector stands without a namespaceSelector and so means pods of {written} only; "
        "{given} is in {space}"
    ),
    Condition.PEER_NAMESPACE_SELECTOR: (
        "its namespaceSelector {written} does not match namespace {given} ({differs})"
    ),
    Condition.PEER_POD_SELECTOR: "its podSelector {written} does not match {given} ({differs})",
    Condition.PEER_IS_POD: "it names pods, and {given} is none",
    Condition.PEER_IS_ADDRESS: "it names addresses of {written}",
    Condition.BLOCK_CIDR: "{given} is not in {written}",
    Condition.BLOCK_EXCEPT: "its except leaves {given} out of {written}",
    Condition.PROTOCOL: "it is for {written}, not for {given}",
    Condition.PORT_NUMBER: "it is for {written}, not for {given}",
    Condition.PORT_NAME: "it is for {written}, not for {given}",
}
"""How each condition is worded where it failed."""


def explain(mirror: Mirror, text: str) -> tuple[Explanation, ...]:
    """Explain every flow that a statement such as `api -> postgres:5432` names.

    Raises PolicyError for a statement that is none, UsageError for one that names no flow.
    """
    statement = parse_statement(text, "the statement")
    intent = Intent(IntentStance.ALLOW, statement, (), "asked", "the statement")
    reach = reachability_of(mirror, [intent])
    flows = [reach.grid.flow(*at) for at in reach.in_order(meant(statement, reach))]
    if not flows:
        raise UsageError(f"{text!r} names no flow: nothing there serves such a port")
    doubts = Doubts(reach)
    return tuple(explain_flow(reach, flow, doubts) for flow in flows)


def explain_flow(reach: Reachability, flow: Flow, doubts: Doubts) -> Explanation:
    """Explain one flow of a bundle."""
    trace = reach.trace(flow)
    sides = []
    for reason in trace.expectation.reasons:
        side = next((side for side in trace.sides if side.reason == reason), None)
        worded = arguments(side) if side else ()
        if side and reason.expected is Expected.DENIED:
            worded += (Argument(Weight.MISSING, "", missing_rule(side)),)
        sides.append(SideExplanation(reason.direction, reason.expected, reason.text, worded))
    other = doubts.of(flow) or doubts.who_is_asked(flow)
    return Explanation(phrases.flow(flow), trace.expectation.expected, tuple(sides), other)


def arguments(side: SideTrace) -> tuple[Argument, ...]:
    """Return what the policies have to say of one side, what decides first."""
    every = [one for policy in side.policies for one in _of_policy(side, policy)]
    return tuple(sorted(every, key=lambda argument: _ORDER.index(argument.weight)))


def causes(trace: Trace) -> tuple[Cause, ...]:
    """Return what makes a flow go as it goes: rules and policies, or those that are missing."""
    expected = trace.expectation.expected
    if expected is Expected.UNDEFINED:
        undefined = [r for r in trace.expectation.reasons if r.expected is Expected.UNDEFINED]
        return tuple(Cause("", reason.text) for reason in undefined)
    named: list[Cause] = []
    for side in trace.sides:
        if expected is Expected.ALLOWED:
            named += _lets_pass(side)
        elif side.reason.expected is Expected.DENIED:
            named += _denies(side)
    return tuple(named)


def missing_rule(side: SideTrace) -> str:
    """Return the rule that would let a side pass, in words."""
    target = phrases.own_labels(side.pod.labels)
    return (
        f"a policy in {side.pod.namespace} that selects {target} with {side.direction.lower()} "
        f"{phrases.verb(side.direction)} {_whom(side)} on {side.packets}"
    )


def _of_policy(side: SideTrace, policy: PolicyTrace) -> Iterator[Argument]:
    if policy.isolates:
        origin = str(policy.policy.origin)
        yield Argument(Weight.ISOLATES, origin, _isolates(side, policy))
        for rule in policy.rules:
            yield _of_rule(policy, rule)
    elif len(policy.selection) == 1:
        why = _mismatch(policy.selection[0], side.pod.key)
        for rule in policy.rules:
            if rule.passes:
                text = f"{rule.name} would let it pass, but {why}"
                yield Argument(Weight.NEAR_MISS, str(rule.rule.origin), text)


def _isolates(side: SideTrace, policy: PolicyTrace) -> str:
    number, word = len(policy.rules), side.direction.lower()
    has = f"{number} {word} rule{'s' if number > 1 else ''}" if number else f"no {word} rule"
    key, selector = policy.policy.key, policy.policy.pod_selector
    return f"{key} applies to {side.pod.key} (podSelector {selector}) and has {has}"


def _of_rule(policy: PolicyTrace, rule: RuleTrace) -> Argument:
    place = str(rule.rule.origin)
    whom = rule.rule.peer_words(policy.policy.namespace)
    on = rule.rule.port_words()
    if rule.passes:
        return Argument(Weight.LETS_PASS, place, f"{rule.name} lets {whom} pass on {on}")
    if rule.distance == 1:
        (mismatch,) = (*rule.peer, *rule.port)
        text = f"{rule.name} nearly does: {_mismatch(mismatch)}"
        return Argument(Weight.NEAR_MISS, str(mismatch.origin), text)
    return Argument(Weight.OTHER, place, f"{rule.name} is about {whom} on {on}")


def _mismatch(wrong: Mismatch, pod: str = "") -> str:
    """Return a failed condition in words; `pod` is the one that a policy does not select."""
    return _WORDS[wrong.condition].format(
        written=wrong.written,
        given=wrong.given,
        space=wrong.given.partition("/")[0],
        pod=pod,
        differs=phrases.unmet(wrong.unmet),
    )


def _lets_pass(side: SideTrace) -> Iterator[Cause]:
    worded = arguments(side)
    passing = [one for one in worded if one.weight is Weight.LETS_PASS]
    if passing:
        yield from (Cause(one.place, one.text) for one in passing)
    elif not any(policy.isolates for policy in side.policies):
        word = side.direction.lower()
        yield Cause(
            "",
            f"no policy isolates {side.pod.key} for {word}: a default-deny of {word} is missing "
            f"in namespace {side.pod.namespace}",
        )


def _denies(side: SideTrace) -> Iterator[Cause]:
    worded = arguments(side)
    for weight in (Weight.ISOLATES, Weight.NEAR_MISS):
        yield from (Cause(one.place, one.text) for one in worded if one.weight is weight)
    yield Cause("", f"missing: {missing_rule(side)}")


def _whom(side: SideTrace) -> str:
    other = side.other.pod
    if other is None:
        if side.other.name in (NODES, API_SERVER):
            return f"an ipBlock of the addresses of {side.other.name}"
        block = side.other.name.removeprefix(OUTSIDE).strip()
        return f"ipBlock {block}" if block else "an ipBlock of the addresses that are meant"
    pods = f"pods with {phrases.own_labels(other.labels)}"
    if other.namespace == side.pod.namespace:
        return pods
    return f"{pods} of namespace {other.namespace} (namespaceSelector)"
