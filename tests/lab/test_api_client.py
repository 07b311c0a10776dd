"""The API server through the official Python client."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import kubernetes.client
import kubernetes.config
import kubernetes.watch
import pytest
from kubernetes.client.exceptions import ApiException

from tests.lab._api import DEADLINE_S, TOKEN, Api, pod, running_api


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Run an API server for this module's tests."""
    with running_api(tmp_path_factory.mktemp("api")) as api:
        yield api


@pytest.fixture
def client(api: Api) -> Iterator[Any]:
    """Return an ApiClient for the server; its connections are closed at the end."""
    configuration = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(str(api.kubeconfig), client_configuration=configuration)
    configuration.retries = 0
    client = kubernetes.client.ApiClient(configuration)
    yield client
    client.rest_client.pool_manager.clear()


@pytest.fixture
def core(client: Any) -> Any:
    """Return the core API."""
    return kubernetes.client.CoreV1Api(client)


@pytest.fixture
def shop(core: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return a namespace of the test's own."""
    name = request.node.originalname.replace("_", "-")[:50].strip("-")
    core.create_namespace({"metadata": {"name": name}})
    yield name
    core.delete_namespace(name)


def raw(
    api: Api,
    path: str,
    *,
    token: str = TOKEN,
    method: str = "GET",
    data: bytes | None = None,
    kind: str = "application/json",
) -> tuple[int, Any]:
    """Send a request as it is; return status and parsed body."""
    headers = {"Content-Type": kind, **({"Authorization": f"Bearer {token}"} if token else {})}
    context = ssl.create_default_context(cafile=str(api.ca_file))
    address = api.url.removeprefix("https://")
    connection = http.client.HTTPSConnection(address, context=context, timeout=DEADLINE_S)
    with closing(connection):
        connection.request(method, path, body=data, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.load(answer)


def said(error: pytest.ExceptionInfo[ApiException]) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(error.value.body)
    return status


@pytest.mark.parametrize("path", ["/version", "/api", "/healthz", "/api/v1/namespaces", "/nowhere"])
@pytest.mark.parametrize("token", ["", "wrong"])
def test_nothing_without_the_token(api: Api, path: str, token: str) -> None:
    """Every path answers 401 to those who have no token."""
    code, status = raw(api, path, token=token)
    assert (code, status["reason"], status["kind"]) == (401, "Unauthorized", "Status")


def test_plain_http_is_not_spoken(api: Api) -> None:
    """Without TLS there is no answer."""
    address = api.url.removeprefix("https://")
    with closing(http.client.HTTPConnection(address, timeout=DEADLINE_S)) as connection:
        connection.request("GET", "/version")
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            connection.getresponse()


def test_create_read_and_delete(core: Any, shop: str) -> None:
    """A pod goes through its life."""
    core.create_namespaced_pod(shop, pod("a"))
    assert core.read_namespaced_pod("a", shop).status.phase == "Running"
    core.delete_namespaced_pod("a", shop)
    with pytest.raises(ApiException) as caught:
        core.read_namespaced_pod("a", shop)
    assert said(caught)["message"] == 'pods "a" not found'


def test_lists_by_labels_and_fields(core: Any, shop: str) -> None:
    """Selectors choose in list and deletecollection."""
    for name, app in (("a", "web"), ("b", "db"), ("c", "cache")):
        core.create_namespaced_pod(shop, pod(name, app=app))
    found = core.list_namespaced_pod(shop, label_selector="app in (web,db),app!=db")
    assert [item.metadata.name for item in found.items] == ["a"]
    found = core.list_namespaced_pod(shop, field_selector="metadata.name=b,status.phase=Running")
    assert [item.metadata.name for item in found.items] == ["b"]
    core.delete_collection_namespaced_pod(shop, label_selector="app notin (db)")
    assert [item.metadata.name for item in core.list_namespaced_pod(shop).items] == ["b"]


def test_the_same_name_twice(core: Any, shop: str) -> None:
    """The second is AlreadyExists."""
    core.create_namespaced_config_map(shop, {"metadata": {"name": "c"}})
    with pytest.raises(ApiException) as caught:
        core.create_namespaced_config_map(shop, {"metadata": {"name": "c"}})
    assert (caught.value.status, said(caught)["reason"]) == (409, "AlreadyExists")


def test_a_stale_write_conflicts(core: Any, shop: str) -> None:
    """A replace against an old resourceVersion is a Conflict."""
    made = core.create_namespaced_config_map(shop, {"metadata": {"name": "c"}, "data": {"a": "1"}})
    core.patch_namespaced_config_map("c", shop, {"data": {"a": "2"}})
    with pytest.raises(ApiException) as caught:
        core.replace_namespaced_config_map("c", shop, made)
    assert said(caught)["reason"] == "Conflict"


def test_an_invalid_policy(client: Any, shop: str) -> None:
    """A refused policy says which field and why."""
    net = kubernetes.client.NetworkingV1Api(client)
    spec = {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0"}}]}]}
    with pytest.raises(ApiException) as caught:
        net.create_namespaced_network_policy(shop, {"metadata": {"name": "p"}, "spec": spec})
    status = said(caught)
    cause = status["details"]["causes"][0]
    assert (caught.value.status, status["reason"]) == (422, "Invalid")
    assert (cause["field"], cause["reason"]) == (
        "spec.ingress[0].from[0].ipBlock.cidr",
        "FieldValueInvalid",
    )


def test_a_policy_is_with_the_subscribers_before_the_answer(
    api: Api, client: Any, shop: str
) -> None:
    """When the client has its answer, whoever enforces policies has the policy."""
    net = kubernetes.client.NetworkingV1Api(client)
    heard: list[str] = []
    undo = api.call(
        lambda: api.store.subscribe(
            "networkpolicies", lambda event: heard.append(event.object["metadata"]["name"])
        )
    )
    body = {"metadata": {"name": "p"}, "spec": {"podSelector": {}}}
    net.create_namespaced_network_policy(shop, body)
    assert heard == ["p"]
    api.call(undo)


def test_a_namespace_that_is_not_there(core: Any) -> None:
    """Creating in it is a 404 about the namespace."""
    with pytest.raises(ApiException) as caught:
        core.create_namespaced_pod("nope", pod("a"))
    assert (caught.value.status, said(caught)["message"]) == (404, 'namespaces "nope" not found')


def test_a_deleted_namespace_takes_its_contents(core: Any) -> None:
    """Nothing of it is left."""
    core.create_namespace({"metadata": {"name": "doomed"}})
    core.create_namespaced_pod("doomed", pod("a"))
    core.delete_namespace("doomed")
    assert core.list_namespaced_pod("doomed").items == []
    with pytest.raises(ApiException, match="not found"):
        core.read_namespace("doomed")


def test_a_watch_tells_changes(core: Any, shop: str) -> None:
    """From the version of a list on: added, modified, deleted."""
    version = core.list_namespaced_config_map(shop).metadata.resource_version
    core.create_namespaced_config_map(shop, {"metadata": {"name": "c"}})
    core.patch_namespaced_config_map("c", shop, {"data": {"a": "1"}})
    core.delete_namespaced_config_map("c", shop)
    events = kubernetes.watch.Watch().stream(
        core.list_namespaced_config_map, shop, resource_version=version, timeout_seconds=1
    )
    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]


def test_a_watch_without_a_version(core: Any, shop: str) -> None:
    """Without a version a watch begins with what there is."""
    events = kubernetes.watch.Watch().stream(core.list_namespaced_pod, shop, timeout_seconds=1)
    core.create_namespaced_pod(shop, pod("a"))
    with closing(events):
        assert next(events)["object"].metadata.name == "a"


def test_a_watch_from_a_version_that_is_none(api: Api) -> None:
    """It is refused before the stream begins."""
    code, status = raw(api, "/api/v1/pods?watch=1&resourceVersion=x")
    assert (code, status["reason"]) == (400, "BadRequest")


def test_the_four_patches(api: Api, shop: str) -> None:
    """Each kind of patch by its media type; another one is a 415."""
    path = f"/api/v1/namespaces/{shop}/configmaps"
    raw(api, path, method="POST", data=json.dumps({"metadata": {"name": "c"}}).encode())

    def patched(kind: str, body: Any, query: str = "") -> tuple[int, Any]:
        data, media_type = json.dumps(body).encode(), f"application/{kind}"
        return raw(api, f"{path}/c{query}", method="PATCH", data=data, kind=media_type)

    patched("merge-patch+json", {"data": {"a": "1"}})
    patched("strategic-merge-patch+json", {"data": {"b": "2"}})
    patched("json-patch+json", [{"op": "add", "path": "/data/c", "value": "3"}])
    _, found = patched("apply-patch+yaml", {"data": {"d": "4"}}, "?fieldManager=me")
    assert found["data"] == {"a": "1", "b": "2", "c": "3", "d": "4"}
    code, status = patched("json", {})
    assert (code, status["reason"]) == (415, "UnsupportedMediaType")


def test_status_is_written_apart(core: Any, shop: str) -> None:
    """The status subresource changes the status only."""
    core.create_namespaced_pod(shop, pod("a"))
    body = {"metadata": {"labels": {"x": "y"}}, "status": {"message": "hello"}}
    core.patch_namespaced_pod_status("a", shop, body)
    found = core.read_namespaced_pod("a", shop)
    assert (found.status.message, found.metadata.labels or {}) == ("hello", {})


def test_strict_field_validation(api: Api, shop: str) -> None:
    """An unknown field is refused if the client wants that, and a warning otherwise."""
    path = f"/apis/networking.k8s.io/v1/namespaces/{shop}/networkpolicies?fieldValidation="
    body = json.dumps({"metadata": {"name": "p"}, "spec": {"podSelektor": {}}}).encode()
    code, status = raw(api, path + "Strict", method="POST", data=body)
    assert code == 400
    assert 'unknown field "spec.podSelektor"' in status["message"]
    code, made = raw(api, path + "Warn", method="POST", data=body)
    assert (code, made["spec"]["podSelector"]) == (201, {})


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"metadata": []}', b"\xff"])
def test_bodies_that_are_no_objects(api: Api, body: bytes) -> None:
    """They are a 400, never a 500."""
    code, status = raw(api, "/api/v1/namespaces", method="POST", data=body)
    assert (code, status["reason"]) == (400, "BadRequest")


def test_a_body_that_is_too_large(api: Api) -> None:
    """It is a 413."""
    body = b'{"x":"' + b"a" * (3 * 1024 * 1024) + b'"}'
    code, status = raw(api, "/api/v1/namespaces", method="POST", data=body)
    assert (code, status["reason"]) == (413, "RequestEntityTooLarge")


def test_a_lone_surrogate_does_not_spoil_the_list(api: Api, shop: str) -> None:
    """Text that is no Unicode is stored, and lists can still be written."""
    path = f"/api/v1/namespaces/{shop}/configmaps"
    body = b'{"metadata": {"name": "c"}, "data": {"a": "\\ud800"}}'
    assert raw(api, path, method="POST", data=body)[0] == 201
    assert raw(api, path)[0] == 200


def test_access_reviews(client: Any) -> None:
    """One may do everything."""
    authorization = kubernetes.client.AuthorizationV1Api(client)
    spec = {"resourceAttributes": {"verb": "create", "resource": "pods"}}
    answer = authorization.create_self_subject_access_review({"spec": spec})
    assert answer.status.allowed is True


def test_logs(api: Api, core: Any, shop: str) -> None:
    """Whole, the end, and followed to the last line."""
    core.create_namespaced_pod(shop, pod("talker"))
    api.call(lambda: api.runtime.write_log("talker", b"one\ntwo\n"))
    assert core.read_namespaced_pod_log("talker", shop) == "one\ntwo\n"
    assert core.read_namespaced_pod_log("talker", shop, tail_lines=1) == "two\n"
    stream = core.read_namespaced_pod_log(
        "talker", shop, follow=True, tail_lines=1, _preload_content=False
    )
    api.call(lambda: api.runtime.write_log("talker", b"three\n", last=True))
    with closing(stream):
        assert stream.read() == b"two\nthree\n"


def test_logs_that_cannot_be_had(core: Any, shop: str) -> None:
    """No container named among two, and one that waits to start."""
    two = pod("two")
    two["spec"]["containers"].append({"name": "side", "image": "i"})
    core.create_namespaced_pod(shop, two)
    with pytest.raises(ApiException) as caught:
        core.read_namespaced_pod_log("two", shop)
    assert said(caught)["message"] == (
        "a container name must be specified for pod two, choose one of: [main side]"
    )
    waits = pod("waits")
    waits["metadata"]["annotations"] = {"test/pending": ""}
    core.create_namespaced_pod(shop, waits)
    with pytest.raises(ApiException, match="is waiting to start: ContainerCreating"):
        core.read_namespaced_pod_log("waits", shop)


def test_discovery(api: Api) -> None:
    """Groups, resources with their subresources, and the version."""
    assert raw(api, "/version")[1]["major"] == "1"
    groups = [group["name"] for group in raw(api, "/apis")[1]["groups"]]
    assert "networking.k8s.io" in groups
    names = [resource["name"] for resource in raw(api, "/api/v1")[1]["resources"]]
    assert {"pods", "pods/exec", "pods/log", "pods/portforward", "namespaces"} <= set(names)
