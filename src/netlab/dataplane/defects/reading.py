"""Faults in how a policy is read: directions, whom it selects, peers, ports."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import chain

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
    TrafficRule,
)
from netlab.dataplane.defects.defect import defect
from netlab.dataplane.portranges import PROTOCOLS, AddressPort, PortRange
from netlab.dataplane.semantics import PolicyClaim, Semantics

_BOTH = frozenset(PolicyDirection)
_OPPOSITE = {
    PolicyDirection.INGRESS: PolicyDirection.EGRESS,
    PolicyDirection.EGRESS: PolicyDirection.INGRESS,
}


@defect("ignores-egress")
class IgnoresEgress(Semantics):
    """Enforces ingress only: no policy restricts what a pod may send."""

    def read(self, policy: ReadPolicy) -> ReadPolicy | None:
        reading = super().read(policy)
        return reading and replace(reading, types=reading.types - {PolicyDirection.EGRESS})


@defect("ignores-ingress")
class IgnoresIngress(Semantics):
    """Enforces egress only: no policy restricts what a pod may receive."""

    def read(self, policy: ReadPolicy) -> ReadPolicy | None:
        reading = super().read(policy)
        return reading and replace(reading, types=reading.types - {PolicyDirection.INGRESS})


@defect("ingress-isolates-egress", seen_in="kindnet on OrbStack, kubernetes-sigs/kind#4193")
class IngressIsolatesEgress(Semantics):
    """Isolates for both directions when a policy names Ingress only."""

    def read(self, policy: ReadPolicy) -> ReadPolicy | None:
        reading = super().read(policy)
        return reading and replace(
            reading,
            types=_BOTH if PolicyDirection.INGRESS in reading.types else reading.types,
        )


@defect("egress-isolates-ingress")
class EgressIsolatesIngress(Semantics):
    """Isolates for both directions when a policy names Egress only."""

    def read(self, policy: ReadPolicy) -> ReadPolicy | None:
        reading = super().read(policy)
        return reading and replace(
            reading,
            types=_BOTH if PolicyDirection.EGRESS in reading.types else reading.types,
        )


@defect("swaps-directions", seen_in="Calico eBPF before 3.32, projectcalico/calico#11565")
class SwapsDirections(Semantics):
    """Takes ingress rules for egress rules and the reverse."""

    def read(self, policy: ReadPolicy) -> ReadPolicy | None:
        reading = super().read(policy)
        if reading is None:
            return None
        types = frozenset(_OPPOSITE[direction] for direction in reading.types)
        return replace(reading, types=types, ingress=reading.egress, egress=reading.ingress)


@defect("directions-share-rules", seen_in="kube-router v2.11.1, one chain for each policy")
class DirectionsShareRules(Semantics):
    """Opens to a policy's own pods, between each other, the rules of its other direction too."""

    def read(self, policy: ReadPolicy) -> ReadPolicy | None:
        reading = super().read(policy)
        if reading is None or reading.types != _BOTH:
            return reading
        own = ({"podSelector": reading.selector},)
        ingress, egress = (
            tuple(replace(rule, peers=own) for rule in rules)
            for rules in (reading.egress, reading.ingress)
        )
        return replace(reading, ingress=reading.ingress + ingress, egress=reading.egress + egress)


@defect("first-rule-only")
class FirstRuleOnly(Semantics):
    """Reads the first rule of each direction and none after it."""

    def read(self, policy: ReadPolicy) -> ReadPolicy | None:
        reading = super().read(policy)
        return reading and replace(reading, ingress=reading.ingress[:1], egress=reading.egress[:1])


@defect("first-policy-wins")
class FirstPolicyWins(Semantics):
    """Applies only the first policy, by name, of those that select a pod."""

    def claims(self, claims: Sequence[PolicyClaim]) -> Sequence[PolicyClaim]:
        claimed_keys: set[str] = set()
        first_claims = []
        for claim in super().claims(claims):
            free = tuple(pod for pod in claim.pods if _pod_key(pod) not in claimed_keys)
            claimed_keys.update(_pod_key(pod) for pod in free)
            first_claims.append(replace(claim, pods=free))
        return first_claims


@defect("crosses-namespaces")
class CrossesNamespaces(Semantics):
    """Applies a policy to pods with matching labels in every namespace."""

    def selects(self, policy: ReadPolicy, pod: AddressedPod) -> bool:
        return self.matches(policy.selector, pod.labels)


@defect("long-name-voids-policy", seen_in="aws/aws-network-policy-agent#145, kubeovn/kube-ovn#1445")
class LongNameVoidsPolicy(Semantics):
    """Does not enforce a policy whose name is longer than a label's value may be."""

    def read(self, policy: ReadPolicy) -> ReadPolicy | None:
        return super().read(policy) if len(policy.name) <= 63 else None


