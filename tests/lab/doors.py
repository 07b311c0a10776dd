"""Ways into a pod that no policy guards, as a client of a lab opens them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.stream import portforward, stream

from tests.lab.lab_api import Cluster
from tests.lab.lab_process import DEADLINE_S

# Tells of each request what it was and from where it came, with a status that nothing else has.
HTTP = """
import http.server, json, socket
class Handler(http.server.BaseHTTPRequestHandler):
    def tell(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        peer = self.client_address[0].removeprefix("::ffff:")
        told = {"method": self.command, "path": self.path, "body": body, "peer": peer}
        told["headers"] = sorted(name.lower() for name in self.headers)
        data = json.dumps(told).encode()
        self.send_response(203)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Told", self.command)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = tell
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
Server(("::", 8000), Handler).serve_forever()
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from an HTTP request."""

    status: int
    headers: Any
    body: bytes

    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


def request(
    lab: Cluster,
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send a request to the API as the administrator; redirects are not followed."""
    user = yaml.safe_load(lab.kubeconfig.read_text())["users"][0]["user"]
    pool = lab.api.api_client.rest_client.pool_manager
    answer = pool.request(
        method,
        lab.api.api_client.configuration.host + path,
        body=body,
        headers={"Authorization": f"Bearer {user['token']}", **(headers or {})},
        redirect=False,
        retries=False,
        timeout=DEADLINE_S,
    )
    return Answer(answer.status, answer.headers, answer.data)


def serve_http(lab: Cluster, name: str, **spec: Any) -> dict[str, Any]:
    """Create a pod that serves HTTP at port 8000, and return it when it is ready."""
    container = {
        "name": "http",
        "image": "none",
        "command": ["python3", "-c", HTTP],
        "ports": [{"name": "web", "containerPort": 8000}],
        "readinessProbe": {"tcpSocket": {"port": "web"}},
    }
    lab.create(name, {"containers": [container], **spec}, labels={"app": name})
    return lab.ready(name)


def isolate(lab: Cluster, name: str) -> None:
    """Deny all traffic of the pods app=NAME."""
    spec = {"podSelector": {"matchLabels": {"app": name}}, "policyTypes": ["Ingress", "Egress"]}
    body = {"metadata": {"name": f"deny-{name}"}, "spec": spec}
    client.NetworkingV1Api(lab.api.api_client).create_namespaced_network_policy("default", body)


@contextmanager
def acting_as(lab: Cluster, token: str) -> Iterator[client.CoreV1Api]:
    """Give a client with another token.

    Not with headers to impersonate by: the Python client leaves them out where it streams.
    """
    configuration = client.Configuration()
    config.load_kube_config(str(lab.kubeconfig), client_configuration=configuration)
    configuration.refresh_api_key_hook = None  # it would bring the first token back
    configuration.api_key = {"authorization": f"Bearer {token}"}
    made = client.ApiClient(configuration)
    yield client.CoreV1Api(made)
    made.rest_client.pool_manager.clear()


def forwarded(api: client.CoreV1Api, name: str, port: int = 8080) -> bytes:
    """Connect to a pod's port by port-forward and return what its server says first."""
    forward = portforward(
        api.connect_get_namespaced_pod_portforward, name, "default", ports=str(port)
    )
    with closing(forward.socket(port)) as connection:
        connection.settimeout(DEADLINE_S)
        said: bytes = connection.recv(100)
    forward.close()
    return said


@contextmanager
def attached(lab: Cluster, name: str, *, stdin: bool = False) -> Iterator[Any]:
    """Attach to a pod for the time of a with block."""
    session = stream(
        lab.api.connect_get_namespaced_pod_attach,
        name,
        "default",
        stdin=stdin,
        stdout=True,
        stderr=True,
        tty=False,
        _preload_content=False,
    )
    connection = session.sock.sock
    try:
        yield session
    finally:
        session.close()
        connection.close()  # the client leaves it to the garbage collector
