"""Why a pod does not run, in the words of its status."""

from typing import Any

import pytest

from netproof.cluster.fleet import status
from netproof.errors import NotReadyError
from netproof.model.workload import Pod


def _raw(**pod_status: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "shop", "name": "web"},
        "spec": {"nodeName": "n1"},
        "status": pod_status,
    }


READY = _raw(
    conditions=[{"type": "Ready", "status": "True"}],
    podIPs=[{"ip": "10.0.0.1"}, {"ip": "fd00::1"}],
)


def test_a_ready_pod_with_an_address_runs() -> None:
    """Nothing stands in the way of a pod that the kubelet calls Ready."""
    assert status.unready(READY) == ""
    assert status.placed(Pod("shop", "web"), READY) == Pod(
        "shop", "web", node="n1", ips=("10.0.0.1", "fd00::1")
    )


def test_a_pod_that_is_missing_is_said_to_be() -> None:
    """A pod that the list does not hold is not there."""
    assert status.unready(None) == "not there"


def test_an_unschedulable_pod_says_what_the_scheduler_said() -> None:
    """The scheduler's message is what a person needs."""
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/2 nodes are available",
    }
    assert status.unready(_raw(conditions=[condition])) == "Unschedulable: 0/2 nodes are available"


@pytest.mark.parametrize("reason", sorted(status.HOPELESS))
def test_what_waiting_does_not_mend_is_raised(reason: str) -> None:
    """An image whose name is none ends the wait at once, with the pod's name."""
    waiting = {"state": {"waiting": {"reason": reason, "message": "because"}}}
    with pytest.raises(NotReadyError, match=f"pod shop/web cannot run: {reason}: because"):
        status.unready(_raw(containerStatuses=[waiting]))


@pytest.mark.parametrize("reason", sorted(status.PULLING | status.STARTING))
def test_what_the_kubelet_tries_again_is_waited_for(reason: str) -> None:
    """One hiccup ends nothing, and the kubelet's own words are in those of the wait."""
    waiting = {"state": {"waiting": {"reason": reason, "message": "503 from the registry"}}}
    raw = _raw(containerStatuses=[waiting])
    almost = status.PATIENCE_S - 1
    assert f"{reason}: 503 from the registry" == status.unready(raw, almost)
    told = rf"pod shop/web cannot run after 60 s: {reason}: 503 from the registry"
    if reason in status.PULLING:
        told += "; .*--probe-image"
    with pytest.raises(NotReadyError, match=told):
        status.unready(raw, status.PATIENCE_S)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({"running": {}}, ""),
        ({"waiting": {"reason": "ErrImagePull", "message": "503"}}, "ErrImagePull: 503"),
        (
            {"terminated": {"reason": "StartError", "message": "gone"}},
            "StartError: gone",
        ),
    ],
)
def test_whether_anything_runs_in_a_pod(state: dict[str, Any], why: str) -> None:
    """A pod that nobody gets through to shows something only where it runs."""
    assert why == status.not_running(_raw(containerStatuses=[{"state": state}]))


def test_only_what_cannot_mend_itself_is_hopeless() -> None:
    """A name that is none, and an image that must not be pulled and is not there."""
    assert {"InvalidImageName", "ErrImageNeverPull"} == status.HOPELESS


def test_the_sentence_names_the_first_few() -> None:
    """Five pods are named, the rest is counted."""
    said = status.sentence({f"shop/{n}": "Pending" for n in range(7)} | {"shop/x": ""})
    assert said.startswith("7 probe pods are not ready: shop/0: Pending; ")
    assert said.endswith("and 2 more")
