"""Whom policies isolate and what they allow nevertheless, in the whole cluster.

What a policy comes to is worked out when it, a pod or a namespace changes, and kept until then:
policies come and go far more often than pods do. Must not know: nodes, nftables.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from netlab.dataplane.addresses import Addresses
from netlab.dataplane.clusterstate import (
    AddressedPod,
    ClusterState,
    PolicyDirection,
    ReadPolicy,
    TrafficRule,
)
from netlab.dataplane.portranges import AddressPort, PortRange, is_named_port
from netlab.dataplane.semantics import PolicyClaim, Semantics


@dataclass(frozen=True, slots=True)
class AllowRule:
    """What one rule lets pass: subjects, the other side, and the destination's ports.

    `ports` is None where the rule does not look at ports; `endpoints` are resolved named ports.
    `of_ports` is what else a packet has to match where the rule has ports.
    """

    subjects: tuple[AddressedPod, ...]
    peers: Addresses
    ports: tuple[PortRange, ...] | None
    endpoints: tuple[AddressPort, ...]
    of_ports: str = ""


@dataclass(frozen=True, slots=True)
class DirectionFilter:
    """One direction of the whole cluster: who is isolated, and what passes nevertheless."""

    isolated: tuple[AddressedPod, ...]
    allows: tuple[AllowRule, ...]


Filters = dict[PolicyDirection, DirectionFilter]

_Allows = dict[tuple[int, PolicyDirection], tuple[PolicyClaim, tuple[AllowRule, ...]]]


class PolicyResolver:
    """Works filters out of states; those of one cluster come in order.

    Parts of the state that are the same objects as before are not looked at again, and what comes
    out as before is the same object as before. Semantics that remember views may answer otherwise
    each time, so they are asked everything each time.
    """

    def __init__(self, semantics: Semantics) -> None:
        """Know nothing yet."""
        self._semantics = semantics
        self._forgets = semantics.remembers()
        self._world: ClusterState | None = None
        self._claims: dict[int, PolicyClaim | None] = {}
        self._allows: _Allows = {}

    def resolve(self, world: ClusterState) -> Filters:
        """Return whom policies isolate and what they allow."""
        before = None if self._forgets else self._world
        same = bool(before and before.pods is world.pods and before.namespaces is world.namespaces)
        claims = {id(policy): self._claim(world, policy, same=same) for policy in world.policies}
        made = [claim for claim in claims.values() if claim is not None]
        allows: _Allows = {}
        filters = {d: self._filter(world, made, d, allows, same=same) for d in PolicyDirection}
        # Last, so that what could not be worked out leaves nothing half new.
        self._world, self._claims, self._allows = world, claims, allows
        return filters

    def _claim(self, world: ClusterState, policy: ReadPolicy, *, same: bool) -> PolicyClaim | None:
        """Return a policy with the pods that it selects; None for one that counts for nothing."""
        before = None if self._forgets else self._claims.get(id(policy))
        if same and id(policy) in self._claims:
            return before
        reading = self._semantics.read(policy)
        if reading is None:
            return None
        pods = tuple(pod for pod in world.pods if self._semantics.selects(reading, pod))
        claim = PolicyClaim(reading, pods)
        return before if before == claim else claim

    def _filter(
        self,
        world: ClusterState,
        claims: Sequence[PolicyClaim],
        direction: PolicyDirection,
        allows: _Allows,
        *,
        same: bool,
    ) -> DirectionFilter:
        concerned = [claim for claim in claims if direction in claim.policy.types]
        effective = [claim for claim in self._semantics.claims(concerned) if claim.pods]
        for claim in effective:
            known = self._known(claim, direction)
            if not (same and known):
                found = self._allowed(world, claim, direction)
                known = (claim, known[1] if known and known[1] == found else found)
            allows[id(claim), direction] = known
        return DirectionFilter(
            tuple({id(pod): pod for claim in effective for pod in claim.pods}.values()),
            tuple(rule for claim in effective for rule in allows[id(claim), direction][1]),
        )

    def _known(
        self, claim: PolicyClaim, direction: PolicyDirection
    ) -> tuple[PolicyClaim, tuple[AllowRule, ...]] | None:
        """Return what a claim came to; by its identity, which a claim that is kept keeps."""
        return None if self._forgets else self._allows.get((id(claim), direction))

    def _allowed(
        self, world: ClusterState, claim: PolicyClaim, direction: PolicyDirection
    ) -> tuple[AllowRule, ...]:
        rules = claim.policy.rules(direction)
        return tuple(_allow_rule(world, self._semantics, claim, rule, direction) for rule in rules)


def _allow_rule(
    world: ClusterState,
    semantics: Semantics,
    claim: PolicyClaim,
    rule: TrafficRule,
    direction: PolicyDirection,
) -> AllowRule:
    peers = semantics.peers(world, claim.policy, rule.peers)
    names = [port for port in rule.ports if is_named_port(port)]
    endpoints: tuple[AddressPort, ...] = ()
    if names:
        others = [pod for pod in world.pods if any(ip in peers for ip in pod.ips)]
        is_egress = direction is PolicyDirection.EGRESS
        destinations = others if is_egress else claim.pods
        sources = claim.pods if is_egress else others
        endpoints = tuple(
            endpoint
            for port in names
            for endpoint in semantics.named(port, destinations=destinations, sources=sources)
            if not is_egress or endpoint.ip in peers
        )
    of_ports = semantics.of_ports() if rule.ports else ""
    return AllowRule(claim.pods, peers, semantics.ports(rule.ports), endpoints, of_ports)
