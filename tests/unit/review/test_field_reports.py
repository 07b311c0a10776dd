"""What people reported of bundles, each with the right answer; written afresh after the reports."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from netproof.errors import PolicyError
from netproof.front.cli import main
from netproof.model.review import Hint, Kept, Severity
from netproof.report.review import terminal
from netproof.report.review.sentences import note_lines
from netproof.review.case import open_case
from netproof.review.explanation import explain
from netproof.review.hints import find_all
from netproof.review.judgement import judge_all
from tests.unit.review.build import case, context, deny_all, intents, mirror, policy, workload

WEB, API = workload("shop/web", 80), workload("shop/api", "http:8080", "metrics:9090")
ON_API = "podSelector: {matchLabels: {app: api}}"


def judged(statement: str, *documents: str) -> tuple[Kept, str]:
    """Judge one intent of a bundle, and say what is told of it."""
    made = case(documents, intents(statement))
    (result,) = judge_all(made.reachability, made.intents)
    return result.kept, result.static.text


def hints(name: str, *documents: str) -> list[Hint]:
    """Return the hints of one name."""
    return [hint for hint in find_all(context(*documents)) if hint.name == name]


# What people have: lists, files that are something else, old exports.

TYPED = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicyList
items:
- metadata: {name: p, namespace: shop}
  spec: {podSelector: {}, policyTypes: [Ingress]}
  status: {}
---
apiVersion: v1
kind: PodList
items:
- metadata: {name: api, namespace: shop, labels: {app: api}}
  spec: {containers: [{name: a, ports: [{containerPort: 8080}]}]}
"""


def test_a_typed_list_is_a_list() -> None:
    """Policies and pods of typed lists count, also where their items do not say what they are."""
    assert (Kept.KEPT, "") == judged("deny: web -> api", WEB, TYPED)


def test_an_empty_list_holds_nothing() -> None:
    """A list without items is no object of its own."""
    empty = "apiVersion: v1\nkind: PodList\nitems: []\n"

    assert [] == [note.what for note in mirror(WEB, empty).notes if "PodList" in note.what]


def test_a_replication_controller_is_a_workload() -> None:
    """It makes pods like any other."""
    made = mirror(workload("shop/web", 80, kind="ReplicationController").replace("apps/v1", "v1"))

    assert ["shop/web"] == [one.key for one in made.workloads]


FOREIGN = {
    "package.json": '{"name": "x", "version": "1.0.0"}',
    "tsconfig.json": '// no JSON at all\n{"a": 1}',
    ".github/dependabot.yml": "version: 2\nupdates: []\n",
    ".gitlab-ci.yml": "build: !reference [x, script]\n",
    "mkdocs.yml": "site_name: shop\n",
    "words.yaml": "hello\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a bundle, among files that are something else."""
    (tmp_path / ".github").mkdir()
    for name, text in FOREIGN.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "bundle.yaml").write_text("---\n".join([WEB, API, deny_all("shop")]))
    return tmp_path


def test_what_lies_beside_a_bundle_is_listed(folder: Path) -> None:
    """Files of a folder that hold no Kubernetes object are told, and refuse nothing."""
    noted = [
        Path(n.place.rpartition(":")[0] or n.place).name
        for n in open_case([str(folder)]).mirror.notes
    ]

    assert {Path(name).name for name in FOREIGN} < set(noted) | {"tsconfig.json"}
    assert 0 == main(["check", "--static", str(folder)])
    assert 0 == main(["diff", str(folder), str(folder)])


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_named_has_to_be_a_bundle(folder: Path, name: str) -> None:
    """Who names a file means it."""
    with pytest.raises(PolicyError):
        open_case([str(folder / name), str(folder / "bundle.yaml")])


@pytest.mark.parametrize(
    "text",
    [
        "kind: NetworkPolicy\nmetadata: {name: p}\n",
        "apiVersion: networking.k8s.io/v1\nmetadata: {name: p}\nspec: {}\n",
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nspec: {{ .Values.spec }}\n",
    ],
)
def test_a_faulty_object_is_refused_wherever_it_lies(folder: Path, text: str) -> None:
    """What is meant as an object and cannot be read may be a policy."""
    (folder / "more.yaml").write_text(text)

    with pytest.raises(PolicyError):
        open_case([str(folder)])


