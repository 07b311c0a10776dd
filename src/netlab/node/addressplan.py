"""The lab's address plan, and the pool that hands out a node's pod addresses. Pure.

Must not know: namespaces, links, or how an address gets onto one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

GATEWAY_V4 = "169.254.1.1"
GATEWAY_V6 = "fe80::1"
UNDERLAY = ("172.30.0.0/24", "fd00:172:30::/64")
OUTSIDE_NAME = "outside"
OUTSIDE_IPS = ("203.0.113.10", "fd00:203:113::10")
OUTSIDE_EXTRA_IPS = ("203.0.113.130", "fd00:203:113::8010")
DNS_IPS = ("10.96.0.10", "fd00:10:96::a")
API_IP = "10.96.0.1"
MAX_NODES = 64  # keeps node addresses inside one /24 and well below the pids a machine has


@dataclass(frozen=True, slots=True)
class NodeAddresses:
    """What one node is called and which addresses belong to it."""

    name: str
    ips: tuple[str, str]
    pod_cidrs: tuple[str, str]


def node_addresses(index: int) -> NodeAddresses:
    """Give the addresses of the node with an index, counted from 0."""
    return NodeAddresses(
        name=f"lab-node-{index}",
        ips=(f"172.30.0.{10 + index}", f"fd00:172:30::{10 + index}"),
        pod_cidrs=(f"10.244.{index}.0/24", f"fd00:10:244:{index}::/64"),
    )


class PoolExhaustedError(Exception):
    """All pod addresses of a node are in use."""


@dataclass(slots=True)
class AddressPool:
    """Pod addresses of one node: each used once before the first is used again.

    So a rule or a connection that still names a deleted pod does not meet its successor. Those of
    pods that have completed are the exception, and come next: their objects still name them, and
    whether anybody goes by that can be seen only when the successor is there.
    """

    pod_cidrs: tuple[str, str]
    first: int = 2  # .0 is the network; .1 is what people take for the gateway
    last: int = 254
    _next: int = field(init=False)
    _used: set[int] = field(init=False, default_factory=set)
    _soon: list[int] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._next = self.first

    def take(self) -> tuple[str, str]:
        """Return the next free IPv4 and IPv6 address; raise PoolExhaustedError if none is left."""
        for slot in self._candidates():
            if slot not in self._used:
                self._used.add(slot)
                if slot in self._soon:
                    self._soon.remove(slot)
                else:
                    self._next = slot + 1 if slot < self.last else self.first
                v4, v6 = IPv4Network(self.pod_cidrs[0]), IPv6Network(self.pod_cidrs[1])
                return str(v4[slot]), str(v6[slot])
        raise PoolExhaustedError(f"no free address left in {self.pod_cidrs[0]}")

    def give_back(self, ips: tuple[str, str], *, soon: bool = False) -> None:
        """Mark the addresses as free; they come round again when the range wraps, or `soon`."""
        slot = int(ips[0].rpartition(".")[2])
        self._used.discard(slot)
        if soon:
            self._soon.append(slot)

    def _candidates(self) -> Iterable[int]:
        yield from self._soon
        yield from range(self._next, self.last + 1)
        yield from range(self.first, self._next)
