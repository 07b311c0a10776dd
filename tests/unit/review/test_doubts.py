"""No intent is kept while something that is no NetworkPolicy may decide its flows otherwise."""

from __future__ import annotations

from textwrap import dedent

import pytest

from netproof.model.check import CheckRecord
from netproof.model.flow import Expected
from netproof.model.known_gap import CniFacts, KnownGap
from netproof.model.record import FlowVerdict, RunVerdict
from netproof.model.review import Kept
from netproof.model.value import replace
from netproof.policy.mirror import mirror_texts
from netproof.policy.overrulers import of_cni
from netproof.report import sarif
from netproof.report.review import markdown, terminal
from netproof.review.case import by_reading, case_of, check
from netproof.review.explanation import explain
from netproof.review.judgement import judge_all
from netproof.verdict import check_exit_code
from tests.unit.review.build import FILE, case, deny_all, intents, mirror, policy, workload

WEB, API, DB = (
    workload(f"shop/{name}", port) for name, port in (("web", 80), ("api", 8080), ("db", 5432))
)
FAR = workload("far/api", 8080)
DENY = policy("shop/deny", "{podSelector: {}, policyTypes: [Ingress]}")
ALLOW = policy(
    "shop/allow",
    "{podSelector: {matchLabels: {app: api}}, ingress: [{from: [{podSelector: {matchLabels: "
    "{app: web}}}]}]}",
)
TOGETHER, APART = (
    policy(key, "{podSelector: {}, policyTypes: [Ingress]}") for key in ("shopd/eny", "shopde/ny2")
)
SPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: blue}}\n"

DENIED, ALLOWED = "deny: far/api -> db", "allow: web -> shop/api"


def other(api_version: str, kind: str, spec: str, namespace: str = "") -> str:
    """Return an object of another kind, called `other`."""
    where = f", namespace: {namespace}" if namespace else ""
    return dedent(f"""\
        apiVersion: {api_version}
        kind: {kind}
        metadata: {{name: other{where}}}
        spec: {spec}
        """)


def kept(*documents: str) -> tuple[Kept, Kept]:
    """Judge one intent that the policies keep by denying, and one by allowing."""
    made = case([WEB, API, DB, FAR, DENY, ALLOW, SPACE, *documents], intents(DENIED, ALLOWED))
    denied, allowed = judge_all(made.reachability, made.intents)
    return denied.kept, allowed.kept


ADMIN = "policy.networking.k8s.io/v1alpha1"
EVERYONE = "subject: {namespaces: {}}"
BOTH, OPENED, CLOSED, NEITHER = (
    (Kept.UNKNOWN, Kept.UNKNOWN),
    (Kept.UNKNOWN, Kept.KEPT),
    (Kept.KEPT, Kept.UNKNOWN),
    (Kept.KEPT, Kept.KEPT),
)
RULE = "[{action: ACT, from: [{namespaces: {}}]}]"
ALLOWS, DENIES, PASSES = (RULE.replace("ACT", act) for act in ("Allow", "Deny", "Pass"))
SHOP = "{matchLabels: {kubernetes.io/metadata.name: shop}}"

