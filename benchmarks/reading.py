"""`netproof check --static` of 1,000 workloads with as many policies, against ten times 100.

Work that follows the flows takes a hundred times as long, work that follows the policies ten times.
CPU seconds of the whole process, without those of a bundle of one.
"""

from __future__ import annotations

import math
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.ratio import Ratio

FEW, MANY = 100, 1_000
SPACES = 50
LIMIT = 1.6
"""Ten times the workloads may take sixteen times as long: an exponent of 1.2."""

CPU_S = 10.0
"""What 1,000 may take: a check belongs into every pull request."""


def run() -> Ratio:
    """Measure both, and say by which power of the workloads the work grows."""
    started = _checked(1)
    few, many = (_checked(workloads) - started for workloads in (FEW, MANY))
    exponent = math.log(many / few) / math.log(MANY / FEW)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    over = " OVER 10 s" if many > CPU_S else ""
    note = f"{MANY} workloads, exponent {exponent:.2f}, {peak} MiB{over}"
    return Ratio("check --static", many, few * MANY / FEW, LIMIT, note)


def bundle(workloads: int) -> str:
    """Return a bundle with a Service and a policy for each workload, none like another."""
    parts = [_space(number) for number in range(min(SPACES, workloads))]
    for number in range(workloads):
        parts += [_workload(number), _policy(number, workloads)]
    parts.append('intents:\n  - {deny: "outside -> *", reason: nobody}\n')
    return "---\n".join(parts)


def _space(number: int) -> str:
    labels = f"{{team: t{number % 7}}}"
    return f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: ns{number}, labels: {labels}}}\n"


def _workload(number: int) -> str:
    space, port = f"ns{number % SPACES}", 8000 + number % 9
    return f"""apiVersion: apps/v1
kind: Deployment
metadata: {{name: w{number}, namespace: {space}}}
spec:
  template:
    metadata: {{labels: {{app: w{number}, tier: x{number % 5}}}}}
    spec: {{containers: [{{name: c, ports: [{{containerPort: {port}, name: http}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: w{number}, namespace: {space}}}
spec: {{selector: {{app: w{number}}}, ports: [{{port: 80, targetPort: http}}]}}
"""


def _policy(number: int, workloads: int) -> str:
    other = number * 31 % workloads
    return f"""apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: p{number}, namespace: ns{number % SPACES}}}
spec:
  podSelector: {{matchLabels: {{app: w{number}}}}}
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        - podSelector: {{matchLabels: {{tier: x{other % 5}}}}}
        - namespaceSelector: {{matchLabels: {{team: t{other % 7}}}}}
          podSelector: {{matchLabels: {{app: w{other}}}}}
      ports: [{{port: http}}]
  egress:
    - to: [{{namespaceSelector: {{}}, podSelector: {{matchLabels: {{k8s-app: kube-dns}}}}}}]
      ports: [{{port: 53, protocol: UDP}}, {{port: 53}}]
    - to: [{{namespaceSelector: {{matchLabels: {{team: t{other % 7}}}}}}}]
      ports: [{{port: {8000 + other % 9}}}]
"""


def _checked(workloads: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "bundle.yaml")
        file.write_text(bundle(workloads), encoding="utf-8")
        return _cpu_s(["check", "--static", str(file)])


def _cpu_s(words: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    program = "import netproof.front.cli as c; raise SystemExit(c.main())"
    subprocess.run([sys.executable, "-c", program, *words], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
