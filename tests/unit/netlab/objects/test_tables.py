"""Rows of `kubectl get`."""

from datetime import UTC, datetime
from typing import Any

import pytest

from netlab.objects.kinds import BY_PLURAL
from netlab.objects.tables import table

NOW = datetime(2026, 1, 1, 0, 5, tzinfo=UTC)
META = {"name": "x", "creationTimestamp": "2026-01-01T00:00:00Z"}


def row(plural: str, obj: dict[str, Any]) -> dict[str, Any]:
    """Return an object's cells by their columns."""
    made = table(BY_PLURAL[plural], [{"metadata": META, **obj}], NOW)
    names = [column["name"] for column in made["columnDefinitions"]]
    return dict(zip(names, made["rows"][0]["cells"], strict=True))


def pod(phase: str, *states: dict[str, Any], **meta: Any) -> dict[str, Any]:
    statuses = [{"ready": "running" in s, "restartCount": 1, "state": s} for s in states]
    spec = {"containers": [{"name": str(n)} for n in range(len(states))], "nodeName": "n0"}
    status = {"phase": phase, "podIP": "10.0.0.1", "containerStatuses": statuses}
    return {"metadata": {**META, **meta}, "spec": spec, "status": status}


RUNNING: dict[str, Any] = {"running": {}}


@pytest.mark.parametrize(
    ("obj", "ready", "status"),
    [
        (pod("Running", RUNNING, RUNNING), "2/2", "Running"),
        (pod("Pending", {"waiting": {"reason": "ContainerCreating"}}), "0/1", "ContainerCreating"),
        (
            pod("Running", RUNNING, {"waiting": {"reason": "CrashLoopBackOff"}}),
            "1/2",
            "CrashLoopBackOff",
        ),
        (pod("Succeeded", {"terminated": {"reason": "Completed"}}), "0/1", "Completed"),
        (pod("Failed", {"terminated": {"exitCode": 3}}), "0/1", "ExitCode:3"),
        (pod("Failed", {"terminated": {"signal": 9}}), "0/1", "Signal:9"),
        (pod("Running", RUNNING, deletionTimestamp="2026-01-01T00:04:00Z"), "1/1", "Terminating"),
    ],
)
def test_pods(obj: dict[str, Any], ready: str, status: str) -> None:
    """Readiness and what holds the pod up."""
    cells = row("pods", obj)
    assert (cells["Ready"], cells["Status"], cells["Age"]) == (ready, status, "5m")
    assert (cells["IP"], cells["Node"]) == ("10.0.0.1", "n0")


def test_services() -> None:
    """Ports with node ports, and the selector in the wide form."""
    ports = [{"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]
    spec = {"type": "NodePort", "clusterIP": "10.96.0.1", "ports": ports, "selector": {"a": "b"}}
    cells = row("services", {"spec": spec})
    assert (cells["Port(s)"], cells["Selector"]) == ("80:30080/TCP,53/UDP", "a=b")
    assert cells["External-IP"] == "<none>"


def test_network_policies() -> None:
    """The selector as its text."""
    terms = [
        {"key": "t", "operator": "In", "values": ["b", "a"]},
        {"key": "u", "operator": "DoesNotExist"},
    ]
    selector = {"matchLabels": {"app": "web"}, "matchExpressions": terms}
    assert row("networkpolicies", {"spec": {"podSelector": selector}})["Pod-Selector"] == (
        "app=web,t in (a,b),!u"
    )
    assert row("networkpolicies", {"spec": {}})["Pod-Selector"] == "<none>"


def test_nodes() -> None:
    """Readiness, roles and the internal address."""
    labels = {"node-role.kubernetes.io/control-plane": ""}
    status = {
        "conditions": [{"type": "Ready", "status": "False"}],
        "addresses": [{"type": "InternalIP", "address": "172.30.0.10"}],
    }
    cells = row("nodes", {"metadata": {**META, "labels": labels}, "status": status})
    assert (cells["Status"], cells["Roles"]) == ("NotReady", "control-plane")
    assert cells["Internal-IP"] == "172.30.0.10"


def test_a_row_carries_what_was_asked_for() -> None:
    """Metadata by default, nothing or all on demand."""
    obj = {"metadata": META, "data": {}}
    maps = BY_PLURAL["configmaps"]
    assert table(maps, [obj], NOW)["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert "object" not in table(maps, [obj], NOW, include="None")["rows"][0]
    assert table(maps, [obj], NOW, include="Object")["rows"][0]["object"] == obj
