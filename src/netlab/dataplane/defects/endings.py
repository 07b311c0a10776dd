"""Faults about pods that end: while they terminate, and when somebody else has their address."""

from collections.abc import Sequence
from dataclasses import replace

from netlab.dataplane import addresses
from netlab.dataplane.addresses import NOBODY, Addresses, NftFamily, elements
from netlab.dataplane.clusterstate import (
    AddressedPod,
    ClusterState,
    ClusterView,
    Obj,
    ReadPolicy,
    has_completed,
    ips_of,
    is_terminating,
    uid_of,
)
from netlab.dataplane.defects.defect import defect
from netlab.dataplane.semantics import NodeSite, PolicyClaim, Semantics


@defect("terminating-pod-is-no-peer", seen_in="Azure/AKS#2598")
class TerminatingPodIsNoPeer(Semantics):
    """Takes a terminating pod out of the peers: rules give nothing to it, and nothing by it."""

    def peer_selects(
        self, world: ClusterState, policy: ReadPolicy, peer: Obj, pod: AddressedPod
    ) -> bool:
        return not pod.terminating and super().peer_selects(world, policy, peer, pod)


@defect("terminating-pod-is-cut-off", seen_in="projectcalico/calico#4518")
class TerminatingPodIsCutOff(Semantics):
    """Drops whatever a terminating pod sends or is sent, with policies and without."""

    def __init__(self) -> None:
        super().__init__()
        self._cut_off: Addresses = NOBODY

    def perceive(self, previous: ClusterView | None, view: ClusterView) -> ClusterView:
        ending = (pod for pod in view.pods if is_terminating(pod))
        self._cut_off = addresses.of_ips(ip for pod in ending for ip in ips_of(pod))
        return super().perceive(previous, view)

    def first_rules(self, site: NodeSite) -> Sequence[str]:
        drops = [
            f"{family.value} {side} {{ {', '.join(texts)} }} drop"
            for family in NftFamily
            for side in ("saddr", "daddr")
            if (texts := elements(family, self._cut_off.of(family)))
        ]
        return (*drops, *super().first_rules(site))


class _LosesRules(Semantics):
    """Goes on isolating terminating pods, by policies that have lost some of their rules."""

    def without_rules(self, policy: ReadPolicy) -> ReadPolicy:
        """Return a policy as it is for a terminating pod."""
        return policy

    def claims(self, claims: Sequence[PolicyClaim]) -> Sequence[PolicyClaim]:
        made = []
        for claim in super().claims(claims):
            ending = tuple(pod for pod in claim.pods if pod.terminating)
            others = tuple(pod for pod in claim.pods if not pod.terminating)
            made.append(PolicyClaim(claim.policy, others))
            made.append(PolicyClaim(self.without_rules(claim.policy), ending))
        return made


@defect("terminating-pod-loses-its-egress", seen_in="Azure/AKS#2223")
class TerminatingPodLosesItsEgress(_LosesRules):
    """Forgets where policies let a terminating pod go, and goes on isolating it."""

    def without_rules(self, policy: ReadPolicy) -> ReadPolicy:
        return replace(super().without_rules(policy), egress=())


@defect("terminating-pod-loses-its-ingress", seen_in="Azure/AKS#2445")
class TerminatingPodLosesItsIngress(_LosesRules):
    """Forgets whom policies let in to a terminating pod, and goes on isolating it."""

    def without_rules(self, policy: ReadPolicy) -> ReadPolicy:
        return replace(super().without_rules(policy), ingress=())


@defect("terminating-pod-is-set-free", seen_in="Azure/azure-container-networking#1066")
class TerminatingPodIsSetFree(Semantics):
    """Isolates a terminating pod no longer."""

    def selects(self, policy: ReadPolicy, pod: AddressedPod) -> bool:
        return not pod.terminating and super().selects(policy, pod)


