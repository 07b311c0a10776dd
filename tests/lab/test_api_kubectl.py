"""The API server through an unmodified kubectl."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests.lab._api import DEADLINE_S, Api, need_kubectl, pod, running_api

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-web}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: api}}}, {ipBlock: {cidr: 10.0.0.0/8}}]
    ports: [{port: 80, protocol: TCP}]
"""

NODE_WIDE = "INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME"

WEBSOCKET = {"KUBECTL_PORT_FORWARD_WEBSOCKETS": "true", "KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "true"}
SPDY = {"KUBECTL_PORT_FORWARD_WEBSOCKETS": "false", "KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false"}
TRANSPORTS = pytest.mark.parametrize("env", [WEBSOCKET, SPDY], ids=["websocket", "spdy"])


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Run an API server for this module's tests."""
    need_kubectl()
    with running_api(tmp_path_factory.mktemp("api")) as api:
        yield api


class Kubectl:
    """kubectl in one namespace."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api = api
        self.namespace = namespace

    def __call__(
        self, *argv: str, stdin: str | None = None, env: dict[str, str] | None = None
    ) -> str:
        """Return what it prints; it must succeed."""
        done = self.run(*argv, stdin=stdin, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(
        self, *argv: str, stdin: str | None = None, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Return how it ended."""
        return self.api.kubectl("-n", self.namespace, *argv, stdin=stdin, env=env)

    def refusal(self, *argv: str, stdin: str | None = None) -> str:
        """Return its complaint; it must fail."""
        done = self.run(*argv, stdin=stdin)
        assert done.returncode != 0
        return done.stderr

    def add_pod(self, name: str, **labels: str) -> None:
        """Apply a pod."""
        self("apply", "-f", "-", stdin=json.dumps(pod(name, **labels)))


@pytest.fixture
def kubectl(api: Api, request: pytest.FixtureRequest) -> Kubectl:
    """Return kubectl in a namespace of the test's own."""
    name = re.sub("[^a-z0-9]+", "-", request.node.name)[:60].strip("-")
    assert api.kubectl("create", "namespace", name).returncode == 0
    return Kubectl(api, name)


def test_apply_creates_then_changes_nothing_then_configures(kubectl: Kubectl) -> None:
    """The three answers of apply."""
    assert kubectl("apply", "-f", "-", stdin=POLICY).endswith("created\n")
    assert kubectl("apply", "-f", "-", stdin=POLICY).endswith("unchanged\n")
    other = POLICY.replace("80", "81")
    assert kubectl("apply", "-f", "-", stdin=other).endswith("configured\n")
    shown = kubectl("get", "netpol", "allow-web", "-o", "jsonpath={.spec.ingress[0].ports[0].port}")
    assert shown == "81"


def test_server_side_apply(kubectl: Kubectl) -> None:
    """It creates, merges, and on a dry run does neither."""
    dry = kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=POLICY)
    assert dry.endswith("serverside-applied (server dry run)\n")
    assert kubectl("get", "netpol", "-o", "name") == ""
    applied = kubectl("apply", "--server-side", "-f", "-", stdin=POLICY)
    assert applied.endswith("serverside-applied\n")
    assert kubectl("get", "netpol", "-o", "name").strip().endswith("/allow-web")


def test_a_dry_run_on_the_server(kubectl: Kubectl) -> None:
    """It says what would be, and nothing is."""
    said = kubectl("apply", "--dry-run=server", "-f", "-", stdin=POLICY)
    assert said.endswith("created (server dry run)\n")
    assert kubectl("get", "netpol", "-o", "name") == ""


def test_an_invalid_policy_is_refused_with_its_fields(kubectl: Kubectl) -> None:
    """Kubectl lists what the server says, field by field."""
    wrong = POLICY.replace("10.0.0.0/8", "10.0.0.0/99").replace("port: 80", "port: 99999")
    said = kubectl.refusal("apply", "-f", "-", stdin=wrong)
    assert "spec.ingress[0].ports[0].port: Invalid value: 99999" in said
    assert 'spec.ingress[0].from[1].ipBlock.cidr: Invalid value: "10.0.0.0/99"' in said


