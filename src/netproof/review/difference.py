"""What a change opens and closes, most dangerous first.

Two bundles are compared by one measure: with the same ports served and the same blocks told apart,
so that a port which only one of them names does not look like a change. A kept snapshot knows
only what it was asked; a block or port it does not have is looked up at what stands for the rest,
and pods that are in neither bundle at wider ones. One of before they were told apart says nothing
of them, and then nothing is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from netproof.expected import positions
from netproof.model.flow import Direction
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
from netproof.model.workload import Port, Protocol
from netproof.policy import lies_in
from netproof.policy.mirror import Mirror, PortDemand, serving
from netproof.policy.strangers import read_strangers
from netproof.review.explanation import causes
from netproof.review.exposure import among
from netproof.review.reachability import OUTSIDE
from netproof.review.snapshot import (
    DNS_NAME,
    OTHER,
    SnapshotView,
    grown,
    network_of,
    take,
    views,
)

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
    was, now = map(_Answers, _alike(old, new))
    changes = _told_once(
        change for edge in _differing(was, now) if (change := _change(edge, was, now)) is not None
    )
    order = tuple(Danger)
    changes.sort(key=lambda c: (not c.opens, order.index(c.danger), c.edge))
    causes_of = _causes(after) if after else _no_causes
    argued = [
        replace(change, causes=causes_of(change.edge)) if change.opens and n < ARGUED else change
        for n, change in enumerate(changes)
    ]
    lacking = (name for name, one in zip(names, (old, new), strict=True) if one.strangers is None)
    unknown = tuple(f"{name} {_NOTHING_OF_STRANGERS}" for name in lacking)
    return DiffRecord(old=names[0], new=names[1], changes=tuple(argued), unknown=unknown)


_NOTHING_OF_STRANGERS = (
    "was taken by an earlier netproof and says nothing of pods that are not in the bundle, so what "
    "opens and closes for them is not known; take it anew"
)


def _alike(old: Snapshot, new: Snapshot) -> tuple[Snapshot, Snapshot]:
    """Return two snapshots that tell the same strangers apart, none where one knows of none."""
    if old.strangers is None or new.strangers is None:
        return _without_strangers(old), _without_strangers(new)
    return grown(old, new.strangers), grown(new, old.strangers)


def _without_strangers(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot without those ends; as sources they come last, so places stay."""
    gone = set(snapshot.strangers or ())
    kept = tuple(name for name in snapshot.sources if name not in gone)
    every = (1 << len(kept)) - 1
    reached = {
        end: ReachedBy(by.allowed & every, by.undefined & every)
        for end, by in snapshot.reached.items()
        if end.destination not in gone
    }
    return replace(snapshot, sources=kept, reached=reached, strangers=None)


def _also(source: Mirror, target: Mirror) -> Iterator[PortDemand]:
    """Yield the ports that something in one bundle names of workloads that both have."""
    here = {workload.key for workload in target.workloads}
    for workload in source.workloads:
        declared = {(port.number, port.protocol) for port in workload.declared}
        for port in workload.pod.ports:
            if workload.key in here and (port.number, port.protocol) not in declared:
                pods = frozenset({workload.key})
                yield PortDemand(pods, port.number, port.protocol, "the other bundle", "")


def _told_once(changes: Iterable[ReachChange]) -> list[ReachChange]:
    """Leave out what changes for strangers as it does for others whom they are among."""
    every = list(changes)
    alike: dict[tuple[object, ...], list[str]] = {}
    for one in every:
        for at, name in _strange_ends(one.edge):
            alike.setdefault(_but(one, at), []).append(name)
    wider = {key: among(names) for key, names in alike.items()}
    return [
        one
        for one in every
        if not any(wider[_but(one, at)][name] for at, name in _strange_ends(one.edge))
    ]


def _strange_ends(edge: Edge) -> Iterator[tuple[int, str]]:
    ends = enumerate((edge.source, edge.destination))
    return ((at, name) for at, name in ends if read_strangers(name))


