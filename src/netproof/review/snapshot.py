"""A bundle's reachability by workload and port, in a form that can be kept and compared.

As text it is small enough to review, the same bytes for the same reachability. Sources are folded:
`everyone` is every other workload, `namespace X` every other one of X. Sorted, with a line for each
source, so that a change shows as the lines that changed.

Bundles that are compared are seen by one measure: the same blocks of the outside told apart, the
same ports tried there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network

from netproof.errors import PolicyError
from netproof.model.flow import Endpoint, EndpointKind, Expected, Flow
from netproof.model.review import Edge, Reach, Snapshot
from netproof.model.value import replace
from netproof.model.workload import Port, Protocol
from netproof.policy import matching
from netproof.policy.limits import MAX_EDGES, MAX_UNFOLDED, MAX_WORKLOADS, refuse_more
from netproof.policy.mirror import Mirror
from netproof.printing import Printable, several_lines
from netproof.review.reachability import (
    Reachability,
    egress_ports,
    policy_blocks,
    read_reachability,
)

OTHER = "any"
"""The port of the outside that stands for all that nobody names."""

DNS_NAME = "dns"

_REACH = {Expected.ALLOWED: Reach.ALLOWED, Expected.UNDEFINED: Reach.UNDEFINED}


HEAD = "# netproof snapshot v1"

_ABOUT = (
    "# Who reaches whom by what the policies say; what is not listed is denied.",
    "# Written by `netproof snapshot`; compare with `netproof diff`.",
)
_SERVES = re.compile(r"(?P<name>\S+/\S+) serves (?P<ports>\S+(, \S+)*)")
_TARGET = re.compile(r"(?P<name>.+?) on (?P<port>(\d+|any)/[A-Z]+)")
_SOURCE = re.compile(r"  (?P<perhaps>perhaps )?from (?P<name>\S.*)")
_ASKED = re.compile(r"(?P<block>outside( \S+)?) is asked on (?P<ports>\S+(, \S+)*)")
_SPLIT = "compare a part of it"
_BLOCK = re.compile(
    r"^(  (perhaps )?from )?outside (?!on |is asked )(?P<block>.*?)( on .*| is asked .*)?$"
)
_NOTHING = "nothing"
_EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class SnapshotView:
    """A bundle to take a snapshot of; `other` is the port that stands for all unnamed ones."""

    reach: Reachability
    other: int

    def edge(self, flow: Flow) -> Edge:
        """Return the edge of a snapshot that a flow is."""
        abroad = flow.destination.kind is EndpointKind.OUTSIDE
        port = Port(flow.port, flow.protocol)
        name = self.port(port) if abroad else str(port)
        return Edge(_name(flow.source), _name(flow.destination), name)

    def port(self, port: Port) -> str:
        """Return what a port of the outside is called."""
        return f"{OTHER}/{port.protocol}" if port.number == self.other else str(port)


def views(*mirrors: Mirror) -> tuple[SnapshotView, ...]:
    """Return a view of each bundle, all by one measure."""
    policies = [policy for mirror in mirrors for policy in mirror.bundle.policies]
    blocks = tuple(dict.fromkeys(policy_blocks(policies)))
    other = _unnamed(mirrors)
    named = tuple(dict.fromkeys(egress_ports(policies)))
    ports = (*named, Port(other), Port(other, Protocol.UDP))
    return tuple(
        SnapshotView(read_reachability(mirror, blocks, ports), other) for mirror in mirrors
    )


def take(view: SnapshotView) -> Snapshot:
    """Return the snapshot of a bundle."""
    edges = {
        view.edge(flow): _REACH[expectation.expected]
        for flow, expectation in view.reach.matrix.items()
        if expectation.expected in _REACH
    }
    workloads = {
        pod.key: tuple(str(port) for port in sorted(pod.ports)) for pod in view.reach.workloads
    }
    return Snapshot(
        dict(sorted(workloads.items())),
        dict(sorted(edges.items())),
        tuple(sorted(host.name for host in view.reach.topology.hosts)),
        tuple(sorted({view.port(port) for port in view.reach.outside_ports})),
    )


def _name(end: Endpoint) -> str:
    return DNS_NAME if end.kind is EndpointKind.SERVICE else end.name


def _unnamed(mirrors: tuple[Mirror, ...]) -> int:
    """Return the first port that no rule names, not even within a range.

    Ranges that leave none are as good as every port, and any port then stands for all.
    """
    taken = tuple(_named_ranges(mirrors))
    free = (n for n in range(1, 65536) if not any(first <= n <= last for first, last in taken))
    return next(free, 1)


def _named_ranges(mirrors: tuple[Mirror, ...]) -> Iterator[tuple[int, int]]:
    for mirror in mirrors:
        for policy in mirror.bundle.policies:
            for rule in (*policy.ingress, *policy.egress):
                for match in rule.ports:
                    if numbered := matching.port_range(match):
                        yield numbered


def is_snapshot(text: str) -> bool:
    """Tell whether a text is a snapshot, of whatever version."""
    return text.startswith(HEAD.rpartition(" ")[0])


def write_snapshot(snapshot: Snapshot) -> Printable:
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
    return several_lines("\n".join(lines) + "\n")


def _shortened(snapshot: Snapshot) -> Snapshot:
    """Leave out the ports outside that go as `any` goes, from everyone and to every block."""
    by_port: dict[str, set[tuple[str, str, Reach]]] = {port: set() for port in snapshot.ports}
    for edge, reach in snapshot.edges.items():
        if edge.destination in snapshot.blocks:
            by_port.setdefault(edge.port, set()).add((edge.source, edge.destination, reach))
    same = {
        port
        for port, ends in by_port.items()
        if (other := f"{OTHER}/{port.partition('/')[2]}") != port and ends == by_port.get(other)
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
    spaces: dict[str, set[str]] = {}
    for name in others:
        spaces.setdefault(name.partition("/")[0], set()).add(name)
    for space, every in sorted(spaces.items()):
        if len(every) > 1 and every <= left:
            folded.append(f"namespace {space}")
            left -= every
    return (*folded, *sorted(left))


def read_snapshot(text: str, name: str) -> Snapshot:
    """Read a snapshot; raise PolicyError with file and line where it is none of ours."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != HEAD:
        first = lines[0] if lines else ""
        raise PolicyError(f"{name}:1", f"is {first!r}; this netproof reads {HEAD!r}")
    reader = _Reader()
    for number, line in enumerate(lines, 1):
        place = f"{name}:{number}"
        if line.strip() and not line.startswith("#") and not reader.take(line.rstrip()):
            raise PolicyError(place, f"{line.strip()!r} is no line of a snapshot")
        refuse_more(len(reader.workloads), MAX_WORKLOADS, "workloads", place, _SPLIT)
        refuse_more(len(reader.edges), MAX_EDGES, "edges", place, _SPLIT)
        refuse_more(reader.unfolded, MAX_UNFOLDED, "workloads in its sources", place, _SPLIT)
    return Snapshot(
        dict(sorted(reader.workloads.items())),
        dict(sorted(reader.edges.items())),
        tuple(sorted(reader.blocks)),
        tuple(sorted(reader.ports)),
    )


