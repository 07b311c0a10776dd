"""What NetworkPolicy v1 means, one decision per method; label selectors included.

The compiler asks; it decides nothing itself. A defect overrides a method or two. Sources: the
comments in k8s.io/api networking/v1/types.go and
https://kubernetes.io/docs/concepts/services-networking/network-policies/.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from netlab.dataplane import addresses, portranges
from netlab.dataplane.addresses import EVERYBODY, NOBODY, Addresses
from netlab.dataplane.clusterstate import (
    AddressedPod,
    ClusterState,
    ClusterView,
    Labels,
    Obj,
    PolicyDirection,
    ReadPolicy,
)
from netlab.dataplane.portranges import AddressPort, PortRange


def meets_requirement(requirement: Obj, labels: Labels) -> bool:
    """Tell whether labels meet one of matchExpressions; an unknown operator is never met."""
    key, operator = requirement.get("key", ""), requirement.get("operator")
    values = requirement.get("values") or ()
    match operator:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":  # an object without the key counts as not in
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False


def matches_selector(
    selector: Obj, labels: Labels, meets: Callable[[Obj, Labels], bool] = meets_requirement
) -> bool:
    """Tell whether labels match a selector; every term must hold, the empty selector has none."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    expressions = selector.get("matchExpressions")
    return not expressions or all(meets(term, labels) for term in expressions)


@dataclass(frozen=True, slots=True)
class PolicyClaim:
    """The pods that one policy selects."""

    policy: ReadPolicy
    pods: tuple[AddressedPod, ...]


@dataclass(frozen=True)
class NodeSite:
    """One node, as the rules on it see the cluster; `selected` are all pods isolated anywhere."""

    node: str
    pods: Sequence[AddressedPod]
    selected: Mapping[PolicyDirection, Sequence[AddressedPod]]

    @cached_property
    def local(self) -> Addresses:
        """The addresses of the node's pods."""
        return _addresses(pod for pod in self.pods if pod.node == self.node)

    @cached_property
    def remote(self) -> Addresses:
        """The addresses of the pods of all other nodes."""
        return _addresses(pod for pod in self.pods if pod.node != self.node)

    @cached_property
    def isolated(self) -> Mapping[PolicyDirection, Addresses]:
        """The addresses of the node's pods that are isolated."""
        return {
            direction: _addresses(pod for pod in pods if pod.node == self.node)
            for direction, pods in self.selected.items()
        }


def _addresses(pods: Iterable[AddressedPod]) -> Addresses:
    return addresses.of_ips(ip for pod in pods for ip in pod.ips)


class Semantics:
    """The faithful reading. Instances may remember views (`perceive`); this one does not.

    One that does not is asked the same question once: its answers follow from what it is told.
    """

    def remembers(self) -> bool:
        """Tell whether an answer may depend on what came before: on how views were perceived."""
        return type(self).perceive is not Semantics.perceive

    def perceive(self, previous: ClusterView | None, view: ClusterView) -> ClusterView:
        """Return the view to act on; `previous` is the one before, as it really was."""
        del previous
        return view

    # --- which policies and pods

    def read(self, policy: ReadPolicy) -> ReadPolicy | None:
        """Return the policy as understood; None: as if it were not there."""
        return policy

    def selects(self, policy: ReadPolicy, pod: AddressedPod) -> bool:
        """Tell whether a policy applies to a pod: one of its own namespace that it selects."""
        return pod.namespace == policy.namespace and self.matches(policy.selector, pod.labels)

    def claims(self, claims: Sequence[PolicyClaim]) -> Sequence[PolicyClaim]:
        """Return which policy counts for which pods in one direction: they add up, so each does."""
        return claims

    def enforces_on(self, world: ClusterState, node: str) -> bool:
        """Tell whether a node has rules at all."""
        del world, node
        return True

    # --- selectors

    def matches(self, selector: Obj, labels: Labels) -> bool:
        """Tell whether labels match a selector."""
        return matches_selector(selector, labels, self.meets)

    def meets(self, requirement: Obj, labels: Labels) -> bool:
        """Tell whether labels meet one of a selector's matchExpressions."""
        return meets_requirement(requirement, labels)

    # --- peers

    def peers(self, world: ClusterState, policy: ReadPolicy, peers: Sequence[Obj]) -> Addresses:
        """Return whom a rule speaks of; an empty or missing list means everybody."""
        if not peers:
            return EVERYBODY
        return self.join([self.peer(world, policy, peer) for peer in peers])

    def join(self, peers: Sequence[Addresses]) -> Addresses:
        """Put the peers of one list together: any of them."""
        return addresses.union(peers)

    def peer(self, world: ClusterState, policy: ReadPolicy, peer: Obj) -> Addresses:
        """Return the addresses of one peer; a block also covers pods whose address is in it."""
        if "ipBlock" in peer:
            return self.block(world, peer["ipBlock"])
        pods = (p for p in world.pods if self.peer_selects(world, policy, peer, p))
        return addresses.of_ips(ip for pod in pods for ip in pod.ips)

    def peer_selects(
        self, world: ClusterState, policy: ReadPolicy, peer: Obj, pod: AddressedPod
    ) -> bool:
        """Tell whether a peer's selectors choose a pod: both of them where both are given."""
        return self.in_namespaces(world, policy, peer, pod) and self.has_labels(peer, pod)

    def in_namespaces(
        self, world: ClusterState, policy: ReadPolicy, peer: Obj, pod: AddressedPod
    ) -> bool:
        """Tell whether a pod is where a peer looks: the policy's own namespace unless selected."""
        selector = peer.get("namespaceSelector")
        if selector is None:
            return pod.namespace == policy.namespace
        labels = world.namespaces.get(pod.namespace)
        return labels is not None and self.matches(selector, labels)

    def has_labels(self, peer: Obj, pod: AddressedPod) -> bool:
        """Tell whether a peer's podSelector matches; without one every pod does."""
        selector = peer.get("podSelector")
        return selector is None or self.matches(selector, pod.labels)

    def block(self, world: ClusterState, block: Obj) -> Addresses:
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

    def ports(self, listed: Sequence[Obj]) -> tuple[PortRange, ...] | None:
        """Return a rule's numbered ports; None: all traffic, as an empty or missing list means."""
        if not listed:
            return None
        return portranges.merge_ranges(
            port_range for port in listed for port_range in self.numbers(port)
        )

    def numbers(self, port: Obj) -> tuple[PortRange, ...]:
        """Return the ports that one entry gives by number; without a number all of a protocol."""
        return portranges.numbered_ports(port)

    def named(
        self, port: Obj, *, destinations: Sequence[AddressedPod], sources: Sequence[AddressedPod]
    ) -> tuple[AddressPort, ...]:
        """Resolve a port's name: each destination pod has its own number for it, or none."""
        del sources
        name, protocol = port["port"], portranges.protocol_of(port)
        return tuple(
            AddressPort(ip, protocol, declared.number)
            for pod in destinations
            for declared in pod.ports
            if declared.name == name and declared.protocol == protocol
            for ip in pod.ips
        )

    # --- packets

    def of_ports(self) -> str:
        """Return what a packet has to match besides the ports of a rule that has any: nothing."""
        return ""

    def first_rules(self, site: NodeSite) -> Sequence[str]:
        """Return rules that come before everything else on a node: none."""
        del site
        return ()

    def deny_rules(self, site: NodeSite, deny: Sequence[str]) -> Sequence[str]:
        """Return what becomes of a packet that is denied; `deny` is the configured way."""
        del site
        return deny
