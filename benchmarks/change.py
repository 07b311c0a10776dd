"""From a policy's API call to the first denied probe, against one bare nft call.

The source pod runs a loop of connects that says when the first one failed that started after the
policy was sent; both sides read the same monotonic clock.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks import bench
from benchmarks.ratio import Ratio
from netproof.cluster.api.apply import Key, PoliciesInForce
from netproof.cluster.api.client import Obj
from netproof.cluster.streams.connections import ExecStream
from netproof.model.flow import Endpoint
from netproof.model.workload import Port
from netproof.policy.bundle import load_text
from netproof.policy.rewriting import rename_namespaces
from netproof.run.worker import Worker

CHANGES = 50

DENY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: bench, name: deny}
spec: {podSelector: {matchLabels: {app: a1}}}
"""

LOOP = """
import socket, sys, time
state = None
while True:
    began = time.monotonic()
    one = socket.socket()
    one.settimeout(0.05)
    try:
        one.connect((sys.argv[1], 8000))
        now = "open"
    except OSError:
        now = "denied"
    one.close()
    if now != state:
        state = now
        print(now, repr(began), flush=True)
    time.sleep(0.0002)
"""
"""Says each change of state with the time at which the first probe that saw it began."""

BARE = f"""
import statistics, subprocess, time
ruleset = "table inet t {{ set s {{ type ipv4_addr; }}; }}"
subprocess.run(["nft", "-f", "-"], input=ruleset, text=True, check=True)
taken = []
for n in range({CHANGES}):
    began = time.perf_counter()
    subprocess.run(["nft", "add", "element", "inet", "t", "s", "{{ 10.0.0.%d }}" % n], check=True)
    taken.append(time.perf_counter() - began)
print(statistics.median(taken))
"""


def run() -> Ratio:
    """Measure the median over all changes."""
    floor = _bare()
    with bench.lab("change") as ref, bench.agents(ref, 2, (Port(8000),), 1.0) as worker:
        ours = statistics.median(_changes(worker))
    return Ratio("policy to first denied probe", ours, floor, 10.0, f"{CHANGES} changes")


def _bare() -> float:
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    command = ["unshare", "--map-root-user", "--net", sys.executable, "-c", BARE]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout)


def _changes(worker: Worker) -> list[float]:
    space = worker.naming.namespace(bench.NAMESPACE)
    manifests = load_text(DENY, bench.NAMESPACE).manifests
    renamed = rename_namespaces(manifests, {bench.NAMESPACE: space})
    denied = {(one.namespace, one.name): dict(one.raw) for one in renamed}
    in_force = PoliciesInForce(worker.client, worker.naming.selector)
    source, target = worker.fleet.topology.pods
    where = worker.fleet.locate(Endpoint.pod(source.key))
    stream = ExecStream(worker.client, where, ["python3", "-c", LOOP, target.ips[0]])
    said = _lines(stream)
    try:
        return [_one_change(in_force, denied, said) for _ in range(CHANGES)]
    finally:
        stream.close()


def _one_change(
    in_force: PoliciesInForce, policy: dict[Key, Obj], said: Iterator[tuple[str, float]]
) -> float:
    _await(said, "open")
    sent = time.monotonic()
    in_force.become(policy)
    denied = _await(said, "denied")
    in_force.become({})
    return denied - sent


def _await(said: Iterator[tuple[str, float]], state: str) -> float:
    return next(began for now, began in said if now == state)


def _lines(stream: ExecStream) -> Iterator[tuple[str, float]]:
    pending = b""
    while True:
        pending += stream.receive(5.0)
        while b"\n" in pending:
            line, pending = pending.split(b"\n", 1)
            state, began = line.split()
            yield state.decode(), float(began)
