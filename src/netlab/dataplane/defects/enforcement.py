"""Faults in where, when and for which packets policies are enforced."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from netlab.dataplane.addresses import Addresses, NftFamily, elements
from netlab.dataplane.clusterstate import (
    AddressedPod,
    ClusterState,
    ClusterView,
    Obj,
    PolicyDirection,
    ReadPolicy,
    ips_of,
    uid_of,
)
from netlab.dataplane.defects.defect import defect
from netlab.dataplane.semantics import NodeSite, Semantics


class _MissedPods(Semantics):
    """Policies miss some pods: pairs of policy and pod incarnation."""

    def __init__(self) -> None:
        super().__init__()
        self._missed: set[tuple[str, str]] = set()

    def selects(self, policy: ReadPolicy, pod: AddressedPod) -> bool:
        is_missed = (policy.uid, f"{pod.uid}/{pod.restarts}") in self._missed
        return not is_missed and super().selects(policy, pod)


@defect("policy-lost-on-pod-restart", seen_in="compare cilium/cilium#45233, policies lost on start")
class PolicyLostOnPodRestart(_MissedPods):
    """Forgets existing policies for a pod that restarts, or that comes again by its old name."""

    def __init__(self) -> None:
        super().__init__()
        self._incarnations: dict[str, str] = {}

    def perceive(self, previous: ClusterView | None, view: ClusterView) -> ClusterView:
        for pod in view.pods:
            if ips_of(pod):
                before = self._incarnations.get(_key(pod))
                now = self._incarnations[_key(pod)] = _incarnation(pod)
                if before not in {None, now}:
                    self._missed |= {(uid_of(policy), now) for policy in view.policies}
        return super().perceive(previous, view)


@defect("new-pods-escape", seen_in="kubernetes-sigs/kube-network-policies#171, at pod start")
class NewPodsEscape(_MissedPods):
    """Applies a policy only to pods that had an address when it was created."""

    def perceive(self, previous: ClusterView | None, view: ClusterView) -> ClusterView:
        old_policies = {uid_of(policy) for policy in previous.policies} if previous else set()
        old_pods = (
            {_incarnation(pod) for pod in previous.pods if ips_of(pod)} if previous else set()
        )
        new_pods = {_incarnation(pod) for pod in view.pods if ips_of(pod)} - old_pods
        self._missed |= {(policy, pod) for policy in old_policies for pod in new_pods}
        return super().perceive(previous, view)


@defect("policy-kept-after-delete")
class PolicyKeptAfterDelete(Semantics):
    """Goes on enforcing a policy that was deleted, as long as its namespace is there."""

    def __init__(self) -> None:
        super().__init__()
        self._policies: dict[str, Obj] = {}

    def perceive(self, previous: ClusterView | None, view: ClusterView) -> ClusterView:
        perceived = super().perceive(previous, view)
        namespaces = {obj["metadata"]["name"] for obj in perceived.namespaces}
        self._policies |= {_key(policy): policy for policy in perceived.policies}
        policies = [p for p in self._policies.values() if p["metadata"]["namespace"] in namespaces]
        self._policies = {_key(policy): policy for policy in policies}
        return replace(perceived, policies=tuple(policies))


@defect("policy-update-ignored")
class PolicyUpdateIgnored(Semantics):
    """Goes on enforcing a policy as it was when it was created."""

    def __init__(self) -> None:
        super().__init__()
        self._first: dict[str, Any] = {}

    def perceive(self, previous: ClusterView | None, view: ClusterView) -> ClusterView:
        perceived = super().perceive(previous, view)
        first = {uid_of(p): self._first.get(uid_of(p), p) for p in perceived.policies}
        self._first = first
        return replace(perceived, policies=tuple(first.values()))


@defect("stale-pod-labels")
class StalePodLabels(Semantics):
    """Goes by the labels that a pod had when it was created."""

    def __init__(self) -> None:
        super().__init__()
        self._labels: dict[str, Any] = {}

    def perceive(self, previous: ClusterView | None, view: ClusterView) -> ClusterView:
        perceived = super().perceive(previous, view)
        self._labels = _first_labels(self._labels, perceived.pods)
        return replace(
            perceived, pods=tuple(_labelled(pod, self._labels) for pod in perceived.pods)
        )


@defect("stale-namespace-labels")
class StaleNamespaceLabels(Semantics):
    """Goes by the labels that a namespace had when it was created."""

    def __init__(self) -> None:
        super().__init__()
        self._labels: dict[str, Any] = {}

    def perceive(self, previous: ClusterView | None, view: ClusterView) -> ClusterView:
        perceived = super().perceive(previous, view)
        self._labels = _first_labels(self._labels, perceived.namespaces)
        namespaces = tuple(_labelled(one, self._labels) for one in perceived.namespaces)
        return replace(perceived, namespaces=namespaces)


def _key(obj: Obj) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"


def _incarnation(pod: Obj) -> str:
    """Return what changes when a pod is made anew or one of its containers restarts."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return f"{uid_of(pod)}/{sum(int(status.get('restartCount', 0)) for status in statuses)}"