@pytest.mark.parametrize(
    ("cidr", "expected"),
    [
        ("203.0.113.0/24", Kept.KEPT),
        ("203.000.113.0/024", Kept.KEPT),
        ("010.0.0.0/8", Kept.UNKNOWN),
        ("::ffff:10.0.0.0/104", Kept.UNKNOWN),
    ],
)
def test_leading_zeros_are_taken_and_doubted(cidr: str, expected: Kept) -> None:
    """The API server takes them; where readers may differ, no answer rests on them."""
    block = policy(
        "shop/p", f"{{{ON_API}, ingress: [{{from: [{{ipBlock: {{cidr: '{cidr}'}}}}]}}]}}"
    )

    assert expected is judged("deny: outside 198.51.100.0/24 -> api", API, block)[0]


def test_a_block_by_an_address_inside_of_it() -> None:
    """Whether 192.0.2.1/24 is a network, a host or nothing CNIs decide.

    Report: kubernetes/kubernetes#94484.
    """
    block = policy(
        "shop/p", f"{{{ON_API}, ingress: [{{from: [{{ipBlock: {{cidr: 192.0.2.1/24}}}}]}}]}}"
    )
    (hint,) = hints("doubtful-block", API, block)

    assert "write 192.0.2.0/24" in hint.fix
    assert Kept.UNKNOWN is judged("allow: outside 192.0.2.77/32 -> api", API, block)[0]


@pytest.mark.parametrize(
    ("version", "kind", "said"),
    [
        ("v1", "NetworkPolicy", "write apiVersion: networking.k8s.io/v1"),
        ("networking/v1", "NetworkPolicy", "write apiVersion: networking.k8s.io/v1"),
        ("networking.k8s.io/v1", "networkpolicy", "did you mean NetworkPolicy"),
        ("networking.k8s.io/v1", "Networkpolicy", "did you mean NetworkPolicy"),
        ("v1", "Deployment", "write apiVersion: apps/v1"),
        ("apps/v1", "deployment", "did you mean Deployment"),
        ("apps/v1", "Pod", "write apiVersion: v1"),
    ],
)
def test_what_no_api_server_knows_is_no_note(version: str, kind: str, said: str) -> None:
    """A policy of a version or kind that is not there would be missed, and kubectl refuses it.

    Report: pceric/kafka-offset-lag-for-prometheus#17, and its like.
    """
    wrong = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: p}}\nspec: {{}}\n"

    with pytest.raises(PolicyError, match=said):
        mirror(WEB, wrong)


def test_an_intent_about_replicas_says_what_to_do() -> None:
    """A workload is one pod here, and a pod reaches itself. Reports: of charts of etcd, Kafka."""
    told = judged("allow: api -> api:9090", WEB, API)

    assert Kept.UNKNOWN is told[0]
    assert "add a second Pod with its labels" in told[1]


# Operators make pods.

OPERATED = dedent("""\
    apiVersion: monitoring.coreos.com/v1
    kind: Prometheus
    metadata: {name: k8s, namespace: shop}
    spec: {replicas: 2}
    """)
DEFINED = dedent("""\
    apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata: {name: things.example.org}
    """)
ROLE = dedent("""\
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: {name: manager}
    rules: [{apiGroups: [""], resources: [pods], verbs: [create]}]
    """)
FOR_NOBODY = policy("shop/p", "{podSelector: {matchLabels: {app: gone}}, ingress: [{}]}")
FROM_NOBODY = policy(
    "shop/p",
    f"{{{ON_API}, ingress: [{{from: [{{podSelector: {{matchLabels: {{app: gone}}}}}}]}}]}}",
)


@pytest.mark.parametrize("maker", [OPERATED, DEFINED, ROLE])
def test_an_operator_turns_it_into_a_question(maker: str) -> None:
    """Where something in the bundle makes pods, nobody knows that there are none."""
    (selects,) = hints("selects-nothing", WEB, FOR_NOBODY, maker)
    (unused,) = hints("unused-rule", WEB, API, FROM_NOBODY, maker)

    assert (Severity.INFO, Severity.INFO) == (selects.severity, unused.severity)
    assert selects.text.endswith("?")


def test_a_policy_alone_in_its_folder_is_a_question() -> None:
    """Its pods are kept elsewhere."""
    (hint,) = hints("selects-nothing", FOR_NOBODY)

    assert Severity.INFO is hint.severity
    assert hint.text.endswith("?")


@pytest.mark.parametrize("other", ["", ROLE.replace("create", "get")])
def test_where_nobody_else_makes_pods_it_is_a_statement(other: str) -> None:
    """A reader of pods makes none."""
    (hint,) = hints("selects-nothing", WEB, FOR_NOBODY, *filter(None, [other]))

    assert Severity.WARNING is hint.severity


