"""The API server and the nodes as parties: what NetworkPolicy says of them, and what it cannot."""

from __future__ import annotations

import pytest

from netproof.errors import PolicyError
from netproof.model.review import FlowAnswer, IntentJudgement, Kept
from netproof.report.review import terminal
from netproof.review.explanation import explain
from netproof.review.judgement import judge, judge_all
from tests.unit.review.build import case, deny_all, intents, mirror, policy, workload

WEB, HOOK = workload("shop/web", 80), workload("shop/hook", 9443)


def judged(statement: str, *documents: str) -> IntentJudgement:
    """Judge one intent of a bundle with two workloads."""
    made = case([WEB, HOOK, *documents], intents(statement))
    return judge(made.reachability, made.intents[0])


def out(rule: str) -> str:
    """Return a policy that limits the egress of web to one rule."""
    chosen = "podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]"
    return policy("shop/out", f"{{{chosen}, egress: [{rule}]}}")


def into(rule: str) -> str:
    """Return a policy that limits the ingress of the webhook to one rule."""
    return policy("shop/in", f"{{podSelector: {{matchLabels: {{app: hook}}}}, ingress: [{rule}]}}")


ON_6443 = "ports: [{port: 6443}]"
TO_BLOCK = f"{{to: [{{ipBlock: {{cidr: 192.0.2.1/32}}}}], {ON_6443}}}"
TO_ALL_ADDRESSES = f"{{to: [{{ipBlock: {{cidr: 0.0.0.0/0}}}}], {ON_6443}}}"
TO_PODS = "{to: [{podSelector: {matchLabels: {app: hook}}}]}"
TO_SYSTEM = "{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}]}"
TO_EVERY_POD = "{to: [{namespaceSelector: {}}]}"


@pytest.mark.parametrize(
    ("statement", "documents", "expected"),
    [
        ("allow: web -> apiserver", [], Kept.KEPT),
        ("deny: web -> apiserver", [], Kept.BROKEN),
        ("deny: web -> apiserver", [deny_all("shop")], Kept.KEPT),
        ("allow: web -> apiserver", [deny_all("shop")], Kept.BROKEN),
        ("allow: web -> apiserver", [out(f"{{{ON_6443}}}")], Kept.UNKNOWN),
        ("allow: web -> apiserver:6443", [out(f"{{{ON_6443}}}")], Kept.KEPT),
        ("allow: web -> apiserver:443", [out(f"{{{ON_6443}}}")], Kept.BROKEN),
        ("allow: web -> apiserver:6443", [out(TO_BLOCK)], Kept.UNKNOWN),
        ("deny: web -> apiserver:6443", [out(TO_BLOCK)], Kept.UNKNOWN),
        ("allow: web -> apiserver:6443", [out(TO_ALL_ADDRESSES)], Kept.KEPT),
        ("deny: web -> apiserver", [out(TO_PODS)], Kept.KEPT),
        ("deny: web -> apiserver", [out(TO_SYSTEM)], Kept.UNKNOWN),
        ("deny: web -> apiserver", [out(TO_EVERY_POD)], Kept.UNKNOWN),
        ("allow: apiserver -> hook:9443", [into("{ports: [{port: 9443}]}")], Kept.KEPT),
        ("allow: apiserver -> hook:9443", [into("{from: [{podSelector: {}}]}")], Kept.BROKEN),
        ("deny: apiserver -> hook", [deny_all("shop")], Kept.KEPT),
    ],
)
def test_the_api_server(statement: str, documents: list[str], expected: Kept) -> None:
    """Its address is not known, at one of two ports it listens, and it may count as a pod."""
    assert expected is judged(statement, *documents).kept


@pytest.mark.parametrize(
    ("statement", "documents", "expected"),
    [
        ("allow: nodes -> hook", [], Kept.KEPT),
        ("allow: nodes -> hook", [into("{}")], Kept.KEPT),
        ("allow: nodes -> hook", [deny_all("shop")], Kept.UNKNOWN),
        ("deny: nodes -> hook", [deny_all("shop")], Kept.UNKNOWN),
        ("deny: web -> nodes:10250", [deny_all("shop")], Kept.UNKNOWN),
        ("deny: web -> nodes:10250", [], Kept.BROKEN),
    ],
)
def test_nodes(statement: str, documents: list[str], expected: Kept) -> None:
    """A pod's own node is one of them, and that one is not for policies to deny."""
    assert expected is judged(statement, *documents).kept


def test_why_nodes_cannot_be_told() -> None:
    """The reason is that of the API."""
    found = judged("deny: nodes -> hook", deny_all("shop"))

    assert ("nodes -> shop/hook:9443/TCP", FlowAnswer.UNDEFINED) == (
        found.broken[0].flow,
        found.broken[0].said,
    )
    assert "its own node is not for policies to deny" in found.broken[0].causes[0].text


def test_others_do_not_change_with_who_is_named() -> None:
    """What `only` means of everybody else are pods and the outside, whoever else is named."""
    documents = [WEB, HOOK, into("{from: [{podSelector: {matchLabels: {app: web}}}]}")]
    made = case(
        documents, intents("only: web -> hook", "deny: nodes -> web", "allow: apiserver -> web")
    )

    assert Kept.KEPT is judge_all(made.reachability, made.intents)[0].kept


@pytest.mark.parametrize(
    "statement", ["apiserver -> nodes", "outside -> apiserver", "dns -> nodes"]
)
def test_without_a_pod_nothing_is_stated(statement: str) -> None:
    """No policy is met between machines."""
    with pytest.raises(PolicyError):
        judged(f"deny: {statement}")


def test_explain_takes_them() -> None:
    """The words are those of the statement."""
    told = terminal.explanations(explain(mirror(WEB, HOOK, deny_all("shop")), "web -> apiserver"))

    assert "shop/web -> apiserver:443/TCP or 6443/TCP is denied." in told
    assert "an ipBlock of the addresses of apiserver" in told
    told = terminal.explanations(explain(mirror(WEB, HOOK, deny_all("shop")), "nodes -> web"))
    assert "nodes -> shop/web:80/TCP is undefined." in told
