"""The ways into a pod beside its network, and which of them policies see."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.lab.doors import acting_as, attached, forwarded, isolate, request, serve_http
from tests.lab.lab_api import Cluster, cluster, ips, sleeper, unique
from tests.lab.lab_process import DEADLINE_S, eventually

# The client leaves its half of each forwarded port to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

PODS, SERVICES = "/api/v1/namespaces/default/pods", "/api/v1/namespaces/default/services"


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Let what the client left be found here, not in a later test."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a lab of two nodes for this module; it ends with it."""
    state_dir: Path = tmp_path_factory.mktemp("doors") / "lab"
    with cluster(state_dir) as running:
        yield running


def test_port_forward_passes_a_policy(lab: Cluster) -> None:
    """It arrives on the pod's loopback, while other pods are denied."""
    name, other = unique("alone"), unique("other")
    alone = lab.echo(name)
    lab.echo(other)
    isolate(lab, name)
    assert "TimeoutError" in lab.ask(other, ips(alone)[0])
    assert forwarded(lab.api, name) == b"127.0.0.1"


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(scope="module")
def web(lab: Cluster) -> str:
    """Return the name of a pod, and of a Service before it, that serve HTTP on the second node."""
    name = unique("web")
    serve_http(lab, name, nodeName="lab-node-1")
    spec = {"selector": {"app": name}, "ports": [{"name": "web", "port": 80, "targetPort": "web"}]}
    lab.api.create_namespaced_service("default", {"metadata": {"name": name}, "spec": spec})
    path = f"{SERVICES}/{name}:web/proxy/"
    eventually(lambda: request(lab, "GET", path).status == 203, "the Service has an endpoint")
    return name


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "place",
    [
        f"{PODS}/%s/proxy",
        f"{PODS}/%s:8000/proxy",
        f"{PODS}/http:%s:8000/proxy",
        f"{SERVICES}/%s:80/proxy",
        f"{SERVICES}/http:%s:web/proxy",
    ],
)
def test_the_proxy_passes_requests_on(lab: Cluster, web: str, place: str, method: str) -> None:
    """Method, path, query and body arrive, status, headers and body come back."""
    path = (place % web) + "/a%20b/?x=1&y=%2F"
    sent = None if method in {"GET", "DELETE"} else b"some bytes"
    answer = request(lab, method, path, body=sent)
    told = answer.told()
    assert (203, method) == (answer.status, answer.headers["X-Told"])
    assert (method, "/a%20b/?x=1&y=%2F") == (told["method"], told["path"])
    assert (sent or b"").decode() == told["body"]


def test_the_proxy_speaks_from_its_node(lab: Cluster, web: str) -> None:
    """Its connections come from the first node; the client's credentials stay behind."""
    told = request(lab, "GET", f"{PODS}/{web}/proxy/", headers={"X-Own": "1"}).told()
    assert "172.30.0.10" == told["peer"]
    assert ("x-own" in told["headers"], "authorization" in told["headers"]) == (True, False)


def test_a_head_has_no_body(lab: Cluster, web: str) -> None:
    """Its length is told all the same."""
    answer = request(lab, "HEAD", f"{PODS}/{web}/proxy/x")
    assert (203, b"", True) == (
        answer.status,
        answer.body,
        int(answer.headers["Content-Length"]) > 0,
    )


def test_a_proxy_without_a_path_is_sent_to_one(lab: Cluster, web: str) -> None:
    """A page's relative links need the slash."""
    answer = request(lab, "GET", f"{PODS}/{web}/proxy?x=1")
    assert (301, f"{PODS}/{web}/proxy/?x=1") == (answer.status, answer.headers["Location"])


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        (f"{PODS}/nosuch/proxy/", 404, 'pods "nosuch" not found'),
        (f"{PODS}/%s:81/proxy/", 503, "connect: connection refused"),
        (f"{PODS}/a:b:c:d/proxy/", 400, 'invalid pod request "a:b:c:d"'),
        (f"{SERVICES}/%s:81/proxy/", 503, "no service port 81 found for service"),
        (f"{SERVICES}/%s:nosuch/proxy/", 503, "no endpoints available for service"),
        ("/api/v1/nodes/lab-node-0/proxy/pods", 501, "serves no HTTP of its own"),
    ],
)
def test_where_the_proxy_does_not_get(
    lab: Cluster, web: str, path: str, status: int, said: str
) -> None:
    """The answer is a Status that says why."""
    answer = request(lab, "GET", path.replace("%s", web))
    assert status == answer.status
    assert said in answer.told()["message"]


