"""Port-forward of the harness into a lab: real bytes both ways, and nothing left behind."""

from __future__ import annotations

import hashlib
import os
import random
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import NetworkingV1Api

from netproof.cluster.streams.portforward import PortForward
from netproof.errors import (
    ClusterError,
    PortClosedError,
    StreamCutError,
    StreamRefusedError,
    UsageError,
)
from netproof.model.workload import Family
from tests.lab._api import need_kubectl
from tests.lab.lab_api import Cluster, cluster
from tests.lab.lab_process import DEADLINE_S, eventually

# Echoes all it hears on loopback of both families; says who it is first.
SERVER = """
import os, socket, sys, threading
def serve(c):
    c.sendall(os.environ["NAME"].encode() + b"\\n")
    while data := c.recv(65536):
        c.sendall(data)
    c.close()
def listen(host):
    s = socket.create_server((host, int(sys.argv[1])), backlog=512,
                             family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    while True:
        threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
for host in sys.argv[2:]:
    threading.Thread(target=listen, args=(host,)).start()
"""

PARALLEL = 200
AT_ONCE = 50
BLOCK = 50_000
LARGE = 8 << 20


def _server(there: Cluster, name: str, *hosts: str, port: int = 7000) -> None:
    served = list(hosts or ("127.0.0.1", "::1"))
    container = {
        "name": "c",
        "image": "none",
        "command": ["python3", "-c", SERVER, str(port), *served],
        "env": [{"name": "NAME", "value": name}],
        "ports": [{"name": "echo", "containerPort": port}],
        # Loopback only, which the kubelet cannot dial: it looks from inside.
        "readinessProbe": {
            "exec": {
                "command": [
                    *("python3", "-c"),
                    f"import socket;[socket.create_connection((h,{port}),1) for h in {served}]",
                ]
            }
        },
    }
    there.create(name, {"containers": [container]}, labels={"app": name})
    there.ready(name)


