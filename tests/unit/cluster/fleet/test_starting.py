"""How the start of a fleet is waited for, on a cluster that is made up."""

from __future__ import annotations

from typing import Any, cast

import pytest

from netproof.cluster.api.client import Client
from netproof.cluster.backend import ClusterRef
from netproof.cluster.fleet.fleet import Deployment, Fleet
from netproof.cluster.naming import Naming
from netproof.errors import NotReadyError
from netproof.model.workload import Namespace, Pod

READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


class Cluster:
    """Has pods begin to run after some questions, and counts what it is asked."""

    def __init__(self, pending_for: int) -> None:
        self.ref = ClusterRef("existing", "c", "")
        self.pods: list[Any] = []
        self.looks = self.questions = 0
        self._pending_for = pending_for

    def list(self, kind: str, namespace: str = "", *, labels: str = "") -> list[Any]:
        del namespace, labels
        self.looks += kind == "Pod"
        running = READY | {"podIPs": [{"ip": "10.0.0.1"}]}
        status = {"phase": "Pending"} if self.questions < self._pending_for else running
        return [{**pod, "status": status} for pod in self.pods] if kind == "Pod" else []

    def has_some(self, kind: str, namespace: str, *, fields: str) -> bool:
        assert ("Pod", "status.phase=Pending") == (kind, fields)
        assert "shop" in namespace
        self.questions += 1
        return self.questions < self._pending_for

    def create(self, obj: Any) -> Any:
        if obj["kind"] == "Pod":
            self.pods.append({**obj, "spec": {**obj["spec"], "nodeName": "n"}})
        return obj


def _deployed(cluster: Cluster, deadline_s: float) -> Fleet:
    how = Deployment(lambda _: ["agent"], "image", deadline_s)
    fleet = Fleet(cast("Client", cluster), Naming("run", "w"), how)
    fleet.deploy([Namespace("shop")], [Pod("shop", "web"), Pod("shop", "api")])
    return fleet


def test_pods_are_looked_at_when_none_is_pending() -> None:
    """Their program is long, and who waits does not read it."""
    cluster = Cluster(pending_for=8)
    fleet = _deployed(cluster, 60)
    assert ["10.0.0.1", "10.0.0.1"] == [pod.ips[0] for pod in fleet.topology.pods]
    assert 8 == cluster.questions
    assert cluster.looks < 5


def test_what_pods_say_of_themselves_is_known_in_the_end() -> None:
    """A wait that was in vain says of each pod what was last seen of it."""
    with pytest.raises(NotReadyError, match="shop/web"):
        _deployed(Cluster(pending_for=10**9), 0.1)
