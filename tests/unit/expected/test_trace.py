"""A trace names everything that took part, and the condition that failed for what did not."""

from __future__ import annotations

import json
from random import Random

import pytest

from netproof.expected import Condition, PolicyIndex, Trace, expect, trace_flow
from netproof.expected.trace import PolicyTrace, RuleTrace, SideTrace
from netproof.model.flow import Direction, Expected
from netproof.policy import load_text
from tests.unit.expected import generate
from tests.unit.expected.world import WORLD, flow

CASES = 300
FLOWS = 12

TO_API = "{podSelector: {matchLabels: {app: api}}, policyTypes: [Ingress], ingress: [%s]}"


def traced(line: str, *specs: str) -> Trace:
    """Trace a flow under policies of the namespace shop."""
    documents = [
        f"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        f"metadata: {{name: p{number}, namespace: shop}}\nspec: {spec}\n"
        for number, spec in enumerate(specs)
    ]
    return trace_flow(PolicyIndex(WORLD, load_text("---\n".join(documents)).policies), flow(line))


def ingress(found: Trace) -> SideTrace:
    """Return the ingress side of a trace."""
    (side,) = (side for side in found.sides if side.direction is Direction.INGRESS)
    return side


def failed(rule: str, line: str = "stage/job -> shop/api:8080") -> list[Condition]:
    """Return the conditions by which the only rule of a policy for shop/api fails."""
    (policy,) = ingress(traced(line, TO_API % rule)).policies
    (only,) = policy.rules
    return [mismatch.condition for mismatch in (*only.peer, *only.port)]


@pytest.mark.parametrize(
    ("rule", "condition"),
    [
        ("{ports: [{port: 8080, protocol: UDP}]}", Condition.PROTOCOL),
        ("{ports: [{port: 9000}]}", Condition.PORT_NUMBER),
        ("{ports: [{port: 9000, endPort: 9100}]}", Condition.PORT_NUMBER),
        ("{ports: [{port: admin}]}", Condition.PORT_NAME),
        ("{from: [{podSelector: {}}]}", Condition.PEER_NAMESPACE),
        (
            "{from: [{namespaceSelector: {matchLabels: {team: blue}}}]}",
            Condition.PEER_NAMESPACE_SELECTOR,
        ),
        (
            "{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}]}",
            Condition.PEER_POD_SELECTOR,
        ),
        ("{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}", Condition.PEER_IS_ADDRESS),
    ],
)
def test_condition_that_failed(rule: str, condition: Condition) -> None:
    """A rule that does not let a pod in names the one condition that failed."""
    assert [condition] == failed(rule)


@pytest.mark.parametrize(
    ("rule", "condition"),
    [
        ("{from: [{podSelector: {}}]}", Condition.PEER_IS_POD),
        ("{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}", Condition.BLOCK_CIDR),
        (
            "{from: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.8/29]}}]}",
            Condition.BLOCK_EXCEPT,
        ),
    ],
)
def test_condition_that_failed_for_the_outside(rule: str, condition: Condition) -> None:
    """A rule that does not let an address in says whether the block or its except is the cause."""
    assert [condition] == failed(rule, "internet -> shop/api:8080")


@pytest.mark.parametrize(
    ("spec", "condition"),
    [
        ("{podSelector: {matchLabels: {app: db}}, ingress: [{}]}", Condition.POD_SELECTOR),
        ("{podSelector: {}, policyTypes: [Egress], ingress: [{}]}", Condition.POLICY_TYPES),
    ],
)
def test_policy_that_takes_no_part(spec: str, condition: Condition) -> None:
    """A policy that does not isolate the pod names the condition, with the rules it would have."""
    (policy,) = ingress(traced("shop/web -> shop/api:8080", spec)).policies

    assert [condition] == [mismatch.condition for mismatch in policy.selection]
    assert (False, [True]) == (policy.isolates, [rule.passes for rule in policy.rules])


def test_labels_that_differ_are_named() -> None:
    """A selector that does not match names each label, as it wants it and as it is."""
    rule = "{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: web, tier: front}}}]}"
    (policy,) = ingress(traced("stage/job -> shop/api:8080", TO_API % rule)).policies
    (mismatch,) = policy.rules[0].peer

    assert [("app", "web", "job"), ("tier", "front", None)] == [
        (label.key, label.wanted, label.given) for label in mismatch.unmet
    ]


def test_nearest_entry_counts() -> None:
    """Of several entries of `from` the one that misses by the fewest conditions is named."""
    far = "{namespaceSelector: {matchLabels: {team: x}}, podSelector: {matchLabels: {app: x}}}"
    near = "{namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}"

    assert [Condition.PEER_POD_SELECTOR] == failed(f"{{from: [{far}, {near}]}}")


def test_service_has_the_sides_of_each_backend() -> None:
    """A flow to a Service is traced at every pod behind it, at the port that is rewritten to."""
    trace = traced("stage/web -> service shop/back:80 by cluster-ip", TO_API % "{}")
    inwards = [side for side in trace.sides if side.direction is Direction.INGRESS]

    assert [("shop/api", 8080), ("shop/db", 8080)] == [
        (side.pod.key, side.packets.port) for side in inwards
    ]


def _passing(policy: PolicyTrace) -> list[RuleTrace]:
    return [rule for rule in policy.rules if rule.passes] if policy.isolates else []


def test_trace_explains_the_very_answer() -> None:
    """On generated clusters the parts of a trace are those that the answer rests on, no others."""
    sides = 0
    for seed in range(CASES):
        random = Random(seed)
        world = generate.world(random)
        policies = [generate.policy(random, number) for number in range(random.randint(1, 4))]
        text = "\n---\n".join(json.dumps(policy) for policy in policies)
        loaded = load_text(text, f"seed {seed}").policies
        topology = generate.as_topology(world)
        index = PolicyIndex(topology, loaded)
        for one in (generate.as_flow(generate.flow(random, world)) for _ in range(FLOWS)):
            trace = trace_flow(index, one)
            assert expect(one, topology, loaded) == trace.expectation
            for side in trace.sides:
                _agrees(side)
                sides += 1
    assert sides > CASES


def _agrees(side: SideTrace) -> None:
    isolating = tuple(policy.policy.key for policy in side.policies if policy.isolates)
    places = [
        f"{policy.policy.key} {rule.rule}" for policy in side.policies for rule in _passing(policy)
    ]
    assert side.reason.policies == isolating, side.reason.text
    if side.reason.expected is Expected.DENIED:
        assert [] == places, side.reason.text
    if side.reason.expected is Expected.ALLOWED:
        assert list(side.reason.rules) == places, side.reason.text
