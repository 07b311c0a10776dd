"""Ways of packets besides those from pod to pod: into the cluster, and to who resolves names.

What comes by a node or a controller comes as somebody else than it is; what a pod asks for names
may be no pod.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from netproof.expected.decision import decide
from netproof.expected.traffic import Packets, Party
from netproof.model.flow import Direction, Flow, Reason
from netproof.model.workload import Family, Host, HostKind, Pod, Protocol, is_address
from netproof.policy import NetworkPolicy, Peer, PodPeer, matching
from netproof.policy.entrances import Entrance
from netproof.policy.mirror import Mirror, text_of
from netproof.review.reachability import Reachability


def ways_in(reach: Reachability) -> Iterator[tuple[Entrance, Pod, int]]:
    """Yield each way from outside with a pod and the port of it that the way leads to."""
    for way in reach.mirror.entrances:
        for service in reach.mirror.bundle.services:
            if service.key == way.service:
                for pod in reach.index.backends(service):
                    yield from ((way, pod, port) for port in way.leads_to(service, pod))


def may_be_routed(reach: Reachability, pod: Pod, port: int, protocol: Protocol) -> bool:
    """Tell whether policies may let the pods of a controller in, wherever those are.

    A rule for pods of its own namespace that names such as are in the bundle means those.
    """
    policies = reach.index.isolating(pod, Direction.INGRESS)
    for policy in policies:
        for rule in policy.rules(Direction.INGRESS):
            here = matching.is_for_port(rule.ports, port, protocol, pod)
            if here and (not rule.peers or any(_may_be_far(reach, policy, p) for p in rule.peers)):
                return True
    return not policies


def _may_be_far(reach: Reachability, policy: NetworkPolicy, peer: Peer) -> bool:
    if not isinstance(peer, PodPeer) or peer.namespace_selector is not None:
        return True
    named = reach.index.population.named(peer, policy.namespace)
    return not any(pod.probes for pod in named)


_LOCAL_CACHE = ("node-local-dns", "nodelocaldns")
_LINK_LOCAL = re.compile(r"\b169\.254\.\d{1,3}\.\d{1,3}\b", re.ASCII)


def resolvers_of(mirror: Mirror) -> dict[str, tuple[str, ...]]:
    """Return the servers that workloads ask for names, of those that ask others than the DNS.

    Where the bundle brings a cache for each node, it is asked in the place of the cluster's DNS.
    Source: https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/.
    """
    cache = next((w for w in mirror.workloads if w.pod.name.startswith(_LOCAL_CACHE)), None)
    usual: tuple[str, ...] = ()
    if cache is not None:
        address = _LINK_LOCAL.search(mirror.texts.get(text_of(cache.origin), ""))
        usual = (address[0] if address else "169.254.20.10",)
    every = {one.key: one.resolvers or (() if one is cache else usual) for one in mirror.workloads}
    return {key: servers for key, servers in every.items() if servers}


def ask_resolver(reach: Reachability, flow: Flow, server: str) -> Reason:
    """Say whether a pod may ask a server that is no pod; `flow` is how it would ask the DNS."""
    pod, given = reach.pods[flow.source.name], is_address(server)
    host = Host(HostKind.OUTSIDE, server, (server,) if given else ())
    family = Family.of(server) if given else flow.family
    packets = Packets(flow.port, flow.protocol, family)
    return decide(reach.index, pod, Party(host), packets, Direction.EGRESS)