OTHERS = {
    "admin allows": (
        OPENED,
        other(ADMIN, "AdminNetworkPolicy", f"{{{EVERYONE}, ingress: {ALLOWS}}}"),
    ),
    "admin denies": (
        CLOSED,
        other(ADMIN, "AdminNetworkPolicy", f"{{{EVERYONE}, ingress: {DENIES}}}"),
    ),
    "admin passes on": (
        NEITHER,
        other(ADMIN, "AdminNetworkPolicy", f"{{{EVERYONE}, ingress: {PASSES}}}"),
    ),
    "admin of shop": (
        OPENED,
        other(
            ADMIN, "AdminNetworkPolicy", f"{{subject: {{namespaces: {SHOP}}}, ingress: {ALLOWS}}}"
        ),
    ),
    "admin of another namespace": (
        NEITHER,
        other(
            ADMIN,
            "AdminNetworkPolicy",
            f"{{subject: {{namespaces: {{matchLabels: {{team: red}}}}}}, ingress: {ALLOWS}}}",
        ),
    ),
    "admin of shop by its labels": (
        CLOSED,
        other(
            ADMIN,
            "AdminNetworkPolicy",
            "{subject: {pods: {namespaceSelector: {matchLabels: {team: blue}}, podSelector: {}}}, "
            f"egress: {DENIES}}}",
        ),
    ),
    "baseline where a policy isolates": (
        NEITHER,
        other(ADMIN, "BaselineAdminNetworkPolicy", f"{{{EVERYONE}, ingress: {DENIES}}}"),
    ),
    "baseline where none does": (
        CLOSED,
        other(ADMIN, "BaselineAdminNetworkPolicy", f"{{{EVERYONE}, egress: {DENIES}}}"),
    ),
    "cluster policy": (
        OPENED,
        other(
            "policy.networking.k8s.io/v1alpha2",
            "ClusterNetworkPolicy",
            f"{{tier: Admin, {EVERYONE}, ingress: {RULE.replace('ACT', 'Accept')}}}",
        ),
    ),
    "cilium": (BOTH, other("cilium.io/v2", "CiliumNetworkPolicy", "{ingress: [{}]}", "shop")),
    "cilium of one pod": (
        OPENED,
        other(
            "cilium.io/v2",
            "CiliumNetworkPolicy",
            "{endpointSelector: {matchLabels: {'k8s:app': db}}, ingress: [{}]}",
            "shop",
        ),
    ),
    "cilium elsewhere": (
        NEITHER,
        other("cilium.io/v2", "CiliumNetworkPolicy", "{ingress: [{}]}", "third"),
    ),
    "cilium of nodes": (
        NEITHER,
        other(
            "cilium.io/v2", "CiliumClusterwideNetworkPolicy", "{nodeSelector: {}, ingress: [{}]}"
        ),
    ),
    "cilium that denies": (
        CLOSED,
        other("cilium.io/v2", "CiliumClusterwideNetworkPolicy", "{ingressDeny: [{}]}"),
    ),
    "several of cilium's": (
        BOTH,
        other("cilium.io/v2", "CiliumNetworkPolicy", "[]", "shop").replace(
            "spec: []", "specs: [{endpointSelector: {}, ingress: [{}]}]"
        ),
    ),
    "calico": (
        BOTH,
        other("projectcalico.org/v3", "GlobalNetworkPolicy", "{selector: all(), types: [Ingress]}"),
    ),
    "calico of one pod": (
        OPENED,
        other(
            "crd.projectcalico.org/v1",
            "NetworkPolicy",
            "{selector: app == 'db', types: [Ingress]}",
            "shop",
        ),
    ),
    "calico staged": (
        NEITHER,
        other("projectcalico.org/v3", "StagedGlobalNetworkPolicy", "{types: [Ingress]}"),
    ),
    "antrea": (
        OPENED,
        other(
            "crd.antrea.io/v1beta1",
            "ClusterNetworkPolicy",
            "{appliedTo: [{podSelector: {matchLabels: {app: db}}}], ingress: [{action: Allow}]}",
        ),
    ),
    "egress firewall": (
        NEITHER,
        other("k8s.ovn.org/v1", "EgressFirewall", "{egress: [{type: Deny}]}", "shop"),
    ),
    "further networks": (
        NEITHER,
        other("k8s.cni.cncf.io/v1beta1", "MultiNetworkPolicy", "{ingress: [{}]}", "shop"),
    ),
    "mesh": (CLOSED, other("security.istio.io/v1", "AuthorizationPolicy", "{}", "shop")),
    "of a kind that nobody knows": (
        BOTH,
        other("networking.example.org/v1", "FQDNNetworkPolicy", "{}", "shop"),
    ),
    "a generator of policies": (
        BOTH,
        other(
            "kyverno.io/v1",
            "ClusterPolicy",
            "{rules: [{generate: {kind: NetworkPolicy, name: x}}]}",
        ),
    ),
    "an object that is no policy": (
        NEITHER,
        other("cert-manager.io/v1", "Certificate", "{secretName: tls}", "shop"),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_policy_of_another_kind(name: str) -> None:
    """It makes unknown what it may change, and leaves alone what it surely cannot."""
    expected, document = OTHERS[name]

    assert expected == kept(document)


@pytest.mark.parametrize(("spaces", "expected"), [([], Kept.UNKNOWN), ([SPACE], Kept.KEPT)])
def test_labels_that_are_not_known_may_be_meant(spaces: list[str], expected: Kept) -> None:
    """A namespace that is not in the bundle may have any label but another name's."""
    red = "{subject: {namespaces: {matchLabels: {team: red}}}, ingress: " + ALLOWS + "}"
    documents = [WEB, DB, DENY, other(ADMIN, "AdminNetworkPolicy", red), *spaces]
    made = case(documents, intents("deny: web -> db"))

    assert expected is judge_all(made.reachability, made.intents)[0].kept


def test_the_outside_is_what_an_egress_firewall_is_about() -> None:
    """What leaves the cluster may be denied, beside whatever NetworkPolicies let out."""
    firewall = other("k8s.ovn.org/v1", "EgressFirewall", "{egress: [{type: Deny}]}", "shop")
    made = case([WEB, firewall], intents("allow: web -> outside:443"))

    assert Kept.UNKNOWN is judge_all(made.reachability, made.intents)[0].kept


def with_host_port(host_network: str = "false") -> list[str]:
    """Return a pod whose node opens one of its ports, and a policy that lets nobody in."""
    pod = dedent(f"""\
        apiVersion: v1
        kind: Pod
        metadata: {{name: api, namespace: shop, labels: {{app: api}}}}
        spec:
          hostNetwork: {host_network}
          containers:
          - name: a
            ports: [{{containerPort: 80, hostPort: 8080}}, {{containerPort: 90}}]
        """)
    return [pod, DENY]


def test_a_host_port_may_let_the_outside_in() -> None:
    """Nobody promises that a policy sees who comes in by a node's port; other ports are closed."""
    made = case(with_host_port(), intents("deny: outside -> api:80", "deny: outside -> api:90"))
    opened, closed = judge_all(made.reachability, made.intents)

    assert (Kept.UNKNOWN, Kept.KEPT) == (opened.kept, closed.kept)
    assert "hostPort opens 80/TCP" in opened.static.text


def gap(case_name: str, verdict: FlowVerdict) -> CniFacts:
    """Return a CNI with one known gap."""
    return CniFacts(
        "Some CNI", True, (KnownGap("g", (case_name,), ("*",), (verdict,), "gap", "url"),)
    )


RANGE = ALLOW.replace("app: web}}}]", "app: web}}}], ports: [{port: 8000, endPort: 9000}]")
NAMED = RANGE.replace("8000, endPort: 9000", "http")
BLOCK = ALLOW.replace("podSelector: {matchLabels: {app: web}}", "ipBlock: {cidr: 0.0.0.0/0}")


@pytest.mark.parametrize(
    ("statement", "document", "cni", "expected"),
    [
        (ALLOWED, RANGE, gap("ports/port-range", FlowVerdict.OVER_BLOCKED), Kept.UNKNOWN),
        (ALLOWED, ALLOW, gap("ports/port-range", FlowVerdict.OVER_BLOCKED), Kept.KEPT),
        (
            "deny: far/api -> shop/api",
            NAMED,
            gap("ports/named-port", FlowVerdict.LEAK),
            Kept.UNKNOWN,
        ),
        (ALLOWED, BLOCK, gap("ipblock/*", FlowVerdict.OVER_BLOCKED), Kept.UNKNOWN),
        (
            "allow: outside -> shop/api",
            BLOCK,
            gap("ipblock/*", FlowVerdict.OVER_BLOCKED),
            Kept.KEPT,
        ),
        (DENIED, ALLOW, CniFacts("Flannel", enforces=False), Kept.UNKNOWN),
        (ALLOWED, ALLOW, CniFacts("Flannel", enforces=False), Kept.KEPT),
        (DENIED, ALLOW, gap("lifecycle/new-pod", FlowVerdict.LEAK), Kept.UNKNOWN),
        (DENIED, TOGETHER, gap("limits/names-run-together", FlowVerdict.LEAK), Kept.UNKNOWN),
        (DENIED, APART, gap("limits/names-run-together", FlowVerdict.LEAK), Kept.KEPT),
    ],
)
def test_a_known_gap_of_the_cni(
    statement: str, document: str, cni: CniFacts, expected: Kept
) -> None:
    """What the named CNI is known not to do is no promise, where a policy is written so."""
    texts = [WEB, API, DB, FAR, DENY, document]
    read = mirror_texts([(FILE, "---\n".join(texts)), ("i.yaml", intents(statement))])
    known = tuple(of_cni(read.bundle.policies, cni))
    made = case_of(replace(read, overrulers=known), "test")

    assert expected is judge_all(made.reachability, made.intents)[0].kept


def checked() -> CheckRecord:
    """Check a bundle in which another policy may open what an intent wants closed."""
    document = OTHERS["admin allows"][1]
    made = case([WEB, DB, FAR, deny_all("shop"), SPACE, document], intents(DENIED))
    record = by_reading(check(made))
    return replace(record, exit_code=check_exit_code(record, strict=False))


@pytest.mark.parametrize("render", [terminal.check, markdown.check, sarif.check_log])
def test_every_format_says_why(render: object) -> None:
    """The exit code is 1, the verdict is not PASS, and each format names what may decide."""
    record = checked()

    assert (1, RunVerdict.INCONCLUSIVE) == (record.exit_code, record.verdict)
    assert callable(render)
    told = str(render(record))
    assert "AdminNetworkPolicy other" in told
    assert "may let it pass" in told.replace("\\", "")


def test_what_may_decide_is_explained() -> None:
    """The answer is that of the NetworkPolicies, and beside it stands what may decide otherwise."""
    read = mirror(WEB, DB, deny_all("shop"), OTHERS["admin allows"][1])
    (one,) = explain(read, "web -> db")

    assert (Expected.DENIED, ()) == (one.answer, one.doubts)
    (one,) = explain(mirror(WEB, DB, DENY, OTHERS["admin allows"][1]), "web -> db")
    assert ["AdminNetworkPolicy other"] == [" ".join(d.text.split()[:2]) for d in one.doubts]
    assert "something else may decide" in terminal.explanations([one])
    assert "something else may decide" in markdown.explanations([one])


@pytest.mark.parametrize(
    ("document", "named"),
    [
        (
            other("cilium.io/v2", "CiliumClusterwideNetworkPolicy", "{}"),
            "CiliumClusterwideNetworkPolicy other",
        ),
        (other("rbac.authorization.k8s.io/v1", "ClusterRole", "{}"), "ClusterRole other"),
        (other("v1", "ConfigMap", "{}"), "ConfigMap default/other"),
        (other("example.org/v1", "Thing", "{}", "shop"), "Thing shop/other"),
    ],
)
def test_what_lives_outside_of_namespaces_is_called_by_its_name(document: str, named: str) -> None:
    """Only what has a namespace is told with one."""
    assert named in [note.what for note in mirror(WEB, document).notes]
