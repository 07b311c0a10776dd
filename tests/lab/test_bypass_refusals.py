"""A door is closed by the API server's own refusal, and by no other answer of its."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from netproof.bypass.trial import ActingUser, Isolated, try_door
from netproof.cluster.lab import LabCluster, LabOptions
from netproof.cluster.naming import Naming
from netproof.model.doors import Door, DoorState
from netproof.model.value import replace
from netproof.policy import load_text
from netproof.run.scenario import Wishes
from netproof.run.worker import Worker
from tests.lab.gate import Asked, Decision, gate
from tests.unit.review.build import deny_all

NAMESPACES = ("shop", "test")
PODS = "---\n".join(
    [
        *(f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n" for name in NAMESPACES),
        *(
            "apiVersion: v1\nkind: Pod\n"
            f"metadata: {{namespace: {namespace}, name: {name}, labels: {{app: {name}}}}}\n"
            "spec: {containers: [{name: c, image: x, ports: [{containerPort: 8080}]}]}\n"
            for namespace, name in (("shop", "db"), ("shop", "web"), ("test", "web"))
        ),
    ]
)
DOORS = {
    Door.PORT_FORWARD_POD: "pods/portforward",
    Door.EXEC: "pods/exec",
    Door.ATTACH: "pods/attach",
    Door.POD_PROXY: "pods/proxy",
    Door.EPHEMERAL: "pods/ephemeralcontainers",
}


@pytest.fixture(scope="module")
def worker(worker_id: str) -> Iterator[Worker]:
    """Own a small fleet on a lab of its own; removes both."""
    lab = LabCluster(LabOptions(name=f"refusals-{os.getpid()}-{worker_id}"))
    ref = lab.start()
    try:
        made = Worker(ref, Naming("refusals", "w0"), Wishes("python", 0.3, 1.0).settings(ref))
        made.deploy(load_text(PODS, "pods"))
        yield made
        made.close()
    finally:
        lab.stop()


@pytest.mark.parametrize(
    ("door", "status", "state"),
    [
        *((door, 403, DoorState.CLOSED) for door in DOORS),
        *((door, 500, DoorState.UNDETERMINED) for door in DOORS),
        (Door.PORT_FORWARD_POD, 400, DoorState.UNDETERMINED),
        (Door.PORT_FORWARD_POD, 404, DoorState.UNDETERMINED),
        (Door.POD_PROXY, 404, DoorState.UNDETERMINED),
    ],
)
def test_what_the_api_server_answers(
    door: Door, status: int, state: DoorState, worker: Worker, tmp_path: Path
) -> None:
    """403 closes a door; 400, 404 and 500 say nothing of it, though no one got through."""

    def answer(asked: Asked) -> Decision:
        return (status, "this is what it says") if asked.resource == DOORS[door] else None

    isolated = Isolated("shop/db", "", load_text(deny_all("shop"), "policies"))
    with gate(worker.client.ref.kubeconfig, tmp_path, answer) as api:
        user = ActingUser(replace(worker.client.ref, kubeconfig=str(api.kubeconfig), context=""))
        results = try_door(worker, door, isolated, worker.with_pods, user)
    assert results
    assert {state} == {result.state for result in results}, results
    assert all("this is what it says" in result.evidence for result in results)
