"""What counts as ready, told by made-up answers of kubectl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from netproof.cluster.kind import downloads, installation
from netproof.cluster.kind.machine import Tools
from netproof.cluster.profiles.profile import Artifact, Readiness
from netproof.errors import ClusterError
from tests.unit.cluster.kind import standins

AT_ONCE = downloads.RETRIES.new(backoff_factor=0)
WANTED = Readiness(1.0, daemonsets=("net/agent",))
NODE_NOT_READY = {"type": "Ready", "status": "False", "message": "cni plugin not initialized"}


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    """Make tools whose kubectl is a stand-in."""
    made = standins.make(tmp_path)
    return Tools("docker", tmp_path, {"PATH": f"{made.bin}:/usr/bin:/bin"})


def _answer(tools: Tools, **changes: Any) -> list[str]:
    plain = json.loads(standins.OBJECT)
    for key, value in changes.items():
        plain[key].update(value) if isinstance(value, dict) else plain.update({key: value})
    (tools.home / "state" / "object.json").write_text(json.dumps(plain))
    return installation.unready(tools, WANTED)


def test_all_is_ready(tools: Tools) -> None:
    """Nothing is left to wait for."""
    assert [] == _answer(tools)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"status": {"numberReady": 2}}, "daemonset net/agent: 2 of 3 pods"),
        ({"status": {"updatedNumberScheduled": 1}}, "daemonset net/agent: 1 of 3 pods"),
        ({"status": {"desiredNumberScheduled": 0}}, "net/agent is not scheduled yet"),
        ({"metadata": {"generation": 2}}, "net/agent is not scheduled yet"),
        ({"status": {"readyReplicas": 0}}, "deployment kube-system/coredns: 0 of 1 pods"),
        (
            {"items": [{"metadata": {"name": "n"}, "status": {"conditions": [NODE_NOT_READY]}}]},
            "node n: cni plugin not initialized",
        ),
        ({"items": [{"metadata": {"name": "n"}, "status": {}}]}, "node n: no condition Ready"),
    ],
)
def test_what_is_not_ready_is_named(changes: dict[str, Any], told: str, tools: Tools) -> None:
    """Each thing that is not up is named with its state."""
    assert told in "; ".join(_answer(tools, **changes))


def _kubectl_says(tools: Tools, said: str) -> None:
    script = tools.home / "bin" / "kubectl"
    script.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")


def test_what_is_not_there_yet(tools: Tools) -> None:
    """A daemonset that an operator has still to make is waited for."""
    _kubectl_says(tools, 'Error from server (NotFound): daemonsets.apps "agent" not found')
    assert "daemonset net/agent is not there" in installation.unready(tools, WANTED)


def test_an_api_server_that_restarts(tools: Tools) -> None:
    """A refused connection is a state to wait in."""
    _kubectl_says(tools, "The connection to the server 127.0.0.1:1 was refused")
    (state,) = installation.unready(tools, WANTED)
    assert "was refused" in state


def test_another_failure_ends_the_wait(tools: Tools) -> None:
    """What will not mend is raised at once."""
    _kubectl_says(tools, "error: You must be logged in to the server (Unauthorized)")
    with pytest.raises(ClusterError, match="You must be logged in"):
        installation.unready(tools, WANTED)


def test_words_that_are_no_json(tools: Tools) -> None:
    """A kubectl that prints something else is quoted."""
    (tools.home / "state" / "object.json").write_text("Welcome!")
    with pytest.raises(ClusterError, match="printed no JSON but 'Welcome!'"):
        installation.unready(tools, WANTED)


def test_a_download_that_is_not_in_the_folder(tmp_path: Path) -> None:
    """Without internet, the file that is missing is named with its address."""
    get = downloads.from_folder(tmp_path)
    with pytest.raises(ClusterError, match=r"x\.yaml: No such file .* copy of https://h/a/x\.yaml"):
        downloads.download(Artifact("https://h/a/x.yaml"), tmp_path, get)


def test_a_download_that_cannot_be_had() -> None:
    """A network that is not there is said, with the way to do without."""
    with pytest.raises(ClusterError, match=r"cannot be downloaded: .* pass --downloads"):
        downloads.fetch("https://127.0.0.1:1/x.yaml", retries=AT_ONCE)
