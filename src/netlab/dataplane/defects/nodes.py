"""Faults that depend on where the pods are."""

from collections.abc import Sequence

from netlab.dataplane.addresses import Addresses, Family, elements
from netlab.dataplane.defects.defect import defect
from netlab.dataplane.semantics import Semantics, Site
from netlab.dataplane.world import Direction, World


@defect("enforces-on-one-node-only", seen_in="kindnetd, whose policy controller may fail to start")
class EnforcesOnOneNodeOnly(Semantics):
    """Enforces policies on the first node, by name, and on no other."""

    def enforces_on(self, world: World, node: str) -> bool:
        return node == min((info.name for info in world.nodes), default=node)


@defect("same-node-not-policed")
class SameNodeNotPoliced(Semantics):
    """Lets pods of one node talk to each other whatever policies say."""

    def first_rules(self, site: Site) -> Sequence[str]:
        rules = _between(site.local, site.local, "accept")
        return (*rules, *super().first_rules(site))


@defect("cross-node-not-policed")
class CrossNodeNotPoliced(Semantics):
    """Enforces policies between the pods of one node and lets what comes from another node pass."""

    def first_rules(self, site: Site) -> Sequence[str]:
        inward = _between(site.remote, site.local, "accept")
        outward = _between(site.local, site.remote, "accept")
        return (*inward, *outward, *super().first_rules(site))


@defect("cross-node-overblocks")
class CrossNodeOverblocks(Semantics):
    """Denies an isolated pod everything from another node, what rules allow included."""

    def first_rules(self, site: Site) -> Sequence[str]:
        isolated = site.isolated[Direction.INGRESS]
        rules = _between(site.remote, isolated, "ct direction original drop")
        return (*rules, *super().first_rules(site))


def _between(sources: Addresses, destinations: Addresses, verdict: str) -> list[str]:
    rules = []
    for family in Family:
        sender = elements(family, sources.of(family))
        receiver = elements(family, destinations.of(family))
        if sender and receiver:
            name = family.value
            source = f"{name} saddr {{ {', '.join(sender)} }}"
            rules.append(f"{source} {name} daddr {{ {', '.join(receiver)} }} {verdict}")
    return rules
