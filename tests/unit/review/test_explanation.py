"""An explanation gives the answer, what decided, and what nearly did."""

from __future__ import annotations

import pytest

from netproof.errors import PolicyError, UsageError
from netproof.model.review import Explanation
from netproof.review.explanation import explain
from tests.unit.review.build import deny_all, mirror, policy, workload

WEB, API, FAR = workload("shop/web", 80), workload("shop/api", 8080), workload("far/web", 80)


def ingress(
    peer: str, ports: str = "{port: 8080}", *, app: str = "api", space: str = "shop"
) -> str:
    """Return a policy that lets a peer in."""
    return policy(
        f"{space}/p",
        f"{{podSelector: {{matchLabels: {{app: {app}}}}}, policyTypes: [Ingress], ingress: "
        f"[{{from: [{peer}], ports: [{ports}]}}]}}",
    )


def explained(statement: str, *documents: str) -> Explanation:
    """Explain the only flow that a statement names."""
    (one,) = explain(mirror(WEB, API, FAR, *documents), statement)
    return one


def weights(one: Explanation, side: int) -> list[str]:
    """Return the parts that policies and rules have in one side of the argument."""
    return [argument.weight for argument in one.sides[side].arguments]


def test_open_flow() -> None:
    """A flow that no policy speaks of is allowed, and nothing took part."""
    one = explained("shop/web -> api:8080")

    assert ("allowed", [[], []]) == (one.answer, [weights(one, 0), weights(one, 1)])


def test_rule_that_lets_it_pass() -> None:
    """An allowed flow names the rule that lets it pass, and the policy that isolates."""
    one = explained("shop/web -> api:8080", ingress("{podSelector: {matchLabels: {app: web}}}"))

    assert ("allowed", ["lets pass", "isolates"]) == (one.answer, weights(one, 1))


@pytest.mark.parametrize(
    ("document", "text"),
    [
        pytest.param(
            ingress("{podSelector: {matchLabels: {app: web}}}", "{port: 80}"),
            "it is for 80/TCP, not for 8080/TCP",
            id="port-differs",
        ),
        pytest.param(
            ingress("{podSelector: {matchLabels: {app: wep}}}"),
            "app is web, not wep",
            id="label-differs",
        ),
        pytest.param(
            ingress("{podSelector: {matchLabels: {tier: front}}}"),
            "it has no label tier",
            id="label-missing",
        ),
        pytest.param(
            ingress("{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: far}}}"),
            "kubernetes.io/metadata.name is shop, not far",
            id="namespace-differs",
        ),
        pytest.param(
            deny_all("shop") + "---\n" + ingress("{podSelector: {}}", app="apy"),
            "its podSelector app=apy does not select shop/api",
            id="selector-differs",
        ),
        pytest.param(
            deny_all("shop") + "---\n" + ingress("{namespaceSelector: {}}", space="far"),
            "a policy applies to pods of its own namespace",
            id="policy-elsewhere",
        ),
    ],
)
def test_near_miss(document: str, text: str) -> None:
    """A rule that misses by one condition is named with that condition."""
    one = explained("shop/web -> api:8080", document)
    near = [a.text for a in one.sides[1].arguments if a.weight == "near miss"]

    assert "denied" == one.answer
    assert any(text in argument for argument in near), near


def test_except_is_a_near_miss() -> None:
    """A block whose exception holds the address nearly lets it pass."""
    block = ingress("{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.0/25]}}")
    (one,) = explain(mirror(WEB, API, FAR, block), "outside 203.0.113.0/25 -> api:8080")

    assert "its except leaves" in next(
        a.text for a in one.sides[0].arguments if a.weight == "near miss"
    )


def test_rule_about_others_is_named_as_such() -> None:
    """A rule that misses by more than one condition took part, and is no near miss."""
    one = explained(
        "shop/web -> api:8080", ingress("{podSelector: {matchLabels: {app: db}}}", "{port: 1}")
    )

    assert ["isolates", "about others", "missing"] == weights(one, 1)


def test_both_sides_are_argued() -> None:
    """Egress of the source and ingress of the destination are argued each."""
    one = explained("shop/web -> api:8080", deny_all("shop"))

    assert [("Egress", "denied"), ("Ingress", "denied")] == [
        (side.direction, side.answer) for side in one.sides
    ]


def test_nothing_there() -> None:
    """A statement about a workload that serves nothing is refused."""
    with pytest.raises(UsageError, match="names no flow"):
        explain(mirror(WEB, workload("shop/idle")), "web -> idle")


def test_nobody_there() -> None:
    """A statement about nobody is refused."""
    with pytest.raises(PolicyError, match="there is no workload gone"):
        explain(mirror(WEB), "gone -> web")
