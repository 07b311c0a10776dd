"""The container beside a kind cluster's nodes that stands for the world, by its engine.

It has no rights that its agent does not need, an image that the nodes have too, and labels by which
it is found again where a run was killed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from netproof.cluster.kind.machine import ASK_TIMEOUT_S, ENGINES, Tools
from netproof.cluster.kind.programs import call, failure
from netproof.cluster.naming import RUN_LABEL
from netproof.cluster.outside import OutsideContainer
from netproof.cluster.owners import ANNOTATION, Leftover, me, weigh
from netproof.errors import ClusterError

STARTED = "netproof.dev/started"

CONFINED = (
    *("--user", "65534:65534", "--read-only", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges"),
    *("--sysctl", "net.ipv4.ip_unprivileged_port_start=0"),
)
"""Nobody, who may serve ports below 1024 and nothing else; docker alone grants that by itself."""


def network_of(engine: str) -> str:
    """Return the network that kind puts nodes into, by the rule of kind itself."""
    variable = "PODMAN" if engine == "podman" else "DOCKER"
    return os.environ.get(f"KIND_EXPERIMENTAL_{variable}_NETWORK") or "kind"


def stand(place: OutsideContainer, command: Sequence[str]) -> None:
    """Start the container with an agent's command; raise ClusterError where that fails."""
    labels = (
        (RUN_LABEL, place.run_id),
        (ANNOTATION, str(me())),
        (STARTED, str(int(time.time()))),
    )
    _do(
        place.engine,
        *("run", "--detach", "--pull=never", "--name", place.name, "--network", place.network),
        *(word for key, value in labels for word in ("--label", f"{key}={value}")),
        *CONFINED,
        *("--entrypoint", command[0], place.image, *command[1:]),
        what=f"starting the container {place.name}, which stands for the world",
    )


def last_words(place: OutsideContainer) -> str:
    """Return what the container said last, for a message on why its agent does not answer."""
    argv = (place.engine, "logs", "--tail", "5", place.name)
    what = f"asking {place} what it said"
    try:
        _, out, said = call(argv, os.environ, what=what, timeout_s=ASK_TIMEOUT_S)
    except ClusterError as error:
        return str(error)
    return " ".join(f"{out} {said}".split()) or "nothing"


def remove(engine: str, name: str) -> None:
    """Remove a container; one that is not there is no error."""
    what = f"removing the container {name}"
    argv = (engine, "rm", "--force", "--volumes", name)
    code, out, said = call(argv, os.environ, what=what, timeout_s=ASK_TIMEOUT_S)
    if code != 0 and _listed(engine, f"name=^{name}$"):
        raise ClusterError(failure(what, argv, code, said or out))


@dataclass(frozen=True, slots=True)
class LeftContainer:
    """A container of some run, the engine that has it, and what is to become of it."""

    engine: str
    leftover: Leftover


def find(*, older_than_s: float, run: str = "") -> tuple[LeftContainer, ...]:
    """Return the containers that stand for the world, of every engine that answers here.

    `run` limits it to one run, whose containers all go.
    """
    return tuple(_found(older_than_s, run))


def _found(older_than_s: float, run: str) -> Iterator[LeftContainer]:
    label = f"label={RUN_LABEL}={run}" if run else f"label={RUN_LABEL}"
    for engine in ENGINES:
        try:
            names = _listed(engine, label)
        except ClusterError:
            continue  # it is not here, or does not answer
        for name in names:
            known, owner, started = _labels(engine, name, (RUN_LABEL, ANNOTATION, STARTED))
            age_s = time.time() - int(started) if started.isdigit() else 0.0
            yield LeftContainer(
                engine,
                weigh(
                    name,
                    known,
                    owner=owner,
                    age_s=age_s,
                    older_than_s=older_than_s,
                    wanted=bool(run),
                ),
            )


def remove_all(found: Iterable[LeftContainer]) -> tuple[str, ...]:
    """Remove those that are to go, and return their names."""
    going = [one for one in found if one.leftover.goes]
    for one in going:
        remove(one.engine, one.leftover.name)
    return tuple(one.leftover.name for one in going)


def _listed(engine: str, which: str) -> list[str]:
    argv = ("ps", "--all", "--filter", which, "--format", "{{.Names}}")
    return _do(engine, *argv, what=f"asking {engine} for containers of netproof").split()


def _labels(engine: str, name: str, keys: Sequence[str]) -> list[str]:
    form = "\n".join(f'{{{{index .Config.Labels "{key}"}}}}' for key in keys)
    told = _do(engine, "inspect", "--format", form, name, what=f"looking at the container {name}")
    return [*told.splitlines(), *("" for _ in keys)][: len(keys)]


def _do(engine: str, *words: str, what: str) -> str:
    return Tools(engine, Path(), os.environ).run((engine, *words), what=what)
