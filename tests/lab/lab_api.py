"""A lab as its users have it: the official client, pods that run Python, commands in them."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream

from netproof.cluster.backend import ClusterRef
from tests.lab.lab_process import DEADLINE_S, eventually, lab

# Answers every connection and datagram with the address it came from, on both families.
ECHO = """
import selectors, socket, sys
chosen = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        s = socket.socket(socket.AF_INET6, kind)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.bind(("::", port))
        kind == socket.SOCK_STREAM and s.listen(64)
        chosen.register(s, selectors.EVENT_READ)
while True:
    for key, _ in chosen.select():
        if key.fileobj.type == socket.SOCK_STREAM:
            c, peer = key.fileobj.accept()
            c.sendall(peer[0].removeprefix("::ffff:").encode())
            c.close()
        else:
            _, peer = key.fileobj.recvfrom(100)
            key.fileobj.sendto(peer[0].removeprefix("::ffff:").encode(), peer)
"""

# Prints what the other end says, or the name of the error.
ASK = """
import socket, sys
host, port, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
try:
    family, _, _, _, address = socket.getaddrinfo(host, port)[0]
    s = socket.socket(family, getattr(socket, kind))
    s.settimeout(2)
    s.connect(address)
    s.send(b"?")
    print(s.recv(100).decode())
except OSError as error:
    print(type(error).__name__, error)
"""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running lab and a client for it."""

    api: client.CoreV1Api
    kubeconfig: Path

    @property
    def ref(self) -> ClusterRef:
        """What the harness knows of it."""
        return ClusterRef("lab", "test", str(self.kubeconfig))

    def create(self, name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
        """Create a pod in the default namespace and return it."""
        body = {"metadata": {"name": name, **metadata}, "spec": spec}
        return self._plain(self.api.create_namespaced_pod("default", body))

    def echo(self, name: str, *ports: int, **spec: Any) -> dict[str, Any]:
        """Create a pod that answers on ports, and return it when it is ready."""
        container = {
            "name": "echo",
            "image": "none",
            "command": ["python3", "-c", ECHO, *map(str, ports or (8080,))],
            "readinessProbe": {"tcpSocket": {"port": (ports or (8080,))[0]}},
        }
        self.create(name, {"containers": [container], **spec}, labels={"app": name})
        return self.ready(name)

    def pod(self, name: str, namespace: str = "default") -> dict[str, Any]:
        return self._plain(self.api.read_namespaced_pod(name, namespace))

    def ready(self, name: str) -> dict[str, Any]:
        """Wait until a pod is ready and return it."""
        pod: dict[str, Any] = eventually(
            lambda: is_ready(found := self.pod(name)) and found, f"{name} is ready"
        )
        return pod

    def container_state(self, name: str, kind: str) -> dict[str, Any]:
        """Wait until the first container of a pod is in a kind of state, and return that."""

        def state() -> dict[str, Any] | None:
            statuses = self.pod(name).get("status", {}).get("containerStatuses") or [{}]
            found: dict[str, Any] | None = statuses[0].get("state", {}).get(kind)
            return found

        value: dict[str, Any] = eventually(state, f"{name} is {kind}")
        return value

    def run(self, name: str, *argv: str, container: str | None = None) -> str:
        """Run a command in a pod and return what it printed."""
        options = {"container": container} if container else {}
        session = stream(
            self.api.connect_get_namespaced_pod_exec,
            name,
            "default",
            command=list(argv),
            stdout=True,
            stderr=True,
            stdin=False,
            tty=False,
            _preload_content=False,
            **options,
        )
        connection = session.sock.sock
        try:
            session.run_forever(timeout=DEADLINE_S)
            output: str = session.read_all()
        finally:
            session.close()
            connection.close()  # the client leaves it to the garbage collector
        return output.strip()

    def ask(self, name: str, host: str, port: int = 8080, kind: str = "SOCK_STREAM") -> str:
        """Connect from a pod and return the source address that the other end saw."""
        return self.run(name, "python3", "-c", ASK, host, str(port), kind)

    def is_gone(self, name: str) -> bool:
        try:
            self.pod(name)
        except ApiException as error:
            return bool(error.status == 404)
        return False

    def _plain(self, obj: Any) -> dict[str, Any]:
        plain: dict[str, Any] = self.api.api_client.sanitize_for_serialization(obj)
        return plain


@contextlib.contextmanager
def cluster(state_dir: Path, *arguments: str, **options: Any) -> Iterator[Cluster]:
    """Run a lab and give a client for it."""
    with lab(state_dir, *arguments, **options) as running:
        line = running.ready()
        assert line["ok"], json.dumps(line)
        api_client = config.new_client_from_config(line["kubeconfig"])
        try:
            yield Cluster(client.CoreV1Api(api_client), Path(line["kubeconfig"]))
        finally:
            api_client.rest_client.pool_manager.clear()


def is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def ips(pod: dict[str, Any]) -> list[str]:
    return [entry["ip"] for entry in pod["status"]["podIPs"]]


def unique(prefix: str) -> str:
    """Return a name that no other test of the same lab has."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def sleeper(**container: Any) -> dict[str, Any]:
    """Return the spec of a pod that does nothing."""
    return {
        "containers": [{"name": "c", "image": "none", "command": ["sleep", "1000"], **container}]
    }
