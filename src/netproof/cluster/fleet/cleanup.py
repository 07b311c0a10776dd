"""Whose a namespace is, and the removal of what a run left that ended without cleaning up.

An owner is a process of one machine, described so that its death can be seen: by the machine's
boot, its pid namespace, its pid and the time it started, for a pid alone is given to somebody else
one day.

The rule. Looked at are namespaces with netproof's label, and nothing else. One whose process ran
on this machine goes when that process is dead, and stays when it lives. One from elsewhere, whose
process cannot be looked at, goes when it is older than any run takes. A run named by its id goes in
any case.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from netproof.cluster.api.apply import wait_gone
from netproof.cluster.api.client import Client, Obj
from netproof.cluster.naming import MANAGED_BY, RUN_LABEL

ANNOTATION = "netproof.dev/owner"

PROC = Path("/proc")

OLD_S = 4 * 3600.0
"""Longer than any run: CI ends a job long before."""

GONE_S = 120.0
"""For a namespace and the pods in it, of which one may have a minute and a half to end."""


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


@dataclass(frozen=True, slots=True)
class Leftover:
    """A namespace of some run, and whether it is to go; `why` says so in words."""

    name: str
    run: str
    goes: bool
    why: str


def find(
    client: Client, *, now: datetime.datetime, older_than_s: float = OLD_S, run: str = ""
) -> tuple[Leftover, ...]:
    """Return netproof's namespaces, each with what is to become of it.

    `run` limits it to one run, whose namespaces all go.
    """
    ((key, value),) = MANAGED_BY.items()
    listed = client.list("Namespace", labels=f"{key}={value},{RUN_LABEL}{f'={run}' if run else ''}")
    return tuple(_judge(raw, now, older_than_s, run) for raw in listed)


def _judge(raw: Obj, now: datetime.datetime, older_than_s: float, wanted: str) -> Leftover:
    meta = raw["metadata"]
    name, run = meta["name"], meta["labels"][RUN_LABEL]
    if wanted:
        return Leftover(name, run, goes=True, why="its run was named")
    owner = OwnerProcess.parse((meta.get("annotations") or {}).get(ANNOTATION, ""))
    lives = owner.lives() if owner else None
    if lives is not None:
        why = "its process runs" if lives else "its process is dead"
        return Leftover(name, run, goes=not lives, why=why)
    made = datetime.datetime.fromisoformat(meta["creationTimestamp"])
    hours = (now - made).total_seconds() / 3600
    old = hours * 3600 > older_than_s
    return Leftover(name, run, goes=old, why=f"it comes from elsewhere and is {hours:.1f} h old")


def remove(client: Client, leftovers: Iterable[Leftover]) -> tuple[str, ...]:
    """Remove those that are to go, wait until they are gone, and return their names."""
    names = tuple(leftover.name for leftover in leftovers if leftover.goes)
    for name in names:
        client.delete("Namespace", name)
    for name in names:
        wait_gone(client, "Namespace", name, deadline_s=GONE_S)
    return names
