"""Sets of workloads, of their ports and of hosts outside, in as few sides of statements as can be.

`*` is all, `namespace X` all of one; both leave out whom no flow can come from: a workload does not
reach itself. A port is named where not all that a workload serves are meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_network

from netproof.expected import Target, as_set, positions
from netproof.model.flow import EndpointKind
from netproof.model.workload import HostKind, Pod
from netproof.policy import Network, lies_in
from netproof.review.reachability import OUTSIDE, Reachability

EVERYBODY = "*"


@dataclass(frozen=True)
class Sides:
    """The workloads of a bundle, by whom sets of them can be named; places are the grid's."""

    reach: Reachability

    @property
    def pods(self) -> Sequence[Pod]:
        """The workloads; they are the first sources of the grid, in the same order."""
        return self.reach.workloads

    @cached_property
    def spaces(self) -> Mapping[str, int]:
        """The workloads of each namespace."""
        found: dict[str, int] = {}
        for at, pod in enumerate(self.pods):
            found[pod.namespace] = found.get(pod.namespace, 0) | 1 << at
        return dict(sorted(found.items()))

    @cached_property
    def everybody(self) -> int:
        """All workloads."""
        return (1 << len(self.pods)) - 1

    @cached_property
    def owners(self) -> Mapping[int, int]:
        """The workload that each port is one of, by their places."""
        places = {pod.key: at for at, pod in enumerate(self.pods)}
        return {
            at: places[one.destination.name]
            for at, one in enumerate(self.reach.grid.targets)
            if one.destination.kind is EndpointKind.POD and one.destination.name in places
        }

    def folded(self, members: int, own: int = 0) -> tuple[str, ...]:
        """Return workloads as sides, where those of `own` are not asked for."""
        others = self.everybody & ~own
        if not members:
            return ()
        if _many(others) and not others & ~members:
            return (EVERYBODY,)
        named: list[str] = []
        for space, all_of_it in self.spaces.items():
            there, asked = members & all_of_it, all_of_it & ~own
            if _many(asked) and not asked & ~there:
                named.append(f"namespace {space}")
            else:
                named += sorted(self.pods[at].key for at in positions(there))
        return tuple(named)

    def ports(self, targets: Iterable[int], source: str) -> tuple[str, ...]:
        """Return ports of workloads as sides, as far as `source` can reach them."""
        wanted = as_set(targets)
        own = next((at for at, pod in enumerate(self.pods) if pod.key == source), None)
        reached = wanted | (self._served[own] if own is not None else 0)
        everything = self._ports_of(self.everybody)
        serving = [space for space, pods in self.spaces.items() if self._ports_of(pods)]
        if len(serving) > 1 and not everything & ~reached:
            return (EVERYBODY,)
        named: list[str] = []
        for space, pods in self.spaces.items():
            here = self._ports_of(pods)
            if not here & wanted:
                continue
            if _many(pods) and not here & ~reached:
                named.append(f"namespace {space}")
                continue
            shared, left = self._shared(pods, here & reached)
            named += [f"namespace {space}:{self._port(at)}" for at in shared]
            named += [text for at in positions(pods) for text in self._one(at, left & wanted)]
        return tuple(named)

    def _one(self, pod: int, wanted: int) -> list[str]:
        """Return ports of one workload: its name where all are meant."""
        served, key = self._served[pod], self.pods[pod].key
        if not served & wanted:
            return []
        if not served & ~wanted:
            return [key]
        return [f"{key}:{self._port(at)}" for at in positions(served & wanted)]

    def _shared(self, pods: int, wanted: int) -> tuple[list[int], int]:
        """Return an example of each port that all workloads of a namespace serve, and the rest.

        Where one of them does not, the statement would have it serve that port.
        """
        by_port: dict[str, int] = {}
        for at in positions(wanted):
            by_port[self._port(at)] = by_port.get(self._port(at), 0) | 1 << at
        shared = [
            members
            for members in by_port.values()
            if _many(pods) and members.bit_count() == pods.bit_count()
        ]
        left = wanted
        for members in shared:
            left &= ~members
        return [next(positions(members)) for members in shared], left

    def _port(self, target: int) -> str:
        return port_text(self.reach.grid.targets[target])

    def _ports_of(self, pods: int) -> int:
        found = 0
        for at in positions(pods):
            found |= self._served[at]
        return found

    @cached_property
    def _served(self) -> list[int]:
        found = [0] * len(self.pods)
        for target, pod in self.owners.items():
            found[pod] |= 1 << target
        return found


def _many(members: int) -> bool:
    return members.bit_count() > 1


def port_text(target: Target) -> str:
    """Return a port as a statement names it."""
    return f"{target.port}/{target.protocol}"


@dataclass(frozen=True, slots=True)
class Block:
    """A side of statements that means hosts outside, with the blocks in it; sets are of `hosts`.

    `own` are the hosts that are in none of those blocks, `all_of_it` its own and theirs.
    """

    side: str
    own: int
    all_of_it: int
    inner: tuple[Block, ...] = ()

    def stated(self, members: int) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield sides with the sides that are taken out of each, which mean just some hosts."""
        if not members & self.all_of_it:
            return
        if not self.all_of_it & ~members:
            yield self.side, ()
            return
        others = [block for block in self.inner if block.all_of_it & ~members]
        if self.own and not self.own & ~members:
            yield self.side, tuple(block.side for block in others)
        else:
            others = list(self.inner)
        for block in others:
            yield from block.stated(members)


def outside_of(reach: Reachability) -> Block:
    """Return the outside of a bundle; hosts are by their places among the grid's sources."""
    places = {end.name: at for at, end in enumerate(reach.grid.sources)}
    named: list[tuple[Network | None, str, int]] = []
    for host in reach.topology.hosts:
        if host.kind is HostKind.OUTSIDE:
            block = host.name.removeprefix(OUTSIDE).strip()
            named.append((ip_network(block) if block else None, host.name, places[host.name]))
    own = as_set(at for block, _, at in named if block is None)
    blocks = [(block, side, at) for block, side, at in named if block is not None]
    return Block(OUTSIDE, own, as_set(at for _, _, at in named), _inner(blocks))


def _inner(blocks: Sequence[tuple[Network, str, int]]) -> tuple[Block, ...]:
    """Return blocks as those that lie in no other, with the rest in them."""
    found = []
    left = sorted(blocks, key=lambda one: (one[0].version, one[0].prefixlen, one[1]))
    while left:
        (outer, side, at), *others = left
        inside = [one for one in others if lies_in(one[0], outer)]
        left = [one for one in others if one not in inside]
        every = as_set((at, *(place for _, _, place in inside)))
        found.append(Block(side, 1 << at, every, _inner(inside)))
    return tuple(found)
