"""The ports of a rule: numbers, ranges and names, by protocol."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from netlab.dataplane import intervals
from netlab.dataplane.addresses import Ip

PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}  # what nftables calls them
LAST_PORT = 65535


class PortRange(NamedTuple):
    """Ports of one protocol, first and last included."""

    protocol: str
    first: int = 0
    last: int = LAST_PORT


class AddressPort(NamedTuple):
    """One port of one address."""

    ip: Ip
    protocol: str
    port: int


def protocol_of(port: Mapping[str, Any]) -> str:
    """Return the nftables name of a port's protocol; empty for one the API does not have."""
    return PROTOCOLS.get(port.get("protocol") or "TCP", "")


def is_named_port(port: Mapping[str, Any]) -> bool:
    """Tell whether a rule's port is given by name."""
    return isinstance(port.get("port"), str)


def numbered_ports(port: Mapping[str, Any]) -> tuple[PortRange, ...]:
    """Return the ports that a rule's port names by number; none for a name."""
    protocol, number = protocol_of(port), port.get("port")
    if not protocol or is_named_port(port):
        return ()
    if number is None:
        return (PortRange(protocol),)
    return (PortRange(protocol, number, port.get("endPort") or number),)


def merge_ranges(ports: Iterable[PortRange]) -> tuple[PortRange, ...]:
    """Return the same ports without overlaps."""
    by_protocol: dict[str, list[intervals.Interval]] = defaultdict(list)
    for protocol, first, last in ports:
        by_protocol[protocol].append((first, last))
    return tuple(
        PortRange(protocol, first, last)
        for protocol in sorted(by_protocol)
        for first, last in intervals.merge(by_protocol[protocol])
    )
