"""An API server on a loopback port, whose pods are plain processes of this machine.

The server, its controllers and a kubelet of twenty lines run in a thread with a loop of its own;
tests talk to it as anybody would, by the official client and by kubectl.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from netlab.controllers.clusterroles import ClusterRoleController, create_built_in
from netlab.controllers.endpoints import EndpointsController
from netlab.controllers.namespaces import NamespaceController, QuotaController
from netlab.http.certificates import kubeconfig_text, make_certificates
from netlab.http.server import ApiServer
from netlab.objects.obj import Obj, clone
from netlab.objects.store import Store, StoreEvent
from netlab.problems import RuntimeRefusal

TOKEN = "test-token"
DEADLINE_S = 30.0

T = TypeVar("T")


class HostSession:
    """A command on this machine as an exec session."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        assert process.stdout is not None
        self.stdin = process.stdin
        self.stdout = process.stdout
        self.stderr = process.stderr

    async def wait(self) -> int:
        code = await self._process.wait()
        return code if code >= 0 else 128 - code

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def resize(self, rows: int, cols: int) -> None:
        """Do nothing: there is no terminal."""


class HostRuntime:
    """Pods whose commands are processes of this machine and whose ports are its loopback's."""

    def __init__(self) -> None:
        self.logs: dict[str, bytes] = defaultdict(bytes)
        self.sessions: list[HostSession] = []
        self.closed_logs: set[str] = set()
        self._grown: asyncio.Event | None = None

    def write_log(self, pod: str, data: bytes, *, last: bool = False) -> None:
        """Append to a pod's log (in the server's loop)."""
        self.logs[pod] += data
        if last:
            self.closed_logs.add(pod)
        if self._grown is not None:
            self._grown.set()

    def log(self, pod: Obj, container: str, *, previous: bool) -> bytes:
        name = pod["metadata"]["name"]
        if previous:
            said = f'previous terminated container "{container}" in pod "{name}" not found'
            raise RuntimeRefusal(said)
        return self.logs[name]

    async def follow(self, pod: Obj, container: str) -> AsyncIterator[bytes]:  # noqa: ARG002
        name, at = pod["metadata"]["name"], 0
        while True:
            data = self.logs[name][at:]
            at += len(data)
            if data:
                yield data
            elif name in self.closed_logs:
                return
            else:
                self._grown = asyncio.Event()
                await self._grown.wait()

    async def exec(
        self,
        pod: Obj,  # noqa: ARG002
        container: str,  # noqa: ARG002
        argv: Sequence[str],
        *,
        stdin: bool,
        tty: bool,
    ) -> HostSession:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT if tty else asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise RuntimeRefusal(f'exec: "{argv[0]}": {error.strerror}') from error
        session = HostSession(process)
        self.sessions.append(session)
        return session

    async def attach(
        self,
        pod: Obj,
        container: str,
        *,
        stdin: bool,
    ) -> HostSession:
        """Join a command that gives back its input, in place of the container's own."""
        return await self.exec(pod, container, ["cat"], stdin=stdin, tty=False)

    def refuses(self, subresource: str) -> str:  # noqa: ARG002
        return ""

    def node_socket(self, family: socket.AddressFamily) -> socket.socket:
        return socket.socket(family, socket.SOCK_STREAM)

    async def dial(
        self,
        pod: Obj,  # noqa: ARG002
        port: int,
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", port)


class InstantKubelet:
    """Binds each pod to a node and has it running at once; ends it when it is told to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next = 0
        store.subscribe("pods", self._on_pod)

    def _on_pod(self, event: StoreEvent) -> None:
        meta = event.object["metadata"]
        if (
            event.type == "DELETED"
            or self._store.find("pods", meta["namespace"], meta["name"]) is None
        ):
            return
        if meta.get("deletionTimestamp"):
            self._store.delete("pods", meta["namespace"], meta["name"])
        elif event.type == "ADDED" and "test/pending" not in meta.get("annotations", {}):
            self._run(event.object)

    def _run(self, pod: Obj) -> None:
        self._next += 1
        bound = clone(pod)
        bound["spec"].setdefault("nodeName", "lab-node-0")
        bound = self._store.update("pods", bound)
        ip = f"10.244.0.{self._next}"
        ips = [{"ip": ip}, {"ip": f"fd00:10:244::{self._next:x}"}]
        containers = [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": container["image"],
                "ready": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": pod["metadata"]["creationTimestamp"]}},
            }
            for container in bound["spec"]["containers"]
        ]
        status = {
            "phase": "Running",
            "podIP": ip,
            "podIPs": ips,
            "hostIP": "172.30.0.10",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": containers,
        }
        self._store.update("pods", {**bound, "status": status}, subresource="status")


@dataclass(frozen=True, slots=True)
class Api:
    """A running API server and how to reach it."""

    url: str
    kubeconfig: Path
    ca_file: Path
    store: Store
    runtime: HostRuntime
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(DEADLINE_S)

    def call(self, function: Callable[[], T]) -> T:
        """Call a function in the server's loop and return its result."""

        async def work() -> T:
            return function()

        return self.run(work())

    def kubectl(
        self, *argv: str, stdin: str | None = None, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl against the server."""
        return subprocess.run(
            ["kubectl", *argv],
            input=stdin,
            text=True,
            capture_output=True,
            timeout=DEADLINE_S,
            check=False,
            env=self.environment(env),
        )

    def environment(self, more: dict[str, str] | None = None) -> dict[str, str]:
        """Return the environment in which kubectl finds this server and nothing of the user's."""
        home = str(self.kubeconfig.parent)
        own = {"KUBECONFIG": str(self.kubeconfig), "HOME": home, "PATH": os.environ["PATH"]}
        return {**own, **(more or {})}


@contextmanager
def running_api(folder: Path, **options: Any) -> Iterator[Api]:
    """Run an API server for the time of a with block; options are those of the server."""
    certificates = make_certificates()
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    kubeconfig, ca_file = folder / "kubeconfig", folder / "ca.crt"
    kubeconfig.write_text(kubeconfig_text(url, certificates.ca_pem, TOKEN, "lab"))
    ca_file.write_bytes(certificates.ca_pem)
    store, runtime = Store(), HostRuntime()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="api", daemon=True)
    thread.start()
    api = Api(url, kubeconfig, ca_file, store, runtime, loop)
    server = ApiServer(store, runtime, token=TOKEN, certificates=certificates, **options)
    api.run(_start(server, store, listener))
    try:
        yield api
    finally:
        api.run(_stop(server, runtime))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(DEADLINE_S)
        loop.close()


async def _start(server: ApiServer, store: Store, listener: socket.socket) -> None:
    NamespaceController(store, server.registry, ca_pem=b"the CA").start()
    EndpointsController(store).start()
    QuotaController(store).start()
    ClusterRoleController(store).start()
    create_built_in(server.registry)
    InstantKubelet(store)
    for name in ("default", "kube-system"):
        store.create("namespaces", namespace(name))
    store.create("nodes", node("lab-node-0"))
    server.start(listener)


async def _stop(server: ApiServer, runtime: HostRuntime) -> None:
    await server.stop()
    for session in runtime.sessions:
        session.kill()
        await session.wait()


def need_kubectl() -> None:
    """Skip the test where there is no kubectl; in CI that is a failure."""
    if shutil.which("kubectl") is not None:
        return
    if os.environ.get("CI"):
        pytest.fail("kubectl is not on PATH, and in CI it must be")
    pytest.skip("kubectl is not on PATH: install it to run the tests that use it")


def namespace(name: str) -> Obj:
    """Return a namespace as the store holds it."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def node(name: str) -> Obj:
    """Return a node that is ready."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {"podCIDR": "10.244.0.0/24"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": "172.30.0.10"}],
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1.33.0", "osImage": "lab", "kernelVersion": "6"},
        },
    }


def pod(name: str, **labels: str) -> Obj:
    """Return a pod with one container, named main, that offers port 80 as http."""
    port = {"name": "http", "containerPort": 80}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "probe:1", "ports": [port]}]},
    }
