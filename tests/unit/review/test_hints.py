"""Each hint is found where its mistake is really there, and not where it is not."""

from __future__ import annotations

import pytest

from netproof.errors import PolicyError
from netproof.model.review import Hint, Severity
from netproof.review.hints import NAMES, find_all
from tests.unit.review.build import FILE, context, deny_all, policy, service, workload

WEB = workload("shop/web", 80)
API = workload("shop/api", "http:8080")
FAR = workload("far/api", "http:8080")
DNS_TO = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}"

FROM_WEB = "{from: [{podSelector: {matchLabels: {app: web}}}]}"
ON_API = "podSelector: {matchLabels: {app: api}}"


def egress(*ports: str, to: str = DNS_TO) -> str:
    """Return a policy that lets everything in shop out to somewhere on some ports."""
    spec = f"{{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: [{to}], "
    return policy("shop/out", f"{spec}ports: [{', '.join(ports)}]}}]}}")


def ingress(rule: str, name: str = "shop/p") -> str:
    """Return a policy for api with one ingress rule."""
    return policy(name, f"{{{ON_API}, policyTypes: [Ingress], ingress: [{rule}]}}")


def found(name: str, *documents: str, cni: str = "") -> list[Hint]:
    """Return the hints of one name."""
    return [hint for hint in find_all(context(*documents, cni=cni)) if hint.name == name]


def front(kind: str, more: str = "") -> str:
    """Return a Service of a type in front of api, with the label that a monitor looks for."""
    ports = "[{name: web, port: 443, targetPort: http}]"
    return (
        "apiVersion: v1\nkind: Service\nmetadata: {name: front, namespace: shop, "
        "labels: {app: api}}\n"
        f"spec: {{type: {kind}, {more}selector: {{app: api}}, ports: {ports}}}\n"
    )


HOSTED = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: api, namespace: shop, labels: {app: api}}\n"
    "spec: {containers: [{name: a, ports: [{containerPort: 8080, hostPort: 80}]}]}\n"
)
ON_NODE = WEB.replace("spec: {containers", "spec: {hostNetwork: true, containers")
MONITOR = (
    "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\n"
    "metadata: {name: api, namespace: shop}\n"
    "spec: {selector: {matchLabels: {app: api}}, endpoints: [{port: web}]}\n"
)
HOOK = (
    "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\n"
    "metadata: {name: hook}\n"
    "webhooks: [{clientConfig: {service: {name: front, namespace: shop}}}]\n"
)

BOUND = (
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n"
    "metadata: {name: ask, namespace: shop}\n"
    "roleRef: {kind: ClusterRole, name: view}\nsubjects: [{kind: ServiceAccount, name: default}]\n"
)