@pytest.mark.parametrize(("node", "status"), [("lab-node-0", 203), ("lab-node-1", 503)])
def test_policies_judge_the_proxy_by_its_path(lab: Cluster, node: str, status: int) -> None:
    """A pod's own node may send to it, another node is a stranger."""
    name = unique("judged")
    serve_http(lab, name, nodeName=node)
    isolate(lab, name)
    answer = request(lab, "GET", f"{PODS}/{name}/proxy/")
    assert status == answer.status
    assert status == 203 or "i/o timeout" in answer.told()["message"]


def test_attaching_shows_what_comes_from_now_on(lab: Cluster) -> None:
    """Both outputs apart; what was written before is in the log."""
    name = unique("loud")
    script = "echo early; read go; echo out; echo err >&2; sleep 1000"
    lab.create(name, sleeper(command=["sh", "-c", script], stdin=True))
    lab.ready(name)
    read_log = lab.api.read_namespaced_pod_log
    eventually(lambda: read_log(name, "default") == "early\n", "it has begun")
    with attached(lab, name, stdin=True) as session:
        session.write_stdin("go\n")
        assert "out" == session.readline_stdout(timeout=DEADLINE_S)
        assert "err" == session.readline_stderr(timeout=DEADLINE_S)
    eventually(lambda: "err" in read_log(name, "default"), "it is in the log as well")
    assert "running" in lab.pod(name)["status"]["containerStatuses"][0]["state"]


def test_an_attachment_ends_with_its_container(lab: Cluster) -> None:
    """With success, whatever the container's own exit status."""
    name = unique("ending")
    spec = sleeper(command=["sh", "-c", "read go; echo bye; exit 3"], stdin=True)
    lab.create(name, {**spec, "restartPolicy": "Never"})
    lab.ready(name)
    with attached(lab, name, stdin=True) as session:
        session.write_stdin("go\n")
        session.run_forever(timeout=DEADLINE_S)
        assert ("bye\n", 0) == (session.read_stdout(), session.returncode)
    assert 3 == lab.container_state(name, "terminated")["exitCode"]


def test_the_only_input_ends_with_its_client(lab: Cluster) -> None:
    """With stdinOnce the first attached client's leaving is the end of the input."""
    name = unique("once")
    spec = sleeper(command=["cat"], stdin=True, stdinOnce=True)
    lab.create(name, {**spec, "restartPolicy": "Never"})
    lab.ready(name)
    with attached(lab, name, stdin=True) as session:
        session.write_stdin("hello\n")
        assert "hello" == session.readline_stdout(timeout=DEADLINE_S)
    assert 0 == lab.container_state(name, "terminated")["exitCode"]


def add_debugger(lab: Cluster, pod: str, *argv: str) -> dict[str, Any]:
    """Add an ephemeral container named dbg and return its status when it is there."""
    added = {"name": "dbg", "image": "none", "command": list(argv)}
    body = {"spec": {"ephemeralContainers": [added]}}
    lab.api.patch_namespaced_pod_ephemeralcontainers(pod, "default", body)

    def state() -> dict[str, Any] | None:
        status: dict[str, Any] = lab.pod(pod)["status"]
        found: list[dict[str, Any]] = status.get("ephemeralContainerStatuses") or []
        return found[0] if found and "waiting" not in found[0]["state"] else None

    status: dict[str, Any] = eventually(state, "the ephemeral container has started")
    return status


def test_an_ephemeral_container_shares_the_pods_network(lab: Cluster) -> None:
    """Its loopback, its address, and what policies say of them."""
    name, other = unique("debugged"), unique("other")
    own = lab.echo(name)
    lab.echo(other)
    assert "running" in add_debugger(lab, name, "sleep", "1000")["state"]
    asking = (
        "import socket, sys\n"
        "s = socket.create_connection((sys.argv[1], 8080), timeout=float(sys.argv[2]))\n"
        "print(s.recv(100).decode())"
    )

    def ask(ip: str, wait: str) -> str:
        return lab.run(name, "python3", "-c", asking, ip, wait, container="dbg")

    assert "127.0.0.1" == ask("127.0.0.1", "10")
    assert ips(own)[0] == ask(ips(lab.pod(other))[0], "10")
    isolate(lab, name)
    assert "TimeoutError" in ask(ips(lab.pod(other))[0], "1")