@defect("many-ports-void-policy", seen_in="aws/containers-roadmap#2481, cilium/cilium#922")
class ManyPortsVoidPolicy(Semantics):
    """Does not enforce a policy that has a rule with more than 24 ports."""

    def read(self, policy: ReadPolicy) -> ReadPolicy | None:
        rules = chain(policy.ingress, policy.egress)
        return super().read(policy) if all(len(rule.ports) <= 24 for rule in rules) else None


@defect("policy-keys-run-together", seen_in="Azure/azure-container-networking#4611")
class PolicyKeysRunTogether(Semantics):
    """Takes policies for one whose namespace and name are the same text when joined by a hyphen."""

    def perceive(self, previous: ClusterView | None, view: ClusterView) -> ClusterView:
        perceived = super().perceive(previous, view)
        last = {"{namespace}-{name}".format(**one["metadata"]): one for one in perceived.policies}
        return replace(perceived, policies=tuple(last.values()))


@defect("in-first-value-only")
class InFirstValueOnly(Semantics):
    """Compares a label with the first value of an In expression only."""

    def meets(self, requirement: Obj, labels: Labels) -> bool:
        if requirement.get("operator") == "In":
            requirement = {**requirement, "values": requirement["values"][:1]}
        return super().meets(requirement, labels)


@defect("notin-needs-key")
class NotInNeedsKey(Semantics):
    """Lets NotIn match only objects that have the label at all."""

    def meets(self, requirement: Obj, labels: Labels) -> bool:
        if requirement.get("operator") == "NotIn" and requirement["key"] not in labels:
            return False
        return super().meets(requirement, labels)


@defect("exists-means-empty")
class ExistsMeansEmpty(Semantics):
    """Takes Exists for "the label is empty"."""

    def meets(self, requirement: Obj, labels: Labels) -> bool:
        if requirement.get("operator") == "Exists":
            return labels.get(requirement["key"]) == ""
        return super().meets(requirement, labels)


@defect("ignores-expressions", seen_in="Azure NPM on Windows: no negative selectors (AKS docs)")
class IgnoresExpressions(Semantics):
    """Looks at matchLabels only: every one of matchExpressions counts as met."""

    def meets(self, requirement: Obj, labels: Labels) -> bool:
        del requirement, labels
        return True


@defect("expressions-or")
class ExpressionsOr(Semantics):
    """Takes the terms of matchExpressions for alternatives."""

    def matches(self, selector: Obj, labels: Labels) -> bool:
        expressions = selector.get("matchExpressions") or ()
        if len(expressions) < 2:
            return super().matches(selector, labels)
        one_each = [{**selector, "matchExpressions": [term]} for term in expressions]
        return any(super(ExpressionsOr, self).matches(one, labels) for one in one_each)


def _pod_key(pod: AddressedPod) -> str:
    return f"{pod.namespace}/{pod.name}"


@defect("target-by-any-label", seen_in="Azure/AKS#1135")
class TargetByAnyLabel(Semantics):
    """Takes the labels of a policy's podSelector for alternatives."""

    def selects(self, policy: ReadPolicy, pod: AddressedPod) -> bool:
        wanted = policy.selector.get("matchLabels") or {}
        if len(wanted) < 2:
            return super().selects(policy, pod)
        return pod.namespace == policy.namespace and bool(wanted.items() & pod.labels.items())


@defect("notin-values-are-alternatives", seen_in="Azure/azure-container-networking#4662")
class NotInValuesAreAlternatives(Semantics):
    """Lets NotIn match what lacks one of its values, not all of them."""

    def meets(self, requirement: Obj, labels: Labels) -> bool:
        if requirement.get("operator") != "NotIn":
            return super().meets(requirement, labels)
        one_each = ({**requirement, "values": [value]} for value in requirement["values"])
        return any(super(NotInValuesAreAlternatives, self).meets(one, labels) for one in one_each)


@defect("selectors-take-the-world", seen_in="compare cilium/cilium#46996, of NotIn")
class SelectorsTakeTheWorld(Semantics):
    """Takes whoever is no pod for a pod without labels, in a namespace without any."""

    def peer(self, world: ClusterState, policy: ReadPolicy, peer: Obj) -> Addresses:
        found = super().peer(world, policy, peer)
        selectors = (peer.get("namespaceSelector"), peer.get("podSelector") or {})
        if any(one is None or not self.matches(one, {}) for one in selectors):
            return found
        pods = addresses.of_ips(ip for pod in world.pods for ip in pod.ips)
        return addresses.union([found, EVERYBODY.minus(pods)])