# DNS: what is said of it is known.


EVERYWHERE = "{namespaceSelector: {}}"
SPACE = "{{namespaceSelector: {{matchLabels: {{{}}}}}}}"
OPENSHIFT = SPACE.format("kubernetes.io/metadata.name: openshift-dns")


def out(rule: str) -> str:
    """Return a policy that lets web out by one rule."""
    return policy("shop/out", f"{{podSelector: {{}}, policyTypes: [Egress], egress: [{rule}]}}")


@pytest.mark.parametrize(
    ("rule", "severity", "text"),
    [
        (
            "{to: [{podSelector: {matchLabels: {app: gone}}}]}",
            Severity.WARNING,
            "egress is limited",
        ),
        (
            f"{{to: [{SPACE.format('name: kube-system')}], ports: [{{port: 53, protocol: UDP}}]}}",
            Severity.INFO,
            "which the bundle does not tell",
        ),
        (
            f"{{to: [{OPENSHIFT}], ports: [{{port: 5353, protocol: UDP}}]}}",
            Severity.INFO,
            "which the bundle does not tell",
        ),
    ],
)
def test_what_is_said_of_dns(rule: str, severity: Severity, text: str) -> None:
    """A rule that nobody uses still lets out; what kube-system is labelled is not known."""
    (hint,) = hints("dns-forgotten", WEB, out(rule))

    assert severity is hint.severity
    assert text in hint.text


def test_all_egress_denied_is_said_of_that_only() -> None:
    """No rule, no way out."""
    (hint,) = hints("dns-forgotten", WEB, deny_all("shop"))

    assert "all egress is denied" in hint.text


# Blocks: which holds which, and a fix that the API takes.


@pytest.mark.parametrize(
    ("cidr", "said", "fix"),
    [
        ("10.244.1.0/24", "10.244.1.0/24 lies in 10.244.0.0/16", "name pods by selectors"),
        ("0.0.0.0/0", "0.0.0.0/0 holds 10.244.0.0/16, 10.96.0.0/16", "except: [10.0.0.0/8, "),
    ],
)
def test_a_block_and_the_cluster(cidr: str, said: str, fix: str) -> None:
    """A narrow block lies in the cluster's ranges, and nothing can be cut out of it."""
    (hint,) = hints("block-covers-cluster", WEB, out(f"{{to: [{{ipBlock: {{cidr: {cidr}}}}}]}}"))

    assert said in hint.text
    assert fix in hint.fix
    assert ("except" in fix) is ("except" in hint.fix)


@pytest.mark.parametrize(
    ("blocks", "severities"),
    [
        ("{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: '::/0'}}", [Severity.INFO]),
        ("{ipBlock: {cidr: 0.0.0.0/0}}", [Severity.WARNING]),
        (
            "{ipBlock: {cidr: 0.0.0.0/0, except: [1.0.0.0/8]}}, {ipBlock: {cidr: '::/0'}}",
            [Severity.WARNING, Severity.WARNING],
        ),
    ],
)
def test_all_addresses_of_both_families_are_meant_as_everyone(
    blocks: str, severities: list[Severity]
) -> None:
    """Charts write it for the API server; an `except` would shut that out.

    Reports: cilium/cilium#39656, gardener/gardener#7884.
    """
    found = hints("block-covers-cluster", WEB, out(f"{{to: [{blocks}]}}"))

    assert severities == [hint.severity for hint in found]
    assert all("except: [" not in h.fix for h in found if h.severity is Severity.INFO)


# Explain: no stand-in as advice, one block for what differs by the port.


def test_explain_names_no_stand_in() -> None:
    """Ports that go alike are one answer, and what is missing is no address of ours."""
    told = terminal.explanations(explain(mirror(WEB, deny_all("shop")), "web -> outside"))

    assert "shop/web -> outside:80/TCP or 443/TCP is denied." in told
    assert 1 == told.count("Egress: denied")
    assert "198.51.100.7" not in told


# Noise.


def test_many_notes_of_a_kind_are_one_line() -> None:
    """What says the same is said once; few are told one by one."""
    maps = [f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{n}}}\n" for n in range(6)]
    lines = [line for line in note_lines(mirror(WEB, *maps).notes) if "ConfigMap" in line]

    assert 1 == len(lines)
    assert "and 4 more" in lines[0]


# The front and the back of a Service.