@defect("terminating-pod-keeps-old-policies")
class TerminatingPodKeepsOldPolicies(Semantics):
    """Goes on with the policies that a pod had when it began to terminate, whatever they become."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[str, tuple[Obj, ...]] = {}

    def perceive(self, previous: ClusterView | None, view: ClusterView) -> ClusterView:
        perceived = super().perceive(previous, view)
        before = view.policies if previous is None else previous.policies
        ending = [uid_of(pod) for pod in view.pods if is_terminating(pod)]
        self._kept = {uid: self._kept.get(uid, before) for uid in ending}
        kept = [_kept_for(uid, policy) for uid, all_ in self._kept.items() for policy in all_]
        return replace(perceived, policies=(*perceived.policies, *kept))

    def selects(self, policy: ReadPolicy, pod: AddressedPod) -> bool:
        if pod.uid in self._kept:
            applies = policy.uid.startswith(f"{_KEPT} {pod.uid} ")
        else:
            applies = not policy.uid.startswith(f"{_KEPT} ")
        return applies and super().selects(policy, pod)


_KEPT = "kept for"


def _kept_for(pod_uid: str, policy: Obj) -> Obj:
    """Return a policy as one that is a single pod's."""
    meta = {**policy["metadata"], "uid": f"{_KEPT} {pod_uid} {uid_of(policy)}"}
    return {**policy, "metadata": meta}


class _KeepsCompletedPods(Semantics):
    """Goes on taking the addresses in the status of completed pods for theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.completed: set[str] = set()

    def perceive(self, previous: ClusterView | None, view: ClusterView) -> ClusterView:
        perceived = super().perceive(previous, view)
        self.completed = {uid_of(pod) for pod in view.pods if has_completed(pod)}
        return replace(perceived, pods=tuple(map(_as_running, perceived.pods)))


def _as_running(pod: Obj) -> Obj:
    status = pod.get("status") or {}
    return {**pod, "status": {**status, "phase": "Running"}} if has_completed(pod) else pod


@defect("completed-pod-stays-guarded", seen_in="cloudnativelabs/kube-router#1056")
class CompletedPodStaysGuarded(_KeepsCompletedPods):
    """Has the policies of a completed pod guard its address, whoever has that by now."""

    def peer_selects(
        self, world: ClusterState, policy: ReadPolicy, peer: Obj, pod: AddressedPod
    ) -> bool:
        ended = pod.uid in self.completed
        return not ended and super().peer_selects(world, policy, peer, pod)


@defect("completed-pod-stays-a-peer", seen_in="aws/amazon-network-policy-controller-k8s#190")
class CompletedPodStaysAPeer(_KeepsCompletedPods):
    """Gives what rules give to a completed pod to its address, whoever has that by now."""

    def selects(self, policy: ReadPolicy, pod: AddressedPod) -> bool:
        return pod.uid not in self.completed and super().selects(policy, pod)


@defect("completed-pod-hides-its-successor", seen_in="antrea-io/antrea#6507")
class CompletedPodHidesItsSuccessor(_KeepsCompletedPods):
    """Takes whoever has a completed pod's address by now for that pod, and for no other."""

    def perceive(self, previous: ClusterView | None, view: ClusterView) -> ClusterView:
        perceived = super().perceive(previous, view)
        theirs = {ip for pod in view.pods if has_completed(pod) for ip in ips_of(pod)}
        pods = (
            pod
            for pod in perceived.pods
            if uid_of(pod) in self.completed or not theirs & set(ips_of(pod))
        )
        return replace(perceived, pods=tuple(pods))


@defect("deleted-pod-takes-its-address-along", seen_in="Azure/azure-container-networking#562")
class DeletedPodTakesItsAddressAlong(Semantics):
    """Forgets an address when a completed pod that had it is deleted, whoever has it by now."""

    def __init__(self) -> None:
        super().__init__()
        self._forgotten: set[addresses.Ip] = set()

    def perceive(self, previous: ClusterView | None, view: ClusterView) -> ClusterView:
        perceived = super().perceive(previous, view)
        here = {uid_of(pod) for pod in view.pods}
        before = previous.pods if previous else ()
        gone = (pod for pod in before if has_completed(pod) and uid_of(pod) not in here)
        self._forgotten |= {ip for pod in gone for ip in ips_of(pod)}
        self._forgotten &= {ip for pod in view.pods for ip in ips_of(pod)}
        pods = (pod for pod in perceived.pods if not self._forgotten & set(ips_of(pod)))
        return replace(perceived, pods=tuple(pods))
