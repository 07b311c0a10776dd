"""A bundle's reachability by workload and port, in a form that can be kept and compared.

As text it is small enough to review, the same bytes for the same reachability. Sources are folded:
`everyone` is every other workload, `namespace X` every other one of X. Sorted, with a line for each
source, so that a change shows as the lines that changed.

Bundles that are compared are seen by one measure: the same blocks of the outside told apart, the
same ports tried there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from netproof.errors import PolicyError
from netproof.expected import Target, positions
from netproof.model.flow import Endpoint, EndpointKind
from netproof.model.review import EdgeEnd, ReachedBy, Snapshot
from netproof.model.value import replace
from netproof.model.workload import Port, Protocol
from netproof.policy import Network, matching
from netproof.policy.limits import MAX_EDGES, MAX_WORKLOADS, refuse_more
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

    def end(self, target: Target) -> EdgeEnd:
        """Return the end of edges that a target is."""
        abroad = target.destination.kind is EndpointKind.OUTSIDE
        port = Port(target.port, target.protocol)
        return EdgeEnd(_name(target.destination), self.port(port) if abroad else str(port))

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
    grid = view.reach.grid
    reached: dict[EdgeEnd, ReachedBy] = {}
    workloads = {
        pod.key: tuple(str(port) for port in sorted(pod.ports)) for pod in view.reach.workloads
    }
    sources, order = _in_order([end.name for end in grid.sources], workloads)
    for at, one in enumerate(grid.targets):
        by = ReachedBy(order(grid.allowed[at]), order(grid.undefined[at]))
        if by.allowed or by.undefined:
            reached[view.end(one)] = by
    return Snapshot(
        dict(sorted(workloads.items())),
        sources,
        dict(sorted(reached.items())),
        tuple(sorted(host.name for host in view.reach.topology.hosts)),
        tuple(sorted({view.port(port) for port in view.reach.outside_ports})),
    )


def _in_order(
    names: Sequence[str], workloads: Collection[str]
) -> tuple[tuple[str, ...], Callable[[int], int]]:
    """Return sources in the order of a snapshot, and what puts a set of them into that order."""
    wanted = tuple(sorted(names, key=lambda name: (name not in workloads, name)))
    if wanted == tuple(names):
        return wanted, lambda members: members
    place = {name: 1 << at for at, name in enumerate(wanted)}
    bits = [place[name] for name in names]
    return wanted, lambda members: sum(bits[at] for at in positions(members))


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
    ends = sorted(snapshot.reached.items(), key=lambda one: _line_order(one[0]))
    for end, by in ends:
        lines += ["", f"{end.destination} on {end.port}"]
        for perhaps, members in (("", by.allowed), ("perhaps ", by.undefined)):
            names = {snapshot.sources[at] for at in positions(members)}
            folded = fold(names, end.destination, snapshot.workloads)
            lines += [f"  {perhaps}from {source}" for source in folded]
    return several_lines("\n".join(lines) + "\n")


def _line_order(end: EdgeEnd) -> tuple[str, int, str]:
    return end.destination, _number(end.port), end.port


def _shortened(snapshot: Snapshot) -> Snapshot:
    """Leave out the ports outside that go as `any` goes, from everyone and to every block."""
    by_port: dict[str, dict[str, ReachedBy]] = {port: {} for port in snapshot.ports}
    for end, by in snapshot.reached.items():
        if end.destination in snapshot.blocks:
            by_port.setdefault(end.port, {})[end.destination] = by
    same = {
        port
        for port, ends in by_port.items()
        if (other := f"{OTHER}/{port.partition('/')[2]}") != port and ends == by_port.get(other)
    }
    reached = {
        end: by
        for end, by in snapshot.reached.items()
        if end.destination not in snapshot.blocks or end.port not in same
    }
    ports = tuple(port for port in snapshot.ports if port not in same)
    return replace(snapshot, reached=reached, ports=ports)


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
        cells = len(reader.sources) * len(reader.reached)
        refuse_more(cells, MAX_EDGES, "edges", place, _SPLIT)
    return reader.snapshot()


class _Reader:
    """What the lines of a snapshot have said so far."""

    def __init__(self) -> None:
        self.workloads: dict[str, tuple[str, ...]] = {}
        self.sources: dict[str, int] = {}
        self.reached: dict[EdgeEnd, ReachedBy] = {}
        self.blocks: set[str] = set()
        self.ports: set[str] = set()
        self._spaces: dict[str, int] = {}
        self._target: EdgeEnd | None = None

    def snapshot(self) -> Snapshot:
        """Return what was read."""
        sources, order = _in_order(tuple(self.sources), self.workloads)
        reached = {
            end: ReachedBy(order(by.allowed), order(by.undefined))
            for end, by in sorted(self.reached.items())
        }
        return Snapshot(
            dict(sorted(self.workloads.items())),
            sources,
            reached,
            tuple(sorted(self.blocks)),
            tuple(sorted(self.ports)),
        )

    def take(self, line: str) -> bool:
        """Take a line in and tell whether it was one."""
        block = _BLOCK.search(line)
        if block and network_of(block["block"]) is None:
            return False
        if serves := _SERVES.fullmatch(line):
            ports = serves["ports"].split(", ")
            self._serves(serves["name"], () if ports == [_NOTHING] else tuple(ports))
        elif asked := _ASKED.fullmatch(line):
            self.blocks.add(asked["block"])
            self._at(asked["block"])
            self.ports |= set(asked["ports"].split(", "))
        elif target := _TARGET.fullmatch(line):
            self._target = EdgeEnd(target["name"], target["port"])
        elif (source := _SOURCE.fullmatch(line)) and self._target:
            self._reaches(self._target, source["name"], perhaps=bool(source["perhaps"]))
        else:
            return False
        return True

    def _serves(self, name: str, ports: tuple[str, ...]) -> None:
        self.workloads[name] = ports
        for group in (_EVERYONE, name.partition("/")[0]):
            self._spaces[group] = self._spaces.get(group, 0) | self._at(name)

    def _at(self, name: str) -> int:
        """Return the set that holds just one source."""
        return 1 << self.sources.setdefault(name, len(self.sources))

    def _reaches(self, end: EdgeEnd, name: str, *, perhaps: bool) -> None:
        """Take a source in; what is said later of an edge counts."""
        word, _, space = name.partition(" ")
        if name == _EVERYONE or word == "namespace":
            members = self._spaces.get(space or _EVERYONE, 0)
            if end.destination in self.workloads:
                members &= ~self._at(end.destination)
        else:
            members = self._at(name)
        by = self.reached.get(end, ReachedBy())
        allowed, undefined = by.allowed & ~members, by.undefined & ~members
        if members:
            self.reached[end] = (
                ReachedBy(allowed, undefined | members)
                if perhaps
                else ReachedBy(allowed | members, undefined)
            )


def network_of(text: str) -> Network | None:
    """Return the block that a text writes, None where it is none."""
    try:
        return ip_network(text)
    except ValueError:
        return None


def _number(port: str) -> int:
    number = port.partition("/")[0]
    return int(number) if number.isdigit() else 1 << 16
