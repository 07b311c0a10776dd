"""Namespaces and EndpointSlices, driven by the store alone."""

from typing import Any

import pytest

from netlab.controllers.endpoints import EndpointsController
from netlab.controllers.namespaces import NamespaceController
from netlab.objects.kinds import BY_PLURAL
from netlab.objects.registry import Registry
from netlab.objects.store import Store


@pytest.fixture
def registry() -> Registry:
    """Return a registry with both controllers at work and the namespace shop."""
    store = Store()
    registry = Registry(store)
    NamespaceController(store, registry, ca_pem=b"the CA").start()
    EndpointsController(store).start()
    registry.create(BY_PLURAL["namespaces"], None, {"metadata": {"name": "shop"}})
    return registry


def add_pod(registry: Registry, name: str, number: int, *, ready: bool = True) -> None:
    """Create a pod app=web that runs with both address families; its port http is `number`."""
    port = {"name": "http", "containerPort": number}
    spec = {"nodeName": "n", "containers": [{"name": "c", "image": "i", "ports": [port]}]}
    body = {"metadata": {"name": name, "labels": {"app": "web"}}, "spec": spec}
    made = registry.create(BY_PLURAL["pods"], "shop", body).object
    set_ready(registry, made, ready=ready)


def set_ready(registry: Registry, pod: dict[str, Any], *, ready: bool) -> None:
    host = pod["metadata"]["name"].removeprefix("p")
    status = {
        "phase": "Running",
        "podIPs": [{"ip": f"10.244.0.{host}"}, {"ip": f"fd00:10:244::{host}"}],
        "conditions": [{"type": "Ready", "status": str(ready)}],
    }
    registry.store.update("pods", {**pod, "status": status}, subresource="status")


def add_service(registry: Registry, **spec: Any) -> None:
    body = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}], **spec}
    registry.create(BY_PLURAL["services"], "shop", {"metadata": {"name": "web"}, "spec": body})


def slices(registry: Registry) -> dict[str, dict[str, Any]]:
    found = registry.store.list("endpointslices", "shop")
    return {obj["metadata"]["name"]: obj for obj in found}


def addresses(slice_: dict[str, Any]) -> list[str]:
    return [ip for end in slice_["endpoints"] for ip in end["addresses"]]


def test_a_namespace_is_furnished(registry: Registry) -> None:
    """It has the default service account and the cluster's CA."""
    assert registry.store.get("serviceaccounts", "shop", "default")
    assert registry.store.get("configmaps", "shop", "kube-root-ca.crt")["data"] == {
        "ca.crt": "the CA"
    }


def test_an_empty_namespace_goes_at_once(registry: Registry) -> None:
    """What nobody has to end goes with it."""
    registry.delete(BY_PLURAL["namespaces"], None, "shop")
    assert registry.store.find("namespaces", None, "shop") is None
    assert registry.store.list("configmaps", "shop") == []


def test_a_namespace_waits_for_its_pods(registry: Registry) -> None:
    """It is Terminating until the kubelet has ended the last pod."""
    add_pod(registry, "p1", 80)
    registry.delete(BY_PLURAL["namespaces"], None, "shop")
    assert registry.store.get("pods", "shop", "p1")["metadata"]["deletionTimestamp"]
    assert registry.store.get("namespaces", None, "shop")["status"]["phase"] == "Terminating"
    registry.store.delete("pods", "shop", "p1")
    assert registry.store.find("namespaces", None, "shop") is None


def test_contents_go_before_the_namespace(registry: Registry) -> None:
    """Whoever follows the events never has an object whose namespace is gone."""
    add_service(registry)
    gone = list[str]()
    for plural in ("namespaces", "services", "endpointslices", "configmaps"):
        registry.store.subscribe(
            plural, lambda event: gone.append(event.resource) if event.type == "DELETED" else None
        )
    registry.delete(BY_PLURAL["namespaces"], None, "shop")
    assert sorted(gone[:-1]) == ["configmaps", "endpointslices", "services"]
    assert gone[-1] == "namespaces"


