"""Intents: how they are written, which flows they mean, and what breaks them."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml

from netproof.errors import PolicyError
from netproof.model.review import IntentJudgement, Kept
from netproof.review.intents import SCHEMA_FILE
from netproof.review.judgement import judge
from tests.unit.review.build import FILE, case, deny_all, intents, policy, workload

WEB, API = workload("shop/web", 80), workload("shop/api", "http:8080", "metrics:9090")
FAR = workload("far/api", 8080)
WEB_TO_API = policy(
    "shop/api",
    "{podSelector: {matchLabels: {app: api}}, policyTypes: [Ingress], ingress: [{from: "
    "[{podSelector: {matchLabels: {app: web}}}], ports: [{port: http}]}]}",
)
OUT = policy(
    "shop/out",
    "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{ipBlock: "
    "{cidr: 203.0.113.0/24, except: [203.0.113.64/26]}}], ports: [{port: 443}]}]}",
)
DOCUMENTS = [WEB, API, FAR, WEB_TO_API, OUT.replace("app: web", "app: api")]


def judged(statement: str, *documents: str) -> IntentJudgement:
    """Judge one intent of a bundle."""
    made = case(documents or DOCUMENTS, intents(statement))
    return judge(made.reachability, made.intents[0])


@pytest.mark.parametrize(
    "statement",
    [
        "allow: web -> shop/api:http",
        "allow: web -> shop/api:8080/TCP",
        "deny: web -> shop/api:9090",
        "deny: web -> shop/api:metrics",
        "deny: far/api -> shop/api",
        "deny: namespace far -> shop/api",
        "deny: label app=api in namespace far -> shop/api",
        "deny: outside -> shop/api",
        "allow: outside -> web",
        "only: web -> shop/api:http",
        "allow: far/* -> web",
        "deny: */api -> shop/api",
        "deny: shop/api -> dns:53/UDP",
        "allow: web -> dns",
        "allow: shop/api -> outside 203.0.113.0/26:443/TCP",
        "deny: shop/api -> outside 203.0.113.64/26:443",
        "deny: shop/api -> outside 198.51.100.0/24",
        "deny: shop/api -> outside:80",
    ],
)
def test_kept(statement: str) -> None:
    """An intent that the policies mean is kept."""
    found = judged(
        statement.replace("deny: shop/api -> dns:53/UDP", "deny: shop/api -> dns:53/UDP")
    )

    assert (Kept.KEPT, ()) == (found.kept, found.broken)


@pytest.mark.parametrize(
    ("statement", "flows"),
    [
        ("deny: web -> shop/api", ["shop/web -> shop/api:8080/TCP"]),
        ("allow: far/api -> shop/api:http", ["far/api -> shop/api:8080/TCP"]),
        ("allow: shop/api -> dns:53/UDP", ["shop/api -> dns:53/UDP"]),
        (
            "allow: shop/api -> outside 203.0.113.0/24:443",
            ["shop/api -> outside 203.0.113.64/26:443/TCP"],
        ),
        ("only: web -> far/api", ["shop/web -> far/api:8080/TCP"]),
    ],
)
def test_broken(statement: str, flows: list[str]) -> None:
    """An intent that the policies do not mean is broken by exactly these flows."""
    sealed = policy(
        "far/p",
        "{podSelector: {}, policyTypes: [Ingress]}",
    )
    found = judged(statement, *DOCUMENTS, sealed)

    assert flows == [flow.flow for flow in found.broken]


def test_exceptions_are_left_out() -> None:
    """An exception takes its flows out of the intent, and nothing else."""
    text = """\
intents:
  - deny: "* -> shop/api"
    except: web -> shop/api:http
    reason: only the web tier
"""
    made = case(DOCUMENTS, text)

    assert Kept.KEPT is judge(made.reachability, made.intents[0]).kept


@pytest.mark.parametrize("star", ['"*"', "'*'", "*"])
def test_star_needs_no_quotes_of_its_own(star: str) -> None:
    """`deny: "*" -> api` is understood although YAML would not take it; lines stay."""
    text = f"""\
intents:
  - deny: {star} -> shop/api   # a comment
    reason: nobody
  - allow: web -> shop/api:http
    reason: the web tier
