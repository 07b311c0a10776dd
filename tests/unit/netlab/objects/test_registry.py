"""What a write goes through."""

from typing import Any

import pytest

from netlab.objects.apierrors import ApiError, status_of
from netlab.objects.kinds import BY_PLURAL
from netlab.objects.registry import DeleteOptions, Registry, WriteOptions
from netlab.objects.store import Store

PODS, SERVICES = BY_PLURAL["pods"], BY_PLURAL["services"]
POLICIES, NAMESPACES = BY_PLURAL["networkpolicies"], BY_PLURAL["namespaces"]


@pytest.fixture
def registry() -> Registry:
    """Return a registry over a store with the namespace shop."""
    registry = Registry(Store(), suffix=lambda: "abcde")
    registry.create(NAMESPACES, None, {"metadata": {"name": "shop"}})
    return registry


def pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "c", "image": "i"}], **spec},
    }


def service(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


def refused(registry: Registry, resource: Any, body: dict[str, Any]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        registry.create(resource, "shop" if resource.namespaced else None, body)
    return caught.value


def test_a_pod_is_defaulted(registry: Registry) -> None:
    """A pod gets policies, an account and a pending status."""
    made = registry.create(PODS, "shop", pod()).object
    assert (made["spec"]["restartPolicy"], made["spec"]["dnsPolicy"]) == ("Always", "ClusterFirst")
    assert made["spec"]["containers"][0]["imagePullPolicy"] == "Always"
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


def test_a_client_does_not_choose_the_status(registry: Registry) -> None:
    """A status that comes with a new pod is not taken."""
    made = registry.create(PODS, "shop", {**pod(), "status": {"phase": "Running"}}).object
    assert made["status"]["phase"] == "Pending"


def test_a_name_is_generated(registry: Registry) -> None:
    """GenerateName gets a suffix."""
    body = {**pod(), "metadata": {"generateName": "web-"}}
    assert registry.create(PODS, "shop", body).object["metadata"]["name"] == "web-abcde"


def test_a_namespace_that_is_not_there(registry: Registry) -> None:
    """Creating in a missing namespace is NotFound, about the namespace."""
    with pytest.raises(ApiError, match=r'^namespaces "nope" not found$'):
        registry.create(PODS, "nope", pod())


def test_a_namespace_that_ends_takes_nothing(registry: Registry) -> None:
    """Creating in a terminating namespace is Forbidden, with the cause clients look for."""
    registry.delete(NAMESPACES, None, "shop")
    error = refused(registry, PODS, pod())
    cause = status_of(error)["details"]["causes"][0]
    assert (error.code, error.reason) == (403, "Forbidden")
    assert cause["reason"] == "NamespaceTerminating"


def test_a_deleted_namespace_is_terminating(registry: Registry) -> None:
    """It is marked, and its phase says so."""
    marked = registry.delete(NAMESPACES, None, "shop")
    assert marked["status"]["phase"] == "Terminating"
    assert marked["metadata"]["deletionTimestamp"]


@pytest.mark.parametrize("name", ["default", "kube-system"])
def test_a_permanent_namespace_stays(registry: Registry, name: str) -> None:
    """The namespaces every cluster has cannot be deleted."""
    registry.create(NAMESPACES, None, {"metadata": {"name": name}})
    with pytest.raises(ApiError, match="this namespace may not be deleted"):
        registry.delete(NAMESPACES, None, name)


def test_a_namespace_names_itself_in_a_label(registry: Registry) -> None:
    """kubernetes.io/metadata.name is set and cannot be changed."""
    made = registry.store.get("namespaces", None, "shop")
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "shop"}
    labels = {"kubernetes.io/metadata.name": "other"}
    body = {**made, "metadata": {**made["metadata"], "labels": labels}}
    with pytest.raises(ApiError, match="must be shop"):
        registry.update(NAMESPACES, None, "shop", body)


def test_an_invalid_object_lists_every_field(registry: Registry) -> None:
    """An Invalid has one cause per field and a message with all of them."""
    body = {"metadata": {"name": "P"}, "spec": {"ingress": [{"from": [{}]}]}}
    error = refused(registry, POLICIES, body)
    status = status_of(error)
    assert (status["code"], status["reason"]) == (422, "Invalid")
    fields = [cause["field"] for cause in status["details"]["causes"]]
    assert fields == ["metadata.name", "spec.ingress[0].from[0]"]
    assert status["message"].startswith('NetworkPolicy.networking.k8s.io "P" is invalid: [metadata')


def test_a_dry_run_stores_nothing(registry: Registry) -> None:
    """It answers as if, and changes nothing."""
    made = registry.create(PODS, "shop", pod(), WriteOptions(dry_run=True))
    assert made.object["metadata"]["uid"]
    assert registry.store.list("pods") == []


def test_a_dry_run_finds_the_clash(registry: Registry) -> None:
    """It refuses what would be refused."""
    registry.create(PODS, "shop", pod())
    with pytest.raises(ApiError, match="already exists"):
        registry.create(PODS, "shop", pod(), WriteOptions(dry_run=True))


def test_a_policys_generation_counts_its_specs(registry: Registry) -> None:
    """A changed spec counts, a changed label does not."""
    body: dict[str, Any] = {"metadata": {"name": "p"}, "spec": {"podSelector": {}}}
    registry.create(POLICIES, "shop", body)
    labelled = {**body, "metadata": {"name": "p", "labels": {"a": "b"}}}
    assert registry.update(POLICIES, "shop", "p", labelled).object["metadata"]["generation"] == 1
    opened = {**body, "spec": {"podSelector": {}, "ingress": [{}]}}
    assert registry.update(POLICIES, "shop", "p", opened).object["metadata"]["generation"] == 2


def test_a_pods_spec_is_fixed(registry: Registry) -> None:
    """Only images and the like may change."""
    made = registry.create(PODS, "shop", pod()).object
    images = {**made, "spec": {**made["spec"], "containers": [{"name": "c", "image": "j"}]}}
    registry.update(PODS, "shop", "p", images)
    moved = {**made, "spec": {**made["spec"], "hostNetwork": True}}
    del moved["metadata"]["resourceVersion"]
    with pytest.raises(ApiError, match="pod updates may not change fields other than"):
        registry.update(PODS, "shop", "p", moved)


def test_an_unscheduled_pod_is_deleted_at_once(registry: Registry) -> None:
    """Nothing runs, so there is nothing to wait for."""
    registry.create(PODS, "shop", pod())
    registry.delete(PODS, "shop", "p")
    assert registry.store.list("pods") == []


def test_a_running_pod_is_marked(registry: Registry) -> None:
    """The kubelet ends it; until then it has its grace."""
    registry.create(PODS, "shop", pod(nodeName="n"))
    marked = registry.delete(PODS, "shop", "p")
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    assert registry.store.list("pods") == [marked]


@pytest.mark.parametrize(("asked", "left"), [(60, 60), (-5, 1), (None, 30)])
def test_a_pod_ends_within_the_grace_that_was_asked_for(
    registry: Registry, asked: int | None, left: int
) -> None:
    """It may be longer than the pod's own; a negative one is a second, none the pod's own."""
    registry.create(PODS, "shop", pod(nodeName="n"))
    marked = registry.delete(PODS, "shop", "p", DeleteOptions(grace_s=asked))
    assert marked["metadata"]["deletionGracePeriodSeconds"] == left


def test_a_pod_that_ends_goes_at_once_only_where_that_is_asked_for(registry: Registry) -> None:
    """Deleted again as before it keeps its grace, whatever its own; with grace 0 it is gone."""
    registry.create(PODS, "shop", pod(nodeName="n", terminationGracePeriodSeconds=0))
    registry.delete(PODS, "shop", "p", DeleteOptions(grace_s=60))
    again = registry.delete(PODS, "shop", "p")
    assert again["metadata"]["deletionGracePeriodSeconds"] == 60
    registry.delete(PODS, "shop", "p", DeleteOptions(grace_s=0))
    assert registry.store.list("pods") == []


def test_a_pod_without_grace_goes_at_once(registry: Registry) -> None:
    """Grace 0 removes it whatever runs."""
    registry.create(PODS, "shop", pod(nodeName="n"))
    registry.delete(PODS, "shop", "p", DeleteOptions(grace_s=0))
    assert registry.store.list("pods") == []


def test_a_finalizer_holds_an_object(registry: Registry) -> None:
    """It stays, marked, until its last finalizer is taken away."""
    body = {"metadata": {"name": "c", "finalizers": ["a/b"]}}
    maps = BY_PLURAL["configmaps"]
    registry.create(maps, "shop", body)
    assert registry.delete(maps, "shop", "c")["metadata"]["deletionTimestamp"]
    registry.update(maps, "shop", "c", {"metadata": {"name": "c"}})
    assert registry.store.find("configmaps", "shop", "c") is None


@pytest.mark.parametrize(
    "options", [DeleteOptions(uid="x"), DeleteOptions(resource_version="0")], ids=["uid", "version"]
)
def test_a_deletion_meant_for_another_state(registry: Registry, options: DeleteOptions) -> None:
    """A precondition that does not hold is a Conflict."""
    registry.create(PODS, "shop", pod())
    with pytest.raises(ApiError, match="Precondition failed") as caught:
        registry.delete(PODS, "shop", "p", options)
    assert caught.value.code == 409


def test_a_service_gets_an_address_of_its_family(registry: Registry) -> None:
    """One IPv4 address by default."""
    spec = registry.create(SERVICES, "shop", service("a")).object["spec"]
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert spec["clusterIP"].startswith("10.96.")


def test_a_dual_stack_service_gets_two(registry: Registry) -> None:
    """One address per family, in the order of the families."""
    body = service("a", ipFamilyPolicy="RequireDualStack", ipFamilies=["IPv6"])
    spec = registry.create(SERVICES, "shop", body).object["spec"]
    assert spec["ipFamilies"] == ["IPv6", "IPv4"]
    assert spec["clusterIPs"][0].startswith("fd00:10:96::")


def test_addresses_are_given_once(registry: Registry) -> None:
    """No two services have the same."""
    made = [registry.create(SERVICES, "shop", service(f"s{n}")).object for n in range(20)]
    assert len({obj["spec"]["clusterIP"] for obj in made}) == 20


def test_an_address_may_be_asked_for(registry: Registry) -> None:
    """A free one of the range is given, a taken one is refused."""
    registry.create(SERVICES, "shop", service("a", clusterIP="10.96.0.10"))
    error = refused(registry, SERVICES, service("b", clusterIP="10.96.0.10"))
    assert "failed to allocate IP 10.96.0.10: provided IP is already allocated" in error.message


def test_an_address_of_another_range_is_refused(registry: Registry) -> None:
    """The message names the range."""
    error = refused(registry, SERVICES, service("b", clusterIP="192.0.2.1"))
    assert "The range of valid IPs is 10.96.0.0/16" in error.message


def test_a_headless_service_has_none(registry: Registry) -> None:
    """It keeps None and gets no address."""
    spec = registry.create(SERVICES, "shop", service("a", clusterIP="None")).object["spec"]
    assert spec["clusterIPs"] == ["None"]


def test_an_update_keeps_the_address(registry: Registry) -> None:
    """A service that says nothing of its address keeps it; it may not take another."""
    made = registry.create(SERVICES, "shop", service("a")).object["spec"]["clusterIP"]
    again = registry.update(SERVICES, "shop", "a", service("a", selector={"x": "y"})).object
    assert again["spec"]["clusterIP"] == made
    with pytest.raises(ApiError, match="may not change once set"):
        registry.update(SERVICES, "shop", "a", service("a", clusterIP="10.96.9.9"))


def test_a_node_port_is_given_and_kept(registry: Registry) -> None:
    """It is of the range, and an update does not change it."""
    made = registry.create(SERVICES, "shop", service("a", type="NodePort")).object
    number = made["spec"]["ports"][0]["nodePort"]
    assert 30000 <= number <= 32767
    again = registry.update(SERVICES, "shop", "a", service("a", type="NodePort")).object
    assert again["spec"]["ports"][0]["nodePort"] == number


@pytest.mark.parametrize(
    ("number", "said"),
    [(30080, "provided port is already allocated"), (80, "not in the valid range")],
)
def test_a_node_port_that_cannot_be_had(registry: Registry, number: int, said: str) -> None:
    """A taken one and one out of range are refused at their field."""
    ports = [{"port": 80, "nodePort": 30080}]
    registry.create(SERVICES, "shop", service("a", type="NodePort", ports=ports))
    wish = [{"port": 80, "nodePort": number}]
    error = refused(registry, SERVICES, service("b", type="NodePort", ports=wish))
    assert said in error.message
    assert error.causes[0].field == "spec.ports[0].nodePort"


def test_tcp_and_udp_may_share_a_node_port(registry: Registry) -> None:
    """Within one service a number may serve two protocols."""
    ports = [
        {"name": p.lower(), "port": 53, "protocol": p, "nodePort": 30053} for p in ("TCP", "UDP")
    ]
    made = registry.create(SERVICES, "shop", service("a", type="NodePort", ports=ports)).object
    assert [port["nodePort"] for port in made["spec"]["ports"]] == [30053, 30053]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (service("1a"), "metadata.name"),
        (service("a", ports=[]), "spec.ports"),
        (service("a", ports=[{"port": 0}]), "spec.ports[0].port"),
        (service("a", ports=[{"port": 1}, {"port": 2}]), "spec.ports[0].name"),
        (service("a", ports=[{"port": 1, "protocol": "ICMP"}]), "spec.ports[0].protocol"),
        (service("a", ports=[{"port": 1, "targetPort": "A"}]), "spec.ports[0].targetPort"),
        (service("a", type="Cluster"), "spec.type"),
        (service("a", clusterIP="x"), "spec.clusterIPs[0]"),
        (service("a", ipFamilies=["v4"]), "spec.ipFamilies[0]"),
        (service("a", selector={"a b": "c"}), "spec.selector"),
    ],
    ids=str,
)
def test_a_wrong_service(registry: Registry, body: dict[str, Any], field: str) -> None:
    """Each wrong service is refused at its field."""
    assert field in [cause.field for cause in refused(registry, SERVICES, body).causes]


