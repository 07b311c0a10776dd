"""Faults in which packets are looked at, and in what becomes of them."""

from collections.abc import Iterator, Sequence

from netlab.dataplane.addresses import Addresses, Family, elements
from netlab.dataplane.defects.defect import defect
from netlab.dataplane.semantics import Semantics, Site
from netlab.dataplane.world import Direction

_LEAKED = "0x1"  # conntrack mark of a request that should not have passed


@defect("ignores-udp")
class IgnoresUdp(Semantics):
    """Lets all UDP pass."""

    def first_rules(self, site: Site) -> Sequence[str]:
        return ("meta l4proto udp accept", *super().first_rules(site))


@defect("ignores-tcp")
class IgnoresTcp(Semantics):
    """Lets all TCP pass."""

    def first_rules(self, site: Site) -> Sequence[str]:
        return ("meta l4proto tcp accept", *super().first_rules(site))


@defect("forgets-ipv6", seen_in="kube-router without --enable-ipv6; Azure NPM on Linux (AKS docs)")
class ForgetsIpv6(Semantics):
    """Enforces policies for IPv4 and lets all IPv6 pass."""

    def first_rules(self, site: Site) -> Sequence[str]:
        return ("meta nfproto ipv6 accept", *super().first_rules(site))


@defect("udp-request-leaks")
class UdpRequestLeaks(Semantics):
    """Delivers denied UDP requests and drops their replies, so that the sender sees a denial."""

    def first_rules(self, site: Site) -> Sequence[str]:
        return (
            f"ct direction reply meta l4proto udp ct mark {_LEAKED} drop",
            "ct direction original meta l4proto udp ct mark set 0",
            *super().first_rules(site),
        )

    def deny_rules(self, site: Site, deny: Sequence[str]) -> Sequence[str]:
        leak = f"meta l4proto udp ct mark set {_LEAKED} accept"
        return (leak, *super().deny_rules(site, deny))


@defect("drops-udp-replies")
class DropsUdpReplies(Semantics):
    """Drops the UDP replies of every pod that a policy isolates, also to allowed requests."""

    def first_rules(self, site: Site) -> Sequence[str]:
        isolated = (site.isolated[direction] for direction in Direction)
        drops = (
            f"ct direction reply meta l4proto udp {source} drop"
            for known in isolated
            for source in _matches("saddr", known)
        )
        return (*drops, *super().first_rules(site))


@defect("cluster-ip-bypass")
class ClusterIpBypass(Semantics):
    """Lets everything pass that came by a Service."""

    def first_rules(self, site: Site) -> Sequence[str]:
        return ("ct status dnat accept", *super().first_rules(site))


@defect("leaks-dns")
class LeaksDns(Semantics):
    """Lets everything pass that goes to port 53, so that names resolve under every policy."""

    def first_rules(self, site: Site) -> Sequence[str]:
        ports = ("meta l4proto udp udp dport 53 accept", "meta l4proto tcp tcp dport 53 accept")
        return (*ports, *super().first_rules(site))


@defect("world-not-policed")
class WorldNotPoliced(Semantics):
    """Lets everything pass that goes to an address of no pod: the world outside is always open."""

    def first_rules(self, site: Site) -> Sequence[str]:
        leaks = []
        for family in Family:
            pods = (*site.local.of(family), *site.remote.of(family))
            if texts := elements(family, pods):
                leaks.append(f"{family.value} daddr != {{ {', '.join(texts)} }} accept")
        return (*leaks, *super().first_rules(site))


def _matches(side: str, known: Addresses) -> Iterator[str]:
    """Yield one match per family that has addresses, as an anonymous set."""
    for family in Family:
        if texts := elements(family, known.of(family)):
            yield f"{family.value} {side} {{ {', '.join(texts)} }}"
