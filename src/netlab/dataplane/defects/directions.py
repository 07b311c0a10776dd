"""Faults in policyTypes and in how the rules of the two directions are read."""

from dataclasses import replace

from netlab.dataplane.defects.defect import defect
from netlab.dataplane.semantics import Semantics
from netlab.dataplane.world import Direction, Policy

_BOTH = frozenset(Direction)
_OPPOSITE = {Direction.INGRESS: Direction.EGRESS, Direction.EGRESS: Direction.INGRESS}


@defect("ignores-egress")
class IgnoresEgress(Semantics):
    """Enforces ingress only: no policy restricts what a pod may send."""

    def read(self, policy: Policy) -> Policy | None:
        found = super().read(policy)
        return found and replace(found, types=found.types - {Direction.EGRESS})


@defect("ignores-ingress")
class IgnoresIngress(Semantics):
    """Enforces egress only: no policy restricts what a pod may receive."""

    def read(self, policy: Policy) -> Policy | None:
        found = super().read(policy)
        return found and replace(found, types=found.types - {Direction.INGRESS})


@defect("ingress-isolates-egress", seen_in="kindnet on OrbStack, kubernetes-sigs/kind#4193")
class IngressIsolatesEgress(Semantics):
    """Isolates for both directions when a policy names Ingress only."""

    def read(self, policy: Policy) -> Policy | None:
        found = super().read(policy)
        return found and replace(
            found, types=_BOTH if Direction.INGRESS in found.types else found.types
        )


@defect("egress-isolates-ingress")
class EgressIsolatesIngress(Semantics):
    """Isolates for both directions when a policy names Egress only."""

    def read(self, policy: Policy) -> Policy | None:
        found = super().read(policy)
        return found and replace(
            found, types=_BOTH if Direction.EGRESS in found.types else found.types
        )


@defect("swaps-directions", seen_in="Calico eBPF before 3.32, projectcalico/calico#11565")
class SwapsDirections(Semantics):
    """Takes ingress rules for egress rules and the reverse."""

    def read(self, policy: Policy) -> Policy | None:
        found = super().read(policy)
        if found is None:
            return None
        types = frozenset(_OPPOSITE[direction] for direction in found.types)
        return replace(found, types=types, ingress=found.egress, egress=found.ingress)


@defect("first-rule-only")
class FirstRuleOnly(Semantics):
    """Reads the first rule of each direction and none after it."""

    def read(self, policy: Policy) -> Policy | None:
        found = super().read(policy)
        return found and replace(found, ingress=found.ingress[:1], egress=found.egress[:1])
