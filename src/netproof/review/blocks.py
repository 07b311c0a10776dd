"""The addresses outside that policies tell apart: one stand-in for each block they name.

Blocks of addresses lie inside each other or apart, never across, so they cut the address space
into cells within which every policy says the same. One address of each cell stands for all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network

from netproof.model.workload import Family, Host, HostKind
from netproof.policy import Address, Network, NetworkPolicy, matching

OUTSIDE = "outside"
"""The host that stands for every address that no policy names."""

CLUSTER_RANGES: tuple[Network, ...] = (
    ip_network("10.244.0.0/16"),
    ip_network("10.96.0.0/16"),
    ip_network("fd00:10:244::/56"),
    ip_network("fd00:10:96::/112"),
)
"""Where pods and Services are taken to live: the defaults of kubeadm and kind."""

_EVERYTHING = {Family.IPV4: ip_network("0.0.0.0/0"), Family.IPV6: ip_network("::/0")}
_LIKELY = {Family.IPV4: "198.51.100.7", Family.IPV6: "2001:db8:ffff::7"}


def policy_blocks(policies: Iterable[NetworkPolicy]) -> Iterator[Network]:
    """Yield every block and exception that the policies name."""
    for policy in policies:
        yield from matching.named_blocks(policy)


def outside_hosts(named: Iterable[Network]) -> tuple[Host, ...]:
    """Return a host for each cell that the named blocks make, the one for all else first.

    IPv6 is told apart only where somebody names an IPv6 block. Ranges of the cluster are no
    outside.
    """
    blocks = sorted(set(named), key=lambda net: (net.version, net.network_address, net.prefixlen))
    hosts = [_host(OUTSIDE, _EVERYTHING[Family.IPV4], blocks)]
    if any(net.version == 6 for net in blocks):
        hosts.append(_host(f"{OUTSIDE} ::/0", _EVERYTHING[Family.IPV6], blocks))
    for net in blocks:
        inside_cluster = any(_within(net, own) for own in CLUSTER_RANGES)
        if net.prefixlen and not inside_cluster:
            hosts.append(_host(f"{OUTSIDE} {net}", net, blocks))
    return tuple(host for host in hosts if host.ips)


def _host(name: str, net: Network, blocks: Iterable[Network]) -> Host:
    address = _representative(net, blocks)
    return Host(HostKind.OUTSIDE, name, (str(address),) if address else ())


def _representative(net: Network, blocks: Iterable[Network]) -> Address | None:
    """Return an address of the block that is in none of the smaller blocks, if there is one.

    Such a cell begins where the block does or where a smaller block ends.
    """
    family = Family.IPV4 if net.version == 4 else Family.IPV6
    smaller = [
        other for other in (*blocks, *CLUSTER_RANGES) if other != net and _within(other, net)
    ]
    likely = ip_address(_LIKELY[family])
    first = [likely] if likely in net else []
    starts = [net.network_address + (1 if net.num_addresses > 2 else 0)]
    ends = [o.broadcast_address + 1 for o in smaller if int(o.broadcast_address) < _last(net)]
    for candidate in (*first, *starts, *ends):
        if not any(candidate in other for other in smaller):
            return candidate
    return None


def _last(net: Network) -> int:
    return int(net.broadcast_address)


def _within(inner: Network, outer: Network) -> bool:
    return (
        inner.version == outer.version
        and inner.prefixlen >= outer.prefixlen
        and inner.network_address in outer
    )