def test_a_slice_holds_the_pods_of_its_service(registry: Registry) -> None:
    """Ready pods with the labels, by address and by the number of the named port."""
    add_service(registry)
    add_pod(registry, "p1", 8080)
    slice_ = slices(registry)["web-ipv4"]
    assert addresses(slice_) == ["10.244.0.1"]
    assert slice_["ports"] == [{"name": "", "protocol": "TCP", "port": 8080}]
    assert slice_["endpoints"][0]["conditions"]["ready"] is True


def test_a_service_finds_the_pods_that_are_there(registry: Registry) -> None:
    """The order of creation does not matter."""
    add_pod(registry, "p1", 8080)
    add_service(registry)
    assert addresses(slices(registry)["web-ipv4"]) == ["10.244.0.1"]


def test_a_dual_stack_service_has_a_slice_per_family(registry: Registry) -> None:
    """Each with the addresses of its family."""
    add_service(registry, ipFamilyPolicy="RequireDualStack")
    add_pod(registry, "p1", 80)
    found = {name: addresses(slice_) for name, slice_ in slices(registry).items()}
    assert found == {"web-ipv4": ["10.244.0.1"], "web-ipv6": ["fd00:10:244::1"]}


def test_a_pod_that_is_not_ready_is_marked_so(registry: Registry) -> None:
    """It stays in the slice, not ready; and changes with the pod."""
    add_service(registry)
    add_pod(registry, "p1", 80, ready=False)
    assert slices(registry)["web-ipv4"]["endpoints"][0]["conditions"]["ready"] is False
    set_ready(registry, registry.store.get("pods", "shop", "p1"), ready=True)
    assert slices(registry)["web-ipv4"]["endpoints"][0]["conditions"]["ready"] is True


def test_a_pod_that_ends_is_not_ready(registry: Registry) -> None:
    """From its mark on it is terminating, and serving as long as it does."""
    add_service(registry)
    add_pod(registry, "p1", 80)
    registry.delete(BY_PLURAL["pods"], "shop", "p1")
    conditions = slices(registry)["web-ipv4"]["endpoints"][0]["conditions"]
    assert conditions == {"ready": False, "serving": True, "terminating": True}


def test_a_deleted_pod_leaves_the_slice(registry: Registry) -> None:
    """Nothing points to an address that may be given to another pod."""
    add_service(registry)
    add_pod(registry, "p1", 80)
    registry.store.delete("pods", "shop", "p1")
    assert addresses(slices(registry)["web-ipv4"]) == []


def test_a_pod_that_loses_its_label_leaves_the_slice(registry: Registry) -> None:
    """The selector counts at every moment."""
    add_service(registry)
    add_pod(registry, "p1", 80)
    pod = registry.store.get("pods", "shop", "p1")
    registry.store.update("pods", {**pod, "metadata": {**pod["metadata"], "labels": {}}})
    assert addresses(slices(registry)["web-ipv4"]) == []


def test_a_deleted_service_takes_its_slices(registry: Registry) -> None:
    """None is left."""
    add_service(registry)
    registry.delete(BY_PLURAL["services"], "shop", "web")
    assert slices(registry) == {}


def test_a_service_that_loses_a_family_loses_its_slice(registry: Registry) -> None:
    """The slices follow the families of the service."""
    add_service(registry, ipFamilyPolicy="RequireDualStack")
    service = registry.store.get("services", "shop", "web")
    single = {**service["spec"], "ipFamilies": ["IPv4"]}
    registry.store.update("services", {**service, "spec": single})
    assert set(slices(registry)) == {"web-ipv4"}


def test_a_named_port_is_each_pods_own(registry: Registry) -> None:
    """Pods with different numbers for the name are in different slices."""
    add_service(registry)
    add_pod(registry, "p1", 8080)
    add_pod(registry, "p2", 9090)
    found = {s["ports"][0]["port"]: addresses(s) for s in slices(registry).values()}
    assert found == {8080: ["10.244.0.1"], 9090: ["10.244.0.2"]}


def test_a_service_without_selector_is_left_alone(registry: Registry) -> None:
    """Its slices are made by whoever made it."""
    add_service(registry, selector={})
    assert slices(registry) == {}
