"""Every policy and rule that takes part in one side of a flow, near misses included.

`expected` answers and names what decided. Here the question is another: what else speaks of these
two, and by how little does it miss? That is what a person wants to know when the answer surprises.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netproof.model.flow import Direction, EndpointKind, Flow, Path
from netproof.model.review import Argument
from netproof.model.workload import Family, Host, HostKind, Pod, Port, Protocol
from netproof.policy import IpBlock, NetworkPolicy, Peer, PodPeer, PortMatch, Rule
from netproof.policy.origin import NOWHERE, Origin
from netproof.review import wording
from netproof.review.blocks import address_of
from netproof.review.world import DNS, World

ISOLATES = "isolates"
LETS_PASS = "lets pass"  # noqa: S105 - a word, no password
NEAR_MISS = "near miss"
OTHER = "about others"

Packet = tuple[int, Protocol, Family]


@dataclass(frozen=True, slots=True)
class Side:
    """One pod of a flow, asked in one direction about the other end."""

    pod: Pod
    other: Pod | Host
    direction: Direction
    packet: Packet

    @property
    def server(self) -> Pod | None:
        """The pod at the destination, on which named ports are looked up."""
        if self.direction is Direction.INGRESS:
            return self.pod
        return self.other if isinstance(self.other, Pod) else None

    @property
    def other_name(self) -> str:
        """What the other end is called."""
        return self.other.key if isinstance(self.other, Pod) else self.other.name


@dataclass(frozen=True, slots=True)
class Miss:
    """By how many conditions something misses, in words, and where that is written."""

    count: int
    text: str
    origin: Origin = NOWHERE


def sides(world: World, flow: Flow) -> tuple[Side, ...]:
    """Return the sides of a flow that policies can speak of, the source's first."""
    source, destination = _end(world, flow, source=True), _end(world, flow, source=False)
    packet = (flow.port, flow.protocol, flow.family)
    found = []
    if isinstance(source, Pod):
        found.append(Side(source, destination, Direction.EGRESS, packet))
    if isinstance(destination, Pod):
        found.append(Side(destination, source, Direction.INGRESS, packet))
    return tuple(found)


def arguments(world: World, side: Side) -> tuple[Argument, ...]:
    """Return what the policies have to say of one side, what decides first."""
    found = [one for policy in world.policies for one in _of_policy(world, policy, side)]
    order = (LETS_PASS, ISOLATES, NEAR_MISS, OTHER)
    return tuple(sorted(found, key=lambda argument: order.index(argument.weight)))


def _end(world: World, flow: Flow, *, source: bool) -> Pod | Host:
    end = flow.source if source else flow.destination
    if end.kind is EndpointKind.POD:
        return world.pods[end.name]
    if flow.path is Path.DNS:
        service = world.topology.service(DNS)
        behind = world.topology.backends(service)
        return behind[0] if behind else Host(HostKind.OUTSIDE, end.name)
    return world.hosts[end.name]


def _of_policy(world: World, policy: NetworkPolicy, side: Side) -> Iterator[Argument]:
    missed = _selection_miss(policy, side.pod)
    if missed.count == 0 and side.direction in policy.policy_types:
        yield Argument(ISOLATES, str(policy.origin), _isolates(policy, side))
        for rule in policy.rules(side.direction):
            yield _of_rule(world, policy, rule, side)
    elif missed.count <= 1:
        yield from _if_only(world, policy, side, missed)


def _if_only(world: World, policy: NetworkPolicy, side: Side, missed: Miss) -> Iterator[Argument]:
    """Yield the rules that would let the flow pass if only the policy applied here."""
    written = policy.ingress if side.direction is Direction.INGRESS else policy.egress
    if missed.count and side.direction not in policy.policy_types:
        return
    why = missed.text or f"its policyTypes leave {side.direction} out, so the rule is not in force"
    for rule in written:
        if not _peer_miss(world, policy, rule, side).count and not _port_miss(rule, side).count:
            text = f"{_name(policy, rule)} would let it pass, but {why}"
            yield Argument(NEAR_MISS, str(rule.origin), text)


def _isolates(policy: NetworkPolicy, side: Side) -> str:
    rules = policy.rules(side.direction)
    word = side.direction.lower()
    lets = (
        f"has {len(rules)} {word} rule{'s' if len(rules) > 1 else ''}"
        if rules
        else (f"has no {word} rule")
    )
    return (
        f"{policy.key} applies to {side.pod.key} (podSelector "
        f"{wording.selector(policy.pod_selector)}) and {lets}"
    )


