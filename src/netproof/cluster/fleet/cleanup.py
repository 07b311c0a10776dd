"""The removal of what a run left in a cluster that ended without cleaning up.

Looked at are namespaces with netproof's label, and nothing else; `owners` has the rule.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from netproof.cluster.api.apply import wait_gone
from netproof.cluster.api.client import Client, Obj
from netproof.cluster.naming import MANAGED_BY, RUN_LABEL
from netproof.cluster.owners import ANNOTATION, OLD_S, Leftover, me, weigh

GONE_S = 120.0
"""For a namespace and the pods in it, of which one may have a minute and a half to end."""


def mark(obj: Obj) -> Obj:
    """Return a copy of an object that says who made it."""
    metadata = dict(obj["metadata"])
    metadata["annotations"] = {**metadata.get("annotations", {}), ANNOTATION: str(me())}
    return {**obj, "metadata": metadata}


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
    made = datetime.datetime.fromisoformat(meta["creationTimestamp"])
    return weigh(
        meta["name"],
        meta["labels"][RUN_LABEL],
        owner=(meta.get("annotations") or {}).get(ANNOTATION, ""),
        age_s=(now - made).total_seconds(),
        older_than_s=older_than_s,
        wanted=bool(wanted),
    )


def remove(client: Client, leftovers: Iterable[Leftover]) -> tuple[str, ...]:
    """Remove those that are to go, wait until they are gone, and return their names."""
    names = tuple(leftover.name for leftover in leftovers if leftover.goes)
    for name in names:
        client.delete("Namespace", name)
    for name in names:
        wait_gone(client, "Namespace", name, deadline_s=GONE_S)
    return names
