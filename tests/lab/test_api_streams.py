"""Exec and port-forward through the official Python client."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import kubernetes.client
import kubernetes.config
import pytest
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import portforward, stream

from tests.lab._api import DEADLINE_S, Api, pod, running_api

# The client leaves sockets to the garbage collector: those of refused handshakes, and its half of
# each forwarded port.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Let what the client left be found here, not in a later test."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Run an API server with a pod named web for this module's tests."""
    with running_api(tmp_path_factory.mktemp("api")) as api:
        body = {**pod("web"), "metadata": {"name": "web", "namespace": "default"}}
        api.call(lambda: api.store.create("pods", body))
        yield api


@pytest.fixture
def core(api: Api) -> Iterator[Any]:
    """Return the core API; its connections are closed at the end."""
    configuration = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(str(api.kubeconfig), client_configuration=configuration)
    client = kubernetes.client.ApiClient(configuration)
    yield kubernetes.client.CoreV1Api(client)
    client.rest_client.pool_manager.clear()


@pytest.fixture
def echo_port() -> Iterator[int]:
    """Return a port of this machine that sends back what it gets, until its input ends."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=_serve_echo, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(DEADLINE_S)


def _serve_echo(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # the test is over
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)


@contextmanager
def running(core: Any, *argv: str, stdin: bool = False) -> Iterator[Any]:
    """Run a command for the time of a with block."""
    session = stream(
        core.connect_get_namespaced_pod_exec,
        "web",
        "default",
        command=[*argv],
        stdin=stdin,
        stdout=True,
        stderr=True,
        tty=False,
        _preload_content=False,
    )
    try:
        yield session
    finally:
        session.close()
        session.sock.shutdown()  # closing does nothing where the server closed first


def eventually(is_so: Callable[[], bool]) -> bool:
    """Ask until it is so or the deadline has passed."""
    end = time.monotonic() + DEADLINE_S
    while not is_so():
        if time.monotonic() > end:
            return False
        threading.Event().wait(0.01)
    return True


def test_output_and_exit_status(core: Any) -> None:
    """Both outputs arrive apart, and the status is the command's."""
    with running(core, "sh", "-c", "echo out; echo err >&2; exit 3") as session:
        session.run_forever(timeout=DEADLINE_S)
        assert (session.read_stdout(), session.read_stderr()) == ("out\n", "err\n")
        assert session.returncode == 3


def test_success_is_zero(core: Any) -> None:
    """A command that succeeds has the status 0."""
    with running(core, "true") as session:
        session.run_forever(timeout=DEADLINE_S)
        assert session.returncode == 0


def test_lines_go_both_ways_while_it_runs(core: Any) -> None:
    """What is written comes back line by line, without waiting for more."""
    with running(core, "cat", stdin=True) as session:
        for number in range(20):
            session.write_stdin(f"line {number}\n")
            assert session.readline_stdout(timeout=DEADLINE_S) == f"line {number}"


def test_closing_stdin_ends_the_command(core: Any) -> None:
    """With v5 a client can say that its input is over."""
    with running(core, "wc", "-c", stdin=True) as session:
        session.write_stdin("hello")
        session.close_channel(0)
        session.run_forever(timeout=DEADLINE_S)
        assert (session.read_stdout().strip(), session.returncode) == ("5", 0)


def test_much_output_arrives_whole(core: Any) -> None:
    """A megabyte and more, in order, through a pipe of 64 KiB."""
    with running(core, "sh", "-c", "seq 300000") as session:
        session.run_forever(timeout=DEADLINE_S)
        assert session.read_stdout() == "".join(f"{n}\n" for n in range(1, 300001))


def test_the_command_ends_with_its_client(api: Api, core: Any) -> None:
    """When the client goes away the session is killed."""
    with running(core, "sh", "-c", "echo started; exec sleep 1000", stdin=True) as session:
        assert session.readline_stdout(timeout=DEADLINE_S) == "started"
        command = api.runtime.sessions[-1]
    assert api.run(_within_deadline(command.wait())) == 128 + 9


async def _within_deadline(work: Any) -> Any:
    return await asyncio.wait_for(work, DEADLINE_S)


def test_a_command_that_does_not_exist(core: Any) -> None:
    """The reason comes on the error channel."""
    with running(core, "no-such-command") as session:
        session.run_forever(timeout=DEADLINE_S)
        assert "No such file or directory" in session.read_channel(3)


def test_a_pod_that_does_not_exist(core: Any) -> None:
    """The handshake is refused with the API server's words."""
    with pytest.raises(ApiException, match="404"):
        stream(core.connect_get_namespaced_pod_exec, "nope", "default", command=["true"])


def test_a_port_is_forwarded(core: Any, echo_port: int) -> None:
    """Bytes go to the pod's port and back, in any amount."""
    forward = _forward(core, str(echo_port))
    with closing(forward.socket(echo_port)) as connection:
        connection.settimeout(DEADLINE_S)
        sent = bytes(range(256)) * 4096
        threading.Thread(target=connection.sendall, args=(sent,), daemon=True).start()
        got = b""
        while len(got) < len(sent):
            got += connection.recv(65536)
    assert got == sent
    forward.close()


def test_a_port_that_nobody_serves(core: Any) -> None:
    """The error channel says who refused."""
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        forward = _forward(core, str(port))
        assert eventually(lambda: forward.error(port) is not None)
        assert "connection refused" in forward.error(port)


def _forward(core: Any, ports: str) -> Any:
    return portforward(core.connect_get_namespaced_pod_portforward, "web", "default", ports=ports)


def test_nothing_is_left_behind(api: Api, core: Any, echo_port: int) -> None:
    """After clients have gone no task of theirs runs."""
    before = api.call(_tasks)
    for _ in range(5):
        with running(core, "sleep", "1000"):
            pass
    forward = _forward(core, str(echo_port))
    with closing(forward.socket(echo_port)) as connection:
        connection.sendall(b"x")
        connection.settimeout(DEADLINE_S)
        assert connection.recv(1) == b"x"
    forward.close()
    assert eventually(lambda: api.call(_tasks) <= before)


def _tasks() -> int:
    # A connection that is kept alive has one task, whatever went over it.
    names = [str(task.get_coro()) for task in asyncio.all_tasks()]
    return sum("RequestHandler.start" not in name for name in names)