def _of_rule(world: World, policy: NetworkPolicy, rule: Rule, side: Side) -> Argument:
    peer, port = _peer_miss(world, policy, rule, side), _port_miss(rule, side)
    name, place = _name(policy, rule), str(rule.origin)
    whom = wording.peers(rule.peers, policy.namespace)
    if not peer.count and not port.count:
        text = f"{name} lets {whom} pass on {wording.ports(rule.ports)}"
        return Argument(LETS_PASS, place, text)
    if peer.count + port.count == 1:
        miss = peer if peer.count else port
        place = place if miss.origin is NOWHERE else str(miss.origin)
        return Argument(NEAR_MISS, place, f"{name} nearly does: {miss.text}")
    text = f"{name} is about {whom} on {wording.ports(rule.ports)}"
    return Argument(OTHER, place, text)


def _selection_miss(policy: NetworkPolicy, pod: Pod) -> Miss:
    wrong = []
    if policy.namespace != pod.namespace:
        wrong.append(
            f"it is in namespace {policy.namespace} and {pod.key} is not; a policy applies to pods "
            "of its own namespace"
        )
    if not policy.pod_selector.matches(pod.labels):
        differs = wording.difference(policy.pod_selector, pod.labels)
        wrong.append(
            f"its podSelector {wording.selector(policy.pod_selector)} does not select {pod.key} "
            f"({differs})"
        )
    return Miss(len(wrong), " and ".join(wrong))


def _port_miss(rule: Rule, side: Side) -> Miss:
    if not rule.ports or any(_is_port(match, side) for match in rule.ports):
        return Miss(0, "")
    number, protocol, _ = side.packet
    text = f"it is for {wording.ports(rule.ports)}, not for {number}/{protocol}"
    return Miss(1, text, rule.ports[0].origin)


def _is_port(match: PortMatch, side: Side) -> bool:
    number, protocol, _ = side.packet
    if match.protocol is not protocol:
        return False
    if isinstance(match.port, str):
        served = side.server.ports if side.server else ()
        return Port(number, protocol, match.port) in served
    return match.port is None or match.port <= number <= (match.end_port or match.port)


def _peer_miss(world: World, policy: NetworkPolicy, rule: Rule, side: Side) -> Miss:
    """Return the smallest miss of the rule's peers."""
    misses = [_one_peer(world, policy, peer, side) for peer in rule.peers]
    return min(misses, key=lambda miss: miss.count, default=Miss(0, ""))


def _one_peer(world: World, policy: NetworkPolicy, peer: Peer, side: Side) -> Miss:
    if isinstance(peer, IpBlock):
        return _block_miss(peer, side)
    if not isinstance(side.other, Pod):
        return Miss(2, f"it names pods, and {side.other_name} is none", peer.origin)
    wrong = [
        text
        for text in (
            _namespace_miss(world, policy, peer, side.other),
            _label_miss(peer, side.other),
        )
        if text
    ]
    return Miss(len(wrong), " and ".join(wrong), peer.origin)


def _block_miss(peer: IpBlock, side: Side) -> Miss:
    address = address_of(side.other, side.packet[2])
    if address is not None and peer.contains(address):
        return Miss(0, "")
    if isinstance(side.other, Pod) or address is None:
        return Miss(2, f"it names addresses of {peer.cidr}", peer.origin)
    if address in peer.cidr:
        return Miss(1, f"its except leaves {address} out of {peer.cidr}", peer.origin)
    return Miss(1, f"{address} is not in {peer.cidr}", peer.origin)


def _namespace_miss(world: World, policy: NetworkPolicy, peer: PodPeer, other: Pod) -> str:
    if peer.namespace_selector is None:
        if other.namespace == policy.namespace:
            return ""
        return (
            f"its podSelector stands without a namespaceSelector and so means pods of "
            f"{policy.namespace} only; {other.key} is in {other.namespace}"
        )
    own = world.namespace_labels.get(other.namespace, {})
    if peer.namespace_selector.matches(own):
        return ""
    return (
        f"its namespaceSelector {wording.selector(peer.namespace_selector)} does not match "
        f"namespace {other.namespace} ({wording.difference(peer.namespace_selector, own)})"
    )


def _label_miss(peer: PodPeer, other: Pod) -> str:
    if peer.pod_selector is None or peer.pod_selector.matches(other.labels):
        return ""
    return (
        f"its podSelector {wording.selector(peer.pod_selector)} does not match {other.key} "
        f"({wording.difference(peer.pod_selector, other.labels)})"
    )


def _name(policy: NetworkPolicy, rule: Rule) -> str:
    return f"{policy.key} {rule.direction.lower()}[{rule.index}]"