def _first_labels(labels_by_uid: dict[str, Any], objects: tuple[Obj, ...]) -> dict[str, Any]:
    return {uid_of(o): labels_by_uid.get(uid_of(o), o["metadata"].get("labels")) for o in objects}


def _labelled(obj: Obj, labels: dict[str, Any]) -> Obj:
    return {**obj, "metadata": {**obj["metadata"], "labels": labels[uid_of(obj)]}}


_LEAKED = "0x1"  # conntrack mark of a request that should not have passed


@defect("ignores-udp")
class IgnoresUdp(Semantics):
    """Lets all UDP pass."""

    def first_rules(self, site: NodeSite) -> Sequence[str]:
        return ("meta l4proto udp accept", *super().first_rules(site))


@defect("ignores-tcp")
class IgnoresTcp(Semantics):
    """Lets all TCP pass."""

    def first_rules(self, site: NodeSite) -> Sequence[str]:
        return ("meta l4proto tcp accept", *super().first_rules(site))


@defect("forgets-ipv6", seen_in="kube-router without --enable-ipv6; Azure NPM on Linux (AKS docs)")
class ForgetsIpv6(Semantics):
    """Enforces policies for IPv4 and lets all IPv6 pass."""

    def first_rules(self, site: NodeSite) -> Sequence[str]:
        return ("meta nfproto ipv6 accept", *super().first_rules(site))


@defect("udp-request-leaks")
class UdpRequestLeaks(Semantics):
    """Delivers denied UDP requests and drops their replies, so that the sender sees a denial."""

    def first_rules(self, site: NodeSite) -> Sequence[str]:
        return (*_unanswered("udp"), *super().first_rules(site))

    def deny_rules(self, site: NodeSite, deny: Sequence[str]) -> Sequence[str]:
        leak = f"meta l4proto udp ct mark set {_LEAKED} accept"
        return (leak, *super().deny_rules(site, deny))


@defect("tcp-request-leaks")
class TcpRequestLeaks(Semantics):
    """Delivers the SYN of denied connections and drops its answer: they are half open."""

    def first_rules(self, site: NodeSite) -> Sequence[str]:
        return (*_unanswered("tcp"), *super().first_rules(site))

    def deny_rules(self, site: NodeSite, deny: Sequence[str]) -> Sequence[str]:
        leak = f"meta l4proto tcp ct mark set {_LEAKED} accept"
        return (leak, *super().deny_rules(site, deny))


def _unanswered(protocol: str) -> tuple[str, str]:
    """Return rules that drop what answers a request with the mark, which each one has to earn."""
    return (
        f"ct direction reply meta l4proto {protocol} ct mark {_LEAKED} drop",
        f"ct direction original meta l4proto {protocol} ct mark set 0",
    )


@defect("second-syn-passes", seen_in="antrea-io/antrea#219")
class SecondSynPasses(Semantics):
    """Drops the first SYN of a denied connection and takes its retransmission for established."""

    def deny_rules(self, site: NodeSite, deny: Sequence[str]) -> Sequence[str]:
        again = (
            f"tcp flags & (syn | ack) == syn meter seen_{family.value} size 65535 "
            f"{{ {family.value} saddr . tcp sport . {family.value} daddr . tcp dport timeout 30s "
            "limit rate over 1/hour burst 1 packets } accept"
            for family in NftFamily
        )
        return (*again, *super().deny_rules(site, deny))


@defect("drops-udp-replies")
class DropsUdpReplies(Semantics):
    """Drops the UDP replies of every pod that a policy isolates, also to allowed requests."""

    def first_rules(self, site: NodeSite) -> Sequence[str]:
        isolated = (site.isolated[direction] for direction in PolicyDirection)
        drops = (
            f"ct direction reply meta l4proto udp {source} drop"
            for addresses in isolated
            for source in _family_matches("saddr", addresses)
        )
        return (*drops, *super().first_rules(site))


# Connection tracking puts fragments together before a packet is forwarded, and they are cut anew
# behind it. So here whoever would have to handle them knows them by their whole: it is larger than
# the MTU of every interface in the lab.
_FRAGMENTED = "meta l4proto udp meta length > 1500"