class _Reader:
    """What the lines of a snapshot have said so far."""

    def __init__(self) -> None:
        self.workloads: dict[str, tuple[str, ...]] = {}
        self.edges: dict[Edge, Reach] = {}
        self.blocks: set[str] = set()
        self.ports: set[str] = set()
        self.unfolded = 0
        self._target: tuple[str, str] | None = None

    def take(self, line: str) -> bool:
        """Take a line in and tell whether it was one."""
        block = _BLOCK.search(line)
        if block and not _is_block(block["block"]):
            return False
        if serves := _SERVES.fullmatch(line):
            ports = serves["ports"].split(", ")
            self.workloads[serves["name"]] = () if ports == [_NOTHING] else tuple(ports)
        elif asked := _ASKED.fullmatch(line):
            self.blocks.add(asked["block"])
            self.ports |= set(asked["ports"].split(", "))
        elif target := _TARGET.fullmatch(line):
            self._target = target["name"], target["port"]
        elif (source := _SOURCE.fullmatch(line)) and self._target:
            reach = Reach.UNDEFINED if source["perhaps"] else Reach.ALLOWED
            self.unfolded += len(self.workloads)
            for one in _unfolded(source["name"], self._target[0], self.workloads):
                self.edges[Edge(one, *self._target)] = reach
        else:
            return False
        return True


def _is_block(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
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
