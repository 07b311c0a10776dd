"""The lab as somebody's cluster, and a machine outside of it with `netproof agent`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netproof.cluster.api.client import Client
from netproof.cluster.lab import environment
from netproof.cluster.streams.portforward import PortForward
from tests.lab.lab_api import Cluster, cluster
from tests.lab.lab_process import eventually
from tests.standing_agent import FREE, ROOT, StandingAgent, standing

ITSELF = ("--address", "203.0.113.10", "--address", "fd00:203:113::10")  # it has no way elsewhere
NODES = ("--to", "172.30.0.0/16", "--to", "fd00:172:30::/64")
MARK = f"outside-{os.getpid()}"
FOR_EVER = "while :; do sleep 60; done"
CASES = (
    "suites/ipblock/test_ipblock.py::test_outside_one_host",
    "suites/services/test_services.py::test_node_port_open_to_all",
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a lab whose host outside is no Node any more, as it is none of anybody's cluster."""
    with cluster(tmp_path_factory.mktemp("outside") / "lab") as running:
        # A pod that nobody sees is how to get into that host's network.
        idle = {"name": "idle", "image": "none", "command": ["sh", "-c", f": {MARK}; {FOR_EVER}"]}
        spec = {"nodeName": "outside", "hostNetwork": True, "containers": [idle]}
        running.create("door", {**spec, "terminationGracePeriodSeconds": 0})
        running.container_state("door", "running")
        client = Client(running.ref)
        client.delete("Node", "outside")
        client.close()
        yield running


def _process() -> str:
    """Return the process of the pod in that host's network, "" while it is not there."""
    for found in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = found.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(word.startswith(f": {MARK};".encode()) for word in words):
            return found.parent.name
    return ""


@pytest.fixture(scope="module")
def machine(lab: Cluster) -> Iterator[StandingAgent]:
    """Have the host outside run the agent."""
    assert lab.pod("door")
    pid = eventually(_process, "the pod's process is there")
    as_user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
    prefix = ("nsenter", "-t", pid, *as_user, "--net")
    words = ("--from", "127.0.0.1", *NODES, *ITSELF, "--control", f"127.0.0.1:{FREE}")
    with standing(*words, prefix=prefix) as one:
        yield one


def _suites(lab: Cluster, reports: Path, *words: str, token: str = "") -> Any:
    command = [sys.executable, "-m", "pytest", *CASES, "-q", "-rs", "-p", "no:cacheprovider"]
    where = ("--np-cluster", "existing", "--np-kubeconfig", str(lab.kubeconfig))
    return subprocess.run(
        [*command, *where, "--np-report-dir", str(reports), *words],
        cwd=ROOT,
        env={**environment(), "NETPROOF_OUTSIDE_TOKEN": token},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_needs_the_world_is_tried(
    lab: Cluster, machine: StandingAgent, tmp_path: Path
) -> None:
    """With --outside the cases run that are skipped without, and reports say who stood there."""
    with PortForward(lab.ref, "default", "door", [machine.port]) as way:
        at = ":".join(map(str, way.listen(machine.port)))
        ran = _suites(lab, tmp_path, "--np-outside", at, token=machine.token)
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert f"{len(CASES)} passed" in ran.stdout
    (note,) = json.loads((tmp_path / "record.json").read_text())["notes"]
    assert note.startswith("the world outside but for the machine 127.0.0.1, at 203.0.113.10, ")
    assert machine.token not in "".join(f.read_text() for f in tmp_path.iterdir() if f.is_file())
