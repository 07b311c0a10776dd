"""Each rule is dropped and widened in turn, and the intents that notice are told."""

from __future__ import annotations

from netproof.model.review import Mutation
from netproof.review.mutation import mutate
from tests.unit.review.build import FILE, case, deny_all, intents, policy, workload

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
