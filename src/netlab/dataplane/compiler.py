"""NetworkPolicies to the rules of one node.

Egress is filtered on the source pod's node, ingress on the destination pod's, both where packets
are forwarded: traffic between a pod and its own node never gets there. Addresses are those after
Service translation. What CNIs do differently within the rules is an option (`PlaneOptions`).
Must not know: what any field of a policy means; `Semantics` says that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from netlab.dataplane import addresses, rulesets
from netlab.dataplane.addresses import Addresses, NftFamily
from netlab.dataplane.clusterstate import AddressedPod, ClusterState, PolicyDirection, TrafficRule
from netlab.dataplane.portranges import AddressPort, PortRange, is_named_port
from netlab.dataplane.rulesets import NamedSets, NftChain, NftTable
from netlab.dataplane.semantics import NodeSite, PolicyClaim, Semantics


class DenyMethod(Enum):
    """What the sender of a denied packet sees."""

    DROP = "drop"  # nothing, until it gives up
    REJECT = "reject"  # a reset, or ICMP port unreachable
    MIXED = "mixed"  # ICMP port unreachable, and nothing where that is limited


class OpenConnectionFate(Enum):
    """What becomes of an open TCP connection when a policy comes to deny it."""

    KEPT = "kept"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class PlaneOptions:
    """How to deny, and whether a change reaches open connections."""

    deny: DenyMethod = DenyMethod.DROP
    established: OpenConnectionFate = OpenConnectionFate.KEPT


POLICY_TABLE = "netproof_policy"
_HOOK = "type filter hook forward priority filter; policy accept"
_DENY_RULES = {
    DenyMethod.DROP: ("counter drop",),
    DenyMethod.REJECT: (
        "meta l4proto tcp counter reject with tcp reset",
        "counter reject with icmpx port-unreachable",
    ),
    # What iptables' REJECT comes to under the kernel's own limit (icmp_ratelimit and its kin).
    DenyMethod.MIXED: (
        "limit rate 20/second burst 5 packets counter reject with icmpx port-unreachable",
        "counter drop",
    ),
}
# New connections and every UDP request walk the chains. UDP has no state to go by: a port that is
# used again within conntrack's timeout would ride on somebody else's permission.
_REPLY_RULES = ("ct state related accept", "ct direction reply ct state established accept")
# A bare SYN is a new attempt even where an old connection with the same ports is remembered.
_ONGOING_RULES = (
    "meta l4proto tcp tcp flags & (syn | ack) != syn ct state established accept",
    "meta l4proto sctp ct state established accept",
)


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


def resolve(world: ClusterState, semantics: Semantics) -> Filters:
    """Work out for the whole cluster whom policies isolate and what they allow."""
    policies = [policy for p in world.policies if (policy := semantics.read(p)) is not None]
    claims = [
        PolicyClaim(policy, tuple(pod for pod in world.pods if semantics.selects(policy, pod)))
        for policy in policies
    ]
    return {d: _direction_filter(world, semantics, claims, d) for d in PolicyDirection}


def policy_table(
    world: ClusterState, filters: Filters, node: str, *, semantics: Semantics, options: PlaneOptions
) -> NftTable:
    """Return a node's table; empty where nothing is enforced."""
    if not semantics.enforces_on(world, node):
        return NftTable(POLICY_TABLE)
    site = _node_site(world, filters, node)
    sets = NamedSets()
    chains = (
        NftChain("forward", tuple(_forward_rules(sets, site, semantics, options)), _HOOK),
        NftChain("egress", tuple(_egress_rules(sets, filters[PolicyDirection.EGRESS], site))),
        NftChain("ingress", tuple(_ingress_rules(sets, filters[PolicyDirection.INGRESS], site))),
        NftChain("deny", tuple(semantics.deny_rules(site, _DENY_RULES[options.deny]))),
    )
    return NftTable(POLICY_TABLE, sets.all(), chains)


