"""What a person does by hand: netproof lab up, kubectl apply, kubectl exec, netproof lab down."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netproof.cluster.lab import environment

PODS = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {namespace: shop, name: postgres, labels: {app: postgres}}
spec:
  containers:
    - name: main
      image: python
      command: [python3, -m, http.server, "5432"]
      ports: [{containerPort: 5432}]
      readinessProbe: {tcpSocket: {port: 5432}}
---
apiVersion: v1
kind: Pod
metadata: {namespace: shop, name: api, labels: {app: api}}
spec:
  containers: [{name: main, image: python, command: [sleep, "600"]}]
---
apiVersion: v1
kind: Pod
metadata: {namespace: shop, name: web, labels: {app: web}}
spec:
  containers: [{name: main, image: python, command: [sleep, "600"]}]
---
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: postgres}
spec:
  selector: {app: postgres}
  ports: [{port: 5432}]
"""

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: api-to-postgres}
spec:
  podSelector: {matchLabels: {app: postgres}}
  ingress:
    - from: [{podSelector: {matchLabels: {app: api}}}]
      ports: [{port: 5432}]
"""

ASK = "import socket; socket.create_connection(('postgres', 5432), timeout=2).close()"
DENIED = "TimeoutError"

Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def kubectl(tmp_path: Path) -> Iterator[Kubectl]:
    """Run the kubectl on PATH against a lab of its own; ends the lab."""
    program = shutil.which("kubectl")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("there is no kubectl on PATH, and in CI there has to be one")
        pytest.skip("there is no kubectl on PATH; install it to run this")
    name = f"journey-{os.getpid()}"
    lab = [
        sys.executable,
        "-c",
        "from netproof.front.cli import main; raise SystemExit(main())",
        "lab",
    ]
    env = {**environment(), "TMPDIR": str(tmp_path)}
    up = subprocess.run(
        [*lab, "up", "--name", name], env=env, check=False, capture_output=True, text=True
    )
    assert 0 == up.returncode, up.stderr
    config = next(line.split("KUBECONFIG=")[1] for line in up.stdout.splitlines() if "=" in line)

    def run(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, "--kubeconfig", config, *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )

    try:
        yield run
    finally:
        down = subprocess.run(
            [*lab, "down", "--name", name], env=env, check=False, capture_output=True
        )
        assert 0 == down.returncode
        assert [] == list(tmp_path.iterdir())


def _asks(kubectl: Kubectl, pod: str) -> subprocess.CompletedProcess[str]:
    return kubectl("exec", "-n", "shop", pod, "--", "python3", "-c", ASK)


def test_a_policy_applied_by_kubectl_is_enforced(kubectl: Kubectl) -> None:
    """What kubectl exec reaches before the policy, it does not reach after, but for the api."""
    assert 0 == kubectl("apply", "-f", "-", text=PODS).returncode
    waited = kubectl("wait", "-n", "shop", "--for=condition=Ready", "pod", "--all")
    assert 0 == waited.returncode, waited.stderr
    assert 0 == _asks(kubectl, "web").returncode
    applied = kubectl("apply", "-f", "-", text=POLICY)
    assert "networkpolicy.networking.k8s.io/api-to-postgres created\n" == applied.stdout
    denied = _asks(kubectl, "web")
    assert 1 == denied.returncode
    assert DENIED in denied.stderr
    assert 0 == _asks(kubectl, "api").returncode
    assert 0 == kubectl("delete", "-n", "shop", "netpol", "api-to-postgres").returncode
    assert 0 == _asks(kubectl, "web").returncode
