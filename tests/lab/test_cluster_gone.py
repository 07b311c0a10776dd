"""A cluster that goes away in the middle of a run: given up in time, waited for until then."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from netproof.cluster.backend import ClusterRef
from netproof.cluster.lab import LabCluster, LabOptions
from netproof.model.record import RunVerdict
from tests.defects.suites import Outcome, run_pytest
from tests.lab.gate import SILENCE, Asked, Decision, gate

CASES = "suites/additive"
REMOVAL = {"delete", "deletecollection"}


@pytest.fixture(scope="module")
def lab(worker_id: str) -> Iterator[ClusterRef]:
    """Somebody's cluster."""
    cluster = LabCluster(LabOptions(name=f"gone-{os.getpid()}-{worker_id}"))
    yield cluster.start()
    cluster.stop()


@dataclass
class Outage:
    """Nobody answers from a worker's second case on, for some seconds."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    ended: set[str] = field(default_factory=set)
    began: float | None = None
    unanswered: int = 0

    def __call__(self, asked: Asked) -> Decision:
        if asked.resource == "networkpolicies" and "canary" not in asked.namespace:
            if asked.right[0] in REMOVAL:
                self.ended.add(asked.namespace)
            elif asked.namespace in self.ended and self.began is None:
                self.began = self.clock()
        if self.began is not None and self.clock() - self.began < self.seconds:
            self.unanswered += 1
            return SILENCE
        return None


def _run(lab: ClusterRef, folder: Path, outage: Outage, *options: str) -> Outcome:
    with gate(lab.kubeconfig, folder, admission=[outage]) as watched:
        where = ("--cluster", "existing", "--kubeconfig", str(watched.kubeconfig))
        return run_pytest(CASES, folder / "reports", *where, *options)


def test_a_cluster_that_stays_away_ends_the_run(lab: ClusterRef, tmp_path: Path) -> None:
    """The run ends after the stated time, says how far it came, and keeps what it saw."""
    ran = _run(lab, tmp_path, Outage(3600), "--gone-after", "1", "-n", "2")
    record = ran.record
    assert (1, RunVerdict.INCONCLUSIVE) == (ran.exit_code, record.verdict), ran.output
    ended = len(record.scenarios)
    assert f"the cluster went away after {ended} of " in record.exit_reason
    assert f"`netproof clean --run {record.run_id}`" in record.exit_reason
    assert record.exit_reason.split(" removes what is left")[0] in " ".join(ran.output.split())
    assert ended >= 1
    assert all(RunVerdict.PASS is scenario.verdict for scenario in record.scenarios)
    assert len(record.errors) <= 2, record.errors
    assert "Traceback" not in ran.output


def test_a_cluster_that_comes_back_is_waited_for(lab: ClusterRef, tmp_path: Path) -> None:
    """The case that was hit is tried once more, and the run passes as if nothing had been."""
    outage = Outage(2)
    ran = _run(lab, tmp_path, outage, "--gone-after", "60")
    assert outage.unanswered
    assert (0, RunVerdict.PASS) == (ran.exit_code, ran.record.verdict), ran.output
    assert not ran.record.errors
