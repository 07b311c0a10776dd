"""Faults in who the peers of a rule are."""

from collections.abc import Sequence
from functools import reduce

from netlab.dataplane import addresses
from netlab.dataplane.addresses import EVERYBODY, NOBODY, Addresses
from netlab.dataplane.defects.defect import defect
from netlab.dataplane.semantics import Semantics
from netlab.dataplane.view import Obj
from netlab.dataplane.world import Pod, Policy, World


@defect("or-as-and")
class OrAsAnd(Semantics):
    """Requires all peers of a list to match instead of any."""

    def join(self, peers: Sequence[Addresses]) -> Addresses:
        return reduce(Addresses.common, peers, EVERYBODY)


@defect("and-as-or")
class AndAsOr(Semantics):
    """Takes namespaceSelector and podSelector of one peer for two peers."""

    def peer_selects(self, world: World, policy: Policy, peer: Obj, pod: Pod) -> bool:
        if "namespaceSelector" not in peer or "podSelector" not in peer:
            return super().peer_selects(world, policy, peer, pod)
        alone = ({key: peer[key]} for key in ("namespaceSelector", "podSelector"))
        return any(super(AndAsOr, self).peer_selects(world, policy, one, pod) for one in alone)


@defect("ignores-namespace-selector")
class IgnoresNamespaceSelector(Semantics):
    """Lets every namespace match a namespaceSelector."""

    def in_namespaces(self, world: World, policy: Policy, peer: Obj, pod: Pod) -> bool:
        given = peer.get("namespaceSelector") is not None
        return given or super().in_namespaces(world, policy, peer, pod)


@defect("ignores-peer-pod-selector")
class IgnoresPeerPodSelector(Semantics):
    """Lets every pod of the right namespaces match a peer's podSelector."""

    def has_labels(self, peer: Obj, pod: Pod) -> bool:
        del peer, pod
        return True


@defect("pod-selector-any-namespace")
class PodSelectorAnyNamespace(Semantics):
    """Looks in all namespaces for a peer that has a podSelector alone."""

    def in_namespaces(self, world: World, policy: Policy, peer: Obj, pod: Pod) -> bool:
        alone = peer.get("namespaceSelector") is None
        return alone or super().in_namespaces(world, policy, peer, pod)


@defect("first-peer-only")
class FirstPeerOnly(Semantics):
    """Reads the first peer of a list and none after it."""

    def peers(self, world: World, policy: Policy, peers: Sequence[Obj]) -> Addresses:
        return super().peers(world, policy, peers[:1])


@defect("empty-from-denies")
class EmptyFromDenies(Semantics):
    """Takes a rule without peers for a rule that nobody matches."""

    def peers(self, world: World, policy: Policy, peers: Sequence[Obj]) -> Addresses:
        return super().peers(world, policy, peers) if peers else NOBODY


@defect("ignores-except", seen_in="Azure NPM on Windows (AKS docs)")
class IgnoresExcept(Semantics):
    """Allows a whole ipBlock, what is excepted included."""

    def block(self, world: World, block: Obj) -> Addresses:
        return super().block(world, {"cidr": block["cidr"]})


@defect("ipblock-skips-pods", seen_in="Cilium, cilium/cilium#9209")
class IpBlockSkipsPods(Semantics):
    """Never matches an ipBlock against the address of a pod."""

    def block(self, world: World, block: Obj) -> Addresses:
        pods = addresses.of_ips(ip for pod in world.pods for ip in pod.ips)
        return super().block(world, block).minus(pods)


@defect("ipblock-needs-clean-cidr", seen_in="Antrea, antrea-io/antrea#1764")
class IpBlockNeedsCleanCidr(Semantics):
    """Silently ignores a network whose host bits are set."""

    def cidr(self, text: str) -> Addresses:
        found = super().cidr(text)
        starts = [str(ip) for ip in _first_ips(found)]
        return found if text.partition("/")[0] in starts else NOBODY


def _first_ips(known: Addresses) -> list[addresses.Ip]:
    return [
        addresses.Ip(family, first) for family in addresses.Family for first, _ in known.of(family)
    ]
