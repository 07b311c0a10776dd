"""Nodes, and pods that live in a node's network: what the API leaves open is observed."""

from collections.abc import Iterator

import pytest

from netproof.fixtures.policies import Enforce
from netproof.model import flows
from netproof.model.flow import Flow
from netproof.model.workload import Pod, Port, Protocol, Topology
from netproof.run.changes import AddPod, Restart
from netproof.run.scenario import After

pytestmark = pytest.mark.usefixtures("enforcing")


@pytest.fixture(scope="module")
def host_pod(worker_id: str) -> Pod:
    """Describe a hostNetwork pod on ports that no other test worker takes; cleans up nothing."""
    number = 21000 + 10 * int("0" + worker_id.removeprefix("gw").removeprefix("master"))
    ports = (Port(number), Port(number, Protocol.UDP))
    return Pod("production", "host-pod", {"app": "host-pod"}, ports, host_network=True)


def _with_host_pod(topology: Topology) -> Iterator[Flow]:
    return (
        flow
        for flow in flows.pod_flows(topology)
        if "production/host-pod" in (flow.source.name, flow.destination.name)
        or flow.destination.name == "production/api"
    )


def test_host_network_is_open(enforce: Enforce, host_pod: Pod) -> None:
    """Without policies a hostNetwork pod reaches pods and is reached."""
    enforce(given=[AddPod(host_pod)], flows=_with_host_pod, name="host-network-is-open")


def test_host_network_under_policies(enforce: Enforce, host_pod: Pod) -> None:
    """What policies do to a hostNetwork pod is observed; pods beside it are guarded as ever."""
    enforce(
        "deny-all",
        given=[AddPod(host_pod)],
        flows=_with_host_pod,
        denied=["staging/* -> production/api", "production/web -> production/api"],
    )


def test_host_network_pod_as_a_peer(enforce: Enforce, host_pod: Pod) -> None:
    """A hostNetwork pod that is named as a peer may count or not; nobody else gets in by it."""
    enforce(
        "allow-web",
        given=[AddPod(host_pod)],
        flows=_with_host_pod,
        denied=["staging/* -> production/api", "production/web -> production/api"],
    )


def test_own_node_reaches_its_pods(enforce: Enforce) -> None:
    """A pod that nobody may reach gets ready: its node's kubelet is not kept out."""
    enforce(
        "deny-all",
        then=[After(Restart("production/api"), denied=["* -> production/api"])],
        name="own-node-reaches-its-pods",
    )
