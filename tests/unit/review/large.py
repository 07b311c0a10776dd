"""A bundle of 60 workloads in 12 namespaces with 120 policies, made the same each time."""

from __future__ import annotations

SPACES = 12
PER_SPACE = 5


def text() -> str:
    """Return the bundle: in each namespace a chain of five workloads, each with two policies."""
    parts = []
    for space in range(SPACES):
        parts.append(
            f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: team-{space}, "
            f"labels: {{team: t{space}}}}}\n"
        )
        for number in range(PER_SPACE):
            parts += [_workload(space, number), _ingress(space, number), _egress(space, number)]
    return "---\n".join(parts)


def _workload(space: int, number: int) -> str:
    return f"""apiVersion: apps/v1
kind: Deployment
metadata: {{name: app-{number}, namespace: team-{space}}}
spec:
  template:
    metadata: {{labels: {{app: app-{number}}}}}
    spec:
      containers: [{{name: app, ports: [{{containerPort: 8080}}, {{containerPort: 9090}}]}}]
"""


def _ingress(space: int, number: int) -> str:
    before = (number - 1) % PER_SPACE
    other = (space + 1) % SPACES
    return f"""apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: in-{number}, namespace: team-{space}}}
spec:
  podSelector: {{matchLabels: {{app: app-{number}}}}}
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector: {{matchLabels: {{app: app-{before}}}}}
        - namespaceSelector: {{matchLabels: {{team: t{other}}}}}
          podSelector: {{matchLabels: {{app: app-0}}}}
      ports: [{{port: 8080}}]
"""


def _egress(space: int, number: int) -> str:
    after = (number + 1) % PER_SPACE
    return f"""apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: out-{number}, namespace: team-{space}}}
spec:
  podSelector: {{matchLabels: {{app: app-{number}}}}}
  policyTypes: [Egress]
  egress:
    - to: [{{podSelector: {{matchLabels: {{app: app-{after}}}}}}}]
    - to:
        - namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: kube-system}}}}
      ports: [{{port: 53, protocol: UDP}}, {{port: 53}}]
"""
