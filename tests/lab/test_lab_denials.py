"""A lab denies as it is told to: by silence or by refusal, to new connections or to open ones."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from netproof.cluster.lab import environment
from netproof.model.record import RunRecord, RunVerdict
from tests.defects.suites import run_pytest
from tests.lab.doors import isolate
from tests.lab.lab_api import Cluster, cluster
from tests.lab.lab_process import eventually

TALK = """
import socket, sys, time
connection = socket.create_connection((sys.argv[1], 8000), 5)
connection.settimeout(1)
try:
    while True:
        connection.send(b"?")
        print("heard" if connection.recv(1) else "closed", flush=True)
        time.sleep(0.05)
except TimeoutError:
    print("silence", flush=True)
time.sleep(600)
"""
"""Talks over one connection and says each time whether the other end answered."""

LISTEN = """
import socket
listener = socket.create_server(("", 8000))
connection, _ = listener.accept()
while data := connection.recv(1):
    connection.send(data)
"""


@pytest.mark.parametrize(
    ("how", "letters"), [("drop", {"d"}), ("reject", {"r"}), ("mixed", {"d", "r"})]
)
def test_a_denial_looks_as_asked_for_and_is_enforced(
    how: str, letters: set[str], tmp_path: Path
) -> None:
    """Whether denied packets vanish, are refused, or now the one and now the other."""
    seen = run_pytest("suites/isolation", tmp_path, "--deny", how, "-n", "2")
    assert 0 == seen.exit_code, seen.output
    assert RunVerdict.PASS is seen.record.verdict
    assert letters == _denied(seen.record)


def _denied(run: RunRecord) -> set[str]:
    """Return the letters of what was seen of the flows that the policies deny."""
    return {
        letter
        for scenario in run.scenarios
        for step in scenario.steps
        for table in step.tables
        for expected, observed in zip(table.expected, table.observed, strict=True)
        for wanted, letter in zip(expected, observed, strict=True)
        if wanted == "D"
    }


def test_an_open_connection_is_kept(tmp_path: Path) -> None:
    """A connection from before a policy goes on being answered, while a new one is denied."""
    with cluster(tmp_path / "lab", "--established", "kept") as lab:
        _talk_and_isolate(lab)
        before = len(_said(lab))
        eventually(lambda: len(_said(lab)) > before + 1, "the talker says more")
        assert {"heard"} == set(_said(lab))


def test_an_open_connection_is_cut(tmp_path: Path) -> None:
    """A connection from before a policy falls silent, and a new one is denied."""
    with cluster(tmp_path / "lab", "--established", "cut") as lab:
        _talk_and_isolate(lab)
        eventually(lambda: "silence" == _said(lab)[-1], "the talker is no longer answered")


def test_a_lab_that_stays_up_can_be_told_too() -> None:
    """`netproof lab up` takes the same options and says what they made of the lab."""
    name = f"denials-{uuid.uuid4().hex[:8]}"
    try:
        told = _netproof_lab("up", "--name", name, "--deny", "reject", "--established", "cut")
        assert "dataplane enforcing with rejected denials with cut connections." in told
    finally:
        _netproof_lab("down", "--name", name)


def _netproof_lab(*arguments: str) -> str:
    """Run `netproof lab ...` in a process of its own, which ends before the lab does."""
    code = "from netproof.front.cli import main; raise SystemExit(main())"
    command = [sys.executable, "-c", code, "lab", *arguments]
    return subprocess.run(
        command, env=environment(), check=True, capture_output=True, text=True
    ).stdout


def _talk_and_isolate(lab: Cluster) -> None:
    """Open a connection, deny it, and see that the denial is in force."""
    address = _run(lab, "server", LISTEN)["status"]["podIP"]
    _run(lab, "talker", TALK, address)
    eventually(lambda: "heard" in _said(lab), "the talker is answered")
    isolate(lab, "server")
    assert lab.ask("talker", address, 8000).startswith("TimeoutError")


def _run(lab: Cluster, name: str, code: str, *arguments: str) -> dict[str, Any]:
    command = ["python3", "-c", code, *arguments]
    container = {"name": "one", "image": "none", "command": command}
    lab.create(name, {"containers": [container]}, labels={"app": name})
    return lab.ready(name)


def _said(lab: Cluster) -> list[str]:
    told: str = lab.api.read_namespaced_pod_log("talker", "default")
    return told.split()
