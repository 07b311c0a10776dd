"""100 x 100 TCP flows, all allowed, against one bare asyncio loop in the same namespaces."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import bench
from benchmarks.ratio import Ratio
from netproof.model.flow import Flow, Outcome
from netproof.model.flows import pod_flows
from netproof.model.workload import Family, Port
from netproof.run.worker import Worker

PODS = 100
ROUNDS = 3
TIMEOUT_S = 1.0
FLOOR = Path(__file__).parent / "bare_asyncio.py"


def run() -> Ratio:
    """Measure both in turn, so that noise meets both."""
    with (
        bench.lab("connects") as ref,
        bench.agents(ref, PODS, (Port(8000),), TIMEOUT_S) as worker,
    ):
        flows = [f for f in pod_flows(worker.topology) if f.family is Family.IPV4]
        _probe(worker, flows[:PODS])  # opens some streams
        _probe(worker, flows)
        floors, ours = [], []
        for _ in range(ROUNDS):
            floors.append(_bare(worker))
            ours.append(_probe(worker, flows))
    note = f"{len(flows)} connects"
    return Ratio("connects 100x100", statistics.median(ours), statistics.median(floors), 3.0, note)


def _probe(worker: Worker, flows: list[Flow]) -> float:
    began = time.perf_counter()
    seen = worker.prober.probe(flows)
    taken = time.perf_counter() - began
    wrong = {str(f): s for f, s in seen.items() if s.outcome is not Outcome.CONNECTED}
    if wrong:
        raise SystemExit(f"{len(wrong)} of {len(flows)} flows were not seen open: {wrong}"[:500])
    return taken


def _bare(worker: Worker) -> float:
    addresses = [pod.ips[0] for pod in worker.fleet.topology.pods]
    job = {"pids": _agent_pids(PODS), "addresses": addresses, "port": 8000}
    done = subprocess.run(
        [sys.executable, str(FLOOR)],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def _agent_pids(count: int) -> list[int]:
    """Return a process of each pod, as this machine numbers them."""
    found: dict[Path, int] = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            words = Path(entry.path, "cmdline").read_bytes().split(b"\0")
            namespace = Path(entry.path, "ns/net").readlink()
        except OSError:
            continue  # it ended meanwhile, or is not ours to see
        if b"serve" in words and any(word.startswith(b"bench/a") for word in words):
            found[namespace] = int(entry.name)
    if len(found) != count:
        raise SystemExit(f"found {len(found)} agents instead of {count}")
    return sorted(found.values())
