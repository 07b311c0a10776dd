"""Whoever reaches an agent's control socket without its key has it do nothing and say nothing."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Callable, Iterator

import pytest

from netproof.model.workload import Port
from netproof.probe import agent
from netproof.probe.identity import fresh_nonce
from netproof.probe.messages import agent_key
from tests.unit.probe.agents import SECRET, Agents

WHO = "n/attacked"
HELLO = b'{"op":"hello","id":1}'


@pytest.fixture(scope="module")
def agents() -> Iterator[Agents]:
    """Run an agent."""
    with Agents() as running:
        running.start(WHO, (Port(0),))
        yield running


def _key(agents: Agents) -> bytes:
    return bytes.fromhex(agent_key(SECRET, WHO, agents.instance))


def _said(agents: Agents, lines: bytes) -> bytes:
    """Return what an agent answers until it ends the conversation, or has no more to say."""
    said = b""
    with agents.dialled(WHO) as sock:
        sock.sendall(lines)
        sock.shutdown(socket.SHUT_WR)
        try:
            while more := sock.recv(1 << 16):
                said += more
        except ConnectionError:
            return said
    return said


def _replayed(agents: Agents, line: bytes) -> bytes:
    first = agents.sealed(WHO, "s-replayed", line)
    assert _said(agents, first)
    return first


def _reflected(agents: Agents, line: bytes) -> bytes:
    """Use what the agent itself has sealed."""
    session = fresh_nonce()
    honest = agents.sealed(WHO, session, HELLO)
    seal, _, reply = _said(agents, honest).partition(b" ")
    assert reply
    return seal + b" " + session.encode() + b" " + line + b"\n"


def _proof_of_a_port(agents: Agents, line: bytes) -> bytes:
    """Use a proof that the agent gives to everybody who asks at its port."""
    with socket.create_connection(("127.0.0.1", agents.running[0].ports["TCP", "IPv4"])) as sock:
        sock.sendall(b"netproof ask\n")
        proof = json.loads(sock.makefile().readline())["proof"]
    return f"{proof} ask ".encode() + line + b"\n"


def _cut_and_joined(agents: Agents, line: bytes) -> bytes:
    """Put another request under the seal of one that was heard."""
    return agents.sealed(WHO, fresh_nonce(), HELLO).replace(HELLO, line)


FORGED: dict[str, Callable[[Agents, bytes], bytes]] = {
    "without a seal": lambda _, line: line + b"\n",
    "under an empty seal": lambda _, line: b" s " + line + b"\n",
    "under another key": lambda _, line: agent.asked(b"k" * 32, b"s1", line),
    "without a key": lambda _, line: agent.asked(b"", b"s2", line),
    "without a session": lambda agents, line: agent.asked(_key(agents), b"", line),
    "under an answer's seal": lambda agents, line: agent.sealed(_key(agents), b"s3", line),
    "of another pod": lambda agents, line: agent.asked(
        bytes.fromhex(agent_key(SECRET, "n/other", agents.instance)), b"s4", line
    ),
    "a session again": _replayed,
    "an answer turned round": _reflected,
    "a proof of its port": _proof_of_a_port,
    "another's seal": _cut_and_joined,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_it_does_nothing_and_says_nothing(
    agents: Agents, forge: Callable[[Agents, bytes], bytes]
) -> None:
    """No packet leaves, nothing is printed, no word comes back."""
    with socket.create_server(("127.0.0.1", 0)) as victim:
        target = {
            "kind": "connect",
            "protocol": "TCP",
            "family": "IPv4",
            "address": "127.0.0.1",
            "port": victim.getsockname()[1],
            "identities": ["n/x"],
            "nonce": fresh_nonce(),
        }
        probe = {"op": "probe", "id": 1, "timeout": 1, "targets": [target]}
        requests = [json.dumps(probe).encode(), b'{"op":"print","id":1,"nonce":"n1"}']
        for line in [HELLO] if forge is _replayed else requests:
            assert b"" == _said(agents, forge(agents, line))
        agents.hello(WHO)  # and all before it has been done, were it done at all
        out = agents.running[0].process.stdout
        assert out is not None
        assert [] == select.select([victim.fileno(), out.fileno()], [], [], 0)[0]


def test_a_request_is_not_done_twice(agents: Agents) -> None:
    """Its number has to be a new one."""
    line = agents.sealed(WHO, fresh_nonce(), HELLO)
    first, second, *more = _said(agents, line + line).splitlines()
    assert b"boot" in first
    assert b"not understood" in second
    assert [] == more


def test_a_stranger_fills_no_memory(agents: Agents) -> None:
    """A line that does not end is ended, where nothing has shown yet that it is the harness's."""
    with agents.dialled(WHO) as sock, pytest.raises(ConnectionError):
        sock.sendall(b"x" * (1 << 22))