@defect("or-as-and")
class OrAsAnd(Semantics):
    """Requires all peers of a list to match instead of any."""

    def join(self, peers: Sequence[Addresses]) -> Addresses:
        return reduce(Addresses.common, peers, EVERYBODY)


@defect("and-as-or")
class AndAsOr(Semantics):
    """Takes namespaceSelector and podSelector of one peer for two peers."""

    def peer_selects(
        self, world: ClusterState, policy: ReadPolicy, peer: Obj, pod: AddressedPod
    ) -> bool:
        if "namespaceSelector" not in peer or "podSelector" not in peer:
            return super().peer_selects(world, policy, peer, pod)
        halves = ({key: peer[key]} for key in ("namespaceSelector", "podSelector"))
        return any(super(AndAsOr, self).peer_selects(world, policy, one, pod) for one in halves)


@defect("ignores-namespace-selector")
class IgnoresNamespaceSelector(Semantics):
    """Lets every namespace match a namespaceSelector."""

    def in_namespaces(
        self, world: ClusterState, policy: ReadPolicy, peer: Obj, pod: AddressedPod
    ) -> bool:
        has_selector = peer.get("namespaceSelector") is not None
        return has_selector or super().in_namespaces(world, policy, peer, pod)


@defect("ignores-peer-pod-selector")
class IgnoresPeerPodSelector(Semantics):
    """Lets every pod of the right namespaces match a peer's podSelector."""

    def has_labels(self, peer: Obj, pod: AddressedPod) -> bool:
        del peer, pod
        return True


@defect("pod-selector-any-namespace")
class PodSelectorAnyNamespace(Semantics):
    """Looks in all namespaces for a peer that has a podSelector alone."""

    def in_namespaces(
        self, world: ClusterState, policy: ReadPolicy, peer: Obj, pod: AddressedPod
    ) -> bool:
        has_no_selector = peer.get("namespaceSelector") is None
        return has_no_selector or super().in_namespaces(world, policy, peer, pod)


@defect("first-peer-only")
class FirstPeerOnly(Semantics):
    """Reads the first peer of a list and none after it."""

    def peers(self, world: ClusterState, policy: ReadPolicy, peers: Sequence[Obj]) -> Addresses:
        return super().peers(world, policy, peers[:1])


@defect("empty-from-denies")
class EmptyFromDenies(Semantics):
    """Takes a rule without peers for a rule that nobody matches."""

    def peers(self, world: ClusterState, policy: ReadPolicy, peers: Sequence[Obj]) -> Addresses:
        return super().peers(world, policy, peers) if peers else NOBODY


@defect("ignores-except", seen_in="Azure NPM on Windows (AKS docs)")
class IgnoresExcept(Semantics):
    """Allows a whole ipBlock, what is excepted included."""

    def block(self, world: ClusterState, block: Obj) -> Addresses:
        return super().block(world, {"cidr": block["cidr"]})


def _rules(policy: ReadPolicy) -> list[TrafficRule]:
    return [*policy.ingress, *policy.egress]


def _blocks(rules: Sequence[TrafficRule]) -> list[Obj]:
    return [peer["ipBlock"] for rule in rules for peer in rule.peers if "ipBlock" in peer]


@defect("except-bars-other-rules", seen_in="aws/amazon-network-policy-controller-k8s#146, #121")
class ExceptBarsOtherRules(Semantics):
    """Takes what one block of a policy excepts out of all its blocks that hold it."""

    def peer(self, world: ClusterState, policy: ReadPolicy, peer: Obj) -> Addresses:
        found = super().peer(world, policy, peer)
        if "ipBlock" not in peer:
            return found
        excepted = {hole for block in _blocks(_rules(policy)) for hole in block.get("except") or ()}
        return reduce(Addresses.minus, map(self.cidr, excepted - {peer["ipBlock"]["cidr"]}), found)


@defect("same-block-last-rule-counts", seen_in="aws/amazon-network-policy-controller-k8s#98, #197")
class SameBlockLastRuleCounts(Semantics):
    """Keeps one entry a block: where it stands in two rules of a policy, the last one's ports."""

    def read(self, policy: ReadPolicy) -> ReadPolicy | None:
        return super().read(
            replace(
                policy, ingress=_last_blocks(policy.ingress), egress=_last_blocks(policy.egress)
            )
        )


def _last_blocks(rules: Sequence[TrafficRule]) -> tuple[TrafficRule, ...]:
    left = []
    for number, rule in enumerate(rules):
        later = _blocks(rules[number + 1 :])
        peers = tuple(peer for peer in rule.peers if peer.get("ipBlock") not in later)
        if peers or not rule.peers:
            left.append(replace(rule, peers=peers))
    return tuple(left)