def front(kind: str, more: str = "", port: int = 9090) -> str:
    """Return a Service of a type that leads to a port of api."""
    return dedent(f"""\
        apiVersion: v1
        kind: Service
        metadata: {{name: front, namespace: shop}}
        spec:
          {{type: {kind}, {more}selector: {{app: api}}, ports: [{{port: 80, targetPort: {port}}}]}}
        """)


FOR_CLIENTS = policy(
    "shop/p",
    f"{{{ON_API}, ingress: [{{from: [{{ipBlock: {{cidr: 203.0.113.0/24}}}}], ports: "
    "[{port: 9090}]}]}",
)
LOCAL = "externalTrafficPolicy: Local, "
CLIENTS = ("allow: outside 203.0.113.0/24 -> api:9090", "deny: outside 198.51.100.0/24 -> api:9090")


@pytest.mark.parametrize("statement", CLIENTS)
@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (front("NodePort"), Kept.UNKNOWN),
        (front("LoadBalancer"), Kept.UNKNOWN),
        (front("LoadBalancer", LOCAL), Kept.KEPT),
        (front("ClusterIP"), Kept.KEPT),
        (front("LoadBalancer", port=8080), Kept.KEPT),
    ],
)
def test_a_block_of_clients_behind_a_service(statement: str, service: str, expected: Kept) -> None:
    """Where a node may show its own address, no block tells clients apart."""
    assert expected is judged(statement, API, service, FOR_CLIENTS)[0]


def test_a_shut_load_balancer_breaks_what_is_meant_to_be_open() -> None:
    """The outside is meant to come in, and no policy lets it."""
    assert (
        Kept.BROKEN
        is judged("allow: outside -> api:9090", API, front("LoadBalancer"), deny_all("shop"))[0]
    )


ROUTES = {
    "Ingress": """\
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata: {name: r, namespace: shop}
        spec: {rules: [{http: {paths: [{backend: {service: {name: front, port: {number: 80}}}}]}}]}
        """,
    "old Ingress": """\
        apiVersion: networking.k8s.io/v1beta1
        kind: Ingress
        metadata: {name: r, namespace: shop}
        spec: {backend: {serviceName: front, servicePort: 80}}
        """,
    "HTTPRoute": """\
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: r, namespace: gateways}
        spec: {rules: [{backendRefs: [{name: front, namespace: shop, port: 80}]}]}
        """,
    "Route": """\
        apiVersion: route.openshift.io/v1
        kind: Route
        metadata: {name: r, namespace: shop}
        spec: {to: {kind: Service, name: front}, port: {targetPort: 9090}}
        """,
    "VirtualService": """\
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: r, namespace: shop}
        spec:
          gateways: [public]
          http: [{route: [{destination: {host: front.shop.svc.cluster.local, port: {number: 80}}}]}]
        """,
    "IngressRoute": """\
        apiVersion: traefik.io/v1alpha1
        kind: IngressRoute
        metadata: {name: r, namespace: shop}
        spec: {routes: [{services: [{name: front, port: 80}]}]}
        """,
}
FROM_ALL = policy("shop/p", f"{{{ON_API}, ingress: [{{from: [{{namespaceSelector: {{}}}}]}}]}}")
FROM_WEB = policy(
    "shop/p", f"{{{ON_API}, ingress: [{{from: [{{podSelector: {{matchLabels: {{app: web}}}}}}]}}]}}"
)


@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize(
    ("allowed", "port", "expected"),
    [(FROM_ALL, 9090, Kept.UNKNOWN), (FROM_ALL, 8080, Kept.KEPT), (FROM_WEB, 9090, Kept.KEPT)],
)
def test_a_route_publishes_a_port(name: str, allowed: str, port: int, expected: Kept) -> None:
    """What is published comes from a controller's pods, unless surely none of those may come."""
    documents = [WEB, API, front("ClusterIP"), dedent(ROUTES[name]), allowed]

    assert expected is judged(f"deny: outside -> api:{port}", *documents)[0]


def test_a_mesh_of_its_own_publishes_nothing() -> None:
    """A VirtualService without a gateway is for pods."""
    inner = dedent(ROUTES["VirtualService"]).replace("gateways: [public]", "hosts: [front]")

    assert (
        Kept.KEPT
        is judged("deny: outside -> api:9090", API, front("ClusterIP"), inner, FROM_ALL)[0]
    )


