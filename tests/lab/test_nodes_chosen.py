"""Pods of a fleet stand where their flows both stay on a node and cross nodes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import combinations_with_replacement
from pathlib import Path

import pytest

from netproof.cluster.api.client import RESOURCES, Client
from netproof.cluster.backend import ClusterRef
from netproof.cluster.fleet.fleet import Deployment, Fleet
from netproof.cluster.lab import LabCluster, LabOptions
from netproof.cluster.naming import Naming
from netproof.model.value import replace
from netproof.model.workload import Topology
from netproof.policy import load_bundle
from netproof.probe.agentcommand import agent_command

SUITES = load_bundle(Path(__file__).parents[2] / "suites" / "fleet.yaml")
NODES = ("lab-node-0", "lab-node-1", "lab-node-2")


@pytest.fixture(scope="module")
def lab(worker_id: str) -> Iterator[ClusterRef]:
    """Return a lab of three nodes for this module; it ends with it."""
    cluster = LabCluster(LabOptions(nodes=3, name=f"chosen-{os.getpid()}-{worker_id}"))
    yield cluster.start()
    cluster.stop()


@pytest.fixture
def client(lab: ClusterRef) -> Iterator[Client]:
    """Return a connection to the lab; at the end all nodes are open again."""
    client = Client(lab)
    yield client
    for node in NODES:
        cordon(client, node, closed=False)
    client.close()


@pytest.fixture
def fleet(client: Client) -> Iterator[Fleet]:
    """Return a fleet that is not yet deployed and lets go of a full node at once; it is removed."""
    how = Deployment(
        lambda pod: agent_command(pod.key, pod.ports, "chosen", client.ref.secret),
        "python",
        chooses_nodes=True,
        patience_s=0.0,
    )
    fleet = Fleet(client, Naming("chosen", "gw0"), how)
    yield fleet
    fleet.remove()


def cordon(client: Client, node: str, *, closed: bool = True) -> None:
    """Do what `kubectl cordon` and `kubectl uncordon` do."""
    path = RESOURCES["Node"].path(name=node)
    client.patch(path, {"spec": {"unschedulable": closed}}, f"cordoning {node}")


def relations(topology: Topology) -> set[tuple[str, str, bool]]:
    """Return which two namespaces have pods on one node (True), and on two (False)."""
    return {
        (one.namespace, other.namespace, one.node == other.node)
        for number, one in enumerate(topology.pods)
        for other in topology.pods[number + 1 :]
    }


def test_each_two_namespaces_meet_on_a_node_and_across(fleet: Fleet, client: Client) -> None:
    """The suites' fleet, with one node of three cordoned; pods that come back keep their nodes."""
    cordon(client, NODES[1])
    placed = fleet.deploy(SUITES.namespaces, SUITES.pods)
    spaces = [space.name for space in SUITES.namespaces]
    every = {
        (*pair, same) for pair in combinations_with_replacement(spaces, 2) for same in (True, False)
    }
    assert every - {("ingress-nginx", "ingress-nginx", True)} == relations(placed)
    assert {NODES[0], NODES[2]} == {pod.node for pod in placed.pods}
    again = fleet.become(placed.namespaces, [replace(p, node="", ips=()) for p in placed.pods])
    assert {p.key: p.node for p in placed.pods} == {p.key: p.node for p in again.pods}


def test_a_node_without_room_is_let_go(fleet: Fleet, client: Client) -> None:
    """A pod whose node takes no more goes where the scheduler puts it, and the run goes on."""
    placed = fleet.deploy(SUITES.namespaces, SUITES.pods[:1])
    (pod,) = placed.pods
    cordon(client, pod.node)
    (moved,) = fleet.become(placed.namespaces, [replace(pod, node="", ips=())]).pods
    assert pod.node != moved.node
