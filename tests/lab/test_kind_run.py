"""A whole run on a kind cluster whose tools are stand-ins and whose API is a lab's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from netproof.cluster.kind import host
from netproof.cluster.lab import LabCluster, LabOptions, environment
from netproof.cluster.profiles.reading import load
from tests.unit.cluster.kind import standins
from tests.unit.cluster.kind.standins import LAST_WORDS, StandIns

ROOT = Path(__file__).parents[2]


def _template(kubeconfig: str) -> str:
    """Return a lab's kubeconfig as kind would have written it, for any name of a cluster."""
    plain = yaml.safe_load(Path(kubeconfig).read_text())
    cluster = plain["clusters"][0]
    authority = Path(kubeconfig).parent / cluster["cluster"]["certificate-authority"]
    cluster["cluster"]["certificate-authority"] = str(authority)
    for kind in ("clusters", "users", "contexts"):
        plain[kind][0]["name"] = "kind-@NAME@"
    plain["contexts"][0]["context"] = {"cluster": "kind-@NAME@", "user": "kind-@NAME@"}
    return yaml.safe_dump({**plain, "current-context": "kind-@NAME@"})


@pytest.fixture(params=["enforcing"])
def tools(request: pytest.FixtureRequest, tmp_path: Path, worker_id: str) -> Iterator[StandIns]:
    """Stand-ins whose clusters have the API of a lab."""
    name = f"kind-{os.getpid()}-{worker_id}-{request.param}"
    cluster = LabCluster(LabOptions(name=name, dataplane=request.param))
    try:
        yield standins.make(tmp_path, template=_template(cluster.start().kubeconfig))
    finally:
        cluster.stop()


@pytest.fixture
def unmet(tmp_path: Path) -> StandIns:
    """Stand-ins for a run that ends before anybody asks its cluster's API for something."""
    return standins.make(tmp_path)


def _command(tools: StandIns, cni: str, tmp_path: Path, *arguments: str) -> dict[str, Any]:
    offline = standins.offline(tmp_path / "offline")
    needs = load(cni, offline.profiles).host
    checks = (*host.NAMED, *needs.loaded, *needs.available)
    command = [
        *(sys.executable, "-m", "pytest", "suites/additive", "--np-cluster", f"kind:{cni}"),
        *("--np-cni-profiles", str(offline.profiles), "--np-downloads", str(offline.downloads)),
        *(word for name in checks for word in ("--np-skip-host-check", name)),
        *("--np-report-dir", str(tmp_path / "reports")),
        *("--np-converge-timeout", "5", "--np-probe-timeout", "0.3", "-p", "no:cacheprovider"),
        *arguments,
    ]
    env = {**environment(), "PATH": f"{tools.bin}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    return {"args": command, "cwd": ROOT, "env": env, "text": True}


def _run(tools: StandIns, cni: str, tmp_path: Path, *arguments: str) -> Any:
    called = _command(tools, cni, tmp_path, *arguments)
    return subprocess.run(**called, capture_output=True, check=False)


def test_the_suites_run_on_kind(tools: StandIns, tmp_path: Path) -> None:
    """The suites, unchanged and in parallel, run on a kind cluster, which is gone after it."""
    ran = _run(tools, "calico", tmp_path, "-n", "2")
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    report = (tmp_path / "reports" / "report.md").read_text()
    assert "Calico v3.32.1" in report
    assert "the world outside, for which nobody stands" in report  # in that container no agent runs
    assert any(call.startswith("docker run --detach") for call in tools.calls())
    assert ([], []) == (tools.clusters(), tools.containers())
    assert [] == list(tmp_path.glob("netproof-np-*"))


@pytest.mark.parametrize("tools", ["flat"], indirect=True)
def test_flannel_does_what_its_profile_says(tools: StandIns, tmp_path: Path) -> None:
    """A CNI that enforces nothing, and is declared so, exits 0 with one plain sentence."""
    ran = _run(tools, "flannel", tmp_path)
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    told = " ".join(ran.stdout.split())
    assert 1 == told.count("this cluster does not enforce NetworkPolicies, as its profile says;")


@pytest.mark.parametrize("tools", ["flat"], indirect=True)
def test_a_cni_that_should_enforce_and_does_not(tools: StandIns, tmp_path: Path) -> None:
    """A CNI whose profile promises enforcement fails where there is none."""
    assert 1 == _run(tools, "antrea", tmp_path).returncode


def test_a_failing_tool_ends_the_run(unmet: StandIns, tmp_path: Path) -> None:
    """The tool's last words are the run's, without a traceback, and nothing is left."""
    unmet.fail_at("kind create")
    ran = _run(unmet, "calico", tmp_path)
    assert 4 == ran.returncode
    assert LAST_WORDS in ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    assert [] == unmet.clusters()
    assert [] == list(tmp_path.glob("netproof-np-*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_a_signal_leaves_nothing(number: signal.Signals, unmet: StandIns, tmp_path: Path) -> None:
    """A run that is told to end while a tool works ends the tool and removes the cluster."""
    unmet.hang_at("installation-dual.yaml")
    process = subprocess.Popen(
        **_command(unmet, "calico", tmp_path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    deadline = time.monotonic() + 30
    while not (unmet.state / "hangs").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert process.returncode != 0, out
    assert any(call.startswith("kind delete cluster") for call in unmet.calls()), out
    assert [] == unmet.clusters()
    assert [] == list(tmp_path.glob("netproof-np-*"))