@defect("narrowest-block-counts")
class NarrowestBlockCounts(Semantics):
    """Gives an address what the narrowest block of the policy gives that it is in, and no more."""

    def peer(self, world: ClusterState, policy: ReadPolicy, peer: Obj) -> Addresses:
        found = super().peer(world, policy, peer)
        if "ipBlock" not in peer:
            return found
        whole = self.cidr(peer["ipBlock"]["cidr"])
        others = [self.cidr(block["cidr"]) for block in _blocks(_rules(policy))]
        inside = [one for one in others if one != whole and one.common(whole) == one]
        return reduce(Addresses.minus, inside, found)


@defect("ipblock-skips-pods", seen_in="Cilium, cilium/cilium#9209")
class IpBlockSkipsPods(Semantics):
    """Never matches an ipBlock against the address of a pod."""

    def block(self, world: ClusterState, block: Obj) -> Addresses:
        pods = addresses.of_ips(ip for pod in world.pods for ip in pod.ips)
        return super().block(world, block).minus(pods)


@defect("ipblock-needs-clean-cidr", seen_in="Antrea, antrea-io/antrea#1764")
class IpBlockNeedsCleanCidr(Semantics):
    """Silently ignores a network whose host bits are set."""

    def cidr(self, text: str) -> Addresses:
        network = super().cidr(text)
        starts = [str(ip) for ip in _first_ips(network)]
        return network if text.partition("/")[0] in starts else NOBODY


def _first_ips(members: Addresses) -> list[addresses.Ip]:
    return [
        addresses.Ip(family, first)
        for family in addresses.NftFamily
        for first, _ in members.of(family)
    ]


@defect("named-port-on-source")
class NamedPortOnSource(Semantics):
    """Looks a port's name up on the pod that connects instead of the one connected to."""

    def named(
        self, port: Obj, *, destinations: Sequence[AddressedPod], sources: Sequence[AddressedPod]
    ) -> tuple[AddressPort, ...]:
        wrong = super().named(port, destinations=sources, sources=destinations)
        numbers = sorted({(endpoint.protocol, endpoint.port) for endpoint in wrong})
        ips = [ip for pod in destinations for ip in pod.ips]
        return tuple(
            AddressPort(ip, protocol, number) for ip in ips for protocol, number in numbers
        )


@defect("named-port-opens-all")
class NamedPortOpensAll(Semantics):
    """Opens every port of the protocol where a rule names one by name."""

    def numbers(self, port: Obj) -> tuple[PortRange, ...]:
        if portranges.is_named_port(port):
            return super().numbers({"protocol": port.get("protocol")})
        return super().numbers(port)


@defect("named-port-voids-policy", seen_in="Weave Net, prog/weave-npc")
class NamedPortVoidsPolicy(Semantics):
    """Refuses, and so does not enforce, a whole policy in which a port is given by name."""

    def read(self, policy: ReadPolicy) -> ReadPolicy | None:
        rules = chain(policy.ingress, policy.egress)
        if any(portranges.is_named_port(port) for rule in rules for port in rule.ports):
            return None
        return super().read(policy)


@defect("range-as-first-port", seen_in="Weave Net, and any CNI older than the field endPort")
class RangeAsFirstPort(Semantics):
    """Allows the first port of a range only."""

    def numbers(self, port: Obj) -> tuple[PortRange, ...]:
        return super().numbers({key: port[key] for key in port if key != "endPort"})


@defect("first-port-only")
class FirstPortOnly(Semantics):
    """Reads the first entry of a list of numbered ports and none after it."""

    def ports(self, listed: Sequence[Obj]) -> tuple[PortRange, ...] | None:
        return super().ports(listed[:1])


@defect("empty-ports-denies")
class EmptyPortsDenies(Semantics):
    """Takes a rule without ports for a rule that no port matches."""

    def ports(self, listed: Sequence[Obj]) -> tuple[PortRange, ...] | None:
        return super().ports(listed) if listed else ()


@defect("ignores-ports")
class IgnoresPorts(Semantics):
    """Opens every port to the peers of a rule, whatever ports it lists."""

    def ports(self, listed: Sequence[Obj]) -> tuple[PortRange, ...] | None:
        del listed
        return None


@defect("ignores-protocol")
class IgnoresProtocol(Semantics):
    """Opens a numbered port for every protocol, not only for the one given."""

    def numbers(self, port: Obj) -> tuple[PortRange, ...]:
        ranges = [super(IgnoresProtocol, self).numbers({**port, "protocol": p}) for p in PROTOCOLS]
        return tuple(chain.from_iterable(ranges))
