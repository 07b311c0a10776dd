"""Snapshots as text: small enough to review, the same bytes for the same reachability.

Sources are folded: `everyone` is every other workload, `namespace X` every other one of X. Sorted,
with a line for each source, so that a change shows as the lines that changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from netproof.errors import PolicyError
from netproof.model.review import Edge, Reach, Snapshot
from netproof.model.value import replace
from netproof.review.snapshot import OTHER

HEAD = "# netproof snapshot v1"

_ABOUT = (
    "# Who reaches whom by what the policies say; what is not listed is denied.",
    "# Written by `netproof snapshot`; compare with `netproof diff`.",
)
_SERVES = re.compile(r"(?P<name>\S+/\S+) serves (?P<ports>\S+(, \S+)*)")
_TARGET = re.compile(r"(?P<name>.+?) on (?P<port>(\d+|any)/[A-Z]+)")
_SOURCE = re.compile(r"  (?P<perhaps>perhaps )?from (?P<name>\S.*)")
_ASKED = re.compile(r"(?P<block>outside( \S+)?) is asked on (?P<ports>\S+(, \S+)*)")
_NOTHING = "nothing"
_EVERYONE = "everyone"


def is_snapshot(text: str) -> bool:
    """Tell whether a text is a snapshot, of whatever version."""
    return text.startswith(HEAD.rpartition(" ")[0])


def write(snapshot: Snapshot) -> str:
    """Return a snapshot as text that ends with a newline."""
    snapshot = _shortened(snapshot)
    lines = [HEAD, *_ABOUT, ""]
    for name, served in sorted(snapshot.workloads.items()):
        lines.append(f"{name} serves {', '.join(served) or _NOTHING}")
    lines += [f"{block} is asked on {', '.join(snapshot.ports)}" for block in snapshot.blocks]
    by_target: dict[tuple[str, int, str], dict[Reach, set[str]]] = {}
    for edge, reach in snapshot.edges.items():
        target = (edge.destination, _number(edge.port), edge.port)
        by_target.setdefault(target, {}).setdefault(reach, set()).add(edge.source)
    for (name, _, port), sources in sorted(by_target.items()):
        lines += ["", f"{name} on {port}"]
        for reach in (Reach.ALLOWED, Reach.UNDEFINED):
            perhaps = "perhaps " if reach is Reach.UNDEFINED else ""
            folded = fold(sources.get(reach, set()), name, snapshot.workloads)
            lines += [f"  {perhaps}from {source}" for source in folded]
    return "\n".join(lines) + "\n"


def _shortened(snapshot: Snapshot) -> Snapshot:
    """Leave out the ports outside that go as `any` goes, from everyone and to every block."""
    by_port: dict[str, set[tuple[str, str, Reach]]] = {port: set() for port in snapshot.ports}
    for edge, reach in snapshot.edges.items():
        if edge.destination in snapshot.blocks:
            by_port[edge.port].add((edge.source, edge.destination, reach))
    same = {
        port
        for port, found in by_port.items()
        if (other := f"{OTHER}/{port.partition('/')[2]}") != port and found == by_port.get(other)
    }
    edges = {
        edge: reach
        for edge, reach in snapshot.edges.items()
        if edge.destination not in snapshot.blocks or edge.port not in same
    }
    ports = tuple(port for port in snapshot.ports if port not in same)
    return replace(snapshot, edges=edges, ports=ports)


def fold(sources: Iterable[str], target: str, workloads: Iterable[str]) -> tuple[str, ...]:
    """Return sources with all workloads, or all of a namespace, said in one word."""
    left = set(sources)
    others = set(workloads) - {target}
    folded = []
    if len(others) > 1 and others <= left:
        folded.append(_EVERYONE)
        left -= others
    for space in sorted({name.partition("/")[0] for name in others}):
        every = {name for name in others if name.startswith(f"{space}/")}
        if len(every) > 1 and every <= left:
            folded.append(f"namespace {space}")
            left -= every
    return (*folded, *sorted(left))


def read(text: str, name: str) -> Snapshot:
    """Read a snapshot; raise PolicyError with file and line where it is none of ours."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != HEAD:
        first = lines[0] if lines else ""
        raise PolicyError(f"{name}:1", f"is {first!r}; this netproof reads {HEAD!r}")
    found = _Reader()
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#") and not found.take(line.rstrip()):
            raise PolicyError(f"{name}:{number}", f"{line.strip()!r} is no line of a snapshot")
    return Snapshot(
        dict(sorted(found.workloads.items())),
        dict(sorted(found.edges.items())),
        tuple(sorted(found.blocks)),
        tuple(sorted(found.ports)),
    )


class _Reader:
    """What the lines of a snapshot have said so far."""

    def __init__(self) -> None:
        self.workloads: dict[str, tuple[str, ...]] = {}
        self.edges: dict[Edge, Reach] = {}
        self.blocks: set[str] = set()
        self.ports: set[str] = set()
        self._target: tuple[str, str] | None = None

    def take(self, line: str) -> bool:
        """Take a line in and tell whether it was one."""
        if serves := _SERVES.fullmatch(line):
            ports = serves["ports"].split(", ")
            self.workloads[serves["name"]] = () if ports == [_NOTHING] else tuple(ports)
        elif asked := _ASKED.fullmatch(line):
            self.blocks.add(asked["block"])
            self.ports |= set(asked["ports"].split(", "))
        elif found := _TARGET.fullmatch(line):
            self._target = found["name"], found["port"]
        elif (source := _SOURCE.fullmatch(line)) and self._target:
            reach = Reach.UNDEFINED if source["perhaps"] else Reach.ALLOWED
            for one in _unfolded(source["name"], self._target[0], self.workloads):
                self.edges[Edge(one, *self._target)] = reach
        else:
            return False
        return True


def _unfolded(name: str, target: str, workloads: Mapping[str, object]) -> Iterator[str]:
    word, _, space = name.partition(" ")
    if name == _EVERYONE:
        yield from (one for one in workloads if one != target)
    elif word == "namespace":
        yield from (one for one in workloads if one != target and one.startswith(f"{space}/"))
    else:
        yield name


def _number(port: str) -> int:
    number = port.partition("/")[0]
    return int(number) if number.isdigit() else 1 << 16
