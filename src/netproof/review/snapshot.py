"""A bundle's reachability by workload and port, in a form that can be kept and compared.

As text it is small enough to review, the same bytes for the same reachability. Sources are folded:
`everyone` is every other workload, `namespace X` every other one of X. Sorted, with a line for each
source, so that a change shows as the lines that changed. Pods that are not in the bundle are named
by what rules ask of them; those who are among others that go the same way are not named again.

Bundles that are compared are seen by one measure: the same blocks of the outside told apart, the
same pods that are in neither, the same ports tried at both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from itertools import product

from netproof.errors import PolicyError
from netproof.expected import Target, positions, transposed
from netproof.model.flow import Endpoint, EndpointKind
from netproof.model.review import EdgeEnd, ReachedBy, Snapshot
from netproof.model.value import replace
from netproof.model.workload import Host, HostKind, Port, Protocol
from netproof.policy import Network, matching
from netproof.policy.limits import MAX_EDGES, MAX_STRANGERS, MAX_WORKLOADS, refuse_more
from netproof.policy.mirror import Mirror
from netproof.policy.strangers import read_strangers
from netproof.printing import Printable, several_lines
from netproof.review.exposure import Exposure, among, port_names, strangers_of
from netproof.review.reachability import (
    API_PORTS,
    API_SERVER,
    NODES,
    WEB,
    Reachability,
    egress_ports,
    policy_blocks,
    read_reachability,
)

OTHER = "any"
"""The port of the outside that stands for all that nobody names."""

DNS_NAME = "dns"

HEAD = "# netproof snapshot v2"

_WITHOUT_STRANGERS = "# netproof snapshot v1"
"""How those begin that say nothing of pods which are not in the bundle."""

_ABOUT = (
    "# Who reaches whom by what the policies say; what is not listed is denied.",
    "# `any pod` and `pods labelled` are not in the bundle, whose policies are not known.",
    "# Written by `netproof snapshot`; compare with `netproof diff`.",
)
_SERVES = re.compile(r"(?P<name>\S+/\S+) serves (?P<ports>\S+(, \S+)*)")
_TARGET = re.compile(r"(?P<name>.+?) on (?P<port>[a-z0-9-]+/[A-Z]+)")
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
    """A bundle to take a snapshot of; `other` is the port that stands for all unnamed ones.

    `named` are the ports that rules name by a name only.
    """

    reach: Reachability
    other: int
    exposure: Exposure
    named: tuple[Port, ...] = ()

    def end(self, target: Target) -> EdgeEnd:
        """Return the end of edges that a target is."""
        abroad = target.destination.kind is EndpointKind.OUTSIDE
        port = Port(target.port, target.protocol)
        return EdgeEnd(_name(target.destination), self.port(port) if abroad else str(port))

    def port(self, port: Port) -> str:
        """Return what a port of the outside, or of pods that are not in the bundle, is called."""
        if port.name:
            return f"{port.name}/{port.protocol}"
        return f"{OTHER}/{port.protocol}" if port.number == self.other else str(port)


def views(
    *mirrors: Mirror, also: Iterable[str] = (), machines: bool = False
) -> tuple[SnapshotView, ...]:
    """Return a view of each bundle, all by one measure; `also` are strangers to tell apart.

    With `machines` the nodes and the API server stand around it; a snapshot has none.
    """
    policies = [policy for mirror in mirrors for policy in mirror.bundle.policies]
    blocks = tuple(dict.fromkeys(policy_blocks(policies)))
    other = _unnamed(mirrors)
    named = tuple(dict.fromkeys(egress_ports(policies)))
    ports = (*named, Port(other), Port(other, Protocol.UDP))
    around = tuple(_machines(ports)) if machines else ()
    reaches = [read_reachability(mirror, blocks, ports, around) for mirror in mirrors]
    whom = dict.fromkeys(one for reach in reaches for one in strangers_of(reach))
    whom |= dict.fromkeys(filter(None, map(read_strangers, also)))
    _refuse_strangers(len(whom), mirrors[0])
    by_name = tuple(dict.fromkeys(port for reach in reaches for port in port_names(reach)))
    return tuple(
        SnapshotView(reach, other, Exposure(reach, tuple(whom), other), by_name)
        for reach in reaches
    )


def _machines(ports: Iterable[Port]) -> Iterator[Host]:
    yield Host(HostKind.NODE, NODES, ports=tuple(dict.fromkeys((*WEB, *ports))))
    yield Host(HostKind.API_SERVER, API_SERVER, ports=API_PORTS)


def _refuse_strangers(count: int, mirror: Mirror) -> None:
    place = str(mirror.bundle.policies[0].origin) if mirror.bundle.policies else ""
    refuse_more(count, MAX_STRANGERS, "kinds of pods named that are not in it", place, _SPLIT)


def take(view: SnapshotView) -> Snapshot:
    """Return the snapshot of a bundle."""
    grid = view.reach.grid
    reached: dict[EdgeEnd, ReachedBy] = {}
    workloads = {
        pod.key: tuple(str(port) for port in sorted(pod.ports)) for pod in view.reach.workloads
    }
    strangers = [str(one) for one in view.exposure.whom]
    sources, order = _in_order([*(end.name for end in grid.sources), *strangers], workloads)
    for at, one in enumerate(grid.targets):
        unknown = _from_strangers(view, one)
        allowed = grid.allowed[at] | unknown.allowed << len(grid.sources)
        undefined = grid.undefined[at] | unknown.undefined << len(grid.sources)
        if allowed or undefined:
            reached[view.end(one)] = ReachedBy(order(allowed), order(undefined))
    for end, by in _to_strangers(view).items():
        reached[end] = ReachedBy(order(by.allowed), order(by.undefined))
    return Snapshot(
        dict(sorted(workloads.items())),
        sources,
        dict(sorted(reached.items())),
        tuple(sorted(host.name for host in view.reach.topology.hosts)),
        tuple(sorted({view.port(port) for port in view.reach.outside_ports})),
        tuple(sorted(strangers)),
    )


def _from_strangers(view: SnapshotView, target: Target) -> ReachedBy:
    if target.destination.kind is not EndpointKind.POD:
        return ReachedBy()
    pod = view.reach.pods[target.destination.name]
    return view.exposure.into(pod, Port(target.port, target.protocol))


def _to_strangers(view: SnapshotView) -> dict[EdgeEnd, ReachedBy]:
    """Return which workloads may send to which strangers, as sets of the grid's sources."""
    reached: dict[EdgeEnd, ReachedBy] = {}
    for port in (*view.reach.outside_ports, *view.named):
        answers = [view.exposure.out_of(pod, port) for pod in view.reach.workloads]
        width = len(view.exposure.whom)
        allowed = transposed([one.allowed for one in answers], width)
        undefined = transposed([one.undefined for one in answers], width)
        for at, one in enumerate(view.exposure.whom):
            end = EdgeEnd(str(one), view.port(port))
            _add(reached, end, allowed[at], undefined[at])
    return reached


