"""What NetworkPolicy v1 does not say: pairs for which neither answer of a CNI would be wrong.

Each function returns the reason as the end of a sentence, "" where there is none. Sources:
https://kubernetes.io/docs/concepts/services-networking/network-policies/ ("NetworkPolicy and
hostNetwork pods", "Behavior of to and from selectors" on rewritten addresses, the exceptions in
the introduction), NetworkPolicySpec.ingress ("the traffic source is the pod's local node").
"""

from __future__ import annotations

from netproof.expected.traffic import SOME_NODE, Packets, Party
from netproof.model.flow import Direction
from netproof.model.workload import Host, HostKind, Pod

NO_TRANSPORT = "NetworkPolicy speaks of TCP, UDP and SCTP, and leaves open what becomes of ICMP"
"""Under rules that deny and under rules that allow (same page, "Network traffic filtering")."""

REWRITTEN_BY_NODE = (
    "a node may put its own address in place of the sender's on the way to a backend"
)
NODE_PORT_ORDER = (
    "it is not defined whether policies see a node port before or after it is rewritten"
)


def why_undefined(
    pod: Pod,
    other: Party,
    packets: Packets,
    direction: Direction,
    *,
    blocks: bool,
    strangers: bool,
) -> str:
    """Say why the API leaves it open what the policies of an isolated pod do to these packets.

    `blocks` tells whether a rule for the port has an ipBlock, so that addresses matter,
    `strangers` whether one selects pods that nothing is known of, such as a node's own.
    """
    if pod.host_network:
        return "the API does not say whether policies apply to hostNetwork pods"
    if isinstance(other.who, Pod):
        why = _of_pod(pod, other.who, packets, blocks=blocks)
    else:
        why = _of_host(pod, other.who, packets, direction, blocks=blocks, strangers=strangers)
    return why or other.rewritten


def _of_pod(pod: Pod, other: Pod, packets: Packets, *, blocks: bool) -> str:
    if other.key == pod.key:
        return "a pod's traffic to itself is not for policies to deny"
    if other.host_network:
        return f"{other.key} uses hostNetwork and may count as a pod or as its node"
    if blocks and other.ip(packets.family) is None:
        return f"it is not known which {packets.family} address {other.key} has"
    return ""


def _of_host(
    pod: Pod,
    other: Host,
    packets: Packets,
    direction: Direction,
    *,
    blocks: bool,
    strangers: bool,
) -> str:
    if other.kind is HostKind.NODE:
        if not pod.node or other.name in (pod.node, SOME_NODE.name):
            return "traffic between a pod and its own node is not for policies to deny"
        if blocks and direction is Direction.INGRESS:
            return f"it is not said which of its addresses the node {other.name} connects from"
        if strangers:
            return f"a rule selects pods everywhere, and {other.name} may count as one of its own"
    if other.kind is HostKind.API_SERVER and strangers:
        return "a rule selects pods as which the API server may count, and it may count as its node"
    if blocks and other.ip(packets.family) is None:
        return f"it is not known which {packets.family} address {other.name} has"
    return ""
