"""A pod's status from what is known of its containers."""

from typing import Any

import pytest

from netlab.controllers import podstatus
from netlab.controllers.podstatus import ContainerState, PodState

NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"


def ended(code: int) -> dict[str, Any]:
    return podstatus.terminated(code, started=NOW, finished=NOW, container_id="lab://x")


def container(state: dict[str, Any] | None = None, **known: Any) -> ContainerState:
    return ContainerState("c", "image", state or podstatus.waiting("ContainerCreating"), **known)


def pod(*main: ContainerState, **known: Any) -> PodState:
    return PodState(NOW, ("172.30.0.10",), main=main, **known)


def conditions(status: dict[str, Any]) -> dict[str, str]:
    return {c["type"]: c["status"] for c in status["conditions"]}


RUNNING = podstatus.running(NOW)


@pytest.mark.parametrize(
    ("containers", "phase"),
    [
        pytest.param([container()], "Pending", id="not started"),
        pytest.param([container(RUNNING), container()], "Running", id="one of two runs"),
        pytest.param([container(ended(0))], "Succeeded", id="ended well"),
        pytest.param([container(ended(0)), container(ended(1))], "Failed", id="one failed"),
        pytest.param([container(ended(0)), container(RUNNING)], "Running", id="one still runs"),
        pytest.param(
            [container(podstatus.waiting("CrashLoopBackOff"), restarts=1)], "Running", id="crashes"
        ),
    ],
)
def test_the_phase_follows_the_containers(containers: list[ContainerState], phase: str) -> None:
    """The phase is the API's summary of all containers."""
    assert podstatus.phase_of(pod(*containers)) == phase


def test_a_failed_init_container_fails_a_pod_that_never_restarts() -> None:
    """With restartPolicy Never there is no second try."""
    state = pod(container(), init=[container(ended(1))], restart_policy="Never")
    assert podstatus.phase_of(state) == "Failed"


def test_a_pod_is_ready_when_all_containers_are() -> None:
    """Running and past its probe: ready."""
    status = podstatus.status_of(pod(container(RUNNING, passed_probe=True)), {}, NOW)
    assert (conditions(status)["Ready"], conditions(status)["ContainersReady"]) == ("True", "True")


def test_an_unready_container_is_named() -> None:
    """The condition says which container is waited for."""
    status = podstatus.status_of(pod(container(RUNNING)), {}, NOW)
    ready = next(c for c in status["conditions"] if c["type"] == "Ready")
    assert ready["message"] == "containers with unready status: [c]"


def test_conditions_keep_their_time_while_they_do_not_change() -> None:
    """LastTransitionTime moves only with the status of the condition."""
    before = podstatus.status_of(pod(container(RUNNING)), {}, NOW)
    after = podstatus.status_of(pod(container(RUNNING, passed_probe=True)), before, LATER)
    times = {c["type"]: c["lastTransitionTime"] for c in after["conditions"]}
    assert (times["PodScheduled"], times["Ready"]) == (NOW, LATER)


def test_all_addresses_are_listed() -> None:
    """PodIP is the first of podIPs."""
    status = podstatus.status_of(pod(container(), ips=("10.244.0.2", "fd00::2")), {}, NOW)
    assert status["podIP"] == "10.244.0.2"
    assert status["podIPs"] == [{"ip": "10.244.0.2"}, {"ip": "fd00::2"}]


def test_a_signal_shows_in_the_exit_code() -> None:
    """A killed container has exit code 137 and signal 9."""
    state = ended(137)["terminated"]
    assert (state["exitCode"], state["signal"], state["reason"]) == (137, 9, "Error")


def test_an_unschedulable_pod_says_why() -> None:
    """PodScheduled is False with the scheduler's reason and message."""
    (condition,) = podstatus.unscheduled("no node", {}, NOW)["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
