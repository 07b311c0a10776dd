"""A fleet whose chosen nodes are full, on a cluster that is made up."""

from __future__ import annotations

from typing import Any, cast

import pytest

from netproof.cluster.api.client import Client
from netproof.cluster.backend import ClusterRef
from netproof.cluster.fleet.fleet import Deployment, Fleet
from netproof.cluster.naming import Naming
from netproof.errors import ClusterError, NotReadyError
from netproof.model.workload import Namespace, Pod

PODS = (Pod("shop", "web"), Pod("shop", "api"))
NODES = ("a", "b")


class Cluster:
    """Two nodes; a pod that requires `full` stays unscheduled, any other runs on `b`."""

    def __init__(self, full: str, *, may_delete: bool = True) -> None:
        self.ref = ClusterRef("existing", "c", "")
        self.pods: dict[str, Any] = {}
        self._full, self._may_delete = full, may_delete

    def list(self, kind: str, namespace: str = "", *, labels: str = "") -> list[Any]:
        del namespace, labels
        if kind == "Node":
            return [
                {"metadata": {"name": name}, "spec": {}, "status": {"addresses": []}}
                for name in NODES
            ]
        return [self._seen(pod) for pod in self.pods.values()] if kind == "Pod" else []

    def has_some(self, kind: str, namespace: str, *, fields: str) -> bool:
        del kind, namespace
        phases = {self._seen(pod)["status"].get("phase") for pod in self.pods.values()}
        return fields.partition("=")[2] in phases

    def _seen(self, pod: Any) -> Any:
        if self._full in str(required(pod)):
            words = {"reason": "Unschedulable", "message": "0/2 nodes: Insufficient cpu"}
            return {**pod, "status": {"phase": "Pending", "conditions": [UNSCHEDULED | words]}}
        ready = {"type": "Ready", "status": "True"}
        status = {"phase": "Running", "conditions": [ready], "podIPs": [{"ip": "::1"}]}
        return {**pod, "spec": {**pod["spec"], "nodeName": "b"}, "status": status}

    def create(self, obj: Any) -> Any:
        if obj["kind"] == "Pod":
            self.pods[obj["metadata"]["name"]] = obj
        return obj

    def delete(self, kind: str, name: str, namespace: str = "") -> bool:
        del namespace
        if kind == "Pod" and not self._may_delete:
            raise ClusterError("pods may not be deleted", 403)
        return self.pods.pop(name, None) is not None

    def get(self, kind: str, name: str, namespace: str = "") -> Any:
        raise ClusterError(f"there is no {kind} {namespace}/{name}", 404)


UNSCHEDULED = {"type": "PodScheduled", "status": "False"}


def required(pod: Any) -> list[str]:
    """Return the nodes that a pod requires, none where the scheduler may choose."""
    affinity = pod["spec"].get("affinity")
    if affinity is None:
        return []
    terms = affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return list(terms["nodeSelectorTerms"][0]["matchFields"][0]["values"])


def _fleet(cluster: Cluster) -> Fleet:
    how = Deployment(lambda _: ["agent"], "image", 0.3, chooses_nodes=True, patience_s=0.0)
    return Fleet(cast("Client", cluster), Naming("run", "w"), how)


def test_pods_require_the_nodes_chosen_for_them() -> None:
    """Where there is room, each has its own."""
    cluster = Cluster(full="none")
    _fleet(cluster).deploy([Namespace("shop")], PODS)
    assert {"a", "b"} == {node for pod in cluster.pods.values() for node in required(pod)}


def test_a_pod_whose_node_is_full_goes_anywhere() -> None:
    """It is made again without a node; the other keeps its own."""
    cluster = Cluster(full="a")
    placed = _fleet(cluster).deploy([Namespace("shop")], PODS)
    assert ["b", "b"] == [pod.node for pod in placed.pods]
    assert [[], ["b"]] == sorted(required(pod) for pod in cluster.pods.values())


def test_without_the_right_to_remove_pods_the_scheduler_is_quoted() -> None:
    """Not every command has it: the pod waits for its node, and the end says for what."""
    cluster = Cluster(full="a", may_delete=False)
    with pytest.raises(NotReadyError, match="Unschedulable: 0/2 nodes: Insufficient cpu"):
        _fleet(cluster).deploy([Namespace("shop")], PODS)
