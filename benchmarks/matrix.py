"""A matrix of 9 x 9 pods x 6 ports with half the flows dropped, against its one timeout.

Dropped packets cost their timeout whatever one does; all that can be done is to wait for all of
them at once.
"""

from __future__ import annotations

import statistics
import time

from benchmarks import bench
from benchmarks.ratio import Ratio
from netproof.model.flow import Flow, Outcome
from netproof.model.flows import pod_flows
from netproof.model.workload import Family
from netproof.policy.bundle import load_text
from netproof.run.worker import Worker

TIMEOUT_S = 1.0
ROUNDS = 5

HALF = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: bench, name: three-of-six}
spec:
  podSelector: {}
  ingress:
    - ports:
        - {port: 8000}
        - {port: 8001, protocol: UDP}
        - {port: 8002}
"""


def run() -> Ratio:
    """Measure the median wall time of whole matrices."""
    with bench.lab("matrix") as ref, bench.agents(ref, 9, bench.ports(6), TIMEOUT_S) as worker:
        flows = [f for f in pod_flows(worker.topology) if f.family is Family.IPV4]
        worker.prober.probe(flows)  # opens the streams
        with worker.with_policies(load_text(HALF, bench.NAMESPACE)):
            taken, dropped = zip(*(_matrix(worker, flows) for _ in range(ROUNDS)), strict=True)
    note = f"{len(flows)} flows, {dropped[0]} dropped"
    return Ratio("matrix 9x9x6, half dropped", statistics.median(taken), TIMEOUT_S, 1.3, note)


def _matrix(worker: Worker, flows: list[Flow]) -> tuple[float, int]:
    began = time.perf_counter()
    seen = worker.prober.probe(flows)
    taken = time.perf_counter() - began
    return taken, sum(one.outcome is Outcome.DROPPED for one in seen.values())
