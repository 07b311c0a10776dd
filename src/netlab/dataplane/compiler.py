"""NetworkPolicies to the rules of one node.

Egress is filtered on the source pod's node, ingress on the destination pod's, both where packets
are forwarded: traffic between a pod and its own node never gets there. Addresses are those after
Service translation. Must not know: what any field of a policy means; `Semantics` says that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netlab.dataplane import addresses, matches
from netlab.dataplane.addresses import Addresses, Family
from netlab.dataplane.options import Deny, Established, Options
from netlab.dataplane.ports import Endpoint, Ports, is_named
from netlab.dataplane.semantics import Claim, Semantics, Site
from netlab.dataplane.table import Chain, Sets, Table
from netlab.dataplane.world import Direction, Pod, Rule, World

POLICY_TABLE = "netproof_policy"
_HOOK = "type filter hook forward priority filter; policy accept"
_DENY = {
    Deny.DROP: ("counter drop",),
    Deny.REJECT: (
        "meta l4proto tcp counter reject with tcp reset",
        "counter reject with icmpx port-unreachable",
    ),
}
# New connections and every UDP request walk the chains. UDP has no state to go by: a port that is
# used again within conntrack's timeout would ride on somebody else's permission.
_REPLIES = ("ct state related accept", "ct direction reply ct state established accept")
# A bare SYN is a new attempt even where an old connection with the same ports is remembered.
_ONGOING = (
    "meta l4proto tcp tcp flags & (syn | ack) != syn ct state established accept",
    "meta l4proto sctp ct state established accept",
)


@dataclass(frozen=True, slots=True)
class Allow:
    """What one rule lets pass: subjects, the other side, and the destination's ports.

    `ports` is None where the rule does not look at ports; `endpoints` are resolved named ports.
    """

    subjects: tuple[Pod, ...]
    peers: Addresses
    ports: tuple[Ports, ...] | None
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """One direction of the whole cluster: who is isolated, and what passes nevertheless."""

    isolated: tuple[Pod, ...]
    allows: tuple[Allow, ...]


Filters = dict[Direction, Filter]


def resolve(world: World, semantics: Semantics) -> Filters:
    """Work out for the whole cluster whom policies isolate and what they allow."""
    policies = [found for p in world.policies if (found := semantics.read(p)) is not None]
    claims = [
        Claim(policy, tuple(pod for pod in world.pods if semantics.selects(policy, pod)))
        for policy in policies
    ]
    return {d: _filter(world, semantics, claims, d) for d in Direction}


def policy_table(
    world: World, filters: Filters, node: str, *, semantics: Semantics, options: Options
) -> Table:
    """Return a node's table; empty where nothing is enforced."""
    if not semantics.enforces_on(world, node):
        return Table(POLICY_TABLE)
    site = _site(world, filters, node)
    sets = Sets()
    chains = (
        Chain("forward", tuple(_forward(sets, site, semantics, options)), _HOOK),
        Chain("egress", tuple(_egress(sets, filters[Direction.EGRESS], site))),
        Chain("ingress", tuple(_ingress(sets, filters[Direction.INGRESS], site))),
        Chain("deny", tuple(semantics.deny_rules(site, _DENY[options.deny]))),
    )
    return Table(POLICY_TABLE, sets.all(), chains)


def _filter(
    world: World, semantics: Semantics, claims: Sequence[Claim], direction: Direction
) -> Filter:
    concerned = [claim for claim in claims if direction in claim.policy.types]
    kept = [claim for claim in semantics.claims(concerned) if claim.pods]
    isolated = {id(pod): pod for claim in kept for pod in claim.pods}
    allows = [
        _allow(world, semantics, claim, rule, direction)
        for claim in kept
        for rule in claim.policy.rules(direction)
    ]
    return Filter(tuple(isolated.values()), tuple(allows))


def _allow(
    world: World, semantics: Semantics, claim: Claim, rule: Rule, direction: Direction
) -> Allow:
    peers = semantics.peers(world, claim.policy, rule.peers)
    names = [port for port in rule.ports if is_named(port)]
    endpoints: tuple[Endpoint, ...] = ()
    if names:
        others = [pod for pod in world.pods if any(ip in peers for ip in pod.ips)]
        is_egress = direction is Direction.EGRESS
        destinations = others if is_egress else claim.pods
        sources = claim.pods if is_egress else others
        endpoints = tuple(
            endpoint
            for port in names
            for endpoint in semantics.named(port, destinations=destinations, sources=sources)
            if not is_egress or endpoint.ip in peers
        )
    return Allow(claim.pods, peers, semantics.ports(rule.ports), endpoints)


def _site(world: World, filters: Filters, node: str) -> Site:
    local = [pod for pod in world.pods if pod.node == node]
    remote = [pod for pod in world.pods if pod.node != node]
    isolated = {d: _addresses_on(node, filters[d].isolated) for d in Direction}
    return Site(node, _addresses(local), _addresses(remote), isolated)


def _addresses(pods: Sequence[Pod]) -> Addresses:
    return addresses.of_ips(ip for pod in pods for ip in pod.ips)


def _addresses_on(node: str, pods: Sequence[Pod]) -> Addresses:
    return _addresses([pod for pod in pods if pod.node == node])


def _forward(sets: Sets, site: Site, semantics: Semantics, options: Options) -> Iterator[str]:
    yield from semantics.first_rules(site)
    yield from _REPLIES
    if options.established is Established.KEPT:
        yield from _ONGOING
    for family in Family:
        if known := site.isolated[Direction.EGRESS].of(family):
            yield f"{matches.address(sets, family, 'saddr', known)} goto egress"
    yield "goto ingress"


def _egress(sets: Sets, egress: Filter, site: Site) -> Iterator[str]:
    for allow in egress.allows:
        yield from _passes(sets, allow, site, Direction.EGRESS, then="goto ingress")
    yield "goto deny"


def _ingress(sets: Sets, ingress: Filter, site: Site) -> Iterator[str]:
    for allow in ingress.allows:
        yield from _passes(sets, allow, site, Direction.INGRESS, then="accept")
    for family in Family:
        if known := site.isolated[Direction.INGRESS].of(family):
            yield f"{matches.address(sets, family, 'daddr', known)} goto deny"
    yield "accept"


def _passes(
    sets: Sets, allow: Allow, site: Site, direction: Direction, *, then: str
) -> Iterator[str]:
    """Yield what one rule of a policy lets pass on a node, where its subjects are one end."""
    subjects = _addresses_on(site.node, allow.subjects)
    is_egress = direction is Direction.EGRESS
    for family in Family:
        own, peers = subjects.of(family), allow.peers.of(family)
        if not (own and peers):
            continue
        if is_egress:
            source = matches.address(sets, family, "saddr", own)
            target = matches.side(sets, family, "daddr", peers)
        else:
            source = matches.side(sets, family, "saddr", peers)
            target = matches.address(sets, family, "daddr", own)
        for service in _services(sets, target, allow.ports):
            yield _rule(source, service, then)
        reached = [e for e in allow.endpoints if is_egress or e.ip in subjects]
        if named := [e for e in reached if e.ip.family is family]:
            yield _rule(source, matches.endpoints(sets, family, named), then)


def _services(sets: Sets, target: str, ports: tuple[Ports, ...] | None) -> Iterator[str]:
    """Yield the match of target and numbered ports; nothing where only names are given."""
    if ports is None:
        yield target
    elif ports:
        yield _rule(target, matches.ports(sets, ports))


def _rule(*parts: str) -> str:
    return " ".join(part for part in parts if part)
