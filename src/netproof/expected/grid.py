"""All flows of many sources to many targets at once, as sets of positions.

A set is a number whose bit n stands for position n, so that a step on a set of a thousand is one on
a number. Parties that no rule of a pod tells apart are a cell of one answer: one of them is asked
about, by the same `decide` that answers for one flow, and pods that the same policies isolate are
asked about once. So the work follows the rules that differ, not the flows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from netproof.expected.decision import decide
from netproof.expected.evaluate import REWRITTEN_PATHS, Evaluator
from netproof.expected.index import IndexedRule, PolicyIndex
from netproof.expected.traffic import Packets, Party
from netproof.model.flow import (
    Direction,
    Endpoint,
    EndpointKind,
    Expectation,
    Expected,
    Flow,
    Path,
)
from netproof.model.workload import Family, Host, HostKind, Pod, Protocol


@dataclass(frozen=True, slots=True)
class Target:
    """A port at which flows end; one at a Service is looked up by its backends."""

    destination: Endpoint
    port: int
    protocol: Protocol
    family: Family = Family.IPV4
    path: Path = Path.POD_IP


@dataclass(frozen=True, slots=True)
class Cell:
    """Positions for which one side has one answer, and the rules that let them pass."""

    expected: Expected
    rules: tuple[str, ...]
    members: int


@dataclass(frozen=True, slots=True)
class _Group:
    """Pods that the same policies isolate, and the cells of what is at the other end of them."""

    pods: tuple[Pod, ...]
    cells: tuple[int, ...]


def as_set(places: Iterable[int]) -> int:
    """Return the set of some positions."""
    found = 0
    for at in places:
        found |= 1 << at
    return found


def positions(members: int) -> Iterator[int]:
    """Yield the positions of a set in order."""
    while members:
        lowest = members & -members
        yield lowest.bit_length() - 1
        members ^= lowest


def transposed(rows: Sequence[int], width: int) -> list[int]:
    """Return for each of `width` positions the set of the rows that hold it."""
    if not any(rows):
        return [0] * width
    written = [f"{row:0{width}b}" for row in reversed(rows)]
    columns = [int("".join(column), 2) for column in zip(*written, strict=True)]
    return columns[::-1]


class Grid:
    """What the policies say of every flow from a source to a target, all of one topology.

    Sources are pods and hosts outside, targets ports of pods, of hosts and of Services. Nothing
    goes from a host to a host or a Service, nor from a pod to itself.
    """

    def __init__(
        self, index: PolicyIndex, sources: Sequence[Endpoint], targets: Sequence[Target]
    ) -> None:
        self.sources, self.targets = tuple(sources), tuple(targets)
        self._index = index
        self._senders = [_party(index, end) for end in self.sources]
        self._at = {end: at for at, end in enumerate(self.sources)}
        self._target_at = {_address(one): at for at, one in enumerate(self.targets)}
        self.pods = as_set(n for n, one in enumerate(self._senders) if one.pod)
        self._direct = [one for one in self.targets if one.path not in REWRITTEN_PATHS]
        self._rest = range(len(self._direct), len(self.targets))
        if any(self.targets[at].path not in REWRITTEN_PATHS for at in self._rest):
            raise ValueError("targets at Services come last")
        self._receivers = [_party(index, one.destination) for one in self._direct]

    def __len__(self) -> int:
        """Return how many flows there are."""
        return sum(one.bit_count() for one in self.present)

    def flow(self, source: int, target: int) -> Flow:
        """Return the flow from a source to a target."""
        here, there = self.sources[source], self.targets[target]
        family = _family(self._senders[source].who, there.family)
        return Flow(here, there.destination, there.port, there.protocol, family, there.path)

    def place(self, flow: Flow) -> tuple[int, int]:
        """Return the source and the target of a flow; raise KeyError where it is none of these."""
        return self._at[flow.source], self._target_at[_address(flow)]

    def expected(self, source: int, target: int) -> Expected:
        """Return the answer for one flow."""
        if self.allowed[target] >> source & 1:
            return Expected.ALLOWED
        return Expected.UNDEFINED if self.undefined[target] >> source & 1 else Expected.DENIED

    @cached_property
    def present(self) -> list[int]:
        """For each target the sources that there is a flow from."""
        every = (1 << len(self.sources)) - 1
        return [
            every & ~(1 << self._at.get(one.destination, len(self.sources)))
            if one.destination.kind is EndpointKind.POD
            else self.pods
            for one in self.targets
        ]

    @property
    def allowed(self) -> list[int]:
        """For each target the sources that reach it."""
        return self._answers[0]

    @property
    def undefined(self) -> list[int]:
        """For each target the sources of which the API does not say whether they reach it."""
        return self._answers[1]

    @cached_property
    def passed(self) -> dict[str, Counter[Expected]]:
        """How often each rule lets its side of a flow pass, by what becomes of the whole flow."""
        counts: dict[str, Counter[Expected]] = {}
        for target, cells in enumerate(self._letting_in):
            self._count(counts, cells, self.present[target], target, self._answers)
        width = len(self.sources)
        rows = [
            transposed(one[: len(self._direct)], width) for one in (self.present, *self._answers)
        ]
        for source, cells in self._letting_out.items():
            self._count(counts, cells, rows[0][source], source, (rows[1], rows[2]))
        for expectation in self._looked_up.values():
            for reason in expectation.reasons:
                for rule in reason.rules:
                    counts.setdefault(rule, Counter())[expectation.expected] += 1
        return counts

    @cached_property
    def going_out(self) -> frozenset[str]:
        """The pods that some egress rule lets go somewhere."""
        abroad = {
            self.sources[source].name
            for source, cells in self._letting_out.items()
            if any(cell.rules and cell.members & ~self._own(source) for cell in cells)
        }
        asking = {
            self.sources[source].name
            for (source, _), expectation in self._looked_up.items()
            for reason in expectation.reasons
            if reason.direction is Direction.EGRESS and reason.rules
        }
        return frozenset(abroad | asking)

    def _own(self, source: int) -> int:
        return self._ports_of.get(self.sources[source].name, 0)

    @staticmethod
    def _count(
        counts: dict[str, Counter[Expected]],
        cells: Iterable[Cell],
        present: int,
        at: int,
        answers: tuple[list[int], list[int]],
    ) -> None:
        for cell in cells:
            members = cell.members & present if cell.rules else 0
            if not members:
                continue
            allowed = (members & answers[0][at]).bit_count()
            undefined = (members & answers[1][at]).bit_count()
            became = Counter({Expected.ALLOWED: allowed, Expected.UNDEFINED: undefined})
            became[Expected.DENIED] = members.bit_count() - allowed - undefined
            for rule in cell.rules:
                counts.setdefault(rule, Counter()).update(+became)

    @cached_property
    def _answers(self) -> tuple[list[int], list[int]]:
        """Combine the sides: one that denies is enough, one that is undefined leaves it open."""
        out_allowed, out_undefined = self._let_out
        allowed, undefined = [], []
        for target, cells in enumerate(self._letting_in):
            there = self.present[target]
            free = _of(cells, Expected.ALLOWED) if cells else there
            perhaps = _of(cells, Expected.UNDEFINED)
            passing = (free | perhaps) & (out_allowed[target] | out_undefined[target]) & there
            allowed.append(passing & free & out_allowed[target])
            undefined.append(passing & ~(free & out_allowed[target]))
        for target in self._rest:
            found = [(at, self._looked_up[at, target].expected) for at in positions(self.pods)]
            allowed.append(as_set(at for at, answer in found if answer is Expected.ALLOWED))
            undefined.append(as_set(at for at, answer in found if answer is Expected.UNDEFINED))
        return allowed, undefined

    @cached_property
    def _looked_up(self) -> dict[tuple[int, int], Expectation]:
        """The flows to Services by source and target, each judged by its backends."""
        evaluator = Evaluator(self._index)
        return {
            (at, target): evaluator.expect(self.flow(at, target))
            for target in self._rest
            for at in positions(self.pods)
        }

    @cached_property
    def _let_out(self) -> tuple[list[int], list[int]]:
        """For each target the sources whose egress is allowed, and where it is undefined."""
        width = len(self._direct)
        free = [(1 << width) - 1] * len(self.sources)
        perhaps = [0] * len(self.sources)
        for source, cells in self._letting_out.items():
            free[source] = _of(cells, Expected.ALLOWED)
            perhaps[source] = _of(cells, Expected.UNDEFINED)
        return transposed(free, width), transposed(perhaps, width)

    @cached_property
    def _letting_out(self) -> dict[int, tuple[Cell, ...]]:
        """For each pod among the sources what its egress makes of the targets."""
        found: dict[int, tuple[Cell, ...]] = {}
        senders = [one.pod for one in self._senders if one.pod]
        atoms = _Atoms(self._receivers, self._direct)
        for group in _groups(self._index, senders, Direction.EGRESS, atoms):
            pairs = ((group.pods, cell) for cell in group.cells)
            cells = tuple(cell for pods, one in pairs for cell in self._sent(pods, one))
            found |= {self._at[Endpoint.pod(pod.key)]: cells for pod in group.pods}
        return found

    def _sent(self, pods: Sequence[Pod], cell: int) -> Iterator[Cell]:
        """Answer for a cell of targets by one pair of the group; none where all are one pod's."""
        for at in positions(cell):
            other, target = self._receivers[at], self._direct[at]
            pod = _another(pods, other)
            if pod:
                packets = Packets(target.port, target.protocol, target.family)
                reason = decide(self._index, pod, other, packets, Direction.EGRESS)
                yield Cell(reason.expected, reason.rules, cell)
                return

    @cached_property
    def _letting_in(self) -> list[tuple[Cell, ...]]:
        """For each direct target what its pod's ingress makes of the sources; nothing for hosts."""
        found: dict[int, tuple[Cell, ...]] = {}
        receivers = list({one.pod.key: one.pod for one in self._receivers if one.pod}.values())
        atoms = _Atoms(self._senders)
        for group in _groups(self._index, receivers, Direction.INGRESS, atoms):
            for ports in self._alike(group).values():
                cells = tuple(
                    cell for members in group.cells for cell in self._received(ports, members)
                )
                found |= dict.fromkeys(ports, cells)
        return [found.get(at, ()) for at in range(len(self._direct))]

    def _alike(self, group: _Group) -> dict[tuple[bool, ...], list[int]]:
        """Return the targets of a group by which of its rules are for their port."""
        rules = self._index.rules(group.pods[0], Direction.INGRESS)
        found: dict[tuple[bool, ...], list[int]] = {}
        for pod in group.pods:
            for at in positions(self._ports_of.get(pod.key, 0)):
                one = self._direct[at]
                key = tuple(rule.has_port(one.port, one.protocol, pod) for rule in rules)
                found.setdefault(key, []).append(at)
        return found

    @cached_property
    def _ports_of(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for at, one in enumerate(self._receivers):
            if one.pod:
                found[one.pod.key] = found.get(one.pod.key, 0) | 1 << at
        return found

    def _received(self, ports: Sequence[int], cell: int) -> Iterator[Cell]:
        """Answer for a cell of sources by one pair of the ports; none where all are one pod."""
        for at in positions(cell):
            other = self._senders[at]
            target = next((t for t in ports if not _same(self._receivers[t].pod, other)), None)
            if target is not None and (pod := self._receivers[target].pod):
                flow = self.flow(at, target)
                packets = Packets(flow.port, flow.protocol, flow.family)
                reason = decide(self._index, pod, other, packets, Direction.INGRESS)
                yield Cell(reason.expected, reason.rules, cell)
                return


class _Atoms:
    """The parties at the other end of pods, and which of them a rule tells from the rest.

    With `targets` the parties stand at these ports, one at each, and rules tell ports apart too.
    """

    def __init__(self, parties: Sequence[Party], targets: Sequence[Target] = ()) -> None:
        self.every = (1 << len(parties)) - 1
        self._targets = targets
        self._pods: dict[str, int] = {}
        self._addresses: dict[str, int] = {}
        self._kinds: dict[object, int] = {}
        self._ports: dict[object, tuple[Target, Pod | None, int]] = {}
        self._for_ports: dict[object, int] = {}
        self._named: dict[frozenset[str], int] = {}
        for at, party in enumerate(parties):
            self._add(1 << at, party, targets[at] if targets else None)

    def _add(self, bit: int, party: Party, target: Target | None) -> None:
        who = party.who
        ip = who.ip(target.family if target else _family(who))
        if isinstance(who, Pod):
            self._pods[who.key] = self._pods.get(who.key, 0) | bit
            kind: object = who.host_network, ip is None
        else:
            kind = who.kind, ip is None, "" if who.kind is HostKind.OUTSIDE else who.name
        if ip is not None:
            self._addresses[ip] = self._addresses.get(ip, 0) | bit
        self._kinds[kind] = self._kinds.get(kind, 0) | bit
        if target:
            pod = party.pod
            names = tuple(port for port in (pod.ports if pod else ()) if port.number == target.port)
            key = target.port, target.protocol, names
            first = self._ports.get(key, (target, pod, 0))
            self._ports[key] = (*first[:2], first[2] | bit)

    def cells(self, rules: Iterable[IndexedRule]) -> tuple[int, ...]:
        """Return the parties in parts of which no rule tells the members apart."""
        parts = list(self._kinds.values())
        for rule in rules:
            peers, ports = self._peers(rule), self._with_port(rule)
            parts = _refined(parts, peers & ports)
            if rule.blocks or rule.strangers or rule.api_server:
                parts = _refined(parts, ports)
        return tuple(parts)

    def _peers(self, rule: IndexedRule) -> int:
        if rule.everyone:
            return self.every
        if rule.pods not in self._named:
            found = 0
            for key in rule.pods:
                found |= self._pods.get(key, 0)
            self._named[rule.pods] = found
        members = self._named[rule.pods]
        if rule.blocks:
            for ip, bits in self._addresses.items():
                if rule.has_address(ip):
                    members |= bits
        return members

    def _with_port(self, rule: IndexedRule) -> int:
        if not self._targets or not rule.ports:
            return self.every
        if rule.ports not in self._for_ports:
            members = 0
            for target, pod, bits in self._ports.values():
                if rule.has_port(target.port, target.protocol, pod):
                    members |= bits
            self._for_ports[rule.ports] = members
        return self._for_ports[rule.ports]


def _groups(
    index: PolicyIndex, pods: Iterable[Pod], direction: Direction, atoms: _Atoms
) -> Iterator[_Group]:
    alike: dict[object, list[Pod]] = {}
    for pod in pods:
        policies = tuple(map(id, index.isolating(pod, direction)))
        alike.setdefault((policies, pod.host_network), []).append(pod)
    for members in alike.values():
        rules = index.rules(members[0], direction)
        yield _Group(tuple(members), atoms.cells(rules))


def _refined(parts: Iterable[int], members: int) -> list[int]:
    """Return parts cut in two where a set holds some of their members and not others."""
    return [cut for part in parts for cut in (part & members, part & ~members) if cut]


def _of(cells: Iterable[Cell], expected: Expected) -> int:
    members = 0
    for cell in cells:
        if cell.expected is expected:
            members |= cell.members
    return members


def _family(who: Pod | Host, of_pods: Family = Family.IPV4) -> Family:
    """Return the family in which somebody sends: a host outside stands for one address."""
    return Family.of(who.ips[0]) if isinstance(who, Host) and who.ips else of_pods


def _party(index: PolicyIndex, end: Endpoint) -> Party:
    return Party(index.pod(end.name) if end.kind is EndpointKind.POD else index.host(end.name))


def _address(one: Target | Flow) -> tuple[Endpoint, int, Protocol]:
    return one.destination, one.port, one.protocol


def _another(pods: Iterable[Pod], other: Party) -> Pod | None:
    return next((pod for pod in pods if not _same(pod, other)), None)


def _same(pod: Pod | None, other: Party) -> bool:
    return pod is not None and other.pod is not None and pod.key == other.pod.key
