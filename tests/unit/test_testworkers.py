"""`-n auto` counts the CPUs that the process may use, not those of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netproof.front.testworkers import FLEETS, KIND_FLEETS, on_cluster, usable_cpus

ALL = len(os.sched_getaffinity(0))


def groups(folder: Path, membership: str, **files: str) -> tuple[Path, Path]:
    """Write a tree of cgroups, and which of them this process is in."""
    (folder / "membership").write_text(membership)
    for name, text in files.items():
        file = folder / "cgroup" / name.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder / "cgroup", folder / "membership"


def test_the_set_of_cpus_counts() -> None:
    """Of a machine with many, a process that may use one counts one."""
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from netproof.front.testworkers import usable_cpus; print(usable_cpus())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "1\n" == told.stdout


@pytest.mark.parametrize(
    ("quota", "cpus"),
    [("50000 100000", 1), ("150000 100000", 1), ("max 100000", ALL), ("99900000 100000", ALL)],
)
def test_the_quota_of_a_container_counts(quota: str, cpus: int, tmp_path: Path) -> None:
    """Half a CPU is one worker's; no quota, or one above what is there, changes nothing."""
    assert cpus == usable_cpus(*groups(tmp_path, "0::/\n", cpu_dot_max=f"{quota}\n"))


def test_the_least_quota_on_the_way_up_counts(tmp_path: Path) -> None:
    """A pod's limit stands on the cgroup around that of its container."""
    tree = groups(
        tmp_path,
        "0::/pod/box\n",
        pod__box__cpu_dot_max="max 100000",
        pod__cpu_dot_max="90000 100000",
    )
    assert 1 == usable_cpus(*tree)


def test_the_first_version_of_cgroups_counts(tmp_path: Path) -> None:
    """There the quota and its period are files of their own, below the controller's folder."""
    tree = groups(
        tmp_path,
        "5:memory:/box\n4:cpu,cpuacct:/box\n",
        cpu__box__cpu_dot_cfs_quota_us="100000\n",
        cpu__box__cpu_dot_cfs_period_us="100000\n",
    )
    assert 1 == usable_cpus(*tree)
    (tmp_path / "cgroup/cpu/box/cpu.cfs_quota_us").write_text("-1\n")
    assert ALL == usable_cpus(*tree)


def test_without_cgroups_the_set_of_cpus_is_all(tmp_path: Path) -> None:
    """A machine without the files is no error."""
    assert ALL == usable_cpus(tmp_path, tmp_path / "none")


def test_another_cluster_has_fleets_and_not_cpus() -> None:
    """Its pods run elsewhere, so this machine's CPUs say nothing."""
    assert FLEETS == on_cluster("existing")
    assert KIND_FLEETS == on_cluster("kind:calico")
    assert on_cluster("lab") >= usable_cpus()


def test_tests_of_this_repository_share_a_cpu(pytestconfig: pytest.Config) -> None:
    """What conftest.py says of `-n auto` is asked for before what pytest-xdist says itself."""
    assert 3 * usable_cpus() == pytestconfig.hook.pytest_xdist_auto_num_workers(config=pytestconfig)


def test_the_plugin_is_asked_before_xdist(pytestconfig: pytest.Config) -> None:
    """Whichever was registered first, for that is chance; who is listed last is asked first."""
    hook = pytestconfig.hook.pytest_xdist_auto_num_workers
    order = [getattr(one.plugin, "__name__", "") for one in hook.get_hookimpls()]
    assert order.index("netproof.front.plugin") > order.index("xdist.plugin")
