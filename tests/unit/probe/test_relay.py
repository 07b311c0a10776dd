"""The relay between an exec's standard streams and the agent beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from netproof.probe.agentcommand import relay_command
from tests.unit.probe.agents import Agents


@pytest.fixture
def agents() -> Iterator[Agents]:
    """Run agents that end with the test."""
    with Agents() as running:
        yield running


def _relay(agents: Agents, given: bytes, starting_s: float = 10.0) -> tuple[int, bytes, bytes]:
    command = relay_command("n/a", agents.instance, starting_s)
    done = subprocess.run(
        [sys.executable, *command[1:]], check=False, input=given, capture_output=True
    )
    return done.returncode, done.stdout, done.stderr


def test_without_an_agent_it_says_so_in_one_line(agents: Agents) -> None:
    """A relay that finds nobody fails after its deadline with one line on standard error."""
    expected = f"no agent at netproof-n/a-{agents.instance}: Connection refused\n".encode()
    assert (1, b"", expected) == _relay(agents, b"", starting_s=0.0)


def test_it_waits_for_an_agent_that_is_still_starting(agents: Agents) -> None:
    """A relay started together with its agent gets through."""
    agents.launch("n/a", ())
    command = relay_command("n/a", agents.instance)
    with subprocess.Popen(
        [sys.executable, *command[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as relay:
        assert relay.stdin
        assert relay.stdout
        relay.stdin.write(agents.sealed("n/a", "s", b'{"op":"hello","id":1}'))
        relay.stdin.flush()
        assert "n/a" == json.loads(relay.stdout.readline().partition(b" ")[2])["identity"]


def test_it_ends_with_its_input(agents: Agents) -> None:
    """When the harness is gone nothing of it is left in the pod."""
    agents.start("n/a")
    assert (0, b"", b"") == _relay(agents, b"")


def test_it_ends_with_its_agent(agents: Agents) -> None:
    """When the agent dies the relay says so and fails."""
    agent = agents.start("n/a")
    command = relay_command("n/a", agents.instance)
    with subprocess.Popen(
        [sys.executable, *command[1:]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as relay:
        assert relay.stdin
        assert relay.stdout
        assert relay.stderr
        relay.stdin.write(agents.sealed("n/a", "s", b'{"op":"hello","id":1}'))
        relay.stdin.flush()
        relay.stdout.readline()
        agent.kill()
        assert (
            f"the agent at netproof-n/a-{agents.instance} is gone" in relay.stderr.read().decode()
        )
        assert 1 == relay.wait()