def test_a_route_to_shut_pods_is_told() -> None:
    """No controller of another namespace may come in."""
    documents = [WEB, API, front("ClusterIP"), dedent(ROUTES["Ingress"]), FROM_WEB]

    assert ["Ingress shop/r"] == [hint.subject for hint in hints("shut-service", *documents)]


# Names are asked of others than the cluster's DNS.

TO_DNS = out(f"{{to: [{SPACE.format('kubernetes.io/metadata.name: kube-system')}]}}")
TO_CACHE = out("{to: [{ipBlock: {cidr: 169.254.20.10/32}}], ports: [{port: 53, protocol: UDP}]}")
ASKS_A_CACHE = WEB.replace(
    "spec: {containers",
    "spec: {dnsPolicy: None, dnsConfig: {nameservers: [169.254.20.10]}, containers",
)
CACHE = dedent("""\
    apiVersion: apps/v1
    kind: DaemonSet
    metadata: {name: node-local-dns, namespace: kube-system}
    spec:
      template:
        metadata: {labels: {k8s-app: node-local-dns}}
        spec:
          hostNetwork: true
          containers: [{name: cache, args: [-localip, "169.254.20.10,10.96.0.10"]}]
    """)


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ([WEB, TO_DNS], Kept.KEPT),
        ([ASKS_A_CACHE, TO_DNS], Kept.UNKNOWN),
        ([ASKS_A_CACHE, out("{}")], Kept.KEPT),
        ([ASKS_A_CACHE, TO_CACHE], Kept.KEPT),
        ([ASKS_A_CACHE.replace("169.254.20.10", "192.0.2.53"), TO_DNS], Kept.BROKEN),
        ([WEB, TO_CACHE, CACHE], Kept.KEPT),
        ([WEB, TO_DNS, CACHE], Kept.UNKNOWN),
    ],
)
def test_who_is_asked_for_names(documents: list[str], expected: Kept) -> None:
    """A way to kube-dns is none to a resolver that is no pod."""
    assert expected is judged("allow: web -> dns:53/UDP", *documents)[0]


@pytest.mark.parametrize(("allowed", "told"), [(TO_DNS, 1), (TO_CACHE, 0)])
def test_a_resolver_that_is_not_let_out_to_is_told(allowed: str, told: int) -> None:
    """The hint names the address to let out to."""
    found = [
        hint
        for hint in hints("dns-forgotten", ASKS_A_CACHE, allowed)
        if "169.254.20.10" in hint.text
    ]

    assert told == len(found)


@pytest.mark.parametrize(("labels", "told"), [("", 1), (", labels: {name: far}", 0)])
def test_a_namespace_is_meant_by_a_label_that_it_lacks(labels: str, told: int) -> None:
    """A namespace has the label of its name only, unless somebody gives it another."""
    space = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: far{labels}}}\n"
    rule = policy("shop/p", f"{{{ON_API}, ingress: [{{from: [{SPACE.format('name: far')}]}}]}}")
    found = hints("unused-rule", API, workload("far/web", 80), space, rule)

    assert told == len([h for h in found if "kubernetes.io/metadata.name=far" in h.fix])


# Who has to reach a pod, and may not.

ANNOTATED = API.replace(
    "metadata: {labels: {app: api}}",
    "metadata: {labels: {app: api}, annotations: "
    '{prometheus.io/scrape: "true", prometheus.io/port: "9090"}}',
)
POD_MONITOR = dedent("""\
    apiVersion: monitoring.coreos.com/v1
    kind: PodMonitor
    metadata: {name: api, namespace: shop}
    spec: {selector: {matchLabels: {app: api}}, podMetricsEndpoints: [{port: metrics}]}
    """)
HTTP_ONLY = policy("shop/p", f"{{{ON_API}, ingress: [{{ports: [{{port: http}}]}}]}}")


@pytest.mark.parametrize("documents", [[ANNOTATED], [API, POD_MONITOR]])
@pytest.mark.parametrize(("allowed", "told"), [(HTTP_ONLY, 1), (FROM_ALL, 0)])
def test_a_scrape_port_that_is_shut(documents: list[str], allowed: str, told: int) -> None:
    """Annotations and PodMonitors count as ServiceMonitors do."""
    assert told == len(hints("shut-scrape", *documents, allowed))


def test_the_prometheus_of_the_bundle_is_held_against_the_policies() -> None:
    """Where it is there, it is known whether it may come."""
    prometheus = workload("shop/prometheus", 9090)
    to_it = FROM_WEB.replace("app: web", "app: prometheus")

    assert 1 == len(hints("shut-scrape", WEB, ANNOTATED, prometheus, FROM_WEB))
    assert 0 == len(hints("shut-scrape", WEB, ANNOTATED, prometheus, to_it))


