"""Users, roles and reviews of the API server, by the official client and by kubectl."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from tests.lab._api import Api, need_kubectl, pod, running_api

CI = "system:serviceaccount:default:ci"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Run an API server with a pod named web and a service account named ci that may view."""
    with running_api(tmp_path_factory.mktemp("access")) as api:
        body = {**pod("web"), "metadata": {"name": "web", "namespace": "default"}}
        api.call(lambda: api.store.create("pods", body))
        with acting(api) as admin:
            core = client.CoreV1Api(admin)
            core.create_namespaced_service_account("default", {"metadata": {"name": "ci"}})
            binding = {
                "metadata": {"name": "ci"},
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": "view",
                },
                "subjects": [{"kind": "ServiceAccount", "name": "ci"}],
            }
            rbac = client.RbacAuthorizationV1Api(admin)
            rbac.create_namespaced_role_binding("default", binding)
        yield api


@contextmanager
def acting(api: Api, token: str = "", user: str = "") -> Iterator[client.ApiClient]:
    """Give a client for the administrator, with another token, or for somebody else."""
    configuration = client.Configuration()
    config.load_kube_config(str(api.kubeconfig), client_configuration=configuration)
    if token:
        configuration.refresh_api_key_hook = None  # it would bring the first token back
        configuration.api_key = {"authorization": f"Bearer {token}"}
    made = client.ApiClient(configuration)
    if user:
        made.set_default_header("Impersonate-User", user)
    yield made
    made.rest_client.pool_manager.clear()


def token_of(api: Api, **spec: Any) -> str:
    """Return a token of the service account ci."""
    with acting(api) as admin:
        core = client.CoreV1Api(admin)
        answer = core.create_namespaced_service_account_token("ci", "default", {"spec": spec})
    token: str = answer.status.token
    return token


def test_a_token_is_its_account(api: Api) -> None:
    """With its rights, and with the refusal of all others."""
    with acting(api, token_of(api)) as made:
        core = client.CoreV1Api(made)
        assert ["web"] == [
            found.metadata.name for found in core.list_namespaced_pod("default").items
        ]
        with pytest.raises(ApiException) as caught:
            core.delete_namespaced_pod("web", "default")
    said = (
        f'pods "web" is forbidden: User "{CI}" cannot delete resource "pods" in API group "" '
        'in the namespace "default"'
    )
    body = json.loads(caught.value.body)
    assert (403, "Forbidden", said) == (body["code"], body["reason"], body["message"])
    assert {"name": "web", "kind": "pods"} == body["details"]


def test_a_token_for_others_opens_nothing(api: Api) -> None:
    """An audience of its own is not this server's."""
    with acting(api, token_of(api, audiences=["vault"])) as made:
        core = client.CoreV1Api(made)
        with pytest.raises(ApiException) as caught:
            core.list_namespaced_pod("default")
    assert 401 == caught.value.status


def test_a_token_lasts_ten_minutes_or_more(api: Api) -> None:
    """Shorter ones are refused."""
    with pytest.raises(ApiException) as caught:
        token_of(api, expirationSeconds=60)
    assert 422 == caught.value.status
    assert "may not specify a duration less than 10 minutes" in caught.value.body


def test_a_reader_of_one_namespace_sees_no_others(api: Api) -> None:
    """Neither by a list over all, nor by the objects of the cluster."""
    with acting(api, user=CI) as made:
        core = client.CoreV1Api(made)
        assert "default" == core.read_namespace("default").metadata.name
        for ask in (core.list_pod_for_all_namespaces, core.list_namespace, core.list_node):
            with pytest.raises(ApiException, match="403"):
                ask()


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ({"verb": "list", "resource": "pods", "namespace": "default"}, True),
        ({"verb": "list", "resource": "pods", "namespace": "kube-system"}, False),
        ({"verb": "get", "resource": "pods", "subresource": "log", "namespace": "default"}, True),
        ({"verb": "create", "resource": "pods", "subresource": "portforward"}, False),
    ],
)
def test_reviews(api: Api, asked: dict[str, str], allowed: bool) -> None:
    """What somebody asks of themselves and what is asked of them agree."""
    with acting(api, user=CI) as own, acting(api) as admin:
        mine = client.AuthorizationV1Api(own).create_self_subject_access_review(
            {"spec": {"resourceAttributes": asked}}
        )
        theirs = client.AuthorizationV1Api(admin).create_subject_access_review(
            {"spec": {"resourceAttributes": asked, "user": CI}}
        )
    assert (allowed, allowed) == (mine.status.allowed, theirs.status.allowed)


