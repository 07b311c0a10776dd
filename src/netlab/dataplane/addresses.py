"""IP addresses of both families as numbers and intervals, and as nftables writes them."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from netlab.dataplane import intervals
from netlab.dataplane.intervals import Intervals


class NftFamily(Enum):
    """An IP family; the value is what nftables calls its header."""

    V4 = "ip"
    V6 = "ip6"

    @property
    def set_type(self) -> str:
        return "ipv4_addr" if self is NftFamily.V4 else "ipv6_addr"

    @property
    def everything(self) -> Intervals:
        return ((0, (1 << (32 if self is NftFamily.V4 else 128)) - 1),)


class Ip(NamedTuple):
    """One address."""

    family: NftFamily
    number: int

    def __str__(self) -> str:
        return text_of(self.family, self.number)


@lru_cache(maxsize=4096)
def parse_ip(text: str) -> Ip:
    """Read an address; raise ValueError."""
    address = ip_address(text)
    return Ip(NftFamily.V4 if address.version == 4 else NftFamily.V6, int(address))


def text_of(family: NftFamily, number: int) -> str:
    """Write an address."""
    return _text_v4(number) if family is NftFamily.V4 else _text_v6(number)


@lru_cache(maxsize=4096)
def _text_v4(number: int) -> str:
    return socket.inet_ntoa(number.to_bytes(4, "big"))


@lru_cache(maxsize=4096)
def _text_v6(number: int) -> str:
    return socket.inet_ntop(socket.AF_INET6, number.to_bytes(16, "big"))


@dataclass(frozen=True, slots=True)
class Addresses:
    """A set of addresses of both families."""

    v4: Intervals = ()
    v6: Intervals = ()

    def of(self, family: NftFamily) -> Intervals:
        """Return the addresses of one family."""
        return self.v4 if family is NftFamily.V4 else self.v6

    def minus(self, other: "Addresses") -> "Addresses":
        """Return the addresses that are not in `other`."""
        return Addresses(
            intervals.minus(self.v4, other.v4),
            intervals.minus(self.v6, other.v6),
        )

    def common(self, other: "Addresses") -> "Addresses":
        """Return the addresses that are in both."""
        return Addresses(
            intervals.common(self.v4, other.v4),
            intervals.common(self.v6, other.v6),
        )

    def __contains__(self, ip: Ip) -> bool:
        return intervals.contains(self.of(ip.family), ip.number)


NOBODY = Addresses()
EVERYBODY = Addresses(NftFamily.V4.everything, NftFamily.V6.everything)


def union(sets: Iterable[Addresses]) -> Addresses:
    """Return the addresses that are in any of the sets."""
    members = tuple(sets)
    if len(members) == 1:
        return members[0]
    return Addresses(
        intervals.merge(interval for one in members for interval in one.v4),
        intervals.merge(interval for one in members for interval in one.v6),
    )


def of_ips(ips: Iterable[Ip]) -> Addresses:
    """Return single addresses as a set."""
    v4: list[intervals.Interval] = []
    v6: list[intervals.Interval] = []
    for family, number in ips:
        (v4 if family is NftFamily.V4 else v6).append((number, number))
    return Addresses(intervals.merge(v4), intervals.merge(v6))


@lru_cache(maxsize=4096)
def parse_cidr(text: str) -> Addresses:
    """Read a network, host bits allowed as the API server allows them; raise ValueError."""
    network = ip_network(text, strict=False)
    interval = (int(network.network_address), int(network.broadcast_address))
    return Addresses(v4=(interval,)) if network.version == 4 else Addresses(v6=(interval,))


def elements(family: NftFamily, members: Intervals) -> tuple[str, ...]:
    """Write intervals as elements of an nftables set."""
    return tuple(
        text_of(family, first)
        if first == last
        else f"{text_of(family, first)}-{text_of(family, last)}"
        for first, last in members
    )
