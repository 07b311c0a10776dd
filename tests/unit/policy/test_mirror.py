"""What Git holds of a bundle becomes probe pods; the rest is listed with its place."""

from __future__ import annotations

from textwrap import dedent

import pytest

from netproof.errors import PolicyError
from netproof.model.workload import Port, Protocol
from netproof.policy.mirror import Mirror, mirror_texts
from tests.unit.review.build import mirror, policy, service, workload

HELM = """\
---
# Source: shop/templates/serviceaccount.yaml
apiVersion: v1
kind: ServiceAccount
metadata:
  name: release-shop
  labels:
    helm.sh/chart: shop-1.2.3
    app.kubernetes.io/managed-by: Helm
---
# Source: shop/templates/configmap.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: release-shop
data:
  config.yaml: |
    kind: NotAnObject
---
# Source: shop/templates/service.yaml
apiVersion: v1
kind: Service
metadata:
  name: release-shop
spec:
  type: LoadBalancer
  ports:
    - port: 80
      targetPort: http
      protocol: TCP
      name: http
      nodePort: 30080
  selector:
    app.kubernetes.io/name: shop
---
# Source: shop/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: release-shop
spec:
  replicas: 2
  selector:
    matchLabels:
      app.kubernetes.io/name: shop
  template:
    metadata:
      annotations:
        checksum/config: abc
      labels:
        app.kubernetes.io/name: shop
    spec:
      serviceAccountName: release-shop
      securityContext: {}
      containers:
        - name: shop
          image: "example.org/shop:1.0"
          ports:
            - name: http
              containerPort: 8080
              protocol: TCP
          livenessProbe:
            httpGet: {path: /, port: http}
---
# Source: shop/templates/networkpolicy.yaml
---
# Source: shop/templates/tests/test-connection.yaml
apiVersion: v1
kind: Pod
metadata:
  name: "release-shop-test"
  annotations:
    "helm.sh/hook": test
spec:
  containers:
    - name: wget
      image: busybox
  restartPolicy: Never
"""

KUSTOMIZE = """\
apiVersion: v1
items:
- apiVersion: v1
  kind: Namespace
  metadata:
    labels:
      env: staging
    name: staging
- apiVersion: apiextensions.k8s.io/v1
  kind: CustomResourceDefinition
  metadata:
    name: things.example.org
  spec: {group: example.org}
- apiVersion: example.org/v1
  kind: Thing
  metadata: {name: one, namespace: staging}
- apiVersion: apps/v1
  kind: StatefulSet
  metadata:
    name: staging-db
    namespace: staging
  spec:
    serviceName: db
    template:
      metadata:
        labels: {app: db}
      spec:
        initContainers:
        - name: proxy
          restartPolicy: Always
          ports: [{containerPort: 9901}]
        containers:
        - name: db
          ports: [{containerPort: 5432, name: pg}]
kind: List
"""


def test_helm_template() -> None:
    """Output of `helm template` becomes a pod for each workload, the rest is listed."""
    made = mirror_texts([("-", HELM)], default_namespace="shop")

    assert ["shop/release-shop", "shop/release-shop-test"] == [w.key for w in made.workloads]
    assert "release-shop" == made.workloads[0].pod.service_account
    assert (Port(8080, Protocol.TCP, "http"),) == made.workloads[0].pod.ports
    assert [
        ("ServiceAccount shop/release-shop", "-:3"),
        ("ConfigMap shop/release-shop", "-:12"),
        ("Namespace shop", "-:37"),
        ("Pod shop/release-shop-test", "-:68"),
    ] == [(note.what, note.place) for note in made.notes]


def test_kustomize_build() -> None:
    """A List with custom resources becomes pods too; sidecars' ports count."""
    made = mirror(KUSTOMIZE)

    assert {"app": "db", "apps.kubernetes.io/pod-index": "0"}.items() <= (
        made.workloads[0].pod.labels.items()
    )
    assert [5432, 9901] == sorted(port.number for port in made.workloads[0].pod.ports)
    assert [
        "CustomResourceDefinition things.example.org",
        "Thing staging/one",
    ] == [note.what for note in made.notes]


@pytest.mark.parametrize(
    ("kind", "version", "spec"),
    [
        ("Deployment", "apps/v1", "{template: POD}"),
        ("StatefulSet", "apps/v1", "{template: POD}"),
        ("DaemonSet", "apps/v1", "{template: POD}"),
        ("ReplicaSet", "apps/v1", "{template: POD}"),
        ("Job", "batch/v1", "{template: POD}"),
        ("CronJob", "batch/v1", "{jobTemplate: {spec: {template: POD}}}"),
    ],
)
def test_every_controller(kind: str, version: str, spec: str) -> None:
    """Each kind of controller is mirrored with labels, ports, protocols and hostNetwork."""
    pod = (
        "{metadata: {labels: {app: x}}, spec: {hostNetwork: true, containers: "
        "[{name: c, ports: [{containerPort: 53, protocol: UDP, name: dns}]}]}}"
    )
    text = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x, namespace: ns}}\n"
    (found,) = mirror(text + f"spec: {spec.replace('POD', pod)}\n").workloads

    assert (kind, "ns/x", "x") == (found.kind, found.key, found.pod.labels["app"])
    assert (True, (Port(53, Protocol.UDP, "dns"),)) == (found.pod.host_network, found.pod.ports)