API_SERVICE = dedent("""\
    apiVersion: apiregistration.k8s.io/v1
    kind: APIService
    metadata: {name: v1.example.org}
    spec: {group: example.org, version: v1, service: {name: front, namespace: shop, port: 80}}
    """)
CALLED = "{clientConfig: {service: {name: front, namespace: shop, port: 80}}}"
CONVERTED = f"{DEFINED}spec: {{conversion: {{webhook: {CALLED}}}}}\n"


@pytest.mark.parametrize("caller", [API_SERVICE, CONVERTED])
@pytest.mark.parametrize(("allowed", "told"), [(FROM_ALL, 1), (FOR_CLIENTS, 0), (WEB, 0)])
def test_the_api_server_cannot_reach(caller: str, allowed: str, told: int) -> None:
    """It is no pod: a rule for pods lets it in nowhere for sure."""
    assert told == len(hints("shut-webhook", API, front("ClusterIP"), caller, allowed))


@pytest.mark.parametrize("cidr", ["10.96.0.1/32", "172.20.0.1/32", "10.43.0.1/32", "10.96.0.0/12"])
def test_egress_to_the_address_of_a_service(cidr: str) -> None:
    """Policies see the endpoint; nothing else is said of the block."""
    documents = [WEB, out(f"{{to: [{{ipBlock: {{cidr: {cidr}}}}}]}}")]

    assert 1 == len(hints("service-address", *documents))
    assert 0 == len(hints("block-covers-cluster", *documents))


def test_a_rule_undone_by_one_on_the_port_by_its_name() -> None:
    """A number and a name are one port."""
    both = policy(
        "shop/p",
        f"{{{ON_API}, ingress: [{{from: [{{podSelector: {{matchLabels: {{app: web}}}}}}], ports: "
        "[{port: 8080}]}, {ports: [{port: http}]}]}",
    )

    assert ["shop/p ingress[0]"] == [hint.subject for hint in hints("peers-undone", WEB, API, both)]
    assert [] == hints("superfluous-rule", WEB, API, both)


# Workloads of other kinds, and without names.

ROLLOUT = API.replace("apps/v1", "argoproj.io/v1alpha1").replace("Deployment", "Rollout")
CONFIG = API.replace("apps/v1", "apps.openshift.io/v1").replace("Deployment", "DeploymentConfig")
ON_CONFIG = HTTP_ONLY.replace("app: api", "deploymentconfig: api")
JOB = dedent("""\
    apiVersion: batch/v1
    kind: Job
    metadata: {generateName: api-, namespace: shop}
    spec: {template: {metadata: {labels: {app: api}}, spec: {containers: [{name: a}]}}}
    """)


@pytest.mark.parametrize(
    ("made", "allowed"),
    [
        (ROLLOUT, HTTP_ONLY),
        (CONFIG, HTTP_ONLY),
        (CONFIG, ON_CONFIG),
        (API.replace("apps/v1", "extensions/v1beta1"), HTTP_ONLY),
    ],
    ids=["Rollout", "DeploymentConfig", "by its label", "an old Deployment"],
)
def test_what_makes_pods_by_a_template_is_a_workload(made: str, allowed: str) -> None:
    """Argo's Rollouts, OpenShift's DeploymentConfigs, Deployments of old manifests.

    Reports: telepresenceio/telepresence#2406, ManageIQ/manageiq-pods#670.
    """
    assert (Kept.KEPT, "") == judged("allow: web -> api:8080", WEB, made, allowed)
    assert Kept.KEPT is judged("deny: web -> api:9090", WEB, made, allowed)[0]


def test_a_rollout_of_a_deployment_is_the_deployment() -> None:
    """By `workloadRef` it has no template of its own, and is told as what is not mirrored."""
    by_reference = dedent("""\
        apiVersion: argoproj.io/v1alpha1
        kind: Rollout
        metadata: {name: api, namespace: shop}
        spec: {workloadRef: {apiVersion: apps/v1, kind: Deployment, name: api}}
        """)
    made = mirror(API, by_reference)

    assert ["Deployment"] == [one.kind for one in made.workloads]
    assert ["Rollout shop/api"] == [note.what for note in made.notes if "not mirrored" in note.text]


