"""Ports and addresses that mean something else than they seem to: Services' ports, wide blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_network

from netproof.model.review import Hint, Severity
from netproof.model.workload import Pod, Service, ServicePort
from netproof.policy import IpBlock, Network, NetworkPolicy, PortMatch, Rule, matching
from netproof.review.hints.context import HintContext
from netproof.review.reachability import CLUSTER_RANGES

SERVICE_PORT = "service-port"
END_PORT = "end-port"
BLOCK_COVERS_CLUSTER = "block-covers-cluster"

ENDPORT_IGNORED_BY: Mapping[str, str] = {"weave": "Weave Net", "weave-net": "Weave Net"}

NODE_RANGES: tuple[Network, ...] = tuple(
    ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
"""Where nodes mostly live (RFC 1918, RFC 4193); pods and Services of other set-ups do, too."""


def service_port(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each port of a rule that is a Service's and no declared one of its pods.

    Policies see packets after the port was rewritten to the pod's.
    """
    for policy, rule in context.rules():
        servers = context.servers(policy, rule)
        for match in rule.ports:
            for service, port in _services(context, servers, match):
                yield _service_hint(policy, rule, match, service, port)


def _services(
    context: HintContext, servers: tuple[Pod, ...], match: PortMatch
) -> Iterator[tuple[Service, ServicePort]]:
    for service in context.reach.mirror.bundle.services:
        behind = {pod.key for pod in context.reach.topology.backends(service)}
        reached = [pod for pod in servers if pod.key in behind]
        for port in service.ports:
            written = matching.is_written_for(match, port.number, port.name)
            if not reached or not written or match.protocol is not port.protocol:
                continue
            if port.target != match.port and not any(_declares(context, p, match) for p in reached):
                yield service, port


def _declares(context: HintContext, pod: Pod, match: PortMatch) -> bool:
    workload = context.workloads.get(pod.key)
    declared = workload.declared if workload else pod.ports
    return any(matching.is_written_for(match, port.number, port.name) for port in declared)


def _service_hint(
    policy: NetworkPolicy, rule: Rule, match: PortMatch, service: Service, port: ServicePort
) -> Hint:
    return Hint(
        SERVICE_PORT,
        Severity.ERROR,
        str(match.origin),
        policy.rule_name(rule),
        f"{match.port}/{match.protocol} is the port of Service {service.key}; its pods are reached "
        f"at {port.target}, and that is what policies see",
        f"write port: {port.target}",
    )


def end_port(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each range of ports where the CNI ignores it, or none was named.

    A CNI that does not read endPort applies `port` alone. Sources: the endPort section of the
    NetworkPolicy documentation; the CNIs' own code.
    """
    chosen = context.cni.lower()
    if chosen and chosen not in ENDPORT_IGNORED_BY:
        return
    if chosen:
        ignored = f"{ENDPORT_IGNORED_BY[chosen]} ignores endPort"
    else:
        ignored = "not every CNI reads endPort (Weave Net does not)"
    for policy, rule in context.rules():
        for match in rule.ports:
            if match.end_port is not None and match.end_port != match.port:
                yield Hint(
                    END_PORT,
                    Severity.ERROR if chosen else Severity.INFO,
                    str(match.origin),
                    policy.rule_name(rule),
                    f"{ignored}: the rule is for {match.port} alone there",
                    "list the ports, or name your CNI: --static --cni NAME",
                )


def block_covers_cluster(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each block with addresses of the cluster, a warning where surely pods'.

    NetworkPolicyPeer.ipBlock is for the outside: pods' addresses change, what a Service's or node's
    address looks like on arrival is not defined, and CNIs differ in whether a block matches pods.
    """
    for policy, rule in context.rules():
        for peer in rule.peers:
            if not isinstance(peer, IpBlock):
                continue
            pods = [own for own in CLUSTER_RANGES if matching.block_covers(peer, own)]
            nodes = [own for own in NODE_RANGES if matching.block_covers(peer, own)]
            if not pods and not nodes:
                continue
            what = "pods and Services" if pods else "nodes"
            yield Hint(
                BLOCK_COVERS_CLUSTER,
                Severity.WARNING if pods else Severity.INFO,
                str(peer.origin),
                policy.rule_name(rule),
                f"{_relation(peer.cidr, pods or nodes)}, where {what} usually live; whether a "
                "block matches them depends on the CNI",
                _instead(peer),
            )


def _relation(block: Network, ranges: list[Network]) -> str:
    """Say which of two lies in the other: a block in the usual ranges, or these in the block."""
    held = [str(own) for own in ranges if own.prefixlen >= block.prefixlen]
    if held:
        return f"{block} holds {', '.join(held)}"
    return f"{block} lies in {', '.join(map(str, ranges))}"


def _instead(peer: IpBlock) -> str:
    """Return what to write: an `except` has to be a strict part of its block."""
    cut = _private(peer)
    also = f", and add `except: [{', '.join(cut)}]`" if cut else ""
    return f"name pods by selectors{also}"


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
    return [str(one) for one in outer]
