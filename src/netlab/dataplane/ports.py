"""The ports of a rule: numbers, ranges and names, by protocol."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from netlab.dataplane import intervals
from netlab.dataplane.addresses import Ip
from netlab.dataplane.view import Obj

PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}  # what nftables calls them
LAST_PORT = 65535


class Ports(NamedTuple):
    """Ports of one protocol, first and last included."""

    protocol: str
    first: int = 0
    last: int = LAST_PORT


class Endpoint(NamedTuple):
    """One port of one address."""

    ip: Ip
    protocol: str
    port: int


def protocol_of(port: Obj) -> str:
    """Return the nftables name of a port's protocol; empty for one the API does not have."""
    return PROTOCOLS.get(port.get("protocol") or "TCP", "")


def is_named(port: Obj) -> bool:
    """Tell whether a rule's port is given by name."""
    return isinstance(port.get("port"), str)


def numbered(port: Obj) -> tuple[Ports, ...]:
    """Return the ports that a rule's port names by number; none for a name."""
    protocol, number = protocol_of(port), port.get("port")
    if not protocol or is_named(port):
        return ()
    if number is None:
        return (Ports(protocol),)
    return (Ports(protocol, number, port.get("endPort") or number),)


def merge(ports: Iterable[Ports]) -> tuple[Ports, ...]:
    """Return the same ports without overlaps."""
    found: dict[str, list[intervals.Interval]] = defaultdict(list)
    for protocol, first, last in ports:
        found[protocol].append((first, last))
    return tuple(
        Ports(protocol, first, last)
        for protocol in sorted(found)
        for first, last in intervals.merge(found[protocol])
    )