def containers(*names: str, **rest: Any) -> list[dict[str, Any]]:
    return [{"name": name, "image": "i", **rest} for name in names]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"containers": []}, "spec.containers"),
        ({"containers": containers("a", "a")}, "spec.containers[1].name"),
        ({"containers": containers("A")}, "spec.containers[0].name"),
        ({"containers": [{"name": "a"}]}, "spec.containers[0].image"),
        ({"containers": containers("a", ports=[{}])}, "spec.containers[0].ports[0].containerPort"),
        (
            {"containers": containers("a", ports=[{"containerPort": 70000}])},
            "spec.containers[0].ports[0].containerPort",
        ),
        (
            {
                "containers": containers(
                    "a", ports=[{"name": "x", "containerPort": n} for n in (1, 2)]
                )
            },
            "spec.containers[0].ports[1].name",
        ),
        (
            {"containers": containers("a", ports=[{"containerPort": 1, "protocol": "X"}])},
            "spec.containers[0].ports[0].protocol",
        ),
        ({"restartPolicy": "Sometimes"}, "spec.restartPolicy"),
        ({"dnsPolicy": "x"}, "spec.dnsPolicy"),
        ({"nodeName": "A B"}, "spec.nodeName"),
        (
            {
                "hostNetwork": True,
                "containers": containers("a", ports=[{"containerPort": 1, "hostPort": 2}]),
            },
            "spec.containers[0].ports[0].hostPort",
        ),
    ],
    ids=str,
)
def test_a_wrong_pod(registry: Registry, spec: dict[str, Any], field: str) -> None:
    """Each wrong pod is refused at its field."""
    error = refused(registry, PODS, {"metadata": {"name": "p"}, "spec": pod(**spec)["spec"] | spec})
    assert field in [cause.field for cause in error.causes]


def test_identity_is_immutable(registry: Registry) -> None:
    """An update with another uid is refused."""
    made = registry.create(POLICIES, "shop", {"metadata": {"name": "p"}}).object
    body = {**made, "metadata": {"name": "p", "uid": "x"}}
    with pytest.raises(ApiError, match=r"metadata\.uid: Invalid value"):
        registry.update(POLICIES, "shop", "p", body)


def test_the_name_in_the_url_counts(registry: Registry) -> None:
    """A body with another name is a 400."""
    registry.create(PODS, "shop", pod())
    with pytest.raises(ApiError, match="does not match the name on the URL"):
        registry.update(PODS, "shop", "p", pod("q"))


def test_apply_creates_and_then_merges(registry: Registry) -> None:
    """Server-side apply needs no object to begin with."""
    options = WriteOptions(manager="me")
    body: dict[str, Any] = {"metadata": {"name": "p"}, "spec": {"podSelector": {}}}
    assert registry.apply(POLICIES, "shop", "p", body, options=options).created
    more = {**body, "spec": {"podSelector": {}, "policyTypes": ["Egress"]}}
    again = registry.apply(POLICIES, "shop", "p", more, options=options)
    assert not again.created
    assert again.object["spec"]["policyTypes"] == ["Egress"]