def test_a_misspelt_field_is_refused(kubectl: Kubectl) -> None:
    """Kubectl asks for strict validation, and gets it."""
    said = kubectl.refusal("apply", "-f", "-", stdin=POLICY.replace("podSelector", "podSelecter"))
    assert 'unknown field "spec.podSelecter"' in said


def test_a_namespace_that_is_not_there(api: Api) -> None:
    """Applying into it is refused by its name."""
    done = api.kubectl("-n", "nope", "apply", "-f", "-", stdin=POLICY)
    assert 'namespaces "nope" not found' in done.stderr


def test_tables_read_as_on_a_real_cluster(kubectl: Kubectl) -> None:
    """The columns of pods, services, policies, namespaces and nodes."""
    kubectl.add_pod("web", app="web")
    kubectl("apply", "-f", "-", stdin=POLICY)
    kubectl("create", "service", "nodeport", "web", "--tcp=80:8080")
    shown = kubectl("get", "pods,svc,netpol,nodes", "-o", "wide")
    headers = [" ".join(line.split()) for line in shown.splitlines() if line.startswith("NAME")]
    assert headers == [
        "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES",
        "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE SELECTOR",
        "NAME POD-SELECTOR AGE",
        f"NAME STATUS ROLES AGE VERSION {NODE_WIDE}",
    ]
    assert kubectl("get", "namespace", kubectl.namespace).split()[:5] == [
        "NAME",
        "STATUS",
        "AGE",
        kubectl.namespace,
        "Active",
    ]


def test_selectors_and_output_forms(kubectl: Kubectl) -> None:
    """By label, over all namespaces, as YAML, JSONPath and names."""
    kubectl.add_pod("web", app=kubectl.namespace)
    kubectl.add_pod("db", app="db")
    chosen = ("get", "pods", "-A", "-l", f"app in ({kubectl.namespace})")
    assert kubectl(*chosen, "-o", "name") == "pod/web\n"
    assert kubectl(*chosen, "-o", "jsonpath={.items[0].status.phase}") == "Running"
    assert "kind: Pod" in kubectl(*chosen, "-o", "yaml")


def test_label_annotate_patch(kubectl: Kubectl) -> None:
    """Small changes in their three ways."""
    kubectl.add_pod("web")
    assert kubectl("label", "pod", "web", "a=1") == "pod/web labeled\n"
    assert kubectl("annotate", "pod", "web", "b=2").startswith("pod/web annotate")
    patch = json.dumps({"metadata": {"labels": {"c": "3"}}})
    assert kubectl("patch", "pod", "web", "-p", patch) == "pod/web patched\n"
    found = json.loads(kubectl("get", "pod", "web", "-o", "json"))["metadata"]
    assert (found["labels"], found["annotations"]["b"]) == ({"a": "1", "c": "3"}, "2")


def test_wait_and_delete(kubectl: Kubectl) -> None:
    """For a condition, for a deletion, and deletion waits by itself."""
    kubectl.add_pod("web")
    assert "condition met" in kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=10s")
    assert "deleted" in kubectl("delete", "pod", "web", "--wait")
    assert kubectl("wait", "--for=delete", "pod/web", "--timeout=10s") is not None
    assert 'pods "web" not found' in kubectl.refusal("get", "pod", "web")


def test_delete_namespace(kubectl: Kubectl) -> None:
    """It returns when the namespace and what was in it are gone."""
    kubectl.add_pod("web")
    kubectl("delete", "namespace", kubectl.namespace, "--timeout=10s")
    assert "not found" in kubectl.refusal("get", "namespace", kubectl.namespace)


