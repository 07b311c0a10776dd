"""`netproof agent` as a process of this machine, or in the network of somebody else's."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from netproof.cluster.lab import environment
from netproof.probe import agent

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class StandingAgent:
    """An agent that has said what to pass on."""

    process: subprocess.Popen[str]
    told: str

    @property
    def token(self) -> str:
        """The token to export."""
        return self._found(r"NETPROOF_OUTSIDE_TOKEN=(\S+)")

    @property
    def outside(self) -> str:
        """What to pass with --outside."""
        return self._found(r"--outside (\S+)")

    @property
    def fingerprint(self) -> str:
        """The token's."""
        return self._found(r"fingerprint (\w+)")

    def _found(self, pattern: str) -> str:
        found = re.search(pattern, self.told)
        assert found, self.told
        return found[1]


@contextmanager
def standing(*words: str, prefix: Sequence[str] = ()) -> Iterator[StandingAgent]:
    """Run `netproof agent` with some words, and end it by Ctrl-C, which leaves nothing."""
    process = subprocess.Popen(
        [*prefix, sys.executable, "-m", "netproof", "agent", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout
    assert process.stderr
    try:
        told = ""
        for line in process.stdout:
            told += line
            if "Ctrl-C" in line:
                break
        assert "Ctrl-C" in told, process.stderr.read()
        yield StandingAgent(process, told)
        process.send_signal(signal.SIGINT)
        assert (0, "netproof agent: ended\n") == (process.wait(10), process.stderr.read())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def free_port() -> int:
    """Return a port that nobody serves, for both families."""
    with socket.create_server(("", 0)) as sock:
        return int(sock.getsockname()[1])


def own_address() -> str:
    """Return an address of this machine that is no loopback; skip a module where it has none."""
    try:
        return agent.own(agent.ROUTED[0])
    except OSError as error:
        pytest.skip(f"this machine has no way to others: {error}", allow_module_level=True)
