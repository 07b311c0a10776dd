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
FREE = "FREE"


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
    def port(self) -> int:
        """The port at which it takes orders."""
        return int(self.outside.rpartition(":")[2])

    def served(self, protocol: str) -> int:
        """Return the first port that it serves by a protocol."""
        return int(self._found(rf"([0-9]+)/{protocol}"))

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
    """Run `netproof agent` with some words, and end it by Ctrl-C, which leaves nothing.

    Each FREE in the words is a port that nobody served. Others are tried where somebody took one of
    them before the agent did.
    """
    tries = 5
    for number in range(1, tries + 1):
        process = started(*words, prefix=prefix)
        assert process.stdout
        assert process.stderr
        with process:
            try:
                told = ""
                for line in process.stdout:
                    told += line
                    if "Ctrl-C" in line:
                        break
                else:
                    said = process.stderr.read()
                    assert "in use" in said or "EADDRINUSE" in said, said
                    assert number < tries, said
                    continue
                yield StandingAgent(process, told)
                process.send_signal(signal.SIGINT)
                assert (0, "netproof agent: ended\n") == (process.wait(10), process.stderr.read())
            finally:
                process.kill()
        return


def started(*words: str, prefix: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Start `netproof agent` with some words, of which FREE is a port that nobody serves."""
    words = tuple(re.sub(FREE, lambda _: str(_free_port()), word) for word in words)
    return subprocess.Popen(
        [*prefix, sys.executable, "-m", "netproof", "agent", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def _free_port() -> int:
    """Return a port that nobody serves, for both families."""
    with socket.create_server(("", 0)) as sock:
        return int(sock.getsockname()[1])


def own_address() -> str:
    """Return an address of this machine that is no loopback; skip a module where it has none."""
    try:
        return agent.own(agent.ROUTED[0])
    except OSError as error:
        pytest.skip(f"this machine has no way to others: {error}", allow_module_level=True)