def test_describe(kubectl: Kubectl) -> None:
    """Pods, policies, services, nodes and namespaces."""
    kubectl.add_pod("web", app="web")
    kubectl("apply", "-f", "-", stdin=POLICY)
    kubectl("create", "service", "clusterip", "web", "--tcp=80:80")
    assert "QoS Class:" in kubectl("describe", "pod", "web")
    policy = kubectl("describe", "netpol", "allow-web")
    assert "PodSelector:     app=web" in policy
    assert "To Port: 80/TCP" in policy
    # Its endpoints are shown from 1.31 on, when kubectl began to read them from EndpointSlices.
    assert "80/TCP" in kubectl("describe", "svc", "web")
    assert "InternalIP:  172.30.0.10" in kubectl("describe", "node", "lab-node-0")
    assert "Status:       Active" in kubectl("describe", "namespace", kubectl.namespace)


def test_logs(kubectl: Kubectl) -> None:
    """Whole, the last lines, and followed."""
    name = kubectl.namespace
    kubectl.add_pod(name)
    runtime = kubectl.api.runtime
    kubectl.api.call(lambda: runtime.write_log(name, b"one\ntwo\n", last=True))
    assert kubectl("logs", name) == "one\ntwo\n"
    assert kubectl("logs", name, "--tail=1") == "two\n"
    assert kubectl("logs", "-f", name) == "one\ntwo\n"


@TRANSPORTS
def test_exec(kubectl: Kubectl, env: dict[str, str]) -> None:
    """Outputs, exit status and input, over either transport."""
    kubectl.add_pod("web")
    done = kubectl.run("exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 3", env=env)
    assert (done.returncode, done.stdout) == (3, "out\n")
    assert done.stderr.startswith("err\n")
    lines = "hello\n" * 50_000
    assert kubectl("exec", "-i", "web", "--", "cat", stdin=lines, env=env) == lines


@TRANSPORTS
def test_exec_of_a_command_that_does_not_exist(kubectl: Kubectl, env: dict[str, str]) -> None:
    """Kubectl fails with the reason."""
    kubectl.add_pod("web")
    done = kubectl.run("exec", "web", "--", "no-such-command", env=env)
    assert done.returncode != 0
    assert "No such file or directory" in done.stderr


@TRANSPORTS
@pytest.mark.parametrize("target", ["pod/web", "service/web"])
def test_port_forward(kubectl: Kubectl, env: dict[str, str], target: str) -> None:
    """Several requests through one forward, to a pod and to a service."""
    kubectl.add_pod("web", app="web")
    with _web_server() as port:
        kubectl("create", "service", "clusterip", "web", f"--tcp=80:{port}")
        with _forward(kubectl, target, 80 if target.startswith("service") else port, env) as local:
            assert [_fetch(local) for _ in range(3)] == [b"hello"] * 3


def _fetch(port: int) -> bytes:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)) as connection:
        connection.request("GET", "/")
        return connection.getresponse().read()


class _Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Say hello."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Say nothing about it."""


@contextmanager
def _web_server() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hello) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join(DEADLINE_S)


@contextmanager
def _forward(kubectl: Kubectl, target: str, port: int, env: dict[str, str]) -> Iterator[int]:
    argv = ["kubectl", "-n", kubectl.namespace, "port-forward", target, f":{port}"]
    environment = {**os.environ, **kubectl.api.environment(env)}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        # "Forwarding from 127.0.0.1:40123 -> 80"
        yield int(process.stdout.readline().split()[2].rpartition(":")[2])
        process.terminate()


def test_get_and_watch(kubectl: Kubectl) -> None:
    """Rows come as things happen."""
    argv = ["kubectl", "-n", kubectl.namespace, "get", "pods", "--watch", "--no-headers"]
    environment = {**os.environ, **kubectl.api.environment()}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        kubectl.add_pod("web")
        assert process.stdout.readline().split()[0] == "web"
        process.terminate()


def test_who_may(kubectl: Kubectl) -> None:
    """The holder of the token may do everything."""
    assert kubectl("auth", "can-i", "create", "pods") == "yes\n"


def test_versions_and_resources(kubectl: Kubectl) -> None:
    """What the cluster is and has."""
    assert "Server Version: v1." in kubectl("version")
    listed = kubectl("api-resources", "-o", "name").split()
    assert {"pods", "networkpolicies.networking.k8s.io", "namespaces"} <= set(listed)
