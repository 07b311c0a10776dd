"""Ports and addresses that mean something else than they seem to: Services' ports, wide blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_network

from netproof.model.flow import Direction
from netproof.model.review import Hint, Severity
from netproof.model.workload import Pod, Service, ServicePort
from netproof.policy import IpBlock, Network, NetworkPolicy, PortMatch, Rule, lies_in, matching
from netproof.review import phrases
from netproof.review.hints.context import HintContext
from netproof.review.reachability import CLUSTER_RANGES
from netproof.review.ways import ways_in

SERVICE_PORT = "service-port"
END_PORT = "end-port"
BLOCK_COVERS_CLUSTER = "block-covers-cluster"
SERVICE_ADDRESS = "service-address"
CLIENT_ADDRESS = "client-address"
DOUBTFUL_BLOCK = "doubtful-block"

SERVICE_RANGE = ip_network("10.96.0.0/12")
"""Where kubeadm puts Services."""

API_SERVER_SERVICES = frozenset(
    f"{address}/32"
    for address in (
        *("10.43.0.1", "10.100.0.1", "172.20.0.1", "10.0.0.1", "172.30.0.1"),
        *("10.152.183.1", "10.233.0.1", "10.32.0.1", "10.3.0.1"),
    )
)
"""What the Service `kubernetes` is called with k3s, EKS, AKS, OpenShift, MicroK8s and others."""

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
    for service in context.in_front_of(servers):
        for port in service.ports:
            written = matching.is_written_for(match, port.number, port.name)
            if not written or match.protocol is not port.protocol or port.target == match.port:
                continue
            behind = {pod.key for pod in context.reach.index.backends(service)}
            if not any(_declares(context, pod, match) for pod in servers if pod.key in behind):
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
        everything = _both_families(rule)
        if everything:
            yield _everything_hint(policy, rule, everything)
        for peer in rule.peers:
            if not isinstance(peer, IpBlock) or peer in everything or _is_of_services(rule, peer):
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
                f"{_relation(peer.cidr, pods or nodes)} where {what} usually live; whether a "
                "block matches them depends on the CNI",
                _instead(peer),
            )


def doubtful_block(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each block that is written so that CNIs may take it for another, or none."""
    for policy, rule in context.rules():
        for peer in rule.peers:
            if isinstance(peer, IpBlock) and peer.doubt:
                yield Hint(
                    DOUBTFUL_BLOCK,
                    Severity.WARNING,
                    str(peer.origin),
                    policy.rule_name(rule),
                    peer.doubt,
                    f"write {peer.cidr} if that is meant, or one host with its full length",
                )


def _both_families(rule: Rule) -> list[IpBlock]:
    """Return the blocks that are every address of IPv4 and of IPv6, none where one is missing."""
    blocks = [p for p in rule.peers if isinstance(p, IpBlock) and not p.cidr.prefixlen]
    whole = [block for block in blocks if not block.excepts]
    return whole if {block.cidr.version for block in whole} == {4, 6} else []


def _everything_hint(policy: NetworkPolicy, rule: Rule, blocks: list[IpBlock]) -> Hint:
    """Return a remark on who means everyone by all addresses, which some CNIs do not."""
    return Hint(
        BLOCK_COVERS_CLUSTER,
        Severity.INFO,
        str(blocks[0].origin),
        policy.rule_name(rule),
        f"{' and '.join(str(block.cidr) for block in blocks)} are everyone, but whether blocks "
        "match pods and nodes depends on the CNI",
        f"leave `{phrases.verb(rule.direction)}` out if everyone is meant; for the world alone, "
        "`except` the cluster's ranges",
    )


def service_address(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each egress block of Services' addresses, such as the API server's.

    Most dataplanes put the endpoint's address in its place before policies are asked.
    """
    for policy, rule in context.rules():
        for peer in rule.peers:
            if isinstance(peer, IpBlock) and _is_of_services(rule, peer):
                yield Hint(
                    SERVICE_ADDRESS,
                    Severity.WARNING,
                    str(peer.origin),
                    policy.rule_name(rule),
                    f"{peer.cidr} is where Services have their addresses, and most CNIs ask "
                    "policies when the address of a pod or host has taken its place already",
                    "name the Service's pods by selectors; for the API server, write the addresses "
                    "and the port of `kubectl get endpointslices --namespace default "
                    "--selector kubernetes.io/service-name=kubernetes`, mostly 6443",
                )


def _is_of_services(rule: Rule, peer: IpBlock) -> bool:
    return rule.direction is Direction.EGRESS and (
        lies_in(peer.cidr, SERVICE_RANGE) or str(peer.cidr) in API_SERVER_SERVICES
    )


def client_address(context: HintContext) -> Iterator[Hint]:
    """Yield a hint for each ingress block of a pod behind a Service that rewrites addresses."""
    fronts = [(way, pod, port) for way, pod, port in ways_in(context.reach) if way.rewrites]
    for policy, rule in context.rules():
        if rule.direction is not Direction.INGRESS:
            continue
        way = next((way for way, pod, port in fronts if _guards(policy, rule, pod, port)), None)
        blocks = [p for p in rule.peers if isinstance(p, IpBlock) and p.cidr.prefixlen]
        for peer in blocks if way else ():
            assert way is not None  # noqa: S101 - for the type checker
            yield Hint(
                CLIENT_ADDRESS,
                Severity.WARNING,
                str(peer.origin),
                policy.rule_name(rule),
                f"{way.what} at {way.place} may put a node's address in place of the client's, and "
                f"{peer.cidr} is held against that one",
                "set externalTrafficPolicy: Local there, or guard these pods otherwise",
            )


def _guards(policy: NetworkPolicy, rule: Rule, pod: Pod, port: int) -> bool:
    on_port = not rule.ports or any(
        matching.port_condition(match, port, match.protocol, pod) is None for match in rule.ports
    )
    return on_port and matching.selects(policy, pod)


def _relation(block: Network, ranges: list[Network]) -> str:
    """Say which of two lies in the other: a block in the usual ranges, or these in the block."""
    if block in ranges:
        return f"{block} is a range"
    held = [str(own) for own in ranges if own.prefixlen >= block.prefixlen]
    if held:
        return f"{block} holds {', '.join(held)},"
    return f"{block} lies in {', '.join(map(str, ranges))},"


def _instead(peer: IpBlock) -> str:
    """Return what to write: an `except` has to be a strict part of its block."""
    cut = _private(peer)
    also = f", and add `except: [{', '.join(cut)}]`" if cut else ""
    return f"name pods by selectors{also}"


def _private(peer: IpBlock) -> list[str]:
    inside = [
        own
        for own in (*NODE_RANGES, *CLUSTER_RANGES)
        if lies_in(own, peer.cidr) and own != peer.cidr
    ]
    outer = [
        one
        for one in inside
        if not any(o != one and o.overlaps(one) and o.prefixlen < one.prefixlen for o in inside)
    ]
    return [str(one) for one in outer]
