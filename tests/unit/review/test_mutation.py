"""Each rule is dropped and widened in turn, and the intents that notice are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from netproof.expected import expected_matrix
from netproof.model.review import Mutation
from netproof.review.case import Case, open_case
from netproof.review.mutation import mutants, mutate
from tests.unit.review.build import FILE, case, deny_all, intents, policy, workload

ROOT = Path(__file__).parents[3]

WEB, API = workload("shop/web", 80), workload("shop/api", 8080, 9090)
FAR = workload("far/job", 22)
RULE = policy(
    "shop/api",
    "{podSelector: {matchLabels: {app: api}}, policyTypes: [Ingress], ingress: [{from: "
    "[{podSelector: {matchLabels: {app: web}}}], ports: [{port: 8080}]}]}",
)


def mutations(*statements: str) -> dict[str, Mutation]:
    """Return the mutations of a bundle with one rule by what they do."""
    made = case([WEB, API, FAR, RULE], intents(*statements))
    return {one.text: one for one in mutate(made.reachability, made.intents)}


def test_each_rule_is_dropped_and_widened() -> None:
    """A policy with a rule is dropped, its rule is dropped, and widened in peers and in ports."""
    found = mutations("allow: web -> api:8080")

    assert {
        "drop the policy shop/api",
        "drop shop/api ingress[0]",
        "widen shop/api ingress[0]: from everyone",
        "widen shop/api ingress[0]: on every port",
    } == set(found)
    assert all(one.place.startswith(f"{FILE}:") for one in found.values())


def test_an_allow_notices_that_a_rule_is_gone() -> None:
    """An allow notices the dropped rule and no widened one."""
    found = mutations("allow: web -> api:8080")

    assert ["drop shop/api ingress[0]"] == [text for text, one in found.items() if one.noticed_by]


def test_an_only_notices_everything() -> None:
    """An only notices every mutation of the rule that it is about."""
    found = mutations("only: web -> api:8080")

    assert all(one.noticed_by == ("intents.yaml:2",) for one in found.values())


def test_unnoticed_mutation_has_an_example() -> None:
    """What nobody notices is told with a flow that it opens."""
    found = mutations("allow: web -> api:8080")["widen shop/api ingress[0]: on every port"]

    assert (1, "shop/web -> shop/api:9090/TCP becomes allowed") == (found.flows, found.example)


def test_what_changes_no_flow_cannot_be_noticed() -> None:
    """A mutation that changes no flow is counted as such."""
    made = case(
        [WEB, deny_all("shop"), deny_all("shop").replace("deny", "again")],
        intents("deny: outside -> web"),
    )

    assert [0, 0] == [one.flows for one in mutate(made.reachability, made.intents)]


EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/policies.yaml"))

TANGLED = (
    "{policyTypes: [Ingress, Egress],"
    " podSelector: {matchExpressions: [{key: app, operator: In, values: [web, api]}]},"
    " ingress: ["
    "{from: [{podSelector: {matchLabels: {app: web}}}, {ipBlock: {cidr: 192.0.2.0/24}}],"
    " ports: [{port: 8080}, {port: odd}]}, {from: [{namespaceSelector: {}}]}],"
    " egress: ["
    "{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.244.0.0/24]}}]},"
    " {ports: [{port: 53, protocol: UDP}, {port: odd}]}]}"
)


@pytest.mark.parametrize("name", [*(path.name for path in EXAMPLES), "tangled"])
def test_mutations_are_what_judging_all_again_says(name: str) -> None:
    """Only flows that a mutation may change are judged again; no other one changes."""
    made = open_case([str(ROOT / "examples" / name)]) if name != "tangled" else tangled()
    reach = made.reachability
    told = mutate(reach, made.intents)
    tried = [one for policy in reach.policies for one in mutants(policy)]
    for mutant, one in zip(tried, told, strict=True):
        others = [p if p is not mutant.original else mutant.changed for p in reach.policies]
        policies = [policy for policy in others if policy is not None]
        again = expected_matrix(reach.flows, reach.topology, policies)
        changed = [f for f in reach.flows if again[f].expected is not reach.matrix[f].expected]
        assert len(changed) == one.flows


def tangled() -> Case:
    """Return a bundle in which policies overlap, with blocks, named ports and the cluster's DNS."""
    inwards = "{podSelector: {}, policyTypes: [Ingress], ingress: [{ports: [{port: 9090}]}]}"
    dns = "{podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {}}]}]}"
    return case(
        [
            workload("shop/web", 80, "odd:8081"),
            workload("shop/api", 8080, 9090, "odd:7000"),
            *(FAR, RULE, deny_all("far")),
            *(policy("shop/tangled", TANGLED), policy("shop/all", inwards)),
            policy("kube-system/dns", dns),
        ],
        intents("only: web -> api:8080"),
    )
