"""Whatever answers at an API server's address: a value or a ClusterError, in time and in bounds."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from netproof.cluster.access import required
from netproof.cluster.api import client as api
from netproof.cluster.api import dialling, transport
from netproof.cluster.api.client import Client
from netproof.cluster.api.login import log_in
from netproof.cluster.backend import ClusterRef
from netproof.cluster.kind import downloads
from netproof.cluster.streams import channels
from netproof.cluster.streams.channels import STDOUT
from netproof.cluster.streams.connections import ExecStream, ForwardedConnection, fetch_proxied
from netproof.cluster.streams.handshake import connect
from netproof.errors import ClusterError, UsageError
from netproof.front.cli.main import main
from netproof.timelimit import left_behind, within
from tests.attacks import hostileserver as hostile
from tests.attacks.hostileserver import Shape, serving
from tests.lab.leftovers import start_of
from tests.unit.cluster.api.standin import kubeconfig

LIMIT_S = 0.5
SLACK_S = 20.0
"""What a busy machine may add; what was attacked took a minute and more, or never ended."""

POD = {"kind": "Pod", "metadata": {"name": "a", "namespace": "shop"}}
PATH = "/api/v1/namespaces/shop/pods/web/exec"
CALLS: dict[str, Callable[[Client], object]] = {
    "get": lambda client: client.get("Pod", "a", "shop"),
    "list": lambda client: client.list("Pod", "shop"),
    "create": lambda client: client.create(POD),
    "patch": lambda client: client.relabel("Pod", "a", "shop", {"a": "b"}),
    "version": Client.version,
    "rights": required.check,
    "log": lambda client: client.text("/log", "reading a log"),
    "exec": lambda client: connect(client, PATH, [], "exec"),
}


@pytest.fixture(scope="module", autouse=True)
def _loaded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Load what logs in, whose 600 modules would count as the server's time."""
    folder = tmp_path_factory.mktemp("loaded")
    log_in(ClusterRef("existing", "c", str(kubeconfig(folder, "http://127.0.0.1:1"))))


@contextmanager
def _in_time(seconds: float = LIMIT_S) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds + SLACK_S


@contextmanager
def _at_worst(*errors: type[Exception]) -> Iterator[None]:
    """Let a block end by an error of some kinds that can be shown, and by no other."""
    said = ""
    try:
        yield
    except errors as error:
        said = str(error)
    assert said.isprintable()
    assert len(said) < 3000


@contextmanager
def _client(folder: Path, shape: Shape, scheme: str = "http") -> Iterator[Client]:
    with serving(shape) as port:
        path = kubeconfig(folder, f"{scheme}://127.0.0.1:{port}")
        with closing(Client(ClusterRef("existing", "hostile", str(path)))) as client:
            yield client