def _isolate(there: Cluster) -> None:
    policy = {
        "metadata": {"name": "default-deny-all"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }
    networking = NetworkingV1Api(there.api.api_client)
    networking.create_namespaced_network_policy("default", policy)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run a lab with a pod that echoes on loopback, a Service for it, and a policy on it.

    The policy denies everything, so whatever gets through a forward went around it.
    """
    with cluster(tmp_path_factory.mktemp("lab")) as running:
        _server(running, "echo")
        service: dict[str, Any] = {
            "metadata": {"name": "echo"},
            "spec": {
                "selector": {"app": "echo"},
                "ports": [
                    {"name": "named", "port": 80, "targetPort": "echo"},
                    {"name": "numbered", "port": 81, "targetPort": 7000},
                ],
            },
        }
        running.api.create_namespaced_service("default", service)
        _isolate(running)
        yield running


def _forward(there: Cluster, target: str = "pod/echo", *ports: int) -> PortForward:
    return PortForward(there.ref, "default", target, ports or (7000,))


def _read(receive: Callable[[int], bytes], size: int) -> bytes:
    found = b""
    while len(found) < size and (more := receive(1 << 16)):
        found += more
    return found


@contextmanager
def _dialled(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, DEADLINE_S) as sock:
        yield sock


def _noise(seed: int, size: int = BLOCK) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize(
    ("target", "port"),
    [("echo", 7000), ("pod/echo", 7000), ("service/echo", 80), ("svc/echo", 81)],
    ids=str,
)
def test_bytes_go_both_ways_to_the_right_server(there: Cluster, target: str, port: int) -> None:
    """By the pod or its Service, with the port's name or number: it says its name and echoes."""
    data = _noise(port)
    with _forward(there, target, port) as forward, forward.connect() as through:
        through.sendall(data, DEADLINE_S)
        expected = b"echo\n" + data
        assert expected == _read(lambda _: through.receive(DEADLINE_S), len(expected))


@pytest.mark.parametrize("family", list(Family))
def test_a_local_address_leads_into_the_pod(there: Cluster, family: Family) -> None:
    """Anything that can connect to loopback can use a forward, in either family."""
    with _forward(there) as forward, _dialled(forward.listen(family=family)) as sock:
        sock.sendall(b"hello")
        assert b"echo\nhello" == _read(sock.recv, 10)


def test_a_listener_serves_many_clients(there: Cluster) -> None:
    """Each connection that comes in has one of its own in the pod."""
    with _forward(there) as forward:
        address = forward.listen()
        with _dialled(address) as one, _dialled(address) as other:
            for sock, word in ((one, b"one"), (other, b"two")):
                sock.sendall(word)
                assert b"echo\n" + word == _read(sock.recv, 8)


def test_a_client_that_only_sends_does_not_stand_in_its_own_way(there: Cluster) -> None:
    """A reader and a writer of one connection do not wait for each other, however much it is."""
    data = _noise(1, LARGE)
    with (
        _forward(there) as forward,
        _dialled(forward.listen()) as sock,
        ThreadPoolExecutor(1) as pool,
    ):
        sending = pool.submit(sock.sendall, data)
        seen = _read(sock.recv, LARGE + 5)
        sending.result(DEADLINE_S)
    assert hashlib.sha256(b"echo\n" + data).digest() == hashlib.sha256(seen).digest()


def test_several_ports_of_one_target(there: Cluster) -> None:
    """One forward has them all; a port that was not asked for is refused in words."""
    with _forward(there, "service/echo", 80, 81) as forward:
        for port in (80, 81):
            with forward.connect(port) as through:
                assert b"echo\n" == through.receive(DEADLINE_S)
        with pytest.raises(UsageError, match="port 82 is not forwarded"):
            forward.connect(82)


def test_a_port_that_nobody_listens_on_is_told_in_the_kubelets_words(there: Cluster) -> None:
    """It connects, as it does with kubectl; the answer is the error."""
    with (
        _forward(there, "pod/echo", 7001) as forward,
        forward.connect() as through,
        pytest.raises(PortClosedError, match="connection refused"),
    ):
        through.receive(DEADLINE_S)


def test_a_local_client_of_a_closed_port_gets_a_reset(there: Cluster) -> None:
    """And the forward knows why."""
    with _forward(there, "pod/echo", 7001) as forward:
        with _dialled(forward.listen()) as sock, pytest.raises(ConnectionResetError):
            sock.recv(1)
        (error,) = eventually(lambda: forward.errors, "the forward says what went wrong")
    assert isinstance(error, PortClosedError)


def test_a_pod_that_does_not_exist_is_refused(there: Cluster) -> None:
    """By the API server, with its status."""
    with _forward(there, "pod/nobody") as forward, pytest.raises(StreamRefusedError) as refused:
        forward.connect()
    assert (404, True) == (refused.value.status, '"nobody" not found' in str(refused.value))


@pytest.mark.parametrize("websockets", ["true", "false"], ids=["websocket", "spdy"])
@pytest.mark.parametrize("target", ["pod/echo :7000", "svc/echo :80"], ids=["pod", "service"])
def test_kubectl_goes_around_the_policy_by_both_protocols(
    there: Cluster, target: str, websockets: str
) -> None:
    """The real kubectl reaches the isolated pod, and the server says who it is."""
    need_kubectl()
    environment = {
        **os.environ,
        "KUBECONFIG": str(there.kubeconfig),
        "KUBECTL_PORT_FORWARD_WEBSOCKETS": websockets,
    }
    command = ["kubectl", "port-forward", "--address", "127.0.0.1", *target.split()]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            told = re.search(r"127\.0\.0\.1:(\d+) ->", running.stdout.readline())
            assert told is not None
            with _dialled(("127.0.0.1", int(told[1]))) as sock:
                sock.sendall(b"hello")
                assert b"echo\nhello" == _read(sock.recv, 10)
        finally:
            running.terminate()


def test_many_in_parallel_leave_nothing_behind(there: Cluster) -> None:
    """200 forwards, data checked both ways, and not a thread nor a descriptor more than before."""

    def one(number: int) -> bool:
        data = _noise(number)
        with _forward(there) as forward:
            if number % 2:
                with forward.connect() as through:
                    through.sendall(data, DEADLINE_S)
                    return b"echo\n" + data == _read(
                        lambda _: through.receive(DEADLINE_S), len(data) + 5
                    )
            with _dialled(forward.listen()) as sock:
                sock.sendall(data)
                return b"echo\n" + data == _read(sock.recv, len(data) + 5)

    before = _left()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        good = list(pool.map(one, range(PARALLEL)))
    assert (PARALLEL, before) == (sum(good), _left())


def test_all_of_them_stand_at_once(there: Cluster) -> None:
    """200 connections are open together, each to its own server's end."""
    before = _left()
    with _forward(there) as forward:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            through = list(pool.map(lambda _: forward.connect(), range(PARALLEL)))
        for number, one in enumerate(through):
            one.sendall(str(number).encode(), DEADLINE_S)
        for number, one in enumerate(through):
            expected = f"echo\n{number}".encode()
            assert expected == _read(lambda _, one=one: one.receive(DEADLINE_S), len(expected))  # type: ignore[misc]
            one.close()
    assert before == _left()


def test_a_forward_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    """The API server dies in mid-stream: no hang, and no end that looks like one."""
    with cluster(tmp_path / "lab") as doomed:
        _server(doomed, "echo")
        forward = _forward(doomed).__enter__()
        through, local = forward.connect(), socket.create_connection(forward.listen(), DEADLINE_S)
        assert b"echo\n" == through.receive(DEADLINE_S)
        assert b"echo\n" == _read(local.recv, 5)
    with pytest.raises(StreamCutError, match="broke off"):
        through.receive(DEADLINE_S)
    with pytest.raises(ConnectionResetError):
        local.recv(1)
    through.close()
    local.close()
    forward.close()
    assert all(isinstance(error, ClusterError) for error in forward.errors)


def _left() -> tuple[int, int]:
    """Return how many descriptors and threads this process has."""
    return len(os.listdir("/proc/self/fd")), threading.active_count()  # noqa: PTH208
