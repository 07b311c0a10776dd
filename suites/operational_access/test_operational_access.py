"""The doors that NetworkPolicy does not guard: each tried on a pod that nobody may reach.

What is open is put on record and fails nothing, unless `--operational-access` expects otherwise.
"""

import socket

import pytest

from netproof.bypass.attempts import Means
from netproof.errors import ClusterError
from netproof.fixtures.doors import TryDoor
from netproof.fixtures.policies import Enforce
from netproof.fixtures.port_forward import Forward
from netproof.model.doors import Door, DoorResult, DoorState
from netproof.model.workload import Family, Listens, Pod, Port
from netproof.probe.identity import fresh_nonce, request
from netproof.run.changes import AddPod
from netproof.run.worker import Worker

pytestmark = pytest.mark.usefixtures("enforcing")

TIMEOUT_S = 30.0

GUARDED = "production/guarded"


def _guarded(listens: Listens) -> Pod:
    namespace, name = GUARDED.split("/")
    return Pod(namespace, name, {"app": name}, (Port(8080),), listens=listens)


def _only_loopback_is_dialled(seen: DoorResult) -> str:
    """Say where a pod was reached that does not listen on loopback, policies or not."""
    if DoorState.OPEN in (seen.state, seen.control):
        return f"port-forward reached {GUARDED} at its address, not on loopback: {seen.evidence}"
    return ""


def _identity(means: Means, address: tuple[str, int], wanted: str) -> str:
    """Return who answers at a local address, "" where nobody does."""
    nonce = fresh_nonce()
    with socket.create_connection(address, TIMEOUT_S) as sock, sock.makefile("rb") as answers:
        sock.sendall(request(nonce))
        try:
            return means.proven(answers.readline(), nonce, wanted)[0]
        except ConnectionError:
            return ""


def _nothing(_: DoorResult) -> str:
    """Find no fault: what is seen is put on record."""
    return ""


def test_every_other_pod_is_denied(enforce: Enforce) -> None:
    """The pods that the doors lead to are isolated: no other pod reaches them."""
    enforce("default-deny-all", denied=["* -> production/*"])


def test_port_forward_to_the_pod(doors: TryDoor) -> None:
    """The kubelet dials loopback inside the pod, where no CNI filters."""
    doors(Door.PORT_FORWARD_POD)


def test_port_forward_to_its_service(doors: TryDoor) -> None:
    """A Service is a name for one of its pods here; its address is not used."""
    doors(Door.PORT_FORWARD_SERVICE)


def test_exec(doors: TryDoor) -> None:
    """A command in the pod speaks with its program."""
    doors(Door.EXEC)


def test_attach(doors: TryDoor) -> None:
    """What the pod's program prints is heard."""
    doors(Door.ATTACH)


def test_pod_proxy(doors: TryDoor) -> None:
    """The API server dials the pod's address itself, from its own node or across nodes."""
    doors(Door.POD_PROXY)


def test_service_proxy(doors: TryDoor) -> None:
    """The API server dials one of the Service's pods."""
    doors(Door.SERVICE_PROXY)


def test_host_network(doors: TryDoor) -> None:
    """A pod on the host's network has the node's address, on the same node and on another."""
    doors(Door.HOST_NETWORK)


def test_the_node_itself(doors: TryDoor) -> None:
    """The kubelet of its node reaches a pod, or no probe could ever succeed."""
    doors(Door.NODE)


def test_ephemeral_container(doors: TryDoor) -> None:
    """A debug container shares the pod's network: its loopback, and its policies."""
    doors(Door.EPHEMERAL)


def test_node_port(doors: TryDoor) -> None:
    """After NAT the policy judges by the client's address, or by that of a node."""
    doors(Door.NODE_PORT)


@pytest.mark.parametrize("target", ["pod/postgres", "service/postgres"])
def test_every_port_and_family_of_a_forward_leads_to_the_pod(
    port_forward: Forward, worker: Worker, target: str
) -> None:
    """What listens on this machine's loopback leads to the server that was asked for."""
    ports = (80, 5432) if target.startswith("pod/") else (5432,)
    pod, means = "production/postgres", Means(worker, worker.client.ref)
    try:
        forward = port_forward(target, *ports, namespace="production")
        served = {
            _identity(means, forward.listen(port, family), pod)
            for port in ports
            for family in Family
        }
    except ClusterError as error:
        pytest.skip(f"port-forward is shut on this cluster: {error}")
    if forward.errors:
        pytest.skip(f"port-forward is shut on this cluster: {forward.errors[0]}")
    assert {pod} == served


def test_port_forward_to_a_pod_that_listens_on_its_address_only(doors: TryDoor) -> None:
    """Port-forward dials loopback, where such a pod does not answer: shut, by no policy."""
    guarded = AddPod(_guarded(Listens.POD_IP))
    doors(Door.PORT_FORWARD_POD, guarded, pod=GUARDED, judge=_only_loopback_is_dialled)


def test_port_forward_to_a_pod_that_listens_on_loopback_only(doors: TryDoor) -> None:
    """What no pod of the cluster can reach, policies or not, port-forward does."""
    guarded = AddPod(_guarded(Listens.LOOPBACK))
    doors(Door.PORT_FORWARD_POD, guarded, pod=GUARDED, judge=_nothing)