"""
    made = case(DOCUMENTS, text)

    assert ["deny: * -> shop/api", "intents.yaml:4"] == [
        made.intents[0].text,
        made.intents[1].place,
    ]


def test_denied_names_the_near_miss_and_what_is_missing() -> None:
    """A denied flow that is meant names the rule that nearly lets it pass, and the missing one."""
    found = judged("allow: far/api -> shop/api:http")
    causes = [(cause.place, cause.text.split(":")[0]) for cause in found.broken[0].causes]

    assert [
        (
            f"{FILE}:{_line('shop/api')}",
            "shop/api applies to shop/api (podSelector app=api) and has 1 ingress rule",
        ),
        ("", "missing"),
    ] == [causes[0], causes[-1]]


def test_denied_by_a_namespace_names_the_peer() -> None:
    """A peer that misses by its namespace alone is named, with its line."""
    near = policy(
        "shop/p",
        "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: "
        "{app: api}}}]}]}",
    )
    found = judged("allow: far/api -> web", WEB, FAR, near)

    assert any("without a namespaceSelector" in c.text and c.place for c in found.broken[0].causes)


def test_allowed_names_the_rule_that_lets_it_pass() -> None:
    """An allowed flow that is not meant names the rule that lets it pass, with its line."""
    found = judged("deny: web -> shop/api:http")

    assert any("lets pods with app=web" in c.text and c.place for c in found.broken[0].causes)


def test_allowed_names_the_missing_default_deny() -> None:
    """A flow that no policy speaks of breaks an intent for want of a default-deny."""
    found = judged("deny: far/api -> web", WEB, FAR)

    assert ["", ""] == [cause.place for cause in found.broken[0].causes]
    assert "default-deny of ingress is missing in namespace shop" in found.broken[0].causes[1].text


def test_a_host_network_pod_leaves_it_open() -> None:
    """What the API does not define is no kept intent."""
    host = WEB.replace("spec: {containers", "spec: {hostNetwork: true, containers")
    found = judged("allow: web -> shop/api:http", host, API, WEB_TO_API)

    assert Kept.UNKNOWN is found.kept


def test_port_that_only_an_intent_names_is_tried() -> None:
    """A port that nobody declares is tried where an intent names it."""
    assert Kept.BROKEN is judged("deny: web -> shop/api:22", WEB, API).kept


def test_workload_without_ports_is_no_kept_destination() -> None:
    """An intent about a workload that serves nothing cannot be kept."""
    found = judged("deny: web -> idle", WEB, workload("shop/idle"))

    assert (Kept.UNKNOWN, 0) == (found.kept, found.flows)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("allow: webb -> shop/api", "there is no workload webb; did you mean web"),
        ("allow: api -> web", "may be any of shop/api, far/api"),
        ("deny: namespace stagin -> web", "no workload in a namespace stagin"),
        ("deny: label app=gone -> web", "no workload has the labels"),
        ("deny: web -> shop/api:nope", "no port named nope; there are http, metrics"),
        ("deny: web -> shop/api:70000", "must be between 1 and 65535"),
        ("deny: web -> shop/api:80/ICMP", "no protocol ICMP"),
        ("deny: web", "states nothing"),
        ("deny: web -> ", "nothing names nobody"),
        ("deny: dns -> web", "never asks"),
        ("deny: outside -> outside", "no policy is met"),
        ("deny: web -> outside 203.0.113.1/24", "host bits"),
        ("deny: label app -> web", "names no labels"),
        ("deny: A_b -> web", "names nobody"),
    ],
)
def test_wrong_statement_is_refused_with_its_line(statement: str, message: str) -> None:
    """A statement that means nobody, or could mean several, is refused where it stands."""
    with pytest.raises(PolicyError, match=message) as caught:
        judged(statement)

    assert "intents.yaml:2" == caught.value.place


def test_what_the_schema_takes_is_understood() -> None:
    """An intents file that uses all there is fits the published schema, and is read."""
    text = """\
namespace: shop
intents:
  - allow: web -> shop/api:http
    except: [far/api -> shop/api]
    reason: a
  - only: web -> shop/api:http
    except: far/api -> shop/api
    reason: b
"""
    jsonschema.validate(yaml.safe_load(text), json.loads(SCHEMA_FILE.read_text()))

    assert 2 == len(case(DOCUMENTS, text).intents)


def test_default_namespace_of_the_bundle() -> None:
    """Objects that name no namespace go where the intents file says."""
    nameless = WEB.replace(", namespace: shop", "")
    made = case([nameless, deny_all("shop")], "namespace: shop\n" + intents("deny: * -> web"))

    assert ["shop/web"] == [pod.key for pod in made.reachability.workloads]


def _line(key: str) -> int:
    """Return the line at which a policy of DOCUMENTS begins."""
    text = "---\n".join(DOCUMENTS)
    namespace, name = key.split("/")
    before = text.index(f"kind: NetworkPolicy\nmetadata: {{name: {name}, namespace: {namespace}}}")
    return text[:before].count("\n")
