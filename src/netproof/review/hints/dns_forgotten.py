"""Egress that is limited without a way to the cluster's DNS: names do not resolve any more.

DNS needs UDP, and TCP for answers that do not fit a datagram (RFC 7766).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from netproof.model.flow import Direction, Endpoint, Expected, Flow, Path
from netproof.model.review import Hint, Severity
from netproof.model.workload import Pod, Protocol
from netproof.policy import NetworkPolicy
from netproof.policy.served import selects
from netproof.review import wording
from netproof.review.hints.look import Look
from netproof.review.world import DNS

NAME = "dns-forgotten"

_FIX = (
    "add egress to namespaceSelector kubernetes.io/metadata.name=kube-system with podSelector "
    "k8s-app=kube-dns, ports 53/UDP and 53/TCP"
)


def find(look: Look) -> Iterator[Hint]:
    """Yield a hint for each policy that leaves workloads without DNS, or with half of it."""
    told = [
        (policy, severity, text, pod)
        for pod in look.world.workloads
        if (policy := _isolating(look, pod)) and (found := _wrong(look, pod))
        for severity, text in (found,)
    ]
    told.sort(key=lambda one: (str(one[0].origin), one[1], one[2]))
    for (policy, severity, text), each in groupby(told, key=lambda one: one[:3]):
        pods = wording.listed(pod.key for *_, pod in each)
        yield Hint(NAME, severity, str(policy.origin), policy.key, f"{pods}: {text}", _FIX)


def _isolating(look: Look, pod: Pod) -> NetworkPolicy | None:
    """Return the policy to name: of those that limit the pod's egress, one with rules if any."""
    found = [
        policy
        for policy in look.world.policies
        if Direction.EGRESS in policy.policy_types and selects(policy, pod)
    ]
    return next((p for p in found if p.egress), found[0] if found else None)


def _wrong(look: Look, pod: Pod) -> tuple[Severity, str] | None:
    udp, tcp = (_may(look, pod, protocol) for protocol in (Protocol.UDP, Protocol.TCP))
    if udp and tcp:
        return None
    if udp:
        return Severity.INFO, "DNS by UDP only; answers too long for a datagram are lost"
    if tcp:
        return Severity.WARNING, "DNS by TCP only, and resolvers ask by UDP first"
    if pod.key in look.going_out:
        return Severity.WARNING, "egress is limited and DNS is not let out: names do not resolve"
    return Severity.INFO, "all egress is denied, DNS too: names do not resolve"


def _may(look: Look, pod: Pod, protocol: Protocol) -> bool:
    asked = Flow(Endpoint.pod(pod.key), Endpoint.service(DNS), 53, protocol, path=Path.DNS)
    return look.world.matrix[asked].expected is not Expected.DENIED