def _direction_filter(
    world: ClusterState,
    semantics: Semantics,
    claims: Sequence[PolicyClaim],
    direction: PolicyDirection,
) -> DirectionFilter:
    concerned = [claim for claim in claims if direction in claim.policy.types]
    effective = [claim for claim in semantics.claims(concerned) if claim.pods]
    isolated = {id(pod): pod for claim in effective for pod in claim.pods}
    allows = [
        _allow_rule(world, semantics, claim, rule, direction)
        for claim in effective
        for rule in claim.policy.rules(direction)
    ]
    return DirectionFilter(tuple(isolated.values()), tuple(allows))


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


def _node_site(world: ClusterState, filters: Filters, node: str) -> NodeSite:
    local = [pod for pod in world.pods if pod.node == node]
    remote = [pod for pod in world.pods if pod.node != node]
    isolated = {d: _addresses_on(node, filters[d].isolated) for d in PolicyDirection}
    return NodeSite(node, _addresses(local), _addresses(remote), isolated)


def _addresses(pods: Sequence[AddressedPod]) -> Addresses:
    return addresses.of_ips(ip for pod in pods for ip in pod.ips)


def _addresses_on(node: str, pods: Sequence[AddressedPod]) -> Addresses:
    return _addresses([pod for pod in pods if pod.node == node])


def _forward_rules(
    sets: NamedSets, site: NodeSite, semantics: Semantics, options: PlaneOptions
) -> Iterator[str]:
    yield from semantics.first_rules(site)
    yield from _REPLY_RULES
    if options.established is OpenConnectionFate.KEPT:
        yield from _ONGOING_RULES
    for family in NftFamily:
        if isolated := site.isolated[PolicyDirection.EGRESS].of(family):
            yield f"{rulesets.match_addresses(sets, family, 'saddr', isolated)} goto egress"
    yield "goto ingress"


def _egress_rules(sets: NamedSets, egress: DirectionFilter, site: NodeSite) -> Iterator[str]:
    for allow in egress.allows:
        yield from _pass_rules(sets, allow, site, PolicyDirection.EGRESS, then="goto ingress")
    yield "goto deny"


def _ingress_rules(sets: NamedSets, ingress: DirectionFilter, site: NodeSite) -> Iterator[str]:
    for allow in ingress.allows:
        yield from _pass_rules(sets, allow, site, PolicyDirection.INGRESS, then="accept")
    for family in NftFamily:
        if isolated := site.isolated[PolicyDirection.INGRESS].of(family):
            yield f"{rulesets.match_addresses(sets, family, 'daddr', isolated)} goto deny"
    yield "accept"


def _pass_rules(
    sets: NamedSets, allow: AllowRule, site: NodeSite, direction: PolicyDirection, *, then: str
) -> Iterator[str]:
    """Yield what one rule of a policy lets pass on a node, where its subjects are one end."""
    subjects = _addresses_on(site.node, allow.subjects)
    is_egress = direction is PolicyDirection.EGRESS
    for family in NftFamily:
        own, peers = subjects.of(family), allow.peers.of(family)
        if not (own and peers):
            continue
        if is_egress:
            source = rulesets.match_addresses(sets, family, "saddr", own)
            target = rulesets.match_side(sets, family, "daddr", peers)
        else:
            source = rulesets.match_side(sets, family, "saddr", peers)
            target = rulesets.match_addresses(sets, family, "daddr", own)
        for service in _service_matches(sets, target, allow.ports):
            yield _joined(source, service, allow.of_ports, then)
        reached = [e for e in allow.endpoints if is_egress or e.ip in subjects]
        if named := [e for e in reached if e.ip.family is family]:
            yield _joined(
                source, rulesets.match_endpoints(sets, family, named), allow.of_ports, then
            )


def _service_matches(
    sets: NamedSets, target: str, ports: tuple[PortRange, ...] | None
) -> Iterator[str]:
    """Yield the match of target and numbered ports; nothing where only names are given."""
    if ports is None:
        yield target
    elif ports:
        yield _joined(target, rulesets.match_ports(sets, ports))


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
