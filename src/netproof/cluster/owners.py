"""Whose a thing is that a run made, and whether it is to go when it was left behind.

An owner is a process of one machine, described so that its death can be seen: by the machine's
boot, its pid namespace, its pid and the time it started, for a pid alone is given to somebody else
one day.

The rule. Looked at are namespaces with netproof's label, containers with it of this machine's
engine (those of kind runs), and nothing else. One whose process ran on this machine goes when that
process is dead, and stays when it lives. One from elsewhere, whose process cannot be looked at,
goes when it is older than any run takes. A run named by its id goes in any case.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ANNOTATION = "netproof.dev/owner"

PROC = Path("/proc")

OLD_S = 4 * 3600.0
"""Longer than any run: CI ends a job long before."""


@dataclass(frozen=True, slots=True)
class OwnerProcess:
    """A process; `machine` tells boots and pid namespaces apart."""

    machine: str
    pid: int
    started: int

    def __str__(self) -> str:
        return f"{self.machine}.{self.pid}.{self.started}"

    @classmethod
    def parse(cls, text: str) -> OwnerProcess | None:
        """Read what `str` gave, None where it is something else."""
        machine, _, rest = text.rpartition(".")
        machine, _, pid = machine.rpartition(".")
        if not (machine and pid.isdigit() and rest.isdigit()):
            return None
        return cls(machine, int(pid), int(rest))

    def lives(self, proc: Path = PROC) -> bool | None:
        """Tell whether the process still runs; None where this machine cannot say."""
        if self.machine != machine(proc):
            return None
        return _started(self.pid, proc) == self.started


@cache
def machine(proc: Path = PROC) -> str:
    """Name this boot of this machine and the pid namespace that we are in."""
    boot = (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    space = os.readlink(proc / "self/ns/pid")  # noqa: PTH115 - it points to no file
    return f"{boot}.{space.strip('pid:[]')}"


def me(proc: Path = PROC) -> OwnerProcess:
    """Return this process as an owner."""
    return OwnerProcess(machine(proc), os.getpid(), _started(os.getpid(), proc))


def _started(pid: int, proc: Path) -> int:
    """Return when a process started, in clock ticks since boot, -1 where there is none."""
    try:
        stat = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return -1
    # The name, in parentheses, may hold anything; field 22 is the 20th after it (proc(5)).
    return int(stat.rpartition(")")[2].split()[19])


@dataclass(frozen=True, slots=True)
class Leftover:
    """A thing of some run by its name, and whether it is to go; `why` says so in words."""

    name: str
    run: str
    goes: bool
    why: str


def weigh(
    name: str, run: str, *, owner: str, age_s: float, older_than_s: float, wanted: bool
) -> Leftover:
    """Tell what is to become of a thing; `owner` is what it says of it, `wanted` that all go."""
    if wanted:
        return Leftover(name, run, goes=True, why="its run was named")
    process = OwnerProcess.parse(owner)
    lives = process.lives() if process else None
    if lives is not None:
        why = "its process runs" if lives else "its process is dead"
        return Leftover(name, run, goes=not lives, why=why)
    old = age_s > older_than_s
    return Leftover(
        name, run, goes=old, why=f"it comes from elsewhere and is {age_s / 3600:.1f} h old"
    )
