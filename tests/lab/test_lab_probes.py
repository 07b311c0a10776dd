"""Startup, liveness and readiness probes, and what the lab refuses of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.lab_api import Cluster, cluster, sleeper, unique
from tests.lab.lab_process import eventually


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a lab of one node for this module; it ends with it."""
    state_dir: Path = tmp_path_factory.mktemp("probes") / "lab"
    with cluster(state_dir, "--nodes", "1") as running:
        yield running


def status(lab: Cluster, name: str) -> dict[str, Any]:
    """Return the status of a pod's container."""
    found: dict[str, Any] = lab.pod(name)["status"]["containerStatuses"][0]
    return found


def test_a_pod_is_ready_after_its_start(lab: Cluster) -> None:
    """Until the startup probe has succeeded it has not started and is not ready."""
    name = unique("starting")
    flag = f"/tmp/{name}"  # noqa: S108 (in the pods' own /tmp)
    lab.create(name, sleeper(startupProbe={"exec": {"command": ["test", "-e", flag]}}))
    lab.container_state(name, "running")
    assert (False, False) == (status(lab, name)["started"], status(lab, name)["ready"])
    lab.run(name, "touch", flag)
    lab.ready(name)
    assert status(lab, name)["started"] is True


def test_a_start_that_takes_too_long_is_another(lab: Cluster) -> None:
    """After the probe's patience the container is restarted."""
    name = unique("late")
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
    lab.create(name, sleeper(startupProbe=probe))
    eventually(lambda: status(lab, name)["restartCount"] > 0, "it was restarted")
    assert status(lab, name)["ready"] is False


def test_a_container_that_is_not_alive_is_restarted(lab: Cluster) -> None:
    """By its liveness probe; the next one begins afresh."""
    name = unique("dead")
    probe = {"exec": {"command": ["test", "-e", "/proc/self/nosuch"]}}
    lab.create(name, sleeper(livenessProbe={**probe, "periodSeconds": 1, "failureThreshold": 1}))
    eventually(lambda: status(lab, name)["restartCount"] > 0, "it was restarted")


@pytest.mark.parametrize(
    ("container", "said"),
    [
        ({"livenessProbe": {"grpc": {"port": 1}}}, "livenessProbe of type grpc"),
        ({"readinessProbe": {"grpc": {"port": 1}}}, "readinessProbe of type grpc"),
        ({"lifecycle": {"preStop": {"exec": {"command": ["true"]}}}}, "support `lifecycle`"),
    ],
)
def test_what_is_refused(lab: Cluster, container: dict[str, Any], said: str) -> None:
    """A container that asks for it waits and says why."""
    name = unique("refused")
    lab.create(name, sleeper(**container))

    def message() -> str:
        return str(lab.container_state(name, "waiting").get("message", ""))

    eventually(lambda: said in message(), f"it says {said!r}")
