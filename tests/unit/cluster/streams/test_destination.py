"""Which pod and ports a target of a port-forward stands for."""

from __future__ import annotations

from typing import Any, cast

import pytest

from netproof.cluster.api.client import Client
from netproof.cluster.streams.destination import label_selector, resolve
from netproof.errors import NotReadyError, UsageError

Obj = dict[str, Any]


def pod(name: str, *, ready: bool = True, leaving: bool = False) -> Obj:
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    meta: Obj = {"name": name, **({"deletionTimestamp": "now"} if leaving else {})}
    ports = [
        {"name": "dns", "containerPort": 53, "protocol": "UDP"},
        {"name": "http", "containerPort": 8080},
    ]
    spec = {"containers": [{"ports": ports}]}
    return {"metadata": meta, "spec": spec, "status": {"conditions": [condition]}}


class Api:
    """A cluster of few objects; writes down which pods were asked for."""

    def __init__(self, *pods: Obj, **objects: Obj) -> None:
        self.pods = list(pods)
        self.objects = objects
        self.asked = ""

    def get(self, kind: str, name: str, namespace: str) -> Obj:
        assert "shop" == namespace
        return {"kind": kind, "metadata": {"name": name}, **self.objects[kind]}

    def list(self, kind: str, namespace: str, *, labels: str) -> list[Obj]:
        assert ("Pod", "shop") == (kind, namespace)
        self.asked = labels
        return self.pods


def service(*ports: Obj, **spec: Any) -> Obj:
    return {"spec": {"selector": {"app": "web"}, "ports": list(ports), **spec}}


def found(api: Api, target: str, *ports: int) -> tuple[str, dict[int, int]]:
    seen = resolve(cast("Client", api), "shop", target, ports)
    assert "shop" == seen.pod[0]
    return seen.pod[1], dict(seen.ports)


@pytest.mark.parametrize("target", ["web", "pod/web", "pods/web", "po/web"])
def test_a_pod_is_itself(target: str) -> None:
    """Its ports are those dialled, and nothing is looked up."""
    assert ("web", {80: 80, 81: 81}) == found(Api(), target, 80, 81)


@pytest.mark.parametrize(
    ("port", "inner"),
    [
        ({"port": 80, "targetPort": 8080}, 8080),
        ({"port": 80, "targetPort": "http"}, 8080),
        ({"port": 80}, 80),
    ],
    ids=["number", "name", "none"],
)
def test_a_port_of_a_service_is_its_target_port(port: Obj, inner: int) -> None:
    """By number or by the name of a container's port."""
    api = Api(pod("web-1"), Service=service(port))
    assert ("web-1", {80: inner}) == found(api, "service/web", 80)
    assert "app=web" == api.asked


def test_a_headless_service_has_no_other_ports() -> None:
    """Its name leads to pods, whose ports are dialled as they are."""
    api = Api(pod("web-1"), Service=service({"port": 80, "targetPort": 8080}, clusterIP="None"))
    assert ("web-1", {80: 80}) == found(api, "svc/web", 80)


def test_a_deployment_is_one_of_its_pods() -> None:
    """By its selector, expressions included; its ports are the pod's."""
    selector = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [{"key": "old", "operator": "DoesNotExist"}],
    }
    api = Api(pod("web-1"), Deployment={"spec": {"selector": selector}})
    assert ("web-1", {8080: 8080}) == found(api, "deployment/web", 8080)
    assert "app=web,!old" == api.asked


def test_only_ready_pods_are_chosen() -> None:
    """Neither one that is not ready nor one that is leaving."""
    pods = (pod("a", ready=False), pod("b", leaving=True), pod("d"), pod("c"))
    api = Api(*pods, Service=service({"port": 80}))
    assert "c" == found(api, "service/web", 80)[0]


def test_no_ready_pod_is_told() -> None:
    """With the name of what was asked for."""
    api = Api(pod("a", ready=False), Service=service({"port": 80}))
    with pytest.raises(NotReadyError, match="Service shop/web: no pod of it is ready"):
        found(api, "service/web", 80)


@pytest.mark.parametrize(
    ("target", "ports", "message"),
    [
        ("job/web", (), "write pod/NAME, service/NAME or deployment/NAME"),
        ("service/", (), "write pod/NAME"),
        ("service/web", ({"port": 81},), "does not have a port 80"),
        ("service/web", ({"port": 80, "protocol": "UDP"},), "is not TCP"),
        ("service/web", ({"port": 80, "targetPort": "dns"},), "no TCP port named dns"),
    ],
)
def test_what_cannot_be_forwarded_to_is_told(
    target: str, ports: tuple[Obj, ...], message: str
) -> None:
    """A kind, a name or a port that there is not, and UDP."""
    with pytest.raises(UsageError, match=message):
        found(Api(pod("web-1"), Service=service(*ports)), target, 80)


def test_a_service_without_a_selector_is_told() -> None:
    """Somebody else manages where it leads."""
    with pytest.raises(UsageError, match="selects no pods"):
        found(Api(Service=service(selector={})), "service/web", 80)


def test_every_operator_of_a_selector_is_written() -> None:
    """As the query of a list takes them."""
    expressions = [
        {"key": "a", "operator": "In", "values": ["x", "y"]},
        {"key": "b", "operator": "NotIn", "values": ["z"]},
        {"key": "c", "operator": "Exists"},
    ]
    assert "a in (x,y),b notin (z),c" == label_selector({"matchExpressions": expressions})
