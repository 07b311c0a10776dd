"""Wrong use of the options ends as one clear message, and starts nothing."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from netproof.cluster.lab import environment
from tests.plugin.project import ROOT, run

USAGE_ERROR = pytest.ExitCode.USAGE_ERROR

NOBODY_LISTENS = """
apiVersion: v1
kind: Config
clusters: [{name: a, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: a, user: {token: x}}]
contexts: [{name: a, context: {cluster: a, user: a}}]
current-context: a
"""


def test_an_unknown_dataplane_is_named_with_those_there_are(tmp_path: Path) -> None:
    """The message lists the dataplanes."""
    ended = run(tmp_path, "--np-cluster", "lab", "--np-dataplane", "magic")
    assert USAGE_ERROR == ended.code
    assert ended.says("'magic'", "enforcing, flat"), ended.output


def test_an_unknown_defect_is_named_with_those_there_are(tmp_path: Path) -> None:
    """The message lists the defects."""
    ended = run(tmp_path, "--np-cluster", "lab", "--np-defect", "magic")
    assert USAGE_ERROR == ended.code
    assert ended.says("'magic'", "ignores-egress"), ended.output


def test_a_missing_library_is_named_with_its_package(tmp_path: Path) -> None:
    """Without libnftables there is no lab; Debian's package has it."""
    ended = run(tmp_path, "--np-cluster", "lab", NETPROOF_LIBNFTABLES="/nowhere/libnftables.so")
    assert USAGE_ERROR == ended.code
    assert ended.says("the lab cannot start", "libnftables1"), ended.output


def test_a_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    """The message says which file, and how to list contexts."""
    ended = run(tmp_path, "--np-cluster", "existing", "--np-kubeconfig", "/nowhere/config")
    assert USAGE_ERROR == ended.code
    assert ended.says("/nowhere/config", "kubectl config get-contexts"), ended.output


def test_a_report_folder_that_cannot_be(tmp_path: Path) -> None:
    """It is refused before the run, not after it, when the result would be lost."""
    (tmp_path / "file").touch()
    ended = run(tmp_path, "--np-cluster", "lab", "--np-report-dir", "file")
    assert USAGE_ERROR == ended.code
    assert ended.says("--np-report-dir file: Not a directory; name a folder"), ended.output


def test_a_report_that_there_is_not(tmp_path: Path) -> None:
    """A typing error is told before anything starts, as the option is spelled there."""
    ended = run(tmp_path, "--np-cluster", "lab", "--np-report", "pdf")
    assert 4 == ended.code
    assert ended.says("--np-report pdf: there is no format 'pdf' here"), ended.output


def test_an_unknown_context_is_named(tmp_path: Path) -> None:
    """The message says which context."""
    (tmp_path / "config").write_text(NOBODY_LISTENS)
    ended = run(
        tmp_path,
        "--np-cluster",
        "existing",
        "--np-kubeconfig",
        "config",
        "--np-context",
        "elsewhere",
    )
    assert USAGE_ERROR == ended.code
    assert ended.says("elsewhere", "kubectl config get-contexts"), ended.output


def test_an_api_that_nobody_serves_is_said(tmp_path: Path) -> None:
    """The message says what was asked, and what to check."""
    (tmp_path / "config").write_text(NOBODY_LISTENS)
    ended = run(tmp_path, "--np-cluster", "existing", "--np-kubeconfig", "config")
    assert USAGE_ERROR == ended.code
    assert ended.says("the API server cannot be reached", "check that the cluster runs"), (
        ended.output
    )


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    """`netproof lab up --port` says which port, and what to do instead."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = [sys.executable, "-c", "from netproof.front.cli import main; raise SystemExit(main())"]
        done = subprocess.run(
            [*up, "lab", "up", "--name", f"taken-{port}", "--port", str(port)],
            env={**environment(), "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert 2 == done.returncode
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--np-fuzz-bundle", "/nowhere/found.yaml", "there is no file '/nowhere/found.yaml'"),
        ("--np-fuzz-examples", "-3", "'-3' is no number of bundles; 0 is without end"),
        ("--np-fuzz-examples", "many", "'many' is no number of bundles"),
    ],
)
def test_a_hunt_that_cannot_begin(option: str, value: str, told: str) -> None:
    """Refused before a lab is started for it."""
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "suites/fuzz", option, value]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert USAGE_ERROR == done.returncode
    assert told in done.stderr
    assert "Traceback" not in done.stderr
