"""A cluster is read page by page, as a bundle of what decides who reaches whom."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest

from netproof.cluster.access import required
from netproof.cluster.api.answers import ApiAnswer
from netproof.cluster.api.client import Client
from netproof.cluster.contents import READ, read_contents
from netproof.errors import ClusterError
from netproof.policy.mirror import mirror_texts

Raw = dict[str, Any]

POD = {"containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 80}]}]}


class _Cluster:
    """A cluster whose collections come in pages; whatever else is asked for is not there."""

    def __init__(self, **collections: list[list[Raw]]) -> None:
        self.collections = collections
        self.asked: list[str] = []

    def pages(self, path: str, what: str, most: int) -> Iterator[Raw]:
        self.asked.append(path)
        plural = what.removeprefix("listing ")
        if "refusing" in self.collections:
            raise ClusterError(f"{what}: forbidden", 403)
        if "cilium" in path or "calico" in path or plural not in self.collections:
            raise ClusterError(f"{what}: there is no such resource", 404)
        for items in self.collections[plural]:
            assert len(items) <= most
            yield {"metadata": {}, "items": items}


def _client(cluster: object) -> Client:
    return cast("Client", cluster)


def _object(name: str, spec: Raw, **more: Any) -> Raw:
    metadata = {"name": name, "namespace": "shop", "uid": "1", "managedFields": [{"x": "y" * 99}]}
    return {"metadata": metadata | more.pop("metadata", {}), "spec": spec, **more}


def test_a_cluster_is_read_as_a_bundle() -> None:
    """Lists name no kind for their items, pods are their Deployment's, pages follow each other."""
    owner = {"kind": "Deployment", "name": "web", "controller": True}
    labels = {"labels": {"app": "web"}}
    owned = {"ownerReferences": [owner], **labels}
    cluster = _Cluster(
        namespaces=[[{"metadata": {"name": "shop", "labels": {"team": "a"}}}]],
        deployments=[[_object("web", {"template": {"metadata": labels, "spec": POD}})]],
        pods=[
            [_object(f"web-{n}", POD, metadata=owned) for n in range(2)],
            [_object("done", POD, status={"phase": "Succeeded", "podIP": "10.0.0.1"})],
        ],
        networkpolicies=[[_object("deny", {"podSelector": {}, "policyTypes": ["Ingress"]})]],
    )
    texts = list(read_contents(_client(cluster)))
    assert not [name for name, text in texts if "managedFields" in text or "podIP" in text]
    read = mirror_texts(texts)
    assert ["Deployment shop/web"] == [f"{one.kind} {one.key}" for one in read.workloads]
    assert "deployments.apps.1:2" == str(read.workloads[0].origin)
    assert ["shop/deny"] == [policy.key for policy in read.bundle.policies]


def test_one_namespace_is_asked_for_alone() -> None:
    """Its user need not have rights elsewhere."""
    cluster = _Cluster(pods=[[_object("one", POD)]], namespaces=[[{"metadata": {"name": "shop"}}]])
    assert list(read_contents(_client(cluster), "shop"))
    assert "/api/v1/namespaces/shop" == cluster.asked[0]
    assert "/api/v1/namespaces/shop/pods" in cluster.asked


def test_what_may_not_be_read_is_an_error() -> None:
    """It may be what decides; the command that prints the rights is named."""
    with pytest.raises(ClusterError, match="netproof rbac --for from-cluster"):
        list(read_contents(_client(_Cluster(refusing=[]))))


def test_the_role_for_reading_has_nothing_but_reading() -> None:
    """Every kind that is read, and no verb that changes anything."""
    (role,) = required.manifests(rights=required.of(required.FROM_CLUSTER))
    verbs = {verb for rule in role["rules"] for verb in rule["verbs"]}
    resources = {(rule["apiGroups"][0], rule["resources"][0]) for rule in role["rules"]}
    assert {"get", "list"} == verbs
    assert {(one.group, one.plural) for one in READ} == resources


def test_pages_follow_each_other_until_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is asked for by what the one before it says."""
    asked = []

    def read(_client: Client, path: str, what: str, query: Mapping[str, str]) -> ApiAnswer:
        asked.append((path, what, dict(query)))
        following = "next" if len(asked) == 1 else ""
        page = {"metadata": {"continue": following}, "items": [{"n": len(asked)}]}
        return ApiAnswer(200, json.dumps(page).encode())

    monkeypatch.setattr(Client, "_read", read)
    pages = list(object.__new__(Client).pages("/api/v1/pods", "listing pods", 2))
    assert [1, 2] == [page["items"][0]["n"] for page in pages]
    assert [{"limit": "2"}, {"limit": "2", "continue": "next"}] == [query for *_, query in asked]
