"""Exec of the harness into a lab: all bytes both ways, the last words, and no wait without end."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
import yaml

from netproof.cluster.api.client import Client
from netproof.cluster.streams import connections, handshake
from netproof.cluster.streams.connections import AgentStreams, ExecStream
from netproof.errors import ProbeError
from netproof.model.flow import Endpoint
from netproof.model.value import replace
from tests.lab.lab_api import Cluster, cluster
from tests.lab.lab_process import DEADLINE_S

POD = ("default", "idle")
LARGE = bytes(range(256)) * 4096


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run a lab with one pod that does nothing."""
    with cluster(tmp_path_factory.mktemp("lab")) as running:
        running.create("idle", {"containers": [_sleeps()]})
        running.ready("idle")
        yield running


def _sleeps() -> dict[str, object]:
    return {"name": "c", "image": "none", "command": ["sleep", "3600"]}


@contextmanager
def _running(there: Cluster, *command: str) -> Iterator[ExecStream]:
    with (
        closing(Client(there.ref)) as client,
        closing(ExecStream(client, POD, command)) as stream,
    ):
        yield stream


def test_every_byte_comes_back(there: Cluster) -> None:
    """A megabyte through `cat`, while it is being read: neither side waits for the other."""
    with _running(there, "cat") as stream:
        came = b""
        for start in range(0, len(LARGE), 1 << 16):
            stream.send(LARGE[start : start + (1 << 16)])
            came += stream.receive(DEADLINE_S)
        while len(came) < len(LARGE):
            came += stream.receive(DEADLINE_S)
    assert came == LARGE


def test_a_command_that_fails_has_last_words(there: Cluster) -> None:
    """What it wrote to standard error and how it ended are told; its output is read first."""
    with _running(there, "sh", "-c", "echo out; echo oh dear >&2; exit 3") as stream:
        assert b"out\n" == stream.receive(DEADLINE_S)
        with pytest.raises(EOFError, match=r"(?s)pod default/idle ended: oh dear.*exit status 3"):
            stream.receive(DEADLINE_S)


def test_silence_is_not_the_end(there: Cluster) -> None:
    """A command that has nothing to say yet is waited for again."""
    with _running(there, "cat") as stream:
        assert b"" == stream.receive(0.05)
        stream.send(b"now")
        assert b"now" == stream.receive(DEADLINE_S)


def test_a_command_that_takes_nothing_is_given_up(
    there: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pipe is full: that is an error in time, not a hang."""
    monkeypatch.setattr(connections, "SEND_S", 0.2)
    told = "exec in pod default/idle: no answer in time"
    with _running(there, "sleep", "60") as stream, pytest.raises(EOFError, match=told):
        _send_without_end(stream)


def _send_without_end(stream: ExecStream) -> None:
    while True:
        stream.send(bytes(1 << 16))


def test_a_pod_that_is_not_there_is_named(there: Cluster) -> None:
    """In the API server's own words."""
    with closing(Client(there.ref)) as client:
        streams = AgentStreams(client, lambda _: ("default", "gone"))
        with pytest.raises(ProbeError, match=r'exec in pod default/gone: .*"gone" not found \(404'):
            streams.open(Endpoint.pod("default/gone"), ["true"])


def test_an_api_server_that_never_answers_is_given_up(
    there: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the connection and says nothing."""
    monkeypatch.setattr(handshake.connect, "__kwdefaults__", {"timeout_s": 0.2})
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        config = yaml.safe_load(there.kubeconfig.read_text(encoding="utf-8"))
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{silent.getsockname()[1]}"
        elsewhere = there.kubeconfig.with_name("silent")  # beside the certificates it names
        elsewhere.write_text(yaml.safe_dump(config), encoding="utf-8")
        with closing(Client(replace(there.ref, kubeconfig=str(elsewhere)))) as client:
            streams = AgentStreams(client, lambda _: POD)
            with pytest.raises(ProbeError, match="the API server cannot be reached"):
                streams.open(Endpoint.pod("default/idle"), ["true"])
