"""What policies come to, as the rules of one node.

Egress is filtered on the source pod's node, ingress on the destination pod's, both where packets
are forwarded: traffic between a pod and its own node never gets there. Addresses are those after
Service translation. A map leads from each isolated pod's address to the chain of its namespace, so
that a policy changes the rules of its own namespace and a packet meets no others. What CNIs do
differently within the rules is an option (`PlaneOptions`).
Must not know: what any field of a policy means; `Semantics` says that.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from netlab.dataplane import addresses, rulesets
from netlab.dataplane.addresses import Addresses, Ip, NftFamily
from netlab.dataplane.clusterstate import AddressedPod, ClusterState, PolicyDirection
from netlab.dataplane.filters import AllowRule, DirectionFilter, Filters
from netlab.dataplane.rulesets import NamedSets, NftChain, NftSet, NftTable
from netlab.dataplane.semantics import NodeSite, Semantics


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


_DENY = "goto deny"


@dataclass(frozen=True, slots=True)
class _Passage:
    """The rules of one rule of a policy on one node, by namespace, and the sets that they name."""

    rules: tuple[tuple[str, str], ...]
    sets: tuple[NftSet, ...]


_Passages = dict[tuple[int, PolicyDirection], tuple[AllowRule, _Passage]]


class NodeCompiler:
    """Makes one node's tables, in order; what it knows the rules of, it does not write again."""

    def __init__(self, node: str, semantics: Semantics, options: PlaneOptions) -> None:
        """Know no rules yet."""
        self._node, self._semantics, self._options = node, semantics, options
        self._shared: Mapping[Ip, str] = {}
        self._passages: _Passages = {}

    def table(self, world: ClusterState, filters: Filters, shared: Mapping[Ip, str]) -> NftTable:
        """Return the node's table, empty where nothing is enforced.

        `shared` are the addresses that several pods have (who completed may have had one that is
        another's by now), each with the namespace whose chain they go to.
        """
        if not self._semantics.enforces_on(world, self._node):
            return NftTable(POLICY_TABLE)
        if shared != self._shared:
            self._shared, self._passages = shared, {}
        isolated = {direction: filters[direction].isolated for direction in PolicyDirection}
        site = NodeSite(self._node, world.pods, isolated)
        sets, passages = NamedSets(), _Passages()
        egress, ingress = (
            self._chains(sets, filters[direction], direction, passages)
            for direction in (PolicyDirection.EGRESS, PolicyDirection.INGRESS)
        )
        self._passages = passages
        chains = (
            NftChain("forward", tuple(self._forward_rules(site)), _HOOK),
            *egress,
            NftChain("ingress", (*_dispatch_rules(PolicyDirection.INGRESS), "accept")),
            *ingress,
            NftChain(
                "deny", tuple(self._semantics.deny_rules(site, _DENY_RULES[self._options.deny]))
            ),
        )
        maps = (self._maps(isolated[direction], direction) for direction in PolicyDirection)
        return NftTable(POLICY_TABLE, (*(one for two in maps for one in two), *sets.all()), chains)

    def _forward_rules(self, site: NodeSite) -> Iterator[str]:
        yield from self._semantics.first_rules(site)
        yield from _REPLY_RULES
        if self._options.established is OpenConnectionFate.KEPT:
            yield from _ONGOING_RULES
        yield from _dispatch_rules(PolicyDirection.EGRESS)
        yield "goto ingress"

    def _maps(
        self, isolated: Sequence[AddressedPod], direction: PolicyDirection
    ) -> Iterator[NftSet]:
        """Yield the maps from isolated pods' addresses to the chain of their namespace."""
        v4: dict[str, None] = {}
        v6: dict[str, None] = {}
        for pod in isolated:
            if pod.node == self._node:
                for ip in pod.ips:
                    chain = _chain_of(direction, self._home(ip, pod))
                    (v4 if ip.family is NftFamily.V4 else v6)[f"{ip} : goto {chain}"] = None
        for family, found in ((NftFamily.V4, v4), (NftFamily.V6, v6)):
            kind = f"{family.set_type} : verdict"
            yield NftSet(_map_of(direction, family), kind, tuple(found))

    def _chains(
        self,
        sets: NamedSets,
        only: DirectionFilter,
        direction: PolicyDirection,
        passages: _Passages,
    ) -> list[NftChain]:
        """Return the chain of each namespace that has isolated pods here: what passes there."""
        rules: dict[str, list[str]] = {
            self._home(ip, pod): []
            for pod in only.isolated
            if pod.node == self._node
            for ip in pod.ips
        }
        for allow in only.allows:
            known = self._passages.get((id(allow), direction))
            passage = known[1] if known else self._passage(allow, direction)
            passages[id(allow), direction] = allow, passage
            sets.take(passage.sets)
            for namespace, rule in passage.rules:
                rules[namespace].append(rule)
        return [
            NftChain(_chain_of(direction, namespace), (*found, _DENY))
            for namespace, found in rules.items()
        ]

    def _passage(self, allow: AllowRule, direction: PolicyDirection) -> _Passage:
        """Return what one rule of a policy lets pass here, where its subjects are one end."""
        sets = NamedSets()
        subjects: dict[str, list[Ip]] = defaultdict(list)
        for pod in allow.subjects:
            if pod.node == self._node:
                for ip in pod.ips:
                    subjects[self._home(ip, pod)].append(ip)
        rules = tuple(
            (namespace, rule)
            for namespace, ips in subjects.items()
            for rule in _pass_rules(sets, allow, addresses.of_ips(ips), direction)
        )
        return _Passage(rules, sets.all())

    def _home(self, ip: Ip, pod: AddressedPod) -> str:
        """Return the namespace in whose chain an address is judged."""
        return self._shared.get(ip, pod.namespace) if self._shared else pod.namespace