def _add(reached: dict[EdgeEnd, ReachedBy], end: EdgeEnd, allowed: int, undefined: int) -> None:
    """Let an end be reached by further sources; what is sure counts."""
    known = reached.get(end, ReachedBy())
    allowed |= known.allowed
    undefined = (undefined | known.undefined) & ~allowed
    if allowed or undefined:
        reached[end] = ReachedBy(allowed, undefined)


def _in_order(
    names: Sequence[str], workloads: Collection[str]
) -> tuple[tuple[str, ...], Callable[[int], int]]:
    """Return sources in the order of a snapshot, and what puts a set of them into that order."""

    def rank(name: str) -> tuple[bool, bool, str]:
        return name not in workloads, read_strangers(name) is not None, name

    wanted = tuple(sorted(names, key=rank))
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


def grown(snapshot: Snapshot, names: Iterable[str] = ()) -> Snapshot:
    """Return a snapshot with further strangers; what is said of all is said of each among them."""
    found = dict.fromkeys((*(snapshot.strangers or ()), *names))
    every = tuple(dict.fromkeys((*snapshot.sources, *found)))
    sources, order = _in_order(every, snapshot.workloads)
    reached: dict[EdgeEnd, ReachedBy] = {}
    for end, by in snapshot.reached.items():
        _add(reached, end, order(by.allowed), order(by.undefined))
    wider = among(found)
    ports = sorted({end.port for end in reached if end.destination in found})
    for name, wide in wider.items():
        for port, one in product(ports, wide):
            by = reached.get(EdgeEnd(one, port), ReachedBy())
            _add(reached, EdgeEnd(name, port), by.allowed, by.undefined)
    narrower = _narrower(wider, sources)
    for end, by in tuple(reached.items()):
        _add(reached, end, _those(narrower, by.allowed), _those(narrower, by.undefined))
    strangers = tuple(sorted(found))
    return replace(
        snapshot, sources=sources, reached=dict(sorted(reached.items())), strangers=strangers
    )


