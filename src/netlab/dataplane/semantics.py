"""What NetworkPolicy v1 means, one decision per method.

The compiler asks; it decides nothing itself. A defect overrides a method or two. Sources: the
comments in k8s.io/api networking/v1/types.go and
https://kubernetes.io/docs/concepts/services-networking/network-policies/.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from netlab.dataplane import addresses, ports, selectors
from netlab.dataplane.addresses import EVERYBODY, NOBODY, Addresses
from netlab.dataplane.ports import Endpoint, Ports
from netlab.dataplane.selectors import Labels
from netlab.dataplane.view import Obj, View
from netlab.dataplane.world import Direction, Pod, Policy, World


@dataclass(frozen=True, slots=True)
class Claim:
    """The pods that one policy selects."""

    policy: Policy
    pods: tuple[Pod, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """One node, as the rules on it see the cluster."""

    node: str
    local: Addresses
    remote: Addresses
    isolated: dict[Direction, Addresses]


class Semantics:
    """The faithful reading. Instances may remember views (`perceive`); this one does not."""

    def perceive(self, previous: View | None, view: View) -> View:
        """Return the view to act on; `previous` is the one before, as it really was."""
        del previous
        return view

    # --- which policies and pods

    def read(self, policy: Policy) -> Policy | None:
        """Return the policy as understood; None: as if it were not there."""
        return policy

    def selects(self, policy: Policy, pod: Pod) -> bool:
        """Tell whether a policy applies to a pod: one of its own namespace that it selects."""
        return pod.namespace == policy.namespace and self.matches(policy.selector, pod.labels)

    def claims(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Return which policy counts for which pods in one direction: they add up, so each does."""
        return claims

    def enforces_on(self, world: World, node: str) -> bool:
        """Tell whether a node has rules at all."""
        del world, node
        return True

    # --- selectors

    def matches(self, selector: Obj, labels: Labels) -> bool:
        """Tell whether labels match a selector."""
        return selectors.matches(selector, labels, self.meets)

    def meets(self, requirement: Obj, labels: Labels) -> bool:
        """Tell whether labels meet one of a selector's matchExpressions."""
        return selectors.meets(requirement, labels)

    # --- peers

    def peers(self, world: World, policy: Policy, peers: Sequence[Obj]) -> Addresses:
        """Return whom a rule speaks of; an empty or missing list means everybody."""
        if not peers:
            return EVERYBODY
        return self.join([self.peer(world, policy, peer) for peer in peers])

    def join(self, peers: Sequence[Addresses]) -> Addresses:
        """Put the peers of one list together: any of them."""
        return addresses.union(peers)

    def peer(self, world: World, policy: Policy, peer: Obj) -> Addresses:
        """Return the addresses of one peer; a block also covers pods whose address is in it."""
        if "ipBlock" in peer:
            return self.block(world, peer["ipBlock"])
        pods = (p for p in world.pods if self.peer_selects(world, policy, peer, p))
        return addresses.of_ips(ip for pod in pods for ip in pod.ips)

    def peer_selects(self, world: World, policy: Policy, peer: Obj, pod: Pod) -> bool:
        """Tell whether a peer's selectors choose a pod: both of them where both are given."""
        return self.in_namespaces(world, policy, peer, pod) and self.has_labels(peer, pod)

    def in_namespaces(self, world: World, policy: Policy, peer: Obj, pod: Pod) -> bool:
        """Tell whether a pod is where a peer looks: the policy's own namespace unless selected."""
        selector = peer.get("namespaceSelector")
        if selector is None:
            return pod.namespace == policy.namespace
        labels = world.namespaces.get(pod.namespace)
        return labels is not None and self.matches(selector, labels)

    def has_labels(self, peer: Obj, pod: Pod) -> bool:
        """Tell whether a peer's podSelector matches; without one every pod does."""
        selector = peer.get("podSelector")
        return selector is None or self.matches(selector, pod.labels)

    def block(self, world: World, block: Obj) -> Addresses:
        """Return an ipBlock's addresses, those in `except` taken out."""
        del world
        whole = self.cidr(block["cidr"])
        holes = [self.cidr(text) for text in block.get("except") or ()]
        return whole.minus(addresses.union(holes)) if holes else whole

    def cidr(self, text: str) -> Addresses:
        """Return a network's addresses; host bits are allowed, nonsense matches nobody."""
        try:
            return addresses.parse_cidr(text)
        except ValueError:
            return NOBODY

    # --- ports

    def ports(self, listed: Sequence[Obj]) -> tuple[Ports, ...] | None:
        """Return a rule's numbered ports; None: all traffic, as an empty or missing list means."""
        if not listed:
            return None
        return ports.merge(found for port in listed for found in self.numbers(port))

    def numbers(self, port: Obj) -> tuple[Ports, ...]:
        """Return the ports that one entry gives by number; without a number all of a protocol."""
        return ports.numbered(port)

    def named(
        self, port: Obj, *, destinations: Sequence[Pod], sources: Sequence[Pod]
    ) -> tuple[Endpoint, ...]:
        """Resolve a port's name: each destination pod has its own number for it, or none."""
        del sources
        name, protocol = port["port"], ports.protocol_of(port)
        return tuple(
            Endpoint(ip, protocol, declared.number)
            for pod in destinations
            for declared in pod.ports
            if declared.name == name and declared.protocol == protocol
            for ip in pod.ips
        )

    # --- packets

    def first_rules(self, site: Site) -> Sequence[str]:
        """Return rules that come before everything else on a node: none."""
        del site
        return ()

    def deny_rules(self, site: Site, deny: Sequence[str]) -> Sequence[str]:
        """Return what becomes of a packet that is denied; `deny` is the configured way."""
        del site
        return deny