def _but(change: ReachChange, at: int) -> tuple[object, ...]:
    """Return all that a change says, but for one of its ends."""
    other = change.edge.destination if at == 0 else change.edge.source
    return at, other, change.edge.port, change.was, change.now


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
        if any(_is_absent(end, self.of) for end in (known.source, known.destination)):
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


def _is_absent(end: str, of: Snapshot) -> bool:
    named = end in of.blocks or end in (of.strangers or ())
    return "/" in end and not named and end not in of.workloads


def _known(edge: Edge, of: Snapshot) -> Edge:
    """Return the edge that stands for one: blocks and ports outside by what is around them."""
    if edge.source.startswith(OUTSIDE):
        return replace(edge, source=_around(edge.source, of.blocks))
    strange = edge.destination in (of.strangers or ())
    if not (strange or edge.destination.startswith(OUTSIDE)):
        return edge
    protocol = edge.port.partition("/")[2]
    port = edge.port if edge.port in of.ports else f"{OTHER}/{protocol}"
    if strange:
        asked = EdgeEnd(edge.destination, edge.port) in of.reached
        return edge if asked else replace(edge, port=port)
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
        if outer != inner and lies_in(inner, outer) and size < outer.prefixlen:
            best, size = other, outer.prefixlen
    return best


def _danger(edge: Edge, was: Reach, now: Reach) -> tuple[Danger, str]:
    if now not in (Reach.ALLOWED, Reach.UNDEFINED):
        return Danger.LOW, "closes: who relies on it is cut off"
    if was is Reach.ALLOWED:
        return Danger.LOW, "no longer sure to pass"
    number = edge.port.partition("/")[0]
    abroad = edge.destination.startswith(OUTSIDE)
    across = _space(edge.source) != _space(edge.destination)
    strange = read_strangers(edge.source) or read_strangers(edge.destination)
    whence = "from" if read_strangers(edge.source) else "to"
    for holds, danger, why in (
        (edge.source.startswith(OUTSIDE), Danger.HIGH, "from outside the cluster"),
        (edge.destination == OUTSIDE, Danger.HIGH, "to any address outside the cluster"),
        (number in GUARDED, Danger.HIGH, f"port {number} is mostly data or control"),
        (abroad, Danger.MEDIUM, "to addresses outside the cluster"),
        (strange and across, Danger.HIGH, f"{whence} pods that are not in the bundle"),
        (across and "/" in edge.destination, Danger.HIGH, "across namespaces"),
        (edge.destination == DNS_NAME, Danger.MEDIUM, "to the cluster's DNS"),
    ):
        if holds:
            return danger, why
    return Danger.MEDIUM, "within a namespace"


def _space(name: str) -> str:
    strangers = read_strangers(name)
    return strangers.space if strangers else name.partition("/")[0]


def _no_causes(_edge: Edge) -> tuple[Cause, ...]:
    return ()


def _causes(view: SnapshotView) -> CausesOf:
    grid = view.reach.grid
    sources = {end.name: at for at, end in enumerate(grid.sources)}
    ends = {view.end(one): at for at, one in enumerate(grid.targets)}

    def of(edge: Edge) -> tuple[Cause, ...]:
        if read_strangers(edge.source) or read_strangers(edge.destination):
            return tuple(_of_strangers(view, edge))
        at = sources.get(edge.source), ends.get(EdgeEnd(edge.destination, edge.port))
        if at[0] is None or at[1] is None or not grid.present[at[1]] >> at[0] & 1:
            return ()
        return causes(view.reach.trace(grid.flow(at[0], at[1])))

    return of


def _of_strangers(view: SnapshotView, edge: Edge) -> Iterator[Cause]:
    """Yield what lets a workload meet strangers; nothing where the edge is another's."""
    inward = read_strangers(edge.source)
    who = inward or read_strangers(edge.destination)
    pod = view.reach.pods.get(edge.destination if inward else edge.source)
    number, _, protocol = edge.port.partition("/")
    if who is None or pod is None or protocol not in set(Protocol):
        return
    numbered = int(number) if number.isdigit() else view.other
    name = "" if number.isdigit() or number == OTHER else number
    direction = Direction.INGRESS if inward else Direction.EGRESS
    yield from view.exposure.causes(pod, Port(numbered, Protocol(protocol), name), direction, who)
