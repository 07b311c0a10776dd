"""An nftables table as a value: sets, chains, the matches of rules, and its text.

A match is the shortest text that says it: one element goes into the rule itself, several into a
named set. Knows nftables' syntax and nothing of policies.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2s

from netlab.dataplane.addresses import NftFamily, elements
from netlab.dataplane.intervals import Intervals
from netlab.dataplane.portranges import LAST_PORT, AddressPort, PortRange


@dataclass(frozen=True, slots=True)
class NftChain:
    """A chain; `hook` is its `type ... hook ...` line where packets enter by themselves."""

    name: str
    rules: tuple[str, ...]
    hook: str = ""


@dataclass(frozen=True, slots=True)
class NftSet:
    """A named set, or with `map` in its `kind` a map."""

    name: str
    kind: str
    elements: tuple[str, ...]

    @property
    def keyword(self) -> str:
        return "map" if " : " in self.kind else "set"

    @property
    def opening(self) -> str:
        return f"{self.keyword} {self.name} {{ type {self.kind};"


@dataclass(frozen=True, slots=True)
class NftTable:
    """A table of the inet family."""

    name: str
    sets: tuple[NftSet, ...] = ()
    chains: tuple[NftChain, ...] = ()

    def replacement(self) -> str:
        """Return commands that replace whatever the table holds now, in one transaction."""
        return "".join(f"{line}\n" for line in self._lines())

    def change_of(self, old: "NftTable") -> str:
        """Return commands that make one that is in force this one, in one transaction.

        What is alike in both stays as it is, hooks above all: Linux drops all packets that a queue
        of the namespace holds when any of them goes. Both have to have the same hooks.
        """
        return "".join(f"{line}\n" for line in self._changes(old))

    def _changes(self, old: "NftTable") -> Iterator[str]:
        chains, sets = {c.name: c for c in old.chains}, {one.name: one for one in old.sets}
        fresh = [
            one for one in self.sets if one.name not in sets or one.kind != sets[one.name].kind
        ]
        other = [c for c in self.chains if chains.get(c.name) != c]
        kept = {one.name for one in self.sets} - {one.name for one in fresh}
        changed = [one for one in self.sets if one.name in kept and one != sets[one.name]]
        yield from (f"flush chain inet {self.name} {c.name}" for c in other if c.name in chains)
        # Elements hold on to chains, and rules to sets; so that is the order in which they go.
        for one in changed:
            gone = [_key(e) for e in sets[one.name].elements if e not in set(one.elements)]
            if gone:
                yield f"delete element inet {self.name} {one.name} {{ {', '.join(gone)} }}"
        chains_gone = chains.keys() - {c.name for c in self.chains}
        yield from (f"flush chain inet {self.name} {name}" for name in sorted(chains_gone))
        yield from (
            f"delete {s.keyword} inet {self.name} {s.name}" for s in old.sets if s.name not in kept
        )
        yield from (f"delete chain inet {self.name} {name}" for name in sorted(chains_gone))
        yield from self._block(fresh, other)
        for one in changed:
            if more := [e for e in one.elements if e not in set(sets[one.name].elements)]:
                yield f"add element inet {self.name} {one.name} {{ {', '.join(more)} }}"

    def _lines(self) -> Iterator[str]:
        # "add" first: deleting a table that is not there is an error.
        yield f"add table inet {self.name}"
        yield f"delete table inet {self.name}"
        yield from self._block(self.sets, self.chains)

    def _block(self, sets: Iterable[NftSet], chains: Iterable[NftChain]) -> Iterator[str]:
        yield f"table inet {self.name} {{"
        for one in sets:
            elements = f" elements = {{ {', '.join(one.elements)} }}" if one.elements else ""
            yield f"{one.opening}{elements} }}"
        for chain in chains:
            yield from _chain_lines(chain)
        yield "}"


def _key(element: str) -> str:
    """Return an element of a set, or of a map without what it leads to."""
    return element.partition(" : ")[0]


def _chain_lines(chain: NftChain) -> Iterator[str]:
    yield f"chain {chain.name} {{"
    if chain.hook:
        yield f"{chain.hook};"
    yield from chain.rules
    yield "}"


class NamedSets:
    """Collects the named sets of a table; the same content twice is one set.

    Names follow from content, so that a set which stays is known by its name.
    """

    def __init__(self) -> None:
        """Collect none yet."""
        self._sets: dict[str, NftSet] = {}

    def name(self, kind: str, elements: Sequence[str]) -> str:
        """Return a reference (`@name`) to a set with these elements."""
        content = "\n".join((kind, *elements)).encode()
        name = f"s{blake2s(content, digest_size=10).hexdigest()}"
        self.take((NftSet(name, kind, tuple(elements)),))
        return "@" + name

    def take(self, sets: Iterable[NftSet]) -> None:
        """Collect sets that have their names."""
        for one in sets:
            self._sets.setdefault(one.name, one)

    def all(self) -> tuple[NftSet, ...]:
        """Return the sets in the order in which they were first asked for."""
        return tuple(self._sets.values())


PORT_KEY = "meta l4proto . th dport"

# For some microseconds after a table comes into force, Linux finds its sets of intervals empty:
# of 2 million denied packets 1,382 got through while the table was replaced 6,000 times (6.18).
# Sets of single addresses have no such gap. So pods are always written one by one, and intervals
# are for ipBlocks, which let packets pass: there the gap is a moment's denial.
_MOST_SINGLE = 1024


def match_addresses(sets: NamedSets, family: NftFamily, side: str, members: Intervals) -> str:
    """Match a side (`saddr`, `daddr`) against addresses, of which there is at least one."""
    if len(members) == 1:
        return f"{family.value} {side} {elements(family, members)[0]}"
    singles = _single_addresses(members)
    is_interval = any(first != last for first, last in singles)
    kind = family.set_type + ("; flags interval" if is_interval else "")
    return f"{family.value} {side} {sets.name(kind, elements(family, singles))}"


def match_side(sets: NamedSets, family: NftFamily, side: str, members: Intervals) -> str:
    """Match a side like `address`; empty text where every address of the family would match."""
    return "" if members == family.everything else match_addresses(sets, family, side, members)


def match_ports(sets: NamedSets, ranges: Sequence[PortRange]) -> str:
    """Match the destination port, of which there is at least one."""
    if len(ranges) > 1:
        texts = [f"{protocol} . {_port_span(first, last)}" for protocol, first, last in ranges]
        return f"{PORT_KEY} {sets.name('inet_proto . inet_service; flags interval', texts)}"
    protocol, first, last = ranges[0]
    if (first, last) == (0, LAST_PORT):
        return f"meta l4proto {protocol}"
    return f"meta l4proto {protocol} th dport {_port_span(first, last)}"


def match_endpoints(sets: NamedSets, family: NftFamily, targets: Sequence[AddressPort]) -> str:
    """Match the destination address and port together."""
    kind = f"{family.set_type} . inet_proto . inet_service"
    texts = sorted({f"{ip} . {protocol} . {port}" for ip, protocol, port in targets})
    return f"{family.value} daddr . {PORT_KEY} {sets.name(kind, texts)}"


def _single_addresses(members: Intervals) -> Intervals:
    if sum(last - first + 1 for first, last in members) > _MOST_SINGLE:
        return members
    return tuple((n, n) for first, last in members for n in range(first, last + 1))


def _port_span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
