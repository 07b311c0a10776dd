"""Each rule of a bundle dropped and widened in turn, against judging the bundle once."""

from __future__ import annotations

import time

from benchmarks.ratio import Ratio
from netproof.policy.mirror import mirror_texts
from netproof.review.case import case_of
from netproof.review.mutation import mutate

SIZE = 60
"""Workloads, and as many policies."""

WORKLOAD = """\
apiVersion: v1
kind: Pod
metadata: {{name: w{n}, namespace: ns{space}, labels: {{app: a{n}, tier: t{tier}}}}}
spec:
  containers: [{{name: c, ports: [{{containerPort: 8080, name: http}}, {{containerPort: 9090}}]}}]
"""

POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: p{n}, namespace: ns{space}}}
spec:
  podSelector: {{matchLabels: {{{selected}}}}}
  policyTypes: [Ingress, Egress]
  ingress:
    - from: [{{podSelector: {{matchLabels: {{tier: t{tier}}}}}}}, {{namespaceSelector: {{}}}}]
      ports: [{{port: 8080}}]
    - from: [{{ipBlock: {{cidr: 192.0.{tier}.0/24}}}}]
  egress:
    - to: [{{podSelector: {{matchLabels: {{tier: t{space}}}}}}}]
      ports: [{{port: http}}]
    - ports: [{{port: 53, protocol: UDP}}]
"""


def run() -> Ratio:
    """Measure both on one bundle; what reads it is in neither."""
    case = case_of(mirror_texts([("bundle.yaml", _bundle())]), "bench")
    began = time.perf_counter()
    judged = len(case.reachability.matrix)
    floor = time.perf_counter() - began
    began = time.perf_counter()
    found = mutate(case.reachability, ())
    ours = time.perf_counter() - began
    note = f"{len(found)} mutations, {judged} flows"
    return Ratio("mutations to judging once", ours, floor, 15.0, note)


def _bundle() -> str:
    parts = []
    for n in range(SIZE):
        given = {"n": n, "space": n % 3, "tier": n % 5}
        selected = f"app: a{n}" if n % 3 else f"tier: t{n % 5}"
        parts += [WORKLOAD.format(**given), POLICY.format(**given, selected=selected)]
    return "---\n".join(parts)