def shrunk(snapshot: Snapshot) -> Snapshot:
    """Leave out the strangers that are among others which go the same way."""
    wider = among(snapshot.strangers or ())
    narrower = _narrower(wider, snapshot.sources)
    reached = {}
    for end, by in snapshot.reached.items():
        sure = by.allowed | by.undefined
        allowed = by.allowed & ~_those(narrower, by.allowed)
        undefined = by.undefined & ~_those(narrower, sure)
        for one in wider.get(end.destination, ()):
            same = snapshot.reached.get(EdgeEnd(one, end.port), ReachedBy())
            allowed &= ~same.allowed
            undefined &= ~(same.allowed | same.undefined)
        if allowed or undefined:
            reached[end] = ReachedBy(allowed, undefined)
    return replace(snapshot, reached=reached)


def _narrower(wider: Mapping[str, Sequence[str]], sources: Sequence[str]) -> dict[int, int]:
    """Return by the place of strangers the set of those who are among them, where some are."""
    places = {name: at for at, name in enumerate(sources)}
    found: dict[int, int] = {}
    for name, those in wider.items():
        for one in those:
            found[places[one]] = found.get(places[one], 0) | 1 << places[name]
    return found


def _those(narrower: Mapping[int, int], members: int) -> int:
    """Return who are among some strangers of a set of sources."""
    found = 0
    for at, those in narrower.items():
        if members >> at & 1:
            found |= those
    return found


def is_snapshot(text: str) -> bool:
    """Tell whether a text is a snapshot, of whatever version."""
    return text.startswith(HEAD.rpartition(" ")[0])


def write_snapshot(snapshot: Snapshot) -> Printable:
    """Return a snapshot as text that ends with a newline."""
    snapshot = shrunk(_shortened(snapshot))
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
    """Leave out the ports outside that go as `any` goes, from everyone and to every block.

    Pods that are not in the bundle are ends of the same kind.
    """
    abroad = {*snapshot.blocks, *(snapshot.strangers or ())}
    by_port: dict[str, dict[str, ReachedBy]] = {port: {} for port in snapshot.ports}
    for end, by in snapshot.reached.items():
        if end.destination in abroad:
            by_port.setdefault(end.port, {})[end.destination] = by
    same = {
        port
        for port, ends in by_port.items()
        if (other := f"{OTHER}/{port.partition('/')[2]}") != port and ends == by_port.get(other)
    }
    reached = {
        end: by
        for end, by in snapshot.reached.items()
        if end.destination not in abroad or end.port not in same
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
    first = lines[0].strip() if lines else ""
    if first not in (HEAD, _WITHOUT_STRANGERS):
        raise PolicyError(f"{name}:1", f"is {first!r}; this netproof reads {HEAD!r}")
    reader = _Reader()
    for number, line in enumerate(lines, 1):
        place = f"{name}:{number}"
        if line.strip() and not line.startswith("#") and not reader.take(line.rstrip()):
            raise PolicyError(place, f"{line.strip()!r} is no line of a snapshot")
        refuse_more(len(reader.workloads), MAX_WORKLOADS, "workloads", place, _SPLIT)
        cells = len(reader.sources) * len(reader.reached)
        refuse_more(cells, MAX_EDGES, "edges", place, _SPLIT)
        refuse_more(len(reader.strangers), MAX_STRANGERS, "kinds of pods named", place, _SPLIT)
    read = reader.snapshot()
    return replace(read, strangers=None) if first == _WITHOUT_STRANGERS else grown(read)


class _Reader:
    """What the lines of a snapshot have said so far."""

    def __init__(self) -> None:
        self.workloads: dict[str, tuple[str, ...]] = {}
        self.sources: dict[str, int] = {}
        self.reached: dict[EdgeEnd, ReachedBy] = {}
        self.blocks: set[str] = set()
        self.ports: set[str] = set()
        self.strangers: set[str] = set()
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
            tuple(sorted(self.strangers)),
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
            self._meets(target["name"])
        elif (source := _SOURCE.fullmatch(line)) and self._target:
            self._meets(source["name"])
            self._reaches(self._target, source["name"], perhaps=bool(source["perhaps"]))
        else:
            return False
        return True

    def _meets(self, name: str) -> None:
        if read_strangers(name):
            self.strangers.add(name)

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