BAD = {
    "selects-nothing": [WEB, ingress(FROM_WEB)],
    "no-default-deny": [WEB],
    "dns-forgotten": [WEB, API, egress("{port: 8080}", to="{podSelector: {}}")],
    "own-namespace-only": [
        FAR,
        workload("shop/db", 1),
        policy(
            "shop/p",
            "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: "
            "{matchLabels: {app: api}}}]}]}",
        ),
    ],
    "or-where-and": [
        WEB,
        API,
        ingress(
            "{from: [{namespaceSelector: {matchLabels: {team: a}}}, {podSelector: {matchLabels: "
            "{app: web}}}]}"
        ),
    ],
    "service-port": [
        WEB,
        API,
        service("shop/api", "api", "{port: 80, targetPort: http}"),
        ingress("{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 80}]}"),
    ],
    "block-covers-cluster": [API, ingress("{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}")],
    "unused-rule": [API, ingress("{from: [{podSelector: {matchLabels: {app: gone}}}]}")],
    "superfluous-rule": [WEB, API, ingress(f"{FROM_WEB}, {{from: [{{podSelector: {{}}}}]}}")],
    "peers-undone": [
        WEB,
        API,
        ingress(f"{FROM_WEB[:-1]}, ports: [{{port: 8080}}]}}, {{ports: [{{port: http}}]}}"),
    ],
    "policy-without-effect": [
        WEB,
        API,
        policy("shop/deny", f"{{{ON_API}, policyTypes: [Ingress]}}"),
        ingress("{}"),
    ],
    "split-rule": [WEB, API, ingress(f"{FROM_WEB}, {{ports: [{{port: 8080}}]}}")],
    "service-address": [
        WEB,
        policy("shop/p", "{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.96.0.1/32}}]}]}"),
    ],
    "client-address": [
        API,
        front("LoadBalancer"),
        ingress("{from: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 8080}]}"),
    ],
    "shut-service": [API, front("LoadBalancer"), deny_all("shop")],
    "host-port": [HOSTED, deny_all("shop")],
    "host-network-peer": [ON_NODE, API, ingress(FROM_WEB)],
    "shut-scrape": [API, front("ClusterIP"), MONITOR, ingress("{ports: [{port: 9}]}")],
    "shut-apiserver": [WEB, BOUND, egress("{port: 53, protocol: UDP}")],
    "empty-list": [WEB, API, ingress("{from: , ports: [{port: 8080}]}")],
    "doubtful-block": [API, ingress("{from: [{ipBlock: {cidr: 203.0.113.1/24}}]}")],
    "shut-webhook": [
        WEB,
        API,
        front("ClusterIP"),
        HOOK,
        ingress("{from: [{podSelector: {}}], ports: [{port: 8080}]}"),
    ],
    "policy-types-default": [API, policy("shop/p", f"{{{ON_API}, egress: []}}")],
    "end-port": [API, ingress("{ports: [{port: 8000, endPort: 9000}]}")],
    "one-sided-rule": [WEB, API, deny_all("shop"), ingress(FROM_WEB)],
    "rule-for-itself": [API, ingress("{from: [{podSelector: {matchLabels: {app: api}}}]}")],
}

GOOD = {
    "selects-nothing": [API, ingress(FROM_WEB)],
    "no-default-deny": [WEB, deny_all("shop")],
    "dns-forgotten": [WEB, egress("{port: 53, protocol: UDP}", "{port: 53}")],
    "own-namespace-only": [WEB, API, FAR, ingress(FROM_WEB)],
    "or-where-and": [
        WEB,
        API,
        ingress(
            "{from: [{namespaceSelector: {matchLabels: {team: a}}, podSelector: {matchLabels: "
            "{app: web}}}]}"
        ),
    ],
    "service-port": [
        WEB,
        API,
        service("shop/api", "api", "{port: 80, targetPort: http}"),
        ingress("{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 8080}]}"),
    ],
    "block-covers-cluster": [API, ingress("{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}")],
    "unused-rule": [WEB, API, ingress(FROM_WEB)],
    "superfluous-rule": [WEB, API, ingress(f"{FROM_WEB}, {{ports: [{{port: 8080}}]}}")],
    "peers-undone": [
        WEB,
        API,
        ingress(f"{FROM_WEB[:-1]}, ports: [{{port: 8080}}]}}, {{ports: [{{port: 9090}}]}}"),
    ],
    "policy-without-effect": [WEB, API, policy("shop/deny", "{podSelector: {}}"), ingress("{}")],
    "split-rule": [
        WEB,
        API,
        policy(
            "shop/p",
            "{podSelector: {}, egress: [{ports: [{port: 53, protocol: UDP}]}, "
            "{to: [{podSelector: {}}]}]}",
        ),
    ],
    "service-address": [
        WEB,
        policy("shop/p", "{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 203.0.113.1/32}}]}]}"),
    ],
    "client-address": [
        API,
        front("LoadBalancer", "externalTrafficPolicy: Local, "),
        ingress("{from: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 8080}]}"),
    ],
    "shut-service": [
        API,
        front("LoadBalancer"),
        deny_all("shop"),
        ingress("{ports: [{port: http}]}"),
    ],
    "host-port": [HOSTED],
    "host-network-peer": [WEB, API, ingress(FROM_WEB)],
    "shut-scrape": [
        API,
        front("ClusterIP"),
        MONITOR,
        ingress("{from: [{namespaceSelector: {matchLabels: {team: a}}}]}"),
    ],
    "shut-webhook": [WEB, API, front("ClusterIP"), HOOK, ingress("{ports: [{port: http}]}")],
    "shut-apiserver": [
        WEB,
        BOUND,
        policy("shop/p", "{podSelector: {}, egress: [{ports: [{port: 6443}]}]}"),
    ],
    "empty-list": [WEB, API, ingress("{ports: [{port: 8080}]}")],
    "doubtful-block": [API, ingress("{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}")],
    "policy-types-default": [
        API,
        policy("shop/p", f"{{{ON_API}, egress: [], policyTypes: [Ingress, Egress]}}"),
    ],
    "end-port": [API, ingress("{ports: [{port: 8000}]}")],
    "one-sided-rule": [WEB, API, ingress(FROM_WEB)],
    "rule-for-itself": [WEB, API, ingress(FROM_WEB)],
}


