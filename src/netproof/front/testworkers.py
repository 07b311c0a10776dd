"""How many test workers `-n auto` means, by the CPUs that this process may use."""

from __future__ import annotations

import os
from pathlib import Path

CASES_PER_CPU = 6
"""A case on the lab computes for a quarter of a second and waits for a denied SYN for one."""

FLEETS = 4
"""On any other cluster: each worker has a fleet of pods there, whatever CPUs this machine has."""

KIND_FLEETS = 8
"""On a cluster of ours, which nobody else needs: a worker computes for 4 % of its time there and
waits for denied packets else. 64 pods are below the 110 that one kubelet takes."""

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def on_cluster(cluster: str) -> int:
    """Return how many test workers run cases on a cluster side by side."""
    if cluster == "lab":
        return CASES_PER_CPU * usable_cpus()
    return KIND_FLEETS if cluster.startswith("kind:") else FLEETS


def usable_cpus(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int:
    """Return the CPUs that this process may use: a container often has fewer than its machine.

    What counts is the least of its CPU set (`taskset`, `docker run --cpuset-cpus`) and of the
    quotas of its cgroups (`docker run --cpus`, a pod's limit).
    """
    allowed = len(os.sched_getaffinity(0))
    quotas = [quota for folder in _groups(cgroups, membership) if (quota := _quota(folder))]
    return max(1, int(min([allowed, *quotas])))


def _groups(cgroups: Path, membership: Path) -> list[Path]:
    """Return the folders of this process's cgroup and of those that it is in (cgroups(7))."""
    found = []
    for line in _text(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "" or "cpu" in controllers.split(","):
            base = cgroups / ("cpu" if controllers else "")
            own = Path(path.removeprefix("/"))
            found += [base / part for part in (own, *own.parents)]
    return found


def _quota(folder: Path) -> float:
    """Return how many CPUs a cgroup may use, by version 2 or 1; 0 where it has no limit."""
    quota, _, period = _text(folder / "cpu.max").strip().partition(" ")
    if not quota:
        quota = _text(folder / "cpu.cfs_quota_us").strip()
        period = _text(folder / "cpu.cfs_period_us").strip()
    limited = quota.isdecimal() and period.isdecimal() and int(period) > 0
    return int(quota) / int(period) if limited else 0.0


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except OSError:
        return ""
