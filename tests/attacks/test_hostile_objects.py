"""Objects of an API server with anything in them: a value or a ClusterError to who reads them.

The table is made by mutation of objects that are right: every place of them, with everything that
does not belong there.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from netproof.cluster import inventory
from netproof.cluster.api.answers import ApiAnswer
from netproof.cluster.api.client import Client
from netproof.cluster.api.transport import ApiRequest, Transport
from netproof.cluster.backend import ClusterRef
from netproof.cluster.fleet import status
from netproof.cluster.streams.destination import resolve
from netproof.errors import NetproofError
from netproof.model.workload import Pod
from tests.attacks.hostile import places
from tests.unit.cluster.api.standin import kubeconfig

PORT = {"name": "http", "containerPort": 8080, "protocol": "TCP"}
READY = {"type": "Ready", "status": "True"}
OBJECTS: dict[str, Any] = {
    "Pod": {
        "metadata": {"name": "a", "namespace": "shop", "labels": {"app": "a"}},
        "spec": {"containers": [{"name": "c", "ports": [PORT]}], "nodeName": "n"},
        "status": {
            "podIPs": [{"ip": "10.0.0.1"}],
            "conditions": [READY],
            "containerStatuses": [{"state": {"waiting": {"reason": "StartError", "message": "y"}}}],
        },
    },
    "Service": {
        "metadata": {"name": "a", "namespace": "shop"},
        "spec": {
            "selector": {"app": "a"},
            "clusterIPs": ["10.1.0.1"],
            "ports": [{"port": 80, "targetPort": "http", "protocol": "TCP", "name": "http"}],
        },
    },
    "Deployment": {
        "metadata": {"name": "a", "namespace": "shop"},
        "spec": {
            "selector": {
                "matchLabels": {"app": "a"},
                "matchExpressions": [{"key": "app", "operator": "In", "values": ["a"]}],
            }
        },
        "kind": "Deployment",
    },
    "Node": {
        "metadata": {"name": "a"},
        "spec": {"unschedulable": False, "taints": [{"key": "k", "effect": "NoSchedule"}]},
        "status": {"addresses": [{"type": "InternalIP", "address": "10.2.0.1"}]},
    },
    "Namespace": {"metadata": {"name": "a", "labels": {"a": "b"}}},
}
WRONG: tuple[Any, ...] = (
    None,
    True,
    7,
    -1,
    1e300,
    "x",
    "",
    [],
    {},
    [None],
    [[]],
    {"a": None},
    [{}],
)


def _mutated(value: Any) -> Iterator[Any]:
    yield from WRONG
    for path in places(value):
        for wrong in (*WRONG, KeyError):
            made = copy.deepcopy(value)
            where = made
            for key in path[:-1]:
                where = where[key]
            if wrong is KeyError:
                del where[path[-1]]
            else:
                where[path[-1]] = wrong
            yield made


def _look_at_pods(client: Client) -> None:
    for raw in client.list("Pod", "shop"):
        status.is_ready(raw)
        if not status.unready(raw):
            status.placed(Pod("shop", "a"), raw)


def _look_at_nodes(client: Client) -> None:
    inventory.nodes(client, outside="x")
    inventory.nodes_for_pods(client, outside="x")


READERS: dict[str, tuple[str, Callable[[Client], object]]] = {
    "pods": ("Pod", _look_at_pods),
    "nodes": ("Node", _look_at_nodes),
    "cluster DNS, its pods": ("Pod", inventory.cluster_dns),
    "cluster DNS, its Service": ("Service", inventory.cluster_dns),
    "cluster DNS, its namespace": ("Namespace", inventory.cluster_dns),
    "port-forward, the pod": ("Pod", lambda client: resolve(client, "shop", "svc/a", [80])),
    "port-forward, the Service": ("Service", lambda client: resolve(client, "shop", "svc/a", [80])),
    "port-forward, the Deployment": (
        "Deployment",
        lambda client: resolve(client, "shop", "deploy/a", [80]),
    ),
}


def _kind(path: str) -> tuple[str, bool]:
    """Return which kind a path of the API speaks of, and whether it is a list."""
    parts = path.partition("?")[0].split("/")
    plurals = {"pods": "Pod", "services": "Service", "deployments": "Deployment", "nodes": "Node"}
    for index, part in enumerate(parts):
        if part in plurals:
            return plurals[part], index == len(parts) - 1
    return "Namespace", parts[-1] == "namespaces"


@pytest.mark.parametrize(("kind", "read"), READERS.values(), ids=READERS.keys())
def test_objects_of_any_form(
    tmp_path: Path,
    kind: str,
    read: Callable[[Client], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who reads them meets no KeyError, TypeError, ValueError or AttributeError."""
    objects = dict(OBJECTS)

    def send(_: Transport, request: ApiRequest, **__: object) -> ApiAnswer:
        asked, many = _kind(request.path)
        said = {"items": [objects[asked]]} if many else objects[asked]
        return ApiAnswer(200, json.dumps(said).encode())

    monkeypatch.setattr(Transport, "send", send)
    ref = ClusterRef("existing", "c", str(kubeconfig(tmp_path, "http://127.0.0.1:1")))
    with closing(Client(ref)) as client:
        for mutated in _mutated(OBJECTS[kind]):
            objects[kind] = mutated
            with suppress(NetproofError):
                read(client)