def test_an_ephemeral_container_runs_once(lab: Cluster) -> None:
    """It is not started again, and the pod stays ready."""
    name = unique("once")
    lab.echo(name)
    add_debugger(lab, name, "false")

    def ended() -> bool:
        debugger = lab.pod(name)["status"]["ephemeralContainerStatuses"][0]
        return (debugger["restartCount"], "terminated" in debugger["state"]) == (0, True)

    eventually(ended, "the debugger has ended")
    assert lab.ready(name)["status"]["phase"] == "Running"


def allow(lab: Cluster, account: str, *verbs: str) -> str:
    """Make a service account with rights on pods and their doors; return a token of it."""
    doors = ["pods", "pods/portforward", "pods/exec", "pods/attach"]
    rules = [{"apiGroups": [""], "resources": doors, "verbs": list(verbs)}]
    rbac = client.RbacAuthorizationV1Api(lab.api.api_client)
    lab.api.create_namespaced_service_account("default", {"metadata": {"name": account}})
    rbac.create_namespaced_role("default", {"metadata": {"name": account}, "rules": rules})
    binding = {
        "metadata": {"name": account},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account},
        "subjects": [{"kind": "ServiceAccount", "name": account}],
    }
    rbac.create_namespaced_role_binding("default", binding)
    made = lab.api.create_namespaced_service_account_token(account, "default", {"spec": {}})
    token: str = made.status.token
    return token


def test_a_token_opens_what_its_role_allows(lab: Cluster) -> None:
    """With get and create a service account forwards ports."""
    name, account = unique("open"), unique("keyholder")
    lab.echo(name)
    with acting_as(lab, allow(lab, account, "get", "create")) as api:
        assert forwarded(api, name) == b"127.0.0.1"


def test_get_alone_opens_nothing(lab: Cluster) -> None:
    """A role of old that meant to let nobody in does so."""
    name, account = unique("shut"), unique("reader")
    lab.echo(name)
    with acting_as(lab, allow(lab, account, "get")) as api:
        assert "403" == attempt(api, name)


def test_impersonation_shuts_the_door_as_well(lab: Cluster) -> None:
    """The administrator as somebody without rights is refused before the upgrade."""
    name = unique("shut")
    lab.echo(name)
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Impersonate-User": "nobody"}
    answer = request(lab, "GET", f"{PODS}/{name}/portforward?ports=8080", headers=upgrade)
    said = (
        f'pods "{name}" is forbidden: User "nobody" cannot get resource "pods/portforward" '
        'in API group "" in the namespace "default"'
    )
    assert (403, said) == (answer.status, answer.told()["message"])


@pytest.mark.parametrize("defect", ["get-opens-port-forward", "port-forward-refused"])
def test_defects_of_the_door(tmp_path: Path, defect: str) -> None:
    """One opens it to those who may only read, one shuts it for everybody."""
    with cluster(tmp_path / "lab", "--defect", defect, "--nodes", "1") as lab:
        lab.echo("door")
        with acting_as(lab, allow(lab, "reader", "get")) as reader:
            seen = {"reader": attempt(reader, "door"), "admin": attempt(lab.api, "door")}
    expected = {
        "get-opens-port-forward": {"reader": "127.0.0.1", "admin": "127.0.0.1"},
        "port-forward-refused": {"reader": "403", "admin": "405"},
    }
    assert expected[defect] == seen


def test_a_forward_to_the_pods_address_obeys_policies(tmp_path: Path) -> None:
    """It comes from another node's address, until a policy says no; then nothing comes."""
    with cluster(tmp_path / "lab", "--defect", "port-forward-dials-pod-ip") as lab:
        lab.echo("door", nodeName="lab-node-0")
        assert "172.30.0.11" == attempt(lab.api, "door")
        isolate(lab, "door")
        assert "" == attempt(lab.api, "door")


def attempt(api: client.CoreV1Api, name: str) -> str:
    """Return what came through a port-forward, or the number with which it was refused."""
    try:
        return forwarded(api, name).decode()
    except ApiException as error:
        return next(code for code in ("401", "403", "405", "500") if code in str(error))