@pytest.mark.parametrize("call", [CALLS["get"], CALLS["create"]], ids=["get", "create"])
@pytest.mark.parametrize("shape", hostile.ENDLESS.values(), ids=hostile.ENDLESS.keys())
def test_an_answer_without_an_end(
    tmp_path: Path, shape: Shape, call: Callable[[Client], object]
) -> None:
    """The limit is for the whole call, retries and waits included."""
    with (
        _client(tmp_path, shape) as client,
        _in_time(),
        within(LIMIT_S),
        pytest.raises(ClusterError),
    ):
        call(client)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_every_call_has_a_limit(
    tmp_path: Path, call: Callable[[Client], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its own, where nobody around has one."""
    monkeypatch.setattr(api, "REQUEST_TIMEOUT_S", LIMIT_S)
    assert connect.__kwdefaults__
    monkeypatch.setitem(connect.__kwdefaults__, "timeout_s", LIMIT_S)
    with (
        _client(tmp_path, hostile.ENDLESS["dripping headers"]) as client,
        _in_time(),
        pytest.raises(ClusterError),
    ):
        call(client)


def test_a_handshake_of_tls_without_an_end(tmp_path: Path) -> None:
    """A server that never gets to speak of itself."""
    with (
        _client(tmp_path, hostile.ENDLESS["silence"], "https") as client,
        _in_time(),
        within(LIMIT_S),
        pytest.raises(ClusterError),
    ):
        client.get("Pod", "a", "shop")


def test_a_proxied_page_without_an_end(tmp_path: Path) -> None:
    """It is the page that did not come in time."""
    with (
        _client(tmp_path, hostile.ENDLESS["a dripping body"]) as client,
        _in_time(),
        pytest.raises(TimeoutError),
    ):
        fetch_proxied(client, "pods", namespace="a", name="b", port=1, path="", timeout_s=LIMIT_S)


@pytest.mark.parametrize("shape", hostile.TOO_MUCH.values(), ids=hostile.TOO_MUCH.keys())
def test_an_answer_that_does_not_fit(
    tmp_path: Path, shape: Shape, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than an API server ever says is not read, packed or not."""
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 1 << 20)
    monkeypatch.setattr(dialling, "MOST_RECEIVED", 1 << 21)
    with (
        _client(tmp_path, shape) as client,
        _in_time(30.0),
        pytest.raises(ClusterError, match=r"has more than|exceeded maximum"),
    ):
        client.get("Pod", "a", "shop")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("call", [CALLS["list"], CALLS["create"]], ids=["list", "create"])
def test_a_busy_server_is_asked_later(
    tmp_path: Path, status: int, call: Callable[[Client], object]
) -> None:
    """It has done nothing yet, and says when it will: creations too are asked again."""
    answers = iter([hostile.busy("0", status), hostile.busy("0", status)])
    pod = {"metadata": {"name": "a", "namespace": "shop"}, "spec": {"containers": []}, "items": []}
    good = hostile.answer(json.dumps(pod).encode())

    def shape(send: hostile.Sent, asked: bytes) -> None:
        next(answers, good)(send, asked)

    with _client(tmp_path, shape) as client:
        call(client)
    assert next(answers, None) is None


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("shape", hostile.NO_API.values(), ids=hostile.NO_API.keys())
def test_what_is_no_api_server(
    tmp_path: Path, shape: Shape, call: Callable[[Client], object]
) -> None:
    """A value or a ClusterError in characters that print, never anything else."""
    with _client(tmp_path, shape) as client, _in_time(), within(LIMIT_S), _at_worst(ClusterError):
        call(client)


@pytest.mark.parametrize("shape", hostile.FRAMES.values(), ids=hostile.FRAMES.keys())
def test_frames_without_an_end(
    tmp_path: Path, shape: Shape, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read ends when it is to end, whatever comes meanwhile, and keeps no more than it may."""
    monkeypatch.setattr(channels, "MOST_KEPT", 1 << 22)
    with (
        _client(tmp_path, hostile.websocket(shape)) as client,
        _in_time(),
        _at_worst(EOFError, ClusterError),
        closing(ExecStream(client, ("shop", "web"), ["true"])) as stream,
    ):
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            stream.receive(LIMIT_S / 2)


@pytest.mark.parametrize("shape", hostile.FRAMES.values(), ids=hostile.FRAMES.keys())
def test_a_forwarded_port_without_an_end(tmp_path: Path, shape: Shape) -> None:
    """The same of a port that is forwarded."""
    with (
        _client(tmp_path, hostile.websocket(shape)) as client,
        _in_time(),
        _at_worst(ClusterError, TimeoutError),
        ForwardedConnection(client, ("shop", "web"), 80) as connection,
    ):
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until and connection.receive(LIMIT_S / 2):
            pass


def test_a_stderr_that_nobody_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command writes beside what is read is kept up to a limit."""
    monkeypatch.setattr(channels, "MOST_KEPT", 1 << 20)
    flood = hostile.websocket(hostile.FRAMES["a flood of one-byte frames"])
    with (
        _client(tmp_path, flood) as client,
        pytest.raises(ClusterError, match="that nobody wants"),
        closing(connect(client, PATH, [], "exec")) as stream,
    ):
        _read_on(stream)


def _read_on(stream: channels.ChannelSocket) -> None:
    for _ in range(1000):
        stream.read(STDOUT, 1.0)


SHAPES = {**hostile.ENDLESS, **hostile.TOO_MUCH, **hostile.NO_API}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_doctor_cannot_tell(
    tmp_path: Path, shape: Shape, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends in time, with exit code 2, whatever stands at the address."""
    with serving(shape) as port, _in_time(1.0):
        file = str(kubeconfig(tmp_path, f"http://127.0.0.1:{port}"))
        code = main(["doctor", "--kubeconfig", file, "--limit", "0.6"])
    said = capsys.readouterr()
    assert (2, 1) == (code, (said.out + said.err).count("cannot be told"))


@pytest.mark.parametrize("shape", hostile.FRAMES.values(), ids=hostile.FRAMES.keys())
def test_doctor_cannot_tell_by_hostile_streams(
    tmp_path: Path, shape: Shape, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pods run, and what comes out of them never ends."""
    with serving(hostile.cluster(hostile.websocket(shape))) as port, _in_time(3.0):
        file = str(kubeconfig(tmp_path, f"http://127.0.0.1:{port}"))
        code = main(["doctor", "--kubeconfig", file, "--limit", "2", "--probe-timeout", "0.1"])
    said = capsys.readouterr()
    assert (2, 1) == (code, (said.out + said.err).count("cannot be told"))


@pytest.fixture
def _hanging_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have every look-up of a name hang until the test is over, as one without an answer does."""
    over, asked = threading.Event(), socket.getaddrinfo

    def hang(host: str, *args: Any, **kwargs: Any) -> Any:
        if host == NAMED:
            over.wait(120)
        return asked("127.0.0.1" if host == NAMED else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    yield
    over.set()


NAMED = "api.example"


@pytest.mark.usefixtures("_hanging_resolver")
@pytest.mark.parametrize("name", ["get", "exec"])
def test_a_resolver_that_hangs(name: str, tmp_path: Path) -> None:
    """It has a limit of its own, of half a minute; a call's is kept, and it is left behind."""
    path = kubeconfig(tmp_path, f"http://{NAMED}:1")
    client = Client(ClusterRef("existing", "hostile", str(path)))
    refused = pytest.raises(ClusterError, match="in time")
    with closing(client), _in_time(), refused, within(LIMIT_S):
        CALLS[name](client)


@pytest.mark.usefixtures("_hanging_resolver")
def test_a_download_by_a_resolver_that_hangs() -> None:
    """Has its limit too."""
    with _in_time(), pytest.raises(ClusterError, match="cannot be downloaded"):
        downloads.fetch(f"http://{NAMED}:1/x.yaml", timeout_s=LIMIT_S)


def test_what_comes_late_is_put_away() -> None:
    """A connection that is made after all is closed, for nobody waits for it."""
    ready, closed = threading.Event(), threading.Event()

    def slow() -> str:
        ready.wait(60)
        return "a connection"

    with within(0.1), pytest.raises(TimeoutError):
        left_behind(slow, late=lambda made: closed.set() if made == "a connection" else None)
    ready.set()
    assert closed.wait(60)


@pytest.mark.parametrize("tries", ["sleeps", "leaves a child", "answers and leaves a child"])
def test_a_login_program_that_hangs(tries: str, tmp_path: Path) -> None:
    """It is ended with all that it started, and said; its child may not even hold the output."""
    program, pids = tmp_path / "login", tmp_path / "pids"
    child = {"sleeps": "", "leaves a child": "sleep 300 &"}.get(tries, "sleep 300 & exit 0")
    program.write_text(f"#!/bin/sh\necho $$ >{pids}\n{child}\necho $! >>{pids}\nexec sleep 300\n")
    program.chmod(0o755)
    wanted = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program)}
    path = kubeconfig(tmp_path, "http://127.0.0.1:1", exec={**wanted, "interactiveMode": "Never"})
    with _in_time(), within(1.0), pytest.raises(UsageError, match=rf"{program} gave no login in"):
        log_in(ClusterRef("existing", "c", str(path)))
    for pid in pids.read_text().split():
        assert not start_of(int(pid))
