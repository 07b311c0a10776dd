"""A bundle's reachability by workload and port, in a form that can be kept and compared.

Bundles that are compared are seen by one measure: the same blocks of the outside told apart, the
same ports tried there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netproof.model.flow import Endpoint, EndpointKind, Expected, Flow
from netproof.model.review import Edge, Reach, Snapshot
from netproof.model.workload import Port, Protocol
from netproof.policy import matching
from netproof.policy.mirror import Mirror
from netproof.review.blocks import policy_blocks
from netproof.review.reachability import Reachability, egress_ports, read_reachability

OTHER = "any"
"""The port of the outside that stands for all that nobody names."""

DNS_NAME = "dns"

_REACH = {Expected.ALLOWED: Reach.ALLOWED, Expected.UNDEFINED: Reach.UNDEFINED}


@dataclass(frozen=True, slots=True)
class SnapshotView:
    """A bundle to take a snapshot of; `other` is the port that stands for all unnamed ones."""

    reach: Reachability
    other: int

    def edge(self, flow: Flow) -> Edge:
        """Return the edge of a snapshot that a flow is."""
        abroad = flow.destination.kind is EndpointKind.OUTSIDE
        port = Port(flow.port, flow.protocol)
        name = self.port(port) if abroad else str(port)
        return Edge(_name(flow.source), _name(flow.destination), name)

    def port(self, port: Port) -> str:
        """Return what a port of the outside is called."""
        return f"{OTHER}/{port.protocol}" if port.number == self.other else str(port)


def views(*mirrors: Mirror) -> tuple[SnapshotView, ...]:
    """Return a view of each bundle, all by one measure."""
    policies = [policy for mirror in mirrors for policy in mirror.bundle.policies]
    blocks = tuple(dict.fromkeys(policy_blocks(policies)))
    other = _unnamed(mirrors)
    named = tuple(dict.fromkeys(egress_ports(policies)))
    ports = (*named, Port(other), Port(other, Protocol.UDP))
    return tuple(
        SnapshotView(read_reachability(mirror, blocks, ports), other) for mirror in mirrors
    )


def take(view: SnapshotView) -> Snapshot:
    """Return the snapshot of a bundle."""
    edges = {
        view.edge(flow): _REACH[expectation.expected]
        for flow, expectation in view.reach.matrix.items()
        if expectation.expected in _REACH
    }
    workloads = {
        pod.key: tuple(str(port) for port in sorted(pod.ports)) for pod in view.reach.workloads
    }
    return Snapshot(
        dict(sorted(workloads.items())),
        dict(sorted(edges.items())),
        tuple(sorted(host.name for host in view.reach.topology.hosts)),
        tuple(sorted({view.port(port) for port in view.reach.outside_ports})),
    )


def _name(end: Endpoint) -> str:
    return DNS_NAME if end.kind is EndpointKind.SERVICE else end.name


def _unnamed(mirrors: tuple[Mirror, ...]) -> int:
    """Return the first port that no rule names, not even within a range.

    Ranges that leave none are as good as every port, and any port then stands for all.
    """
    taken = tuple(_named_ranges(mirrors))
    free = (n for n in range(1, 65536) if not any(first <= n <= last for first, last in taken))
    return next(free, 1)


def _named_ranges(mirrors: tuple[Mirror, ...]) -> Iterator[tuple[int, int]]:
    for mirror in mirrors:
        for policy in mirror.bundle.policies:
            for rule in (*policy.ingress, *policy.egress):
                for match in rule.ports:
                    if numbered := matching.port_range(match):
                        yield numbered
