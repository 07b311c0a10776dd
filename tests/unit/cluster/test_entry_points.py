"""Make targets, workflow and options: each CNI is there, and wrong calls end as messages."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from netproof.cluster.existing import ExistingCluster
from netproof.cluster.kind.cluster import KindCluster
from netproof.cluster.lab import LabCluster
from netproof.cluster.profiles import reading
from netproof.errors import UsageError
from netproof.front import options, places

ROOT = Path(__file__).parents[3]
CNIS = reading.names(reading.folder())


@pytest.mark.parametrize("cni", CNIS)
def test_each_cni_has_its_make_target(cni: str) -> None:
    """A target runs the suites on kind with the CNI of its name."""
    ran = subprocess.run(
        ("make", "--dry-run", f"test-{cni}", "ARGS=--keep-cluster"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"netproof test --cluster kind:{cni} -n auto --keep-cluster" in ran.stdout


def test_the_workflow_runs_each_cni() -> None:
    """CI runs every CNI with a time limit, and the archived one cannot fail it."""
    text = (ROOT / ".github" / "workflows" / "cni.yml").read_text()
    job = yaml.safe_load(text)["jobs"]["suites"]
    matrix = job["strategy"]["matrix"]
    archived = {row["cni"] for row in matrix["include"] if row["archived"]}
    assert set(CNIS) == {*matrix["cni"], *archived}
    assert archived == {cni for cni in CNIS if not reading.load(cni, reading.folder()).maintained}
    assert job["timeout-minutes"] > 0


def _options(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    options.declare(parser.add_argument, options.SUITES)
    return parser.parse_args(argv)


def _backend(*argv: str) -> Any:
    return places.backend(_options(*argv), "run1", lambda _: None, command="test")


@pytest.mark.parametrize(
    ("argv", "kind"),
    [
        (["--cluster", "lab"], LabCluster),
        (["--cluster", "existing"], ExistingCluster),
        (["--cluster", "existing", "--cni", "cilium"], ExistingCluster),
        (["--cluster", "kind:calico"], KindCluster),
        (["--cluster", "kind", "--cni", "calico"], KindCluster),
        (["--cluster", "kind:calico", "--cni", "calico"], KindCluster),
    ],
)
def test_ways_to_get_a_cluster(argv: list[str], kind: type) -> None:
    """Each way is chosen by --cluster, with the CNI behind a colon or by --cni."""
    assert isinstance(_backend(*argv), kind)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--cluster", "minikube"], "write lab, existing or kind:CNI"),
        (["--cluster", "lab:flat"], "write lab, existing or kind:CNI"),
        (["--cluster", "kind:"], "write lab, existing or kind:CNI"),
        (["--cluster", "kind"], "which CNI"),
        (["--cluster", "kind:calico", "--cni", "cilium"], "name two CNIs"),
        (["--cluster", "lab", "--cni", "cilium"], "the lab has --dataplane"),
        (["--cluster", "existing", "--defect", "x"], "--defect is for --cluster lab; it says"),
        (["--cluster", "kind:calico", "--nodes", "3"], "--nodes is for --cluster lab"),
        (["--cluster", "lab", "--toleration", "*"], "--toleration is for --cluster kind and exist"),
        (["--cluster", "existing", "--keep-cluster"], "--keep-cluster is for --cluster kind;"),
        (["--cluster", "lab", "--context", "prod"], "--context is for --cluster existing"),
        (["--cluster", "existing", "--cni", "romana"], "no CNI profile is called 'romana'"),
        (["--cluster", "existing", "--pod-resource", "gpu=1"], "there are cpu, memory"),
        (["--cluster", "existing", "--pod-resource", "cpu"], "write key=value"),
        (["--cluster", "existing", "--toleration", "a:Never"], "--toleration a:Never"),
        (
            ["--cluster", "existing", "--require-verified"],
            "3-alpine has no digest; pass --probe-im",
        ),
        (
            ["--cluster", "kind:calico", "--require-verified"],
            "the probe image docker.io/library/py",
        ),
    ],
)
def test_wrong_calls(argv: list[str], message: str) -> None:
    """What contradicts itself or is not there is refused with what to write."""
    with pytest.raises(UsageError, match=message):
        _backend(*argv)


def test_every_option_is_documented() -> None:
    """Each option on clusters stands on one of the two pages about them."""
    groups = (*options.EXISTING, *options.CNI, *options.KIND, *options.PODS)
    added = [f"--{option.name}" for option in groups]
    pages = ("clusters.md", "existing-clusters.md")
    text = "\n".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in pages)
    assert [] == [name for name in added if f"`{name}" not in text and f"{name} " not in text]
