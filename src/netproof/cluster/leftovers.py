"""Finding and removing what a run left that ended without cleaning up.

The rule. Looked at are namespaces with netproof's label, and nothing else. One whose process ran
on this machine goes when that process is dead, and stays when it lives. One from elsewhere, whose
process cannot be looked at, goes when it is older than any run takes. A run named by its id goes in
any case.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from netproof.cluster.apply import wait_gone
from netproof.cluster.client import Client, Obj
from netproof.cluster.naming import MANAGED_BY, RUN_LABEL
from netproof.cluster.owner import ANNOTATION, Owner

OLD_S = 4 * 3600.0
"""Longer than any run: CI ends a job long before."""

GONE_S = 120.0
"""For a namespace and the pods in it, which have no grace period."""


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
    owner = Owner.parse((meta.get("annotations") or {}).get(ANNOTATION, ""))
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
