"""The agent of a machine that is no pod: the same, with orders by TCP and within limits.

It is for `netproof agent` alone and does not travel into pods, whose programs have to stay short.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from netproof.probe.agent import SHORTEST, Agent, Control

_LACKING = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
"""What a machine says that has not IPv4 or not IPv6."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Whom an agent on somebody's machine obeys, and where it may send to: nowhere else.

    `peers` and `reaches` are blocks of addresses, `between` the lowest and the highest port that
    probes go to, `own` the ports that it serves itself.
    """

    peers: Sequence[str]
    reaches: Sequence[str]
    between: tuple[int, int]
    own: frozenset[int]

    def admits(self, peer: str) -> bool:
        """Tell whether orders may come from an address."""
        return _within(ip_address(peer), self.peers)

    def allow(self, address: str, port: int) -> bool:
        """Tell whether it may send there; it may ask itself, to show that it is not starved."""
        to = ip_address(address)
        to = getattr(to, "ipv4_mapped", None) or to  # the kernel sends by IPv4 then
        if to.is_loopback:
            return port in self.own
        low, high = self.between
        return low <= port <= high and _within(to, self.reaches)


def _within(address: IPv4Address | IPv6Address, blocks: Sequence[str]) -> bool:
    return any(address in _network(block) for block in blocks)


@cache
def _network(block: str) -> IPv4Network | IPv6Network:
    return ip_network(block)


class _Order(Control):
    """One harness connection to a machine, whose end is its owner's alone to say."""

    def outlive(self, request: dict[str, Any]) -> None:
        """Refuse: it is a pod that may be told to outlive the end it is told."""
        raise ValueError(f"{request['op']}: not here")

    def finish(self, request: dict[str, Any]) -> None:
        """Refuse: it is a pod that may be told to end."""
        raise ValueError(f"{request['op']}: not here")


class StandingAgent(Agent):
    """An agent that takes orders at addresses and a port, as far as its limits go.

    `orders` is where it does. `config` is that of any agent, with addresses and port as `control`.
    Raises OSError where it cannot listen there.
    """

    control = _Order

    def __init__(
        self, config: dict[str, Any], limits: Limits, addresses: Sequence[str] = ()
    ) -> None:
        """Listen, and serve; nobody is served yet before it runs."""
        self.limits, self.addresses = limits, list(addresses)
        self.orders: list[tuple[str, int]] = []
        super().__init__(config)
        self.prober.may = limits.allow
        self.server.shortest = SHORTEST

    def listen(self, control: Any) -> None:
        """Take orders at addresses and a port, as far as this machine has their families."""
        addresses, port = control
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            try:
                self._listen_at(family, address, port)
            except OSError as error:
                last = address == addresses[-1] and not self.orders
                if last or error.errno not in _LACKING:
                    raise

    def _listen_at(self, family: int, address: str, port: int) -> None:
        listener = socket.socket(family)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.take_orders(listener, (address, port))
        self.orders.append((address, port))

    def enter(self, sock: Any, peer: Any) -> None:
        """Turn away who is not one of those that may give orders."""
        if not self.limits.admits(peer[0]):
            sock.close()
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        super().enter(sock, peer)

    def about(self) -> dict[str, object]:
        """Return what any agent tells, with the addresses that it was told to have."""
        told = super().about()
        return {**told, "addresses": self.addresses or told["addresses"]}
