"""An ipBlock that holds addresses of pods, Services or nodes.

NetworkPolicyPeer.ipBlock is for the outside: pods' addresses change, what a Service's or node's
address looks like on arrival is not defined, and CNIs differ in whether a block matches pods.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from netproof.model.review import Hint, Severity
from netproof.policy import IpBlock
from netproof.policy.peers import Network
from netproof.review.blocks import CLUSTER_RANGES
from netproof.review.hints.look import Look, rule_name

NAME = "block-covers-cluster"

NODE_RANGES: tuple[Network, ...] = tuple(
    ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
"""Where nodes mostly live (RFC 1918, RFC 4193); pods and Services of other set-ups do, too."""


def find(look: Look) -> Iterator[Hint]:
    """Yield a hint for each block with such addresses, a warning where they are surely pods'."""
    for policy, rule in look.rules():
        for peer in rule.peers:
            if not isinstance(peer, IpBlock):
                continue
            pods = [own for own in CLUSTER_RANGES if _covers(peer, own)]
            nodes = [own for own in NODE_RANGES if _covers(peer, own)]
            if not pods and not nodes:
                continue
            held = ", ".join(str(one) for one in (pods or nodes))
            what = "pods and Services" if pods else "nodes"
            yield Hint(
                NAME,
                Severity.WARNING if pods else Severity.INFO,
                str(peer.origin),
                rule_name(policy, rule),
                f"{peer.cidr} holds {held}, where {what} usually live; whether a block matches "
                "them depends on the CNI",
                f"name pods by selectors, and add `except: [{', '.join(_private(peer))}]`",
            )


def _covers(peer: IpBlock, own: Network) -> bool:
    if peer.cidr.version != own.version or not peer.cidr.overlaps(own):
        return False
    shared = own if own.prefixlen >= peer.cidr.prefixlen else peer.cidr
    return not any(
        cut.prefixlen <= shared.prefixlen and shared.network_address in cut for cut in peer.excepts
    )


def _private(peer: IpBlock) -> list[str]:
    inside = [
        own
        for own in (*NODE_RANGES, *CLUSTER_RANGES)
        if own.version == peer.cidr.version
        and own.prefixlen > peer.cidr.prefixlen
        and own.network_address in peer.cidr
    ]
    outer = [
        one
        for one in inside
        if not any(o != one and o.overlaps(one) and o.prefixlen < one.prefixlen for o in inside)
    ]
    return [str(one) for one in outer] or ["the range of your pods"]