@defect("drops-fragments", seen_in="cilium/cilium#25709, #32427, #43781")
class DropsFragments(Semantics):
    """Drops UDP datagrams that come in fragments, whatever policies say of them."""

    def first_rules(self, site: NodeSite) -> Sequence[str]:
        return (f"{_FRAGMENTED} drop", *super().first_rules(site))


@defect("fragments-pass", seen_in="compare openshift/ingress-node-firewall#730")
class FragmentsPass(Semantics):
    """Lets UDP datagrams that come in fragments pass, whatever policies say of them."""

    def first_rules(self, site: NodeSite) -> Sequence[str]:
        return (f"{_FRAGMENTED} accept", *super().first_rules(site))


@defect("fragments-have-no-ports", seen_in="cilium/cilium#5321, before fragments were tracked")
class FragmentsHaveNoPorts(Semantics):
    """Judges fragments behind the first without ports, so that no rule with ports lets them in."""

    def of_ports(self) -> str:
        return "meta length <= 1500"


@defect("drops-large-replies", seen_in="compare cilium/cilium#25709, fragments on the way back")
class DropsLargeReplies(Semantics):
    """Does not know fragments for the answer to an allowed request, and drops them."""

    def first_rules(self, site: NodeSite) -> Sequence[str]:
        return (f"ct direction reply {_FRAGMENTED} drop", *super().first_rules(site))


@defect("cluster-ip-bypass")
class ClusterIpBypass(Semantics):
    """Lets everything pass that came by a Service."""

    def first_rules(self, site: NodeSite) -> Sequence[str]:
        return ("ct status dnat accept", *super().first_rules(site))


@defect("leaks-dns")
class LeaksDns(Semantics):
    """Lets everything pass that goes to port 53, so that names resolve under every policy."""

    def first_rules(self, site: NodeSite) -> Sequence[str]:
        ports = ("meta l4proto udp udp dport 53 accept", "meta l4proto tcp tcp dport 53 accept")
        return (*ports, *super().first_rules(site))


@defect("world-not-policed")
class WorldNotPoliced(Semantics):
    """Lets everything pass that goes to an address of no pod: the world outside is always open."""

    def first_rules(self, site: NodeSite) -> Sequence[str]:
        leaks = []
        for family in NftFamily:
            pods = (*site.local.of(family), *site.remote.of(family))
            if texts := elements(family, pods):
                leaks.append(f"{family.value} daddr != {{ {', '.join(texts)} }} accept")
        return (*leaks, *super().first_rules(site))


def _family_matches(side: str, addresses: Addresses) -> Iterator[str]:
    """Yield one match per family that has addresses, as an anonymous set."""
    for family in NftFamily:
        if texts := elements(family, addresses.of(family)):
            yield f"{family.value} {side} {{ {', '.join(texts)} }}"


@defect("enforces-on-one-node-only", seen_in="kindnetd, whose policy controller may fail to start")
class EnforcesOnOneNodeOnly(Semantics):
    """Enforces policies on the first node, by name, and on no other."""

    def enforces_on(self, world: ClusterState, node: str) -> bool:
        return node == min((info.name for info in world.nodes), default=node)


@defect("same-node-not-policed")
class SameNodeNotPoliced(Semantics):
    """Lets pods of one node talk to each other whatever policies say."""

    def first_rules(self, site: NodeSite) -> Sequence[str]:
        rules = _rules_between(site.local, site.local, "accept")
        return (*rules, *super().first_rules(site))


@defect("cross-node-not-policed")
class CrossNodeNotPoliced(Semantics):
    """Enforces policies between the pods of one node and lets what comes from another node pass."""

    def first_rules(self, site: NodeSite) -> Sequence[str]:
        inward = _rules_between(site.remote, site.local, "accept")
        outward = _rules_between(site.local, site.remote, "accept")
        return (*inward, *outward, *super().first_rules(site))


@defect("cross-node-overblocks")
class CrossNodeOverblocks(Semantics):
    """Denies an isolated pod everything from another node, what rules allow included."""

    def first_rules(self, site: NodeSite) -> Sequence[str]:
        isolated = site.isolated[PolicyDirection.INGRESS]
        rules = _rules_between(site.remote, isolated, "ct direction original drop")
        return (*rules, *super().first_rules(site))


def _rules_between(sources: Addresses, destinations: Addresses, verdict: str) -> list[str]:
    rules = []
    for family in NftFamily:
        sender = elements(family, sources.of(family))
        receiver = elements(family, destinations.of(family))
        if sender and receiver:
            name = family.value
            source = f"{name} saddr {{ {', '.join(sender)} }}"
            rules.append(f"{source} {name} daddr {{ {', '.join(receiver)} }} {verdict}")
    return rules
