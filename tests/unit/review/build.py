"""Short ways to write bundles for tests; lines count from 1 in the file `bundle.yaml`."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import dedent

from netproof.policy.mirror import Mirror, mirror_texts
from netproof.review.case import Case, case_of
from netproof.review.hints import HintContext
from netproof.review.reachability import Reachability, read_reachability

FILE = "bundle.yaml"


def workload(key: str, *ports: int | str, kind: str = "Deployment", **labels: str) -> str:
    """Return a workload `namespace/name` with label `app` and the ports.

    `http:80` is a port with a name, `514/UDP` one of UDP.
    """
    namespace, name = key.split("/")
    listed = ", ".join(_port(port) for port in ports)
    told = ", ".join(f"{k}: {v}" for k, v in {"app": name, **labels}.items())
    return dedent(f"""\
        apiVersion: apps/v1
        kind: {kind}
        metadata: {{name: {name}, namespace: {namespace}}}
        spec:
          template:
            metadata: {{labels: {{{told}}}}}
            spec: {{containers: [{{name: main, ports: [{listed}]}}]}}
        """)


def _port(port: int | str) -> str:
    if isinstance(port, int):
        return f"{{containerPort: {port}}}"
    if port.endswith("/UDP"):
        return f"{{protocol: UDP, containerPort: {port.removesuffix('/UDP')}}}"
    name, number = port.split(":")
    return f"{{name: {name}, containerPort: {number}}}"


def policy(key: str, spec: str) -> str:
    """Return a NetworkPolicy `namespace/name` with a spec in YAML's flow style, on one line."""
    namespace, name = key.split("/")
    return dedent(f"""\
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {{name: {name}, namespace: {namespace}}}
        spec: {spec}
        """)


def deny_all(namespace: str) -> str:
    """Return a policy that denies everything in a namespace."""
    return policy(f"{namespace}/deny", "{podSelector: {}, policyTypes: [Ingress, Egress]}")


def service(key: str, app: str, ports: str) -> str:
    """Return a Service in front of an app."""
    namespace, name = key.split("/")
    return dedent(f"""\
        apiVersion: v1
        kind: Service
        metadata: {{name: {name}, namespace: {namespace}}}
        spec: {{selector: {{app: {app}}}, ports: [{ports}]}}
        """)


def mirror(*documents: str) -> Mirror:
    """Return the mirror of a bundle that is one file."""
    return mirror_texts([(FILE, "---\n".join(documents))])


def reachability(*documents: str) -> Reachability:
    """Return who reaches whom in a bundle."""
    return read_reachability(mirror(*documents))


def context(*documents: str, cni: str = "") -> HintContext:
    """Return what hints look at."""
    return HintContext(reachability(*documents), cni)


def case(documents: Sequence[str], intents: str) -> Case:
    """Return a bundle with intents, which are in the file `intents.yaml`."""
    texts = [(FILE, "---\n".join(documents)), ("intents.yaml", intents)]
    return case_of(mirror_texts(texts), "test")


def intents(*statements: str) -> str:
    """Return an intents file of statements such as `allow: a -> b`."""
    lines = ["intents:"]
    for statement in statements:
        stance, _, text = statement.partition(": ")
        lines += [f'  - {stance}: "{text}"', "    reason: it is a test"]
    return "\n".join(lines) + "\n"