def test_every_hint_has_both_cases() -> None:
    """Each hint is tested with its mistake and without."""
    assert set(NAMES) == set(BAD) == set(GOOD)


@pytest.mark.parametrize("name", sorted(BAD))
def test_mistake_is_found(name: str) -> None:
    """A mistake is found with a place in the bundle, a meaning and a fix."""
    hints = found(name, *BAD[name])

    assert hints
    assert all(hint.place.startswith(f"{FILE}:") and hint.text and hint.fix for hint in hints)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_no_mistake_no_hint(name: str) -> None:
    """What is written as it should be gives no hint."""
    assert [] == found(name, *GOOD[name])


def test_place_is_the_line_of_the_entry() -> None:
    """A hint about one entry of a list names the line of that entry, not of the policy."""
    text = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  podSelector: {}
  ingress:
    - from:
        - namespaceSelector: {matchLabels: {team: a}}
        - podSelector: {matchLabels: {app: web}}
"""
    (hint,) = found("or-where-and", text, WEB)

    assert f"{FILE}:9" == hint.place


def test_comment_about_any_namespace_makes_it_a_warning() -> None:
    """A podSelector alone contradicts a comment beside it that speaks of any namespace."""
    text = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  podSelector: {}
  ingress:
    - from:
        # from the web tier in ANY namespace
        - podSelector: {matchLabels: {app: web}}
"""
    (hint,) = found("own-namespace-only", text, WEB)

    assert (Severity.WARNING, f"{FILE}:9") == (hint.severity, hint.place)


@pytest.mark.parametrize(
    ("ports", "severity"),
    [
        pytest.param(["{port: 53, protocol: UDP}"], Severity.INFO, id="udp-without-tcp"),
        pytest.param(["{port: 53}"], Severity.WARNING, id="tcp-without-udp"),
    ],
)
def test_half_of_dns(ports: list[str], severity: Severity) -> None:
    """DNS by one protocol only is worth a hint of its own."""
    (hint,) = found("dns-forgotten", WEB, egress(*ports))

    assert severity is hint.severity


@pytest.mark.parametrize(
    ("cni", "severities"),
    [
        pytest.param("weave", [Severity.ERROR], id="ignores-it"),
        pytest.param("calico", [], id="reads-it"),
        pytest.param("", [Severity.INFO], id="not-named"),
    ],
)
def test_end_port_by_cni(cni: str, severities: list[Severity]) -> None:
    """A range is an error for a CNI that ignores endPort, and nothing for one that reads it."""
    hints = found("end-port", *BAD["end-port"], cni=cni)

    assert severities == [hint.severity for hint in hints]


def test_rules_of_a_direction_that_is_left_out() -> None:
    """Egress rules under policyTypes [Ingress] are not in force, which is an error."""
    text = policy("shop/p", f"{{{ON_API}, policyTypes: [Ingress], egress: [{{}}]}}")
    (hint,) = found("unused-rule", API, text)

    assert Severity.ERROR is hint.severity


def test_a_name_beside_ports_that_are_there_is_a_remark() -> None:
    """Charts name the port of an option beside those that are always served."""
    both = found("unused-rule", API, WEB, ingress("{ports: [{port: http}, {port: https}]}"))
    alone = found("unused-rule", API, WEB, ingress("{ports: [{port: https}]}"))

    assert [Severity.INFO] == [hint.severity for hint in both]
    assert [Severity.ERROR] == [hint.severity for hint in alone]