def test_a_review_of_others_is_a_right(api: Api) -> None:
    """One that a viewer has not."""
    with acting(api, user=CI) as own, pytest.raises(ApiException, match="403"):
        client.AuthorizationV1Api(own).create_subject_access_review(
            {"spec": {"nonResourceAttributes": {"verb": "get", "path": "/"}, "user": "ann"}}
        )


def test_a_quota_refuses_one_pod_too_many(api: Api) -> None:
    """Through the API, with its status kept."""
    with acting(api) as admin:
        core = client.CoreV1Api(admin)
        core.create_namespace({"metadata": {"name": "small"}})
        quota = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}}
        core.create_namespaced_resource_quota("small", quota)
        core.create_namespaced_pod("small", pod("a"))
        with pytest.raises(ApiException, match="exceeded quota: q, requested: pods=1"):
            core.create_namespaced_pod("small", pod("b"))
        status = core.read_namespaced_resource_quota("q", "small").status
    assert ({"pods": "1"}, {"pods": "1"}) == (status.hard, status.used)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("auth can-i create pods --subresource=portforward", "yes"),
        (f"auth can-i create pods --subresource=portforward --as {CI}", "no"),
        (f"auth can-i get pods/log --as {CI}", "yes"),
        (f"auth can-i get /metrics --as {CI}", "no"),
        (f"auth can-i --list --as {CI}", "selfsubjectaccessreviews.authorization.k8s.io"),
        (f"auth whoami --as {CI}", "system:serviceaccounts:default"),
        ("get clusterroles", "system:aggregate-to-edit"),
        ("get rolebindings -o wide", "ClusterRole/view"),
        ("create token ci", "eyJ"),
        ("create role r --verb=get --resource=pods/exec", "role.rbac.authorization.k8s.io/r"),
        ("create rolebinding r --role=r --user=ann", "rolebinding.rbac.authorization.k8s.io/r"),
        ("create clusterrole c --aggregation-rule=a=b", "clusterrole.rbac.authorization.k8s.io/c"),
        ("create quota q --hard=count/configmaps=9", "resourcequota/q created"),
    ],
)
def test_kubectl_speaks_of_rights(api: Api, command: str, said: str) -> None:
    """Unmodified, in whatever form it sends its objects."""
    need_kubectl()
    done = api.kubectl(*command.split())
    assert said in done.stdout, done.stderr


def test_kubectl_is_told_what_is_missing(api: Api) -> None:
    """In the words that people search for."""
    need_kubectl()
    done = api.kubectl("exec", "web", "--as", CI, "--", "true")
    assert "is forbidden: User" in done.stderr
    assert 'resource "pods/exec" in API group "" in the namespace "default"' in done.stderr


def test_nobody_gives_away_what_they_have_not(api: Api) -> None:
    """An admin of a namespace makes roles of an admin's rights and of no others."""
    need_kubectl()
    api.kubectl("create", "rolebinding", "boss", "--clusterrole=admin", "--user=boss")
    make = ("create", "role", "--as=boss", "--verb=get", "--resource=pods/exec")
    assert 0 == api.kubectl(*make, "small").returncode
    done = api.kubectl(*make, "large", "--resource=pods/ephemeralcontainers")
    assert 'user "boss" (groups=["system:authenticated"]) is attempting to grant' in done.stderr


@pytest.mark.parametrize("websockets", ["true", "false"], ids=["websocket", "spdy"])
def test_kubectl_attaches(api: Api, websockets: str) -> None:
    """Input goes in, output comes back, over both protocols."""
    need_kubectl()
    env = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": websockets}
    done = api.kubectl("attach", "-i", "web", stdin="hello\n", env=env)
    assert "hello" in done.stdout, done.stderr
