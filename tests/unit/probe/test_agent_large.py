"""Datagrams that are larger than a packet: whole on arrival, there and back, or not arrived."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator

import pytest
from msgspec import to_builtins

from netproof.model.value import replace
from netproof.model.workload import Family, Port, Protocol
from netproof.probe import agent
from netproof.probe.identity import fresh_nonce
from netproof.probe.targets import ProbeTarget, TargetKind
from tests.unit.probe.agents import Agents, answering_udp

LOCAL = "127.0.0.1"
SIZE = agent.LARGE
PATIENT_S = 10.0
Result = tuple[str, str]


def _of_one_size(word: str) -> str:
    """Have an agent send what fits its loopback interface: a packet there holds all datagrams."""
    return word.replace("size = max(LARGE, most + LARGER)", "size = LARGE")


@pytest.fixture(scope="module")
def agents() -> Iterator[Agents]:
    """Run a prober and a server; both end with the module."""
    with Agents() as running:
        running.start("n/prober", changed=_of_one_size)
        running.start("n/server", (Port(0, Protocol.UDP),), (LOCAL, "::1"))
        yield running


def _probe(
    agents: Agents,
    port: int,
    address: str = LOCAL,
    who: str = "n/prober",
    timeout_s: float = PATIENT_S,
) -> Result:
    family = Family.of(address)
    target = ProbeTarget(TargetKind.LARGE, Protocol.UDP, family, address, port, ("n/server",))
    request = {
        "op": "probe",
        "timeout": timeout_s,
        "targets": [to_builtins(replace(target, nonce=fresh_nonce()))],
    }
    replies = agents.ask(who, request, lambda reply: bool(reply["done"]))
    ((_, outcome, why, _),) = [result for reply in replies for result in reply["results"]]
    return outcome, why


def _whole(nonce: str, size: int = SIZE) -> bytes:
    return agent.filled(f"netproof {nonce} {size}\n".encode(), nonce.encode(), size)


def _said(agents: Agents, data: bytes) -> bytes:
    """Return the answer to a datagram, b"" where a later one is answered and it is not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENT_S)
        sock.connect((LOCAL, agents.running[1].ports["UDP", "IPv4"]))
        sock.send(data)
        sock.send(b"netproof afterwards\n")
        first = sock.recv(1 << 16)
        return b"" if b"afterwards" in first else first


def _arrived(agents: Agents, nonce: str) -> bool:
    request = {"op": "arrived", "nonces": [nonce[: agent.NAMED]]}
    return nonce in agents.ask("n/server", request, lambda _: True)[0]["arrived"]


@pytest.mark.parametrize("address", [LOCAL, "::1"])
def test_a_large_datagram_is_answered_by_one_as_large(agents: Agents, address: str) -> None:
    """Every byte of both is what it must be, and the server proves who it is."""
    port = agents.running[1].ports["UDP", Family.of(address)]
    outcome, proved = _probe(agents, port, address)
    assert ("connected", 32) == (outcome, len(proved))


def test_the_answer_has_the_requests_size(agents: Agents) -> None:
    """So it is no amplifier, and goes in as many fragments."""
    nonce = fresh_nonce()
    answer = _said(agents, _whole(nonce))
    line = answer.partition(b"\n")[0]
    assert nonce == json.loads(line)["nonce"]
    assert agent.filled(line + b"\n", nonce.encode(), SIZE) == answer
    assert _arrived(agents, nonce)


@pytest.mark.parametrize(
    "harmed",
    [
        lambda whole: whole[:-1],
        lambda whole: whole[:1472],
        lambda whole: whole + b"x",
        lambda whole: whole[:1472] + bytes(1480) + whole[2952:],
        lambda whole: whole[:1472] + whole[2952:] + whole[1472:2952],
        lambda whole: whole.replace(b" 4000", b" 4001"),
        lambda whole: b"\n" + whole[1:],
    ],
    ids=["a byte less", "first fragment", "longer", "a hole", "turned round", "size", "no line"],
)
def test_what_is_not_whole_has_not_arrived(
    agents: Agents, harmed: Callable[[bytes], bytes]
) -> None:
    """A datagram that lost a part, or has another's, is neither answered nor testified for."""
    nonce = fresh_nonce()
    assert b"" == _said(agents, harmed(_whole(nonce)))
    assert not _arrived(agents, nonce)


@pytest.mark.parametrize(
    "harmed",
    [lambda whole: whole[:1472], lambda whole: whole[:-1] + b"?", lambda whole: whole + b"x"],
    ids=["truncated", "changed", "longer"],
)
def test_an_answer_that_is_not_whole_tells_nothing(
    agents: Agents, harmed: Callable[[bytes], bytes]
) -> None:
    """It is an error of the probe: no connection, and no denial."""

    def answer(data: bytes) -> bytes:
        nonce = data.split()[1]
        line = json.dumps({"identity": "n/server", "nonce": nonce.decode()}).encode() + b"\n"
        return harmed(agent.filled(line, nonce, SIZE))

    with answering_udp(answer) as port:
        outcome, why = _probe(agents, port)
    assert "error" == outcome
    assert f"bytes that are not the {SIZE} it was sent" in why


def test_nobody_who_answers_is_a_silence(agents: Agents) -> None:
    """A denied datagram is one like any other."""
    with answering_udp(lambda _: None) as port:
        assert ("dropped", "") == _probe(agents, port, timeout_s=0.2)


def test_a_path_on_which_nothing_is_cut_up_is_unknown(agents: Agents) -> None:
    """What fits into a packet would prove nothing of fragments: the loopback interface's does."""
    expected = ("error", "no datagram is larger than what a packet holds on this path")
    assert expected == _probe(agents, 1, who="n/server")


@pytest.mark.parametrize(
    ("most", "size"),
    [(1280, 4000), (1450, 4000), (1500, 4000), (8951, 9951), (9001, 10001), (64507, 65507)],
)
def test_a_datagram_is_larger_than_the_path_holds(most: int, size: int) -> None:
    """It is so whatever the MTU of a cluster's pods, and not larger than need be."""
    assert size == agent.beyond(most)


@pytest.mark.parametrize("most", [64508, 65535, 65536])
def test_some_packets_hold_all_datagrams(most: int) -> None:
    """There is no larger one then."""
    assert 0 == agent.beyond(most)
