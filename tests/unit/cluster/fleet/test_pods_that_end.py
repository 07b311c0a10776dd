"""Pods that terminate, complete, and leave an address behind, on a cluster that is made up."""

from __future__ import annotations

from itertools import count
from typing import Any, cast

import pytest

from netproof.cluster.api.client import Client
from netproof.cluster.backend import ClusterRef
from netproof.cluster.fleet import fleet as fleets
from netproof.cluster.fleet.fleet import Deployment, Fleet
from netproof.cluster.naming import Naming
from netproof.errors import ClusterError, NotReadyError, NotReusedError
from netproof.model.value import replace
from netproof.model.workload import Namespace, Pod

SPACES = (Namespace("shop"),)
WEB, API = Pod("shop", "web"), Pod("shop", "api")


class Cluster:
    """Runs every pod at once, at one new address after another.

    `most_grace_s` is what it grants a pod that ends, `reuses` tells whether addresses of completed
    pods are given out again.
    """

    def __init__(self, *, most_grace_s: int = 1000, reuses: bool = True) -> None:
        self.ref = ClusterRef("existing", "c", "")
        self.pods: dict[str, Any] = {}
        self.made: list[str] = []
        self.deleted: list[tuple[str, int]] = []
        self._most_grace_s, self._reuses = most_grace_s, reuses
        self._fresh = (f"10.0.0.{n}" for n in count(1))
        self._free: list[str] = []

    def list(self, kind: str, namespace: str = "", *, labels: str = "") -> list[Any]:
        del namespace, labels
        return [*self.pods.values()] if kind == "Pod" else []

    def has_some(self, kind: str, namespace: str, *, fields: str) -> bool:
        del kind, namespace, fields
        return False  # a pod that was made runs

    def create(self, obj: Any) -> Any:
        if obj["kind"] == "Pod":
            name = obj["metadata"]["name"]
            assert name not in self.pods
            ip = self._free.pop() if self._free else next(self._fresh)
            self.made.append(name)
            running = {"name": "agent", "state": {"running": {}}}
            status = {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "True"}],
                "podIPs": [{"ip": ip}],
                "containerStatuses": [running],
            }
            self.pods[name] = {**obj, "spec": {**obj["spec"], "nodeName": "n"}, "status": status}
        return obj

    def delete(self, kind: str, name: str, namespace: str = "", *, grace_s: int = 0) -> bool:
        del kind, namespace
        self.deleted.append((name, grace_s))
        if name in self.pods and grace_s and self._most_grace_s:
            meta = {**self.pods[name]["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
            meta["deletionGracePeriodSeconds"] = min(grace_s, self._most_grace_s)
            self.pods[name] = {**self.pods[name], "metadata": meta}
            return True
        return self.pods.pop(name, None) is not None

    def get(self, kind: str, name: str, namespace: str = "") -> Any:
        if name in self.pods:
            return self.pods[name]
        raise ClusterError(f"there is no {kind} {namespace}/{name}", 404)

    def end(self, name: str, phase: str) -> None:
        """Have a pod's containers end."""
        pod = self.pods[name]
        code = 0 if phase == "Succeeded" else 1
        ended = {"name": "agent", "state": {"terminated": {"reason": "Ended", "exitCode": code}}}
        status = {**pod["status"], "phase": phase, "containerStatuses": [ended]}
        self.pods[name] = {**pod, "status": status}
        if self._reuses:
            self._free.append(pod["status"]["podIPs"][0]["ip"])


def _fleet(cluster: Cluster, *pods: Pod) -> Fleet:
    made = Fleet(cast("Client", cluster), Naming("run", "w"), Deployment(lambda _: [], "i", 0.1))
    made.deploy(SPACES, pods)
    return made


def _ending(fleet: Fleet) -> tuple[Pod, ...]:
    return tuple(replace(pod, grace_s=60) for pod in fleet.topology.pods)


def _is_home_again(fleet: Fleet, cluster: Cluster, home: tuple[Pod, ...]) -> None:
    """See that going home leaves no pod there that is ending or has ended."""
    fleet.become(SPACES, home)
    (web,) = cluster.pods.values()
    assert ("Running", None) == (web["status"]["phase"], web["metadata"].get("deletionTimestamp"))
    assert (web["status"]["podIPs"][0]["ip"],) == fleet.topology.pods[0].ips


def test_a_pod_that_is_to_terminate_is_deleted_with_its_grace_once() -> None:
    """It stays one of the fleet, at its address, through whatever else changes."""
    cluster = Cluster()
    fleet = _fleet(cluster, WEB)
    fleet.become(SPACES, _ending(fleet))
    fleet.become(SPACES, [replace(pod, labels={}) for pod in _ending(fleet)])
    fleet.see_terminating()
    assert [("web", 60)] == cluster.deleted
    assert [(60, ("10.0.0.1",))] == [(pod.grace_s, pod.ips) for pod in fleet.topology.pods]


def test_a_pod_that_terminated_is_made_anew() -> None:
    """Whoever wants it as it was does not wait for its grace."""
    cluster = Cluster()
    fleet = _fleet(cluster, WEB)
    home = fleet.topology.pods
    fleet.become(SPACES, _ending(fleet))
    fleet.become(SPACES, home)
    assert [("web", 60), ("web", 0)] == cluster.deleted[:2]
    assert [(0, ("10.0.0.2",))] == [(pod.grace_s, pod.ips) for pod in fleet.topology.pods]


@pytest.mark.parametrize(("most_s", "why"), [(0, "it is gone"), (5, "the cluster gives it 5")])
def test_a_cluster_that_grants_no_grace_is_refused(most_s: int, why: str) -> None:
    """What is seen of a pod that may end any moment is worth nothing."""
    cluster = Cluster(most_grace_s=most_s)
    fleet = _fleet(cluster, WEB)
    home = fleet.topology.pods
    with pytest.raises(ClusterError, match=why):
        fleet.become(SPACES, _ending(fleet))
    _is_home_again(fleet, cluster, home)


def test_a_pod_that_ends_before_its_grace_does_is_seen() -> None:
    """Its agent may have answered to the last, or not at all."""
    cluster = Cluster()
    fleet = _fleet(cluster, WEB)
    fleet.become(SPACES, _ending(fleet))
    cluster.end("web", "Failed")
    with pytest.raises(ClusterError, match=r"run-w-shop/web ended before its grace .* Ended"):
        fleet.see_terminating()
    del cluster.pods["web"]
    with pytest.raises(ClusterError, match="ended before its grace period did: it is gone"):
        fleet.see_terminating()


def test_a_completed_pod_is_none_of_the_fleet_and_stays_as_an_object() -> None:
    """It goes when it is no longer to be there, and comes back as any other."""
    cluster = Cluster()
    fleet = _fleet(cluster, WEB, API)
    web, api = fleet.topology.pods
    cluster.end("web", "Succeeded")
    fleet.become(SPACES, [api], [web])
    assert (["api"], {"web", "api"}) == ([p.name for p in fleet.topology.pods], set(cluster.pods))
    fleet.become(SPACES, [api])
    assert {"api"} == set(cluster.pods)
    fleet.become(SPACES, [web, api])
    assert "Running" == cluster.pods["web"]["status"]["phase"]


@pytest.mark.parametrize(
    ("phase", "error", "why"),
    [("Failed", ClusterError, "and failed"), ("", NotReadyError, "told to finish and is Running")],
)
def test_a_pod_that_does_not_complete_is_said(
    phase: str, error: type[ClusterError], why: str
) -> None:
    """It failed, or its program does not end."""
    cluster = Cluster()
    fleet = _fleet(cluster, WEB)
    if phase:
        cluster.end("web", phase)
    home = fleet.topology.pods
    with pytest.raises(error, match=why):
        fleet.become(SPACES, [], home)
    _is_home_again(fleet, cluster, home)


def test_an_heir_is_made_until_it_has_the_address() -> None:
    """Those that get another address are no part of the fleet."""
    cluster = Cluster(reuses=False)
    fleet = _fleet(cluster, WEB, API)
    web, api = fleet.topology.pods
    cluster.end("web", "Succeeded")
    fleet.become(SPACES, [api], [web])
    cluster._free += [*web.ips, "10.0.0.99"]
    fleet.become(SPACES, [replace(api, ips=())], [web], {api.key: web.key})
    assert [web.ips] == [pod.ips for pod in fleet.topology.pods]
    assert ["web", "api", "api", "api"] == cluster.made


def test_a_cluster_that_reuses_no_address_is_not_tried() -> None:
    """How often and how long it was tried is said, and the fleet can go home."""
    cluster = Cluster(reuses=False)
    fleet = _fleet(cluster, WEB, API)
    home = web, api = fleet.topology.pods
    cluster.end("web", "Succeeded")
    anew = replace(api, ips=())
    with pytest.raises(NotReusedError, match=r"address of shop/web, .* none of 4 new pods on n in"):
        fleet.become(SPACES, [anew], [web], {api.key: web.key})
    assert 2 + fleets.MOST_HEIRS == len(cluster.made)
    fleet.become(SPACES, home)
    assert {"web", "api"} == {pod.name for pod in fleet.topology.pods}