def test_workloads_whose_names_the_server_makes_up() -> None:
    """Jobs and pods with generateName count, each by a name of its own, which is told.

    Reports: np-guard/netpol-analyzer#234 and what `kubectl create` takes.
    """
    made = mirror(JOB, JOB, deny_all("shop"))

    assert ["shop/api-1", "shop/api-2"] == [one.key for one in made.workloads]
    assert 2 == len([note for note in made.notes if "the server makes up" in note.text])
    assert Kept.KEPT is judged("deny: api-* -> outside", JOB, JOB, deny_all("shop"))[0]


def test_an_intent_about_what_an_operator_makes() -> None:
    """Knative's Service is no workload here: the message says what to do."""
    serving = "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: fn}\n"

    with pytest.raises(PolicyError, match=r"Service .*fn is not mirrored: add the pods"):
        judged("allow: web -> fn", WEB, serving)


def test_a_separator_that_is_missing_between_objects() -> None:
    """The second object's first line repeats a key. Report: np-guard/netpol-analyzer#438."""
    with pytest.raises(PolicyError, match=r"bundle.yaml:8: .*is a line `---` missing"):
        mirror(WEB + FOR_NOBODY)


# Lists that a template leaves empty, peers that others undo.


@pytest.mark.parametrize(
    ("rule", "severity", "said"),
    [
        ("{from: , ports: [{port: http}]}", Severity.WARNING, "everyone on http/TCP"),
        ("{from: [], ports: [{port: http}]}", Severity.INFO, "everyone on http/TCP"),
        ("{from: [{podSelector: {}}], ports: }", Severity.WARNING, "any port"),
        ("{from: }", Severity.WARNING, "everyone on any port"),
    ],
)
def test_a_list_that_is_written_empty(rule: str, severity: Severity, said: str) -> None:
    """A template without values means nobody, and the API everyone.

    Reports: huggingface/chat-ui#2492, elastisys/compliantkubernetes-apps#1433, cilium#35212.
    """
    (hint,) = hints("empty-list", WEB, API, policy("shop/p", f"{{{ON_API}, ingress: [{rule}]}}"))

    assert severity is hint.severity
    assert said in hint.text


@pytest.mark.parametrize(
    ("peer", "said"),
    [
        ("{namespaceSelector: {matchLabels: }}", "`matchLabels` .* all pods of every namespace"),
        ("{podSelector: {matchLabels: }}", "`matchLabels` .* all pods of namespace shop"),
        ("{namespaceSelector: , podSelector: {}}", "`namespaceSelector` .* of namespace shop"),
    ],
)
def test_a_selector_that_is_written_empty(peer: str, said: str) -> None:
    """Without labels it is everybody; a namespaceSelector without `{}` is none at all.

    Report: pawtograder/platform#833.
    """
    one = policy("shop/p", f"{{{ON_API}, ingress: [{{from: [{peer}]}}]}}")
    (hint,) = hints("empty-list", WEB, API, one)

    assert re.search(said, hint.text)


@pytest.mark.parametrize(
    ("ports", "told"),
    [
        ("{protocol: TCP}, {port: 8080}", 1),
        ("{protocol: UDP}, {port: 53}", 1),
        ("{protocol: TCP, port: 8080}", 0),
        ("{protocol: UDP}, {protocol: TCP, port: 8080}", 0),
        ("{port: 8080}, {protocol: UDP}", 0),
    ],
)
def test_a_dash_between_protocol_and_port(ports: str, told: int) -> None:
    """It opens every port of the protocol. Report: kubernetes/kubernetes#100213, in its rule."""
    one = policy("shop/p", f"{{{ON_API}, ingress: [{{from: [{EVERYWHERE}], ports: [{ports}]}}]}}")

    assert told == len(hints("split-rule", WEB, API, one))


NOT_TESTING = SPACE.replace("matchLabels: {{{}}}", "matchExpressions: [{}]").format(
    "{key: kubernetes.io/metadata.name, operator: NotIn, values: [testing]}"
)
CUT = "{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}}"
UNCUT = "{ipBlock: {cidr: 0.0.0.0/0}}"


