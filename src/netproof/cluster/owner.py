"""Who made an object: a process of one machine, told so that its death can be seen.

A process is told by the machine's boot, its pid namespace, its pid and the time it started: a pid
alone is given to somebody else one day.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Obj = dict[str, Any]

ANNOTATION = "netproof.dev/owner"

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Owner:
    """A process; `machine` tells boots and pid namespaces apart."""

    machine: str
    pid: int
    started: int

    def __str__(self) -> str:
        return f"{self.machine}.{self.pid}.{self.started}"

    @classmethod
    def parse(cls, text: str) -> Owner | None:
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


def me(proc: Path = PROC) -> Owner:
    """Return this process as an owner."""
    return Owner(machine(proc), os.getpid(), _started(os.getpid(), proc))


def mark(obj: Obj) -> Obj:
    """Return a copy of an object that says who made it."""
    metadata = dict(obj["metadata"])
    metadata["annotations"] = {**metadata.get("annotations", {}), ANNOTATION: str(me())}
    return {**obj, "metadata": metadata}


def _started(pid: int, proc: Path) -> int:
    """Return when a process started, in clock ticks since boot, -1 where there is none."""
    try:
        stat = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return -1
    # The name, in parentheses, may hold anything; field 22 is the 20th after it (proc(5)).
    return int(stat.rpartition(")")[2].split()[19])