@pytest.mark.parametrize(
    ("label", "severity"),
    [
        ("api-client: 'true'", Severity.INFO),
        ("app: gone", Severity.WARNING),
        ("ap: web", Severity.WARNING),
        ("api-client: 'true', app: web", Severity.WARNING),
    ],
)
def test_clients_by_a_label_of_their_own_are_a_remark(label: str, severity: Severity) -> None:
    """Whoever is to be let in gets it; one that is nearly a label of the bundle is a slip."""
    rule = f"{{from: [{{podSelector: {{matchLabels: {{{label}}}}}}}]}}"

    assert [severity] == [hint.severity for hint in found("unused-rule", API, WEB, ingress(rule))]


def test_open_workloads_that_serve_nothing_are_a_remark() -> None:
    """A Job to which nobody connects is no hole; it becomes one with a port."""
    job = workload("shop/job", kind="Job").replace("apps/v1", "batch/v1")
    covered = ingress(FROM_WEB)

    assert {Severity.INFO} == {
        hint.severity for hint in found("no-default-deny", API, covered, job)
    }
    assert Severity.WARNING in {
        hint.severity for hint in found("no-default-deny", API, covered, job, WEB)
    }


def test_a_policy_of_another_kind_may_deny_too() -> None:
    """What nothing limits by NetworkPolicies may be limited by Cilium's."""
    cilium = (
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n"
        "metadata: {name: c, namespace: shop}\n"
        "spec: {endpointSelector: {matchLabels: {app: api}}, ingress: [{}], egress: [{}]}\n"
    )
    hints = found("no-default-deny", API, WEB, cilium)

    told = {
        (hint.severity, "unless CiliumNetworkPolicy shop/c denies it" in hint.text)
        for hint in hints
    }
    assert {(Severity.WARNING, False), (Severity.INFO, False), (Severity.INFO, True)} == told


def test_named_port_that_nobody_has() -> None:
    """A rule for a port name that no pod it is about has lets nothing pass."""
    (hint,) = found("unused-rule", API, ingress("{ports: [{port: https}]}"))

    assert "there are http" == hint.fix


def test_exception_takes_the_cluster_out_of_a_block() -> None:
    """A block whose exceptions hold the cluster's ranges covers none of them."""
    block = "{cidr: 0.0.0.0/0, except: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]}"

    assert [] == found("block-covers-cluster", API, ingress(f"{{from: [{{ipBlock: {block}}}]}}"))


def test_of_two_equal_rules_the_later_is_superfluous() -> None:
    """Of two rules that say the same, one hint is given, for the later."""
    documents = [WEB, API, ingress(FROM_WEB, "shop/a"), ingress(FROM_WEB, "shop/b")]
    (hint,) = found("superfluous-rule", *documents)

    assert "shop/b ingress[0]" == hint.subject


@pytest.mark.parametrize(
    "comment",
    [
        pytest.param("# netproof: ignore rule-for-itself because replicas talk", id="above"),
        pytest.param("", id="same-line"),
    ],
)
def test_silenced_with_a_reason(comment: str) -> None:
    """A comment above the rule or on its line silences the hint and keeps the reason."""
    same = "" if comment else "  # netproof: ignore rule-for-itself because replicas talk"
    text = f"""\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: p, namespace: shop}}
spec:
  podSelector: {{matchLabels: {{app: api}}}}
  ingress:
    {comment}
    - from: [{{podSelector: {{matchLabels: {{app: api}}}}}}]{same}
"""
    (hint,) = found("rule-for-itself", API, text)

    assert "replicas talk" == hint.silenced


def test_silenced_for_a_whole_policy() -> None:
    """A comment above a policy silences a hint about any of its rules."""
    comment = "# netproof: ignore rule-for-itself because replicas talk\n"
    (hint,) = found("rule-for-itself", API, comment + BAD["rule-for-itself"][1])

    assert "replicas talk" == hint.silenced


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        pytest.param(
            "ignore no-such-hint because x", "there is no hint no-such-hint", id="unknown"
        ),
        pytest.param("ignore end-port", "because REASON", id="no-reason"),
        pytest.param("shut up", "write `# netproof: ignore", id="no-order"),
    ],
)
def test_wrong_silence_is_an_error(comment: str, message: str) -> None:
    """A comment that silences nothing we know, or says no reason, is refused with its line."""
    with pytest.raises(PolicyError, match=message) as caught:
        find_all(context(f"# netproof: {comment}\n{API}"))

    assert f"{FILE}:1" == caught.value.place