def shared_addresses(pods: Sequence[AddressedPod]) -> Mapping[Ip, str]:
    """Return the addresses that several pods have, with the namespace of the first of these."""
    seen: dict[Ip, str] = {}
    shared: dict[Ip, str] = {}
    for pod in pods:
        for ip in pod.ips:
            if ip in seen:
                shared[ip] = seen[ip]
            seen.setdefault(ip, pod.namespace)
    return shared


def _chain_of(direction: PolicyDirection, namespace: str) -> str:
    return f"{'egress' if direction is PolicyDirection.EGRESS else 'ingress'}-{namespace}"


def _map_of(direction: PolicyDirection, family: NftFamily) -> str:
    return f"{direction.value.lower()}_{family.value}"


def _dispatch_rules(direction: PolicyDirection) -> Iterator[str]:
    """Yield the rules that send what concerns an isolated pod to its namespace's chain."""
    side = "saddr" if direction is PolicyDirection.EGRESS else "daddr"
    for family in NftFamily:
        yield f"{family.value} {side} vmap @{_map_of(direction, family)}"


def _pass_rules(
    sets: NamedSets, allow: AllowRule, subjects: Addresses, direction: PolicyDirection
) -> Iterator[str]:
    """Yield what one rule of a policy lets pass where these subjects are one end."""
    is_egress = direction is PolicyDirection.EGRESS
    then = "goto ingress" if is_egress else "accept"
    for family in NftFamily:
        own, peers = subjects.of(family), allow.peers.of(family)
        reached = [e for e in allow.endpoints if e.ip.family is family]
        named = reached if is_egress else [e for e in reached if e.ip in subjects]
        if not (own and peers and (named or allow.ports != ())):
            continue
        if is_egress:
            source = rulesets.match_addresses(sets, family, "saddr", own)
        else:
            source = rulesets.match_side(sets, family, "saddr", peers)
        if allow.ports != ():
            if is_egress:
                target = rulesets.match_side(sets, family, "daddr", peers)
            else:
                target = rulesets.match_addresses(sets, family, "daddr", own)
            service = rulesets.match_ports(sets, allow.ports) if allow.ports else ""
            yield _joined(source, target, service, allow.of_ports, then)
        if named:
            service = rulesets.match_endpoints(sets, family, named)
            yield _joined(source, service, allow.of_ports, then)


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
