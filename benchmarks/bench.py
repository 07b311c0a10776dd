"""A lab with equal agents, and the pieces of netproof that benchmarks drive directly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from netproof.cluster.backend import ClusterRef
from netproof.cluster.lab import LabCluster, LabOptions
from netproof.cluster.naming import Naming
from netproof.model.workload import Namespace, Pod, Port, Protocol
from netproof.policy.bundle import Bundle
from netproof.run.scenario import Wishes
from netproof.run.worker import Worker

NAMESPACE = "bench"


@contextmanager
def lab(name: str, nodes: int = 2) -> Iterator[ClusterRef]:
    """Start a lab and end it."""
    cluster = LabCluster(LabOptions(nodes=nodes, name=f"bench-{name}"))
    ref = cluster.start()
    try:
        yield ref
    finally:
        cluster.stop()


@contextmanager
def agents(
    ref: ClusterRef, count: int, ports: tuple[Port, ...], probe_timeout_s: float
) -> Iterator[Worker]:
    """Deploy equal agents `a0`, `a1`, ... with streams to all of them open."""
    settings = Wishes("python", probe_timeout_s).settings(ref)
    worker = Worker(ref, Naming("bench", "w0"), settings)
    pods = tuple(Pod(NAMESPACE, f"a{n}", {"app": f"a{n}"}, ports) for n in range(count))
    try:
        worker.deploy(Bundle(namespaces=(Namespace(NAMESPACE),), pods=pods))
        yield worker
    finally:
        worker.close()


def ports(count: int) -> tuple[Port, ...]:
    """Return that many ports, TCP and UDP in turn."""
    return tuple(Port(8000 + n, Protocol.UDP if n % 2 else Protocol.TCP) for n in range(count))