def test_one_name_for_two_kinds() -> None:
    """Workloads of one name are told apart by their kind, in whatever order they come."""
    both = [workload("shop/web", 80), workload("shop/web", 80, kind="DaemonSet")]

    assert (
        {"shop/web-deployment", "shop/web-daemonset"}
        == {w.key for w in mirror(*both).workloads}
        == {w.key for w in mirror(*reversed(both)).workloads}
    )


@pytest.mark.parametrize(
    ("document", "port"),
    [
        pytest.param(
            service("shop/web", "web", "{port: 80, targetPort: 8080}"), 8080, id="service"
        ),
        pytest.param(
            policy("shop/p", "{podSelector: {}, ingress: [{ports: [{port: 9000}]}]}"),
            9000,
            id="ingress",
        ),
        pytest.param(
            policy(
                "other/p",
                "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}}], "
                "ports: [{port: 7000}]}]}",
            ),
            7000,
            id="egress",
        ),
    ],
)
def test_ports_that_only_others_name(document: str, port: int) -> None:
    """A port that a Service or policy names is served, and the note says for whose sake."""
    made = mirror(workload("shop/web"), document)

    assert [port] == [one.number for one in made.workloads[0].pod.ports]
    assert () == made.workloads[0].declared
    assert any(f"declares no {port}/TCP" in note.text for note in made.notes)


def test_egress_to_everyone_names_nobody() -> None:
    """A port of an egress rule without peers is not served for its sake."""
    rule = "{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 443}]}]}"

    assert () == mirror(workload("shop/web"), policy("shop/p", rule)).workloads[0].pod.ports


def test_what_is_sent_of_a_service() -> None:
    """A Service is sent without its type and node ports: none of them is ours to take."""
    made = mirror_texts([("-", HELM)])
    (sent,) = [m for m in made.bundle.manifests if m.kind == "Service"]

    assert {
        "selector": {"app.kubernetes.io/name": "shop"},
        "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
    } == sent.raw["spec"]


def test_service_without_selector_is_listed() -> None:
    """A Service that leads elsewhere is listed, not mirrored."""
    text = "apiVersion: v1\nkind: Service\nmetadata: {name: far, namespace: shop}\n"
    made = mirror(
        workload("shop/web", 80), text + "spec: {type: ExternalName, externalName: x.y}\n"
    )

    assert () == made.bundle.services
    assert "Service shop/far" in {note.what for note in made.notes}


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("serving.knative.dev/v1", "Service"),
        ("projectcalico.org/v3", "NetworkPolicy"),
        ("cilium.io/v2", "CiliumNetworkPolicy"),
        ("apps.example.org/v1", "Deployment"),
        ("rollouts.kruise.io/v1beta1", "Rollout"),
    ],
)
def test_kinds_of_the_same_name_are_not_mistaken(version: str, kind: str) -> None:
    """An object of another API group is listed, whatever its kind is called."""
    other = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x, namespace: shop}}\n"

    assert f"{kind} shop/x" in {note.what for note in mirror(workload("shop/web", 80), other).notes}


def test_order_of_files_does_not_matter() -> None:
    """The pods of a mirror are the same whatever order the files come in."""

    def pods(made: Mirror) -> set[object]:
        return {(pod.key, tuple(sorted(pod.ports))) for pod in made.bundle.pods}

    files = [("a", workload("shop/web", 80)), ("b", service("shop/web", "web", "{port: 81}"))]

    assert pods(mirror_texts(files)) == pods(mirror_texts(reversed(files)))


def test_twins_are_refused() -> None:
    """A workload that is there twice is refused with both places."""
    with pytest.raises(PolicyError, match=r"bundle\.yaml:9: .*twice, first at bundle\.yaml:1"):
        mirror(workload("shop/web", 80), workload("shop/web", 80))


def test_broken_template_is_refused_with_its_line() -> None:
    """What the API server would refuse of a workload is refused with the line."""
    text = dedent("""\
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: x}
        spec:
          template:
            spec:
              containers:
                - name: c
                  ports:
                    - containerPort: 99999
        """)
    with pytest.raises(PolicyError, match=r"containerPort: Invalid value: 99999") as caught:
        mirror(text)

    assert "bundle.yaml:10" == caught.value.place
