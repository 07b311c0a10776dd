"""What a change opens and closes, most dangerous first.

Two bundles are compared by one measure: with the same ports served and the same blocks told apart,
so that a port which only one of them names does not look like a change. A kept snapshot knows
only what it was asked; a block or port it does not have is looked up at what stands for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from netproof.expected import positions
from netproof.model.review import (
    Cause,
    Danger,
    DiffRecord,
    Edge,
    EdgeEnd,
    Reach,
    ReachChange,
    ReachedBy,
    Snapshot,
)
from netproof.model.value import replace
from netproof.policy.mirror import Mirror, PortDemand, serving
from netproof.review.explanation import causes
from netproof.review.reachability import OUTSIDE
from netproof.review.snapshot import DNS_NAME, OTHER, SnapshotView, network_of, take, views

ARGUED = 50
"""For how many opened flows the rules that let them pass are looked up."""

GUARDED = frozenset(
    f"{number}"
    for number in (
        *(22, 2379, 6443, 10250),
        *(1433, 1521, 3306, 5432, 9042, 27017),
        *(5672, 6379, 9092, 9200, 11211),
    )
)
"""Ports behind which data or control usually is: shells, databases, queues, etcd, kubelet."""

CausesOf = Callable[[Edge], tuple[Cause, ...]]


def compare_mirrors(old: Mirror, new: Mirror, names: tuple[str, str]) -> DiffRecord:
    """Compare two bundles, of which `names` says what people call them."""
    pair = serving(old, tuple(_also(new, old))), serving(new, tuple(_also(old, new)))
    before, after = views(*pair)
    return compare_snapshots(take(before), take(after), names, after)


def compare_snapshots(
    old: Snapshot, new: Snapshot, names: tuple[str, str], after: SnapshotView | None = None
) -> DiffRecord:
    """Compare two snapshots; with a view of the new one, say what lets through what it opens."""
    was, now = _Answers(old), _Answers(new)
    changes = [
        change for edge in _differing(was, now) if (change := _change(edge, was, now)) is not None
    ]
    order = tuple(Danger)
    changes.sort(key=lambda c: (not c.opens, order.index(c.danger), c.edge))
    causes_of = _causes(after) if after else _no_causes
    argued = [
        replace(change, causes=causes_of(change.edge)) if change.opens and n < ARGUED else change
        for n, change in enumerate(changes)
    ]
    return DiffRecord(old=names[0], new=names[1], changes=tuple(argued))


def _also(source: Mirror, target: Mirror) -> Iterator[PortDemand]:
    """Yield the ports that something in one bundle names of workloads that both have."""
    here = {workload.key for workload in target.workloads}
    for workload in source.workloads:
        declared = {(port.number, port.protocol) for port in workload.declared}
        for port in workload.pod.ports:
            if workload.key in here and (port.number, port.protocol) not in declared:
                pods = frozenset({workload.key})
                yield PortDemand(pods, port.number, port.protocol, "the other bundle", "")


def _change(edge: Edge, old: _Answers, new: _Answers) -> ReachChange | None:
    was, now = old.answer(edge), new.answer(edge)
    if was is now or {was, now} == {Reach.ABSENT, Reach.DENIED}:
        return None
    danger, why = _danger(edge, was, now)
    return ReachChange(edge, was, now, danger, why)


def _differing(old: _Answers, new: _Answers) -> Iterator[Edge]:
    """Yield every edge, of any end that either snapshot has, to which they answer differently."""
    both = old.of, new.of
    blocks = sorted({block for of in both for block in of.blocks})
    ports = sorted({port for of in both for port in of.ports})
    ends = {end for of in both for end in of.reached}
    ends |= {EdgeEnd(block, port) for block in blocks for port in ports}
    sources = sorted({name for of in both for name in of.sources} | set(blocks))
    was, now = old.at(sources), new.at(sources)
    for end in sorted(ends):
        before, after = was(end), now(end)
        differ = (before.allowed ^ after.allowed) | (before.undefined ^ after.undefined)
        for at in positions(differ):
            yield Edge(sources[at], end.destination, end.port)


class _Answers:
    """A snapshot, to be asked about edges that it need not have."""

    def __init__(self, of: Snapshot) -> None:
        self.of = of
        self._places = {name: at for at, name in enumerate(of.sources)}

    def answer(self, edge: Edge) -> Reach:
        """Return what the snapshot says of an edge, be it by what stands for it."""
        known = _known(edge, self.of)
        by = self.of.reached.get(EdgeEnd(known.destination, known.port), ReachedBy())
        place = self._places.get(known.source)
        if place is not None and by.allowed >> place & 1:
            return Reach.ALLOWED
        if place is not None and by.undefined >> place & 1:
            return Reach.UNDEFINED
        if any("/" in end and end not in self.of.workloads for end in _within(known, self.of)):
            return Reach.ABSENT
        served = self.of.workloads.get(known.destination)
        return Reach.ABSENT if served is not None and known.port not in served else Reach.DENIED

    def at(self, sources: Sequence[str]) -> Callable[[EdgeEnd], ReachedBy]:
        """Return what says who of some sources reaches an end, as sets of places among them."""
        stands = [self._places.get(_known(Edge(name, "", ""), self.of).source) for name in sources]
        alike = stands == list(range(len(self.of.sources)))
        bits: dict[int, int] = {}
        for at, place in enumerate(stands):
            if place is not None:
                bits[place] = bits.get(place, 0) | 1 << at

        def moved(members: int) -> int:
            return members if alike else sum(bits.get(at, 0) for at in positions(members))

        def reached(end: EdgeEnd) -> ReachedBy:
            known = _known(Edge("", end.destination, end.port), self.of)
            by = self.of.reached.get(EdgeEnd(known.destination, known.port), ReachedBy())
            return ReachedBy(moved(by.allowed), moved(by.undefined))

        return reached


def _within(edge: Edge, of: Snapshot) -> tuple[str, ...]:
    return tuple(end for end in (edge.source, edge.destination) if end not in of.blocks)


def _known(edge: Edge, of: Snapshot) -> Edge:
    """Return the edge that stands for one: blocks and ports outside by what is around them."""
    if edge.source.startswith(OUTSIDE):
        return replace(edge, source=_around(edge.source, of.blocks))
    if not edge.destination.startswith(OUTSIDE):
        return edge
    protocol = edge.port.partition("/")[2]
    port = edge.port if edge.port in of.ports else f"{OTHER}/{protocol}"
    return replace(edge, destination=_around(edge.destination, of.blocks), port=port)


def _around(name: str, known: Collection[str]) -> str:
    """Return the smallest block around one, of those that a snapshot knows."""
    block = name.removeprefix(OUTSIDE).strip()
    if not block or name in known:
        return name
    inner = network_of(block)
    if inner is None:  # a name in a snapshot that somebody wrote
        return name
    best = OUTSIDE
    size = -1
    for other in known:
        text = other.removeprefix(OUTSIDE).strip()
        if not other.startswith(OUTSIDE) or not text:
            continue
        outer = network_of(text)
        if outer is None:
            continue
        around = outer.version == inner.version and inner.network_address in outer
        if around and size < outer.prefixlen < inner.prefixlen:
            best, size = other, outer.prefixlen
    return best


def _danger(edge: Edge, was: Reach, now: Reach) -> tuple[Danger, str]:
    if now not in (Reach.ALLOWED, Reach.UNDEFINED):
        return Danger.LOW, "closes: who relies on it is cut off"
    if was is Reach.ALLOWED:
        return Danger.LOW, "no longer sure to pass"
    number = edge.port.partition("/")[0]
    abroad = edge.destination.startswith(OUTSIDE)
    across = "/" in edge.destination and _space(edge.source) != _space(edge.destination)
    for holds, danger, why in (
        (edge.source.startswith(OUTSIDE), Danger.HIGH, "from outside the cluster"),
        (edge.destination == OUTSIDE, Danger.HIGH, "to any address outside the cluster"),
        (number in GUARDED, Danger.HIGH, f"port {number} is mostly data or control"),
        (abroad, Danger.MEDIUM, "to addresses outside the cluster"),
        (across, Danger.HIGH, "across namespaces"),
        (edge.destination == DNS_NAME, Danger.MEDIUM, "to the cluster's DNS"),
    ):
        if holds:
            return danger, why
    return Danger.MEDIUM, "within a namespace"


def _space(name: str) -> str:
    return name.partition("/")[0]


def _no_causes(_edge: Edge) -> tuple[Cause, ...]:
    return ()


def _causes(view: SnapshotView) -> CausesOf:
    grid = view.reach.grid
    sources = {end.name: at for at, end in enumerate(grid.sources)}
    ends = {view.end(one): at for at, one in enumerate(grid.targets)}

    def of(edge: Edge) -> tuple[Cause, ...]:
        at = sources.get(edge.source), ends.get(EdgeEnd(edge.destination, edge.port))
        if at[0] is None or at[1] is None or not grid.present[at[1]] >> at[0] & 1:
            return ()
        return causes(view.reach.trace(grid.flow(at[0], at[1])))

    return of
