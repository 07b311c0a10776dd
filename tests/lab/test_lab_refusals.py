"""A lab that cannot start says what was tried, what went wrong and what to do."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.lab import lab_process
from tests.lab.lab_process import lab


def refusal(tmp_path: Path, *arguments: str, **options: Any) -> dict[str, Any]:
    """Start a lab that is expected to fail and return what it said."""
    with lab(tmp_path / "lab", *arguments, **options) as running:
        line = running.ready()
        assert running.process.wait(lab_process.DEADLINE_S) != 0
        assert line["ok"] is False
        return line


def test_a_missing_library_is_named_with_its_package(tmp_path: Path) -> None:
    """Without libnftables the remedy is the package to install."""
    line = refusal(tmp_path, env={"NETPROOF_LIBNFTABLES": "/nowhere/libnftables.so.1"})
    assert line["step"] == "nftables"
    assert "/nowhere/libnftables.so.1" in line["error"]
    assert "libnftables1" in line["remedy"]


def test_a_taken_port_is_named_with_its_owner(tmp_path: Path) -> None:
    """The message says which port is taken and by whom."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refusal(tmp_path, "--port", str(port))
    assert f"port {port} on 127.0.0.1 is taken by" in line["error"]
    assert "--port" in line["remedy"]


@pytest.mark.parametrize("option", ["--dataplane", "--defect"])
def test_an_unknown_name_lists_the_known_ones(tmp_path: Path, option: str) -> None:
    """A misspelt dataplane or defect is answered with what there is."""
    line = refusal(tmp_path, option, "nonsense")
    assert "nonsense" in line["error"]
    listed = subprocess.run(
        [*lab_process.COMMAND, "defects", "--json"], check=True, capture_output=True
    )
    known = {"--dataplane": "flat", "--defect": json.loads(listed.stdout)[0]["name"]}
    assert known[option] in line["remedy"]


def test_a_number_of_nodes_out_of_range_is_refused(tmp_path: Path) -> None:
    """The message gives the range."""
    assert "1 to 64" in refusal(tmp_path, "--nodes", "0")["remedy"]


def test_a_state_directory_in_use_is_refused(tmp_path: Path) -> None:
    """A second lab does not take over the directory of a living one."""
    with lab(tmp_path / "lab") as running:
        running.ready()
        line = refusal(tmp_path)
        assert f"in use by the lab with pid {running.process.pid}" in line["error"]
        assert (tmp_path / "lab" / "kubeconfig").exists()


def test_a_refused_start_leaves_no_directory(tmp_path: Path) -> None:
    """A lab that did not start has made nothing."""
    refusal(tmp_path, "--defect", "nonsense")
    assert list(tmp_path.iterdir()) == []


def test_preflight_reports_every_step() -> None:
    """Each step is listed as passed on a machine that can run labs."""
    result = subprocess.run([*lab_process.COMMAND, "preflight"], check=True, capture_output=True)
    lines = result.stdout.decode().splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines if line.startswith("ok")] == [
        "user namespace",
        "network namespace",
        "process and mount namespace",
        "sysctl",
        "veth",
        "nftables",
    ]
