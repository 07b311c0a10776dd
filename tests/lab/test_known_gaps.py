"""A documented gap of a CNI is expected where it is, and noticed where it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netproof.cluster.lab import LabCluster, LabOptions, environment

ROOT = Path(__file__).parents[2]
CASE = "suites/peers/test_any_address.py"

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, worker_id: str) -> Iterator[Run]:
    """Run one case on a lab, as if it were somebody's cluster with Cilium."""
    started: list[LabCluster] = []

    def on(*defects: str) -> Any:
        name = f"gaps-{os.getpid()}-{worker_id}"
        started.append(LabCluster(LabOptions(defects=defects, name=name)))
        kubeconfig = started[0].start().kubeconfig
        command = [sys.executable, "-m", "pytest", CASE, "--np-cluster", "existing", "-rx"]
        command += [
            "--np-kubeconfig",
            kubeconfig,
            "--np-cni",
            "cilium",
            "--np-converge-timeout",
            "1",
        ]
        command += ["--np-report-dir", str(tmp_path), "--np-probe-timeout", "0.3"]
        return subprocess.run(
            [*command, "-p", "no:cacheprovider"],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    yield on
    for cluster in started:
        cluster.stop()


def test_a_known_gap_fails_nothing(run: Run) -> None:
    """Where ipBlocks match no pods, as Cilium documents, the run passes and names the gap."""
    ran = run("ipblock-skips-pods")
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    assert "1 xfailed" in ran.stdout
    assert "known gap ip-block-pods: an ipBlock matches neither pods" in ran.stdout
    assert "https://github.com/cilium/cilium/issues/9209" in ran.stdout


def test_a_gap_that_is_gone_is_noticed(run: Run) -> None:
    """Where ipBlocks match pods after all, the profile is out of date, and the run fails."""
    ran = run()
    assert 1 == ran.returncode, ran.stdout + ran.stderr
    assert "no longer there: known gap ip-block-pods" in ran.stdout
    assert "remove it from the CNI's profile" in ran.stdout


def test_another_fault_is_no_known_gap(run: Run) -> None:
    """A case with a known gap still fails for what the gap does not explain."""
    ran = run("ipblock-skips-pods", "drops-udp-replies")
    assert 1 == ran.returncode, ran.stdout + ran.stderr
    assert "xfailed" not in ran.stdout
