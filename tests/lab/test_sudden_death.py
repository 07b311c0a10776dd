"""An agent that is killed is never a denial."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from netproof.cluster.backend import ClusterRef
from netproof.cluster.lab import LabCluster, LabOptions
from netproof.cluster.naming import Naming
from netproof.model.record import FlowVerdict, RunVerdict
from netproof.probe.identity import control_name
from netproof.run import canary
from netproof.run.scenario import Wishes
from netproof.run.worker import Worker
from tests.lab.lab_api import unique

MOMENTS = 20
VICTIM = "canary/guarded"


@pytest.fixture(scope="module")
def lab() -> Iterator[ClusterRef]:
    """Start a lab for all that die."""
    cluster = LabCluster(LabOptions(name=f"death-{os.getpid()}"))
    yield cluster.start()
    cluster.stop()


@pytest.fixture
def worker(lab: ClusterRef) -> Iterator[Worker]:
    """Own a small fleet of new agents; removes it."""
    naming = Naming(unique("death"), "w0")
    made = Worker(lab, naming, Wishes("python", converge_s=1.0).settings(lab))
    try:
        made.deploy(canary.workloads())
        yield made
    finally:
        made.close()


def _agents(worker: Worker) -> list[int]:
    """Return the processes of the agent that is to die, in the fleet of a test."""
    found, run_id = [], worker.naming.run_id
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if entry.name.isdigit() and {VICTIM, control_name(VICTIM, run_id)} <= set(words):
            found.append(int(entry.name))
    return found


def _kill(worker: Worker) -> None:
    for pid in _agents(worker):
        os.kill(pid, signal.SIGKILL)


def test_an_agent_that_keeps_dying_is_inconclusive(worker: Worker) -> None:
    """What a pod would have answered whose agent dies again and again is unknown, not denied."""
    over = threading.Event()

    def murder() -> None:
        while not over.wait(0.02):
            _kill(worker)

    killer = threading.Thread(target=murder)
    killer.start()
    try:
        record = worker.run(canary.scenario()).record
    finally:
        over.set()
        killer.join()
    touched = [f for s in record.steps for f in s.findings]
    assert record.verdict is RunVerdict.INCONCLUSIVE
    assert {FlowVerdict.INCONCLUSIVE} == {finding.verdict for finding in touched}
    ends = [{f.flow.source.name, f.flow.destination.name} for f in touched]
    assert all(VICTIM in pair for pair in ends)


@pytest.mark.parametrize("seed", range(MOMENTS))
def test_an_agent_that_dies_once_is_never_a_denial(seed: int, worker: Worker) -> None:
    """One death, at any moment, ends in the truth or in INCONCLUSIVE."""
    moment = random.Random(seed).uniform(0.0, 1.0)
    killer = threading.Timer(moment, _kill, [worker])
    killer.start()
    try:
        record = worker.run(canary.scenario()).record
    finally:
        killer.join()
    assert record.verdict in {RunVerdict.PASS, RunVerdict.INCONCLUSIVE}
