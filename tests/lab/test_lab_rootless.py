"""The lab needs no root: an unprivileged user gets the same cluster."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.lab import lab_process
from tests.lab.lab_api import cluster, ips

USER = 64321  # nobody's id: no file belongs to it, and it may do nothing special
AS_USER = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--")
MODULES = "import aiohttp, cryptography, yaml, jsonpatch"


def command() -> Sequence[str]:
    """Return how to start the lab without privileges; skip where no interpreter can be used.

    The one that runs the tests may live in a folder that other users cannot enter.
    """
    if os.geteuid() != 0:
        return lab_process.COMMAND
    libraries = sysconfig.get_path("purelib")
    for python in (sys.executable, "/usr/bin/python3"):
        prefix = [*AS_USER, "env", f"PYTHONPATH={lab_process.ROOT / 'src'}:{libraries}", python]
        probe = subprocess.run([*prefix, "-c", MODULES], check=False, capture_output=True)
        if probe.returncode == 0:
            return [*prefix, "-B", "-m", "netlab"]
    pytest.skip("no interpreter that another user may run: run the tests as a normal user")


@pytest.fixture
def shared() -> Iterator[Path]:
    """Return a folder like /tmp for all users, which pytest's own is not; it is removed."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o1777)
        yield Path(name)


def test_a_user_without_privileges_gets_a_cluster(shared: Path) -> None:
    """Pods on two nodes talk over both families, and nothing stays behind."""
    with cluster(shared / "lab", command=command()) as lab:
        here = lab.echo("here", 80, nodeName="lab-node-0")
        there = lab.echo("there", 80, nodeName="lab-node-1")
        seen = [lab.ask("here", ip, 80) for ip in ips(there)]
        uid = lab.run("here", "id", "-u")
    assert (seen, uid) == (ips(here), "65534")
    assert list(shared.iterdir()) == []


STANDS_BACK = """
own=$(tr ' ' '\\n' < /proc/1/stat | sed -n 19p)
for _ in $(seq 1000); do
    now=$(nice)
    if [ "$now" -gt "$own" ]; then echo yes; exit; fi
done
echo "no: $now, as the pod's own process with $own"
"""
"""A command is told to stand back just after it has begun, so it may have to look again."""


def test_a_lab_that_stands_back_itself_lets_probes_stand_back_further(shared: Path) -> None:
    """Started with `nice`, a lab runs commands in pods, behind the pods' own processes."""
    with cluster(shared / "lab", command=["nice", "-n", "5", *command()]) as lab:
        lab.echo("here", 80)
        told = lab.run("here", "sh", "-c", STANDS_BACK)
    assert told == "yes"
