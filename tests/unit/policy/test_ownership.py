"""What `kubectl get -o yaml` lists of a live cluster is read as its owners mean it."""

from __future__ import annotations

import json
from typing import Any

from netproof.policy.mirror import Mirror, mirror_texts

Raw = dict[str, Any]


def _read(*items: Raw) -> Mirror:
    listed = {"apiVersion": "v1", "kind": "List", "items": items}
    return mirror_texts([("-", json.dumps(listed))])


def _object(kind: str, name: str, owner: str = "", **more: Any) -> Raw:
    version = {"Pod": "v1", "Job": "batch/v1", "CronJob": "batch/v1"}.get(kind, "apps/v1")
    metadata: Raw = {"name": name, "namespace": "shop", "uid": "1", "managedFields": [{"f": 1}]}
    if owner:
        of, _, called = owner.partition("/")
        ref = {"apiVersion": "v1", "kind": of, "name": called, "uid": "2", "controller": True}
        metadata["ownerReferences"] = [ref]
    labels = more.pop("labels", {"app": "web"})
    pod = {"containers": [{"name": "c", "ports": [{"containerPort": 80}]}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec: Raw = pod if kind == "Pod" else {"template": template}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    if kind == "Pod":
        metadata["labels"] = labels
    spec |= more.pop("spec", {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec, **more}


def _names(mirror: Mirror) -> list[str]:
    return [f"{one.kind} {one.key}" for one in mirror.workloads]


def test_what_a_deployment_made_is_the_deployment() -> None:
    """Its ReplicaSets and their pods are no workloads beside it, and that is said once."""
    read = _read(
        _object("Deployment", "web", status={"replicas": 2}),
        _object("ReplicaSet", "web-1", "Deployment/web", spec={"replicas": 2}),
        _object("Pod", "web-1-a", "ReplicaSet/web-1", status={"phase": "Running"}),
        _object("Pod", "web-1-b", "ReplicaSet/web-1", status={"phase": "Running"}),
    )
    assert ["Deployment shop/web"] == _names(read)
    told = [note.text for note in read.notes if note.what == "Deployment shop/web"]
    assert ["stands for what belongs to it: 3 of Pod, ReplicaSet"] == told


def test_a_pod_is_its_deployments_where_the_replicaset_is_not_listed() -> None:
    """As in `kubectl get deployments,pods`: the ReplicaSet's name ends in the pod's hash."""
    labels = {"app": "web", "pod-template-hash": "5d4f"}
    read = _read(
        _object("Deployment", "web"),
        _object("Pod", "web-5d4f-a", "ReplicaSet/web-5d4f", labels=labels),
        _object("CronJob", "tidy"),
        _object("Job", "tidy-28", "CronJob/tidy"),
        _object("Pod", "tidy-28-x", "Job/tidy-28"),
        _object("Pod", "tidy-29-x", "Job/tidy-29"),
    )
    assert ["Deployment shop/web", "CronJob shop/tidy"] == _names(read)


def test_pods_of_one_owner_that_is_not_there_are_one() -> None:
    """Unless labels tell them apart that somebody wrote, as an operator does by role."""
    read = _read(
        _object("Pod", "db-0", "Cluster/db", labels={"app": "db", "role": "primary"}),
        _object("Pod", "db-1", "Cluster/db", labels={"app": "db", "role": "replica"}),
        _object("Pod", "db-2", "Cluster/db", labels={"app": "db", "role": "replica"}),
        _object("Pod", "alone"),
        _object("Pod", "static", "Node/n1"),
        _object("Pod", "static-2", "Node/n1"),
    )
    assert ["db-0", "db-1", "alone", "static", "static-2"] == [
        one.pod.name for one in read.workloads
    ]


def test_what_has_ended_is_left_out() -> None:
    """A finished pod, a finished Job, a ReplicaSet of the past: nobody is there to reach."""
    complete = {"conditions": [{"type": "Complete", "status": "True"}]}
    read = _read(
        _object("Pod", "runs", status={"phase": "Running"}),
        _object("Pod", "done", status={"phase": "Succeeded"}),
        _object("Pod", "evicted", status={"phase": "Failed"}),
        _object("Job", "once", status=complete),
        _object("ReplicaSet", "old", "Deployment/gone", spec={"replicas": 0}),
    )
    assert ["Pod shop/runs"] == _names(read)
    told = [(note.what, note.text) for note in read.notes if note.text.startswith("left out")]
    assert ("Pod shop/done", "left out: it has ended, or has no pods any more") == told[0]
    assert "left out, too: 3 more that have ended or have no pods any more" == told[1][1]


def test_a_manifest_of_a_repository_stays_what_it_is() -> None:
    """Nothing is owned there, and a ReplicaSet with no replicas may get some."""
    read = _read(_object("ReplicaSet", "web", spec={"replicas": 0}), _object("Job", "once"))
    assert ["ReplicaSet shop/web", "Job shop/once"] == _names(read)


def test_only_a_cluster_is_believed_about_owners_and_ends() -> None:
    """A manifest that claims what hides it, or an owner that makes no such pods, is read."""
    claims = _object("Pod", "hidden", "Deployment/web", status={"phase": "Succeeded"})
    del claims["metadata"]["uid"]
    read = _read(
        _object("Deployment", "web"),
        claims,
        _object("Pod", "other", "Deployment/web", labels={"app": "other"}),
        _object("Deployment", "first", "Deployment/second"),
        _object("Deployment", "second", "ReplicaSet/first-1", labels={"pod-template-hash": "1"}),
        _object("Deployment", "third", "ReplicaSet/second-1", labels={"pod-template-hash": "1"}),
    )
    assert ["web", "hidden", "other", "first", "second", "third"] == [
        one.pod.name for one in read.workloads
    ]
