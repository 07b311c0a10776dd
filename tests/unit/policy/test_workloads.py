"""Namespaces, pods and Services as the other stages see them, and what is refused of them."""

from __future__ import annotations

from typing import Any

import pytest

from netproof.model.workload import Namespace, Pod, Port, Protocol, Service, ServicePort
from tests.unit.policy.samples import core, load, refusal


def pod(*ports: Any, **spec: Any) -> dict[str, Any]:
    return core("Pod", "x", {"containers": [{"name": "c", "ports": list(ports)}], **spec})


def test_namespace_has_the_name_label() -> None:
    """The API server puts a namespace's name into its labels, so does netproof."""
    expected = Namespace("shop", {"team": "blue", "kubernetes.io/metadata.name": "shop"})
    assert (expected,) == load(core("Namespace", "shop", labels={"team": "blue"})).namespaces


def test_name_label_cannot_be_forged() -> None:
    """Another value of the name label is overwritten, as the API server does."""
    forged = core("Namespace", "shop", labels={"kubernetes.io/metadata.name": "bank"})
    assert {"kubernetes.io/metadata.name": "shop"} == load(forged).namespaces[0].labels


def test_pod() -> None:
    """A pod has labels, the ports of its containers and no address yet."""
    raw = core(
        "Pod",
        "api",
        {
            "containers": [
                {"name": "a", "ports": [{"containerPort": 80, "name": "http"}]},
                {"name": "b", "ports": [{"containerPort": 53, "protocol": "UDP"}]},
                {"name": "c"},
            ]
        },
        namespace="shop",
        labels={"app": "api"},
    )
    expected = Pod("shop", "api", {"app": "api"}, (Port(80, name="http"), Port(53, Protocol.UDP)))
    assert (expected,) == load(raw).pods


def test_host_network() -> None:
    """The pod's hostNetwork is read."""
    assert load(pod(hostNetwork=True)).pods[0].host_network


def test_only_sidecars_of_the_init_containers_serve_ports() -> None:
    """An init container's ports count if it keeps running."""
    inits = [
        {"name": "a", "ports": [{"containerPort": 1}]},
        {"name": "b", "restartPolicy": "Always", "ports": [{"containerPort": 2}]},
    ]
    assert (Port(2),) == load(pod(initContainers=inits)).pods[0].ports


def test_service() -> None:
    """A Service's target is its own port unless another number or a name is given."""
    ports = [
        {"port": 80, "name": "a"},
        {"port": 81, "targetPort": 8080, "name": "b"},
        {"port": 82, "targetPort": "http", "name": "c", "nodePort": 30082},
        {"port": 80, "protocol": "UDP", "name": "d"},
    ]
    raw = core("Service", "api", {"selector": {"app": "api"}, "ports": ports}, namespace="shop")
    expected = Service(
        "shop",
        "api",
        {"app": "api"},
        (
            ServicePort(80, 80, name="a"),
            ServicePort(81, 8080, name="b"),
            ServicePort(82, "http", name="c", node_port=30082),
            ServicePort(80, 80, Protocol.UDP, "d"),
        ),
    )
    assert (expected,) == load(raw).services


def service(*ports: Any) -> dict[str, Any]:
    return core("Service", "x", {"ports": list(ports)})


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "namespace in a namespace": (
        core("Namespace", "a", namespace="b"),
        "metadata.namespace: Forbidden: not allowed on this type",
    ),
    "namespace with a dot": (core("Namespace", "a.b"), "a lowercase RFC 1123 label must consist"),
    "pod without containers": (core("Pod", spec={}), "spec.containers: Required value"),
    "pod without spec": (core("Pod"), "spec.containers: Required value"),
    "containers as a mapping": (
        core("Pod", spec={"containers": {}}),
        "spec.containers: Invalid value: must be a list",
    ),
    "container port missing": (
        pod({"name": "http"}),
        "spec.containers[0].ports[0].containerPort: Required value",
    ),
    "container port too large": (pod({"containerPort": 99999}), "must be between 1 and 65535"),
    "container port in quotes": (pod({"containerPort": "80"}), 'must be a whole number, not "80"'),
    "port name misspelt": (pod({"containerPort": 80, "name": "Web_1"}), "ports[0].name: Invalid"),
    "port name twice": (
        pod({"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}),
        'spec.containers[0].ports[1].name: Duplicate value: "a"',
    ),
    "port field": (pod({"port": 80}), "spec.containers[0].ports[0].port: unknown field"),
    "protocol": (pod({"containerPort": 80, "protocol": "HTTP"}), 'Unsupported value: "HTTP"'),
    "hostNetwork": (pod(hostNetwork="yes"), "spec.hostNetwork: Invalid value: must be true or"),
    "labels": (core("Pod", labels={"a": "b c"}), 'metadata.labels: Invalid value: "b c"'),
    "field beside spec": ({**pod(), "specs": {}}, "specs: unknown field; did you mean spec?"),
    "service name": (core("Service", "1a", {"ports": []}), "a DNS-1035 label must consist"),
    "service port missing": (service({"targetPort": 80}), "spec.ports[0].port: Required value"),
    "service port": (service({"port": 0}), "spec.ports[0].port: Invalid value: 0"),
    "target number": (service({"port": 1, "targetPort": 70000}), "targetPort: Invalid value: 70"),
    "target name": (service({"port": 1, "targetPort": "A"}), "targetPort: Invalid value"),
    "node port": (service({"port": 1, "nodePort": -1}), "nodePort: Invalid value: -1"),
    "ports without names": (service({"port": 1}, {"port": 2}), "spec.ports[0].name: Required"),
    "port twice": (
        service({"port": 1, "name": "a"}, {"port": 1, "name": "b"}),
        'spec.ports[1]: Duplicate value: "1/TCP"',
    ),
    "service field": (service({"port": 1, "target": 2}), "spec.ports[0].target: unknown field"),
    "selector": (core("Service", spec={"selector": {"a": 1}}), "spec.selector.a: Invalid value"),
}


@pytest.mark.parametrize(("raw", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_is_refused(raw: dict[str, Any], message: str) -> None:
    """What netproof reads of these kinds is checked as the API server does."""
    assert message in refusal(raw)
