"""The first question of every run: whether this cluster enforces anything at all.

One allow and one deny in each direction, by TCP and UDP, in a namespace of its own; and a pod that
is shut in both directions without a rule, so that a CNI that misreads peers, or polices some nodes
only, is not taken for one that enforces nothing. If no denial bites at all, the run ends with that
one sentence instead of a failure a case.
"""

from __future__ import annotations

from netproof.model import flows
from netproof.model.flow import Expected, Flow
from netproof.model.flowpattern import parse_pattern
from netproof.model.record import CanaryRecord
from netproof.model.workload import Topology
from netproof.policy import Bundle, load_text
from netproof.run.scenario import Scenario, Statement
from netproof.run.worker import Worker
from netproof.verdict import judge_canary

NAMESPACE = "canary"

_PODS = """
apiVersion: v1
kind: Namespace
metadata: {name: canary}
"""
_POD = """---
apiVersion: v1
kind: Pod
metadata: {namespace: canary, name: NAME, labels: {app: NAME}}
spec:
  containers:
    - name: app
      image: canary
      ports: [{containerPort: 8080}, {containerPort: 8080, protocol: UDP}]
"""
_POLICIES = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: canary, name: only-friend-may-enter}
spec:
  podSelector: {matchLabels: {app: guarded}}
  policyTypes: [Ingress]
  ingress:
    - from: [{podSelector: {matchLabels: {app: friend}}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: canary, name: caged-may-only-leave-to-friend}
spec:
  podSelector: {matchLabels: {app: caged}}
  policyTypes: [Egress]
  egress:
    - to: [{podSelector: {matchLabels: {app: friend}}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: canary, name: hermit-is-alone}
spec:
  podSelector: {matchLabels: {app: hermit}}
  policyTypes: [Ingress, Egress]
"""
_STATEMENTS = (
    Statement("canary/friend -> canary/guarded", Expected.ALLOWED),
    Statement("canary/stranger -> canary/guarded", Expected.DENIED),
    Statement("canary/caged -> canary/friend", Expected.ALLOWED),
    Statement("canary/caged -> canary/stranger", Expected.DENIED),
    Statement("canary/* -> canary/hermit", Expected.DENIED),
    Statement("canary/hermit -> canary/*", Expected.DENIED),
)


_NAMES = ("friend", "stranger", "guarded", "caged", "hermit")


def workloads() -> Bundle:
    """Return the canary's namespace and pods, to be deployed with a fleet."""
    pods = "".join(_POD.replace("NAME", n) for n in _NAMES)
    return load_text(_PODS + pods, "<canary>")


def scenario() -> Scenario:
    """Return the canary as a scenario."""
    return Scenario(
        id="canary",
        title="One allow and one deny in each direction",
        bundle=load_text(_POLICIES, "<canary>"),
        source="",
        flows=_flows,
        statements=_STATEMENTS,
    )


def ask(worker: Worker) -> CanaryRecord:
    """Run the canary and word what it says of the cluster."""
    return judge_canary(worker.naming.worker, worker.run(scenario()))


def _flows(topology: Topology) -> list[Flow]:
    stated = [parse_pattern(statement.text) for statement in _STATEMENTS]
    ours = (flow for flow in flows.pod_flows(topology) if not flows.is_self(flow))
    return [flow for flow in ours if any(pattern.matches(flow) for pattern in stated)]