@pytest.mark.parametrize(
    ("peers", "told"),
    [
        ([NOT_TESTING, EVERYWHERE], 1),
        ([EVERYWHERE, SPACE.format("team: a")], 1),
        ([CUT, UNCUT], 1),
        ([EVERYWHERE, "{podSelector: {}}"], 0),
        ([EVERYWHERE, "{podSelector: {matchLabels: {app: web}}}"], 0),
        ([EVERYWHERE, UNCUT], 0),
        ([CUT, EVERYWHERE], 0),
        ([UNCUT, "{ipBlock: {cidr: 10.0.0.0/8}}"], 0),
    ],
)
def test_a_peer_that_another_one_undoes(peers: list[str], told: int) -> None:
    """In one list either is enough: "all but testing" beside "all" is all.

    Report: mikepietsch.com on restricting ingress; what one dash could have split is another hint.
    """
    both = policy("shop/p", f"{{{ON_API}, ingress: [{{from: [{', '.join(peers)}]}}]}}")

    assert told == len(hints("peers-undone", WEB, API, both))


@pytest.mark.parametrize(("second", "severity"), [(CUT, Severity.WARNING), (UNCUT, Severity.INFO)])
def test_an_exception_that_another_rule_undoes(second: str, severity: Severity) -> None:
    """Later rules take nothing away. Report: Wide-Moat/open-computer-use#464."""
    both = out(f"{{to: [{UNCUT}]}}, {{to: [{second}]}}")
    (hint,) = hints("superfluous-rule", WEB, both)

    assert severity is hint.severity
    assert ("takes nothing away" in hint.text) is (severity is Severity.WARNING)


@pytest.mark.parametrize(
    ("space", "told"),
    [("shopp", 1), ("default", 1), ("kube-system", 0), ("shop", 0)],
)
def test_a_policy_in_a_namespace_of_nobody(space: str, told: int) -> None:
    """Its name is nearly another's, or nobody wrote one.

    Report: openshift/cluster-network-operator#2959.
    """
    assert told == len(hints("selects-nothing", WEB, deny_all(space)))


def test_a_namespace_of_the_bundle_may_be_empty() -> None:
    """A tenant's policies are there before its workloads."""
    written = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shopp}\n"

    assert [] == hints("selects-nothing", WEB, deny_all("shopp"), written)


# Who asks the API server.


def bound(kind: str, role: str) -> str:
    """Return a binding of a role to the service account of shop's workloads."""
    return dedent(f"""\
        apiVersion: rbac.authorization.k8s.io/v1
        kind: {kind}
        metadata: {{name: ask, namespace: shop}}
        roleRef: {{kind: ClusterRole, name: {role}}}
        subjects: [{{kind: ServiceAccount, name: asker, namespace: shop}}]
        """)


ASKER = WEB.replace("spec: {containers", "spec: {serviceAccountName: asker, containers")
USES = ROLE.replace("[create]", "[use]")
DNS_ONLY = out(
    f"{{to: [{SPACE.format('kubernetes.io/metadata.name: kube-system')}], ports: [{{port: 53}}]}}"
)
TO_API = out("{to: [{ipBlock: {cidr: 192.0.2.1/32}}], ports: [{port: 6443}]}")
OPENS = dedent("""\
    apiVersion: cilium.io/v2
    kind: CiliumNetworkPolicy
    metadata: {name: api, namespace: shop}
    spec: {endpointSelector: {}, egress: [{toEntities: [kube-apiserver]}]}
    """)


@pytest.mark.parametrize(
    ("documents", "told"),
    [
        ([bound("ClusterRoleBinding", "view"), DNS_ONLY], 1),
        ([bound("ClusterRoleBinding", "view"), TO_DNS], 0),
        ([bound("RoleBinding", "view"), deny_all("shop")], 1),
        ([bound("RoleBinding", "view"), TO_API], 0),
        ([bound("RoleBinding", "view"), out("{}")], 0),
        ([bound("RoleBinding", "view"), out("{ports: [{port: 53, protocol: UDP}]}")], 1),
        ([bound("RoleBinding", "view"), out("{ports: [{port: 53}]}")], 1),
        ([bound("RoleBinding", "view"), out(f"{{to: [{EVERYWHERE}]}}")], 0),
        ([bound("RoleBinding", "view"), TO_CACHE, OPENS], 0),
        ([bound("RoleBinding", "manager"), USES, TO_CACHE], 0),
        ([TO_CACHE], 0),
        ([bound("RoleBinding", "view")], 0),
        ([bound("RoleBinding", "manager"), ROLE.replace("[create]", "5"), DNS_ONLY], 1),
    ],
)
def test_an_operator_that_cannot_reach_the_api_server(documents: list[str], told: int) -> None:
    """Whose service account has roles asks the API server, and selectors do not mean it.

    Reports: grafana/loki#10107, berops/claudie#1013, operator-framework/operator-controller#2756.
    """
    assert told == len(hints("shut-apiserver", ASKER, *documents))
