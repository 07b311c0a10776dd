"""What an agent serves, tried with plain sockets on loopback."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
from collections.abc import Iterator

import pytest

from netproof.model.workload import Port, Protocol
from netproof.probe import agent
from netproof.probe.agent import ROUTED
from netproof.probe.messages import agent_key
from tests.unit.probe.agents import SECRET, Agent, Agents, packets_received

PORTS = (Port(0), Port(0, Protocol.UDP), Port(0, Protocol.SCTP))
V4, V6 = ("TCP", "IPv4"), ("TCP", "IPv6")


@pytest.fixture(scope="module")
def agents() -> Iterator[Agents]:
    """Run agents that end with the module."""
    with Agents() as running:
        yield running


@pytest.fixture(scope="module")
def web(agents: Agents) -> Agent:
    """Run an agent that serves TCP and UDP on loopback in both families."""
    return agents.start("shop/web", PORTS, ("127.0.0.1", "::1"))


def _say(server: Agent, data: bytes, address: str = "127.0.0.1") -> bytes:
    family = "IPv6" if ":" in address else "IPv4"
    with socket.create_connection((address, server.ports["TCP", family]), 10) as sock:
        sock.sendall(data)
        return sock.makefile("rb").readline()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_connection_is_answered_with_identity_nonce_and_client(
    agents: Agents, web: Agent, address: str
) -> None:
    """A TCP client learns who answered, to which request, and as whom it was seen."""
    proved = agent.proof(bytes.fromhex(agent_key(SECRET, "shop/web", agents.instance)), b"n1")
    expected = {"identity": "shop/web", "nonce": "n1", "from": address, "proof": proved}
    assert expected == json.loads(_say(web, b"netproof n1\n", address))


def test_an_answer_ends_the_connection(web: Agent) -> None:
    """One packet has both: what completed the connection and an acknowledgement were before it."""
    with socket.create_connection(("127.0.0.1", web.ports[V4]), 10) as sock:
        sock.sendall(b"netproof n1\n")
        while sock.recv(4096):
            pass
        assert 3 == packets_received(sock)


def test_a_datagram_is_answered_with_a_datagram(web: Agent) -> None:
    """A UDP client gets one reply."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.connect(("127.0.0.1", web.ports["UDP", "IPv4"]))
        sock.send(b"netproof n2\n")
        assert "n2" == json.loads(sock.recv(1000))["nonce"]


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\n\r\n", b"\xff\x00\n", b"netproof\n", b"netproof a/b\n", b"x" * 5000],
    ids=["http", "bytes", "no nonce", "odd nonce", "endless"],
)
def test_garbage_is_not_answered_and_does_no_harm(web: Agent, data: bytes) -> None:
    """What is no request is hung up on, and the next client is served."""
    with contextlib.suppress(ConnectionError):  # hung up with data unread: the kernel resets
        assert b"" == _say(web, data)
    assert b"n3" in _say(web, b"netproof n3\n")


def test_half_open_clients_do_not_keep_others_out(web: Agent) -> None:
    """Clients that never say their line leave room for those that do."""
    port = web.ports[V4]
    idle = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(50)]
    try:
        assert b"n4" in _say(web, b"netproof n4\n")
    finally:
        for sock in idle:
            sock.close()


def test_a_request_in_pieces_is_put_together(web: Agent) -> None:
    """A line may come in several packets."""
    with socket.create_connection(("127.0.0.1", web.ports[V4]), 10) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (b"netp", b"roof n", b"5\n"):
            sock.sendall(piece)
        assert "n5" == json.loads(sock.makefile("rb").readline())["nonce"]


def test_hello_tells_what_could_not_be_served(agents: Agents, web: Agent) -> None:
    """A port that is taken is reported and the others are served all the same."""
    taken = web.ports[V4]
    agents.start("shop/late", (Port(taken), Port(0)))
    hello = agents.hello("shop/late")
    assert [[taken, "TCP", "IPv4", "EADDRINUSE"]] == hello["failures"]
    assert 1 == len(hello["serving"])


def test_a_missing_protocol_is_reported_not_fatal(agents: Agents, web: Agent) -> None:
    """SCTP is served where the kernel has it and listed as a failure where it has not."""
    assert web.process.poll() is None
    hello = agents.hello("shop/web")
    sctp = [entry[1] for entry in (*hello["serving"], *hello["failures"]) if entry[1] == "SCTP"]
    assert ["SCTP", "SCTP"] == sctp


def test_sigterm_ends_an_agent_at_once(agents: Agents) -> None:
    """A pod's deletion need not wait for the grace period."""
    agent = agents.start("shop/short-lived")
    agent.process.send_signal(signal.SIGTERM)
    assert 128 + signal.SIGTERM == agent.process.wait(10)


def test_an_agent_outlives_sigterm_where_it_was_told_to(agents: Agents) -> None:
    """It goes on serving as long as its pod's grace lets it."""
    agent = agents.start("shop/long-lived", PORTS)
    agents.ask("shop/long-lived", {"op": "outlive"}, lambda _: True)
    agent.process.send_signal(signal.SIGTERM)
    assert b"shop/long-lived" in _say(agent, b"netproof abc\n")
    assert agent.process.poll() is None


def test_an_agent_that_was_told_to_finish_ends_well_when_it_was_heard(agents: Agents) -> None:
    """Its pod completes; as long as who told it stays, it does too."""
    agent = agents.start("shop/done")
    channel = agents.channel("shop/done")
    channel.ask({"op": "finish"}, dict, lambda _: True, deadline_s=10)
    assert agent.process.poll() is None
    channel.close()
    assert 0 == agent.process.wait(10)


def test_an_agent_lives_on_when_nobody_reads_its_output(agents: Agents) -> None:
    """A closed standard output does not end the agent."""
    agent = agents.launch("shop/unheard", (Port(0),), ("127.0.0.1",))
    assert agent.process.stdout
    agent.process.stdout.close()
    assert 1 == len(agents.hello("shop/unheard")["serving"])


def test_the_signal_of_arrival_is_per_nonce(agents: Agents, web: Agent) -> None:
    """An agent tells which requests reached it and which did not."""
    _say(web, b"netproof seen1\n")
    request = {"op": "arrived", "nonces": ["seen1", "never1"]}
    (reply,) = agents.ask("shop/web", request, lambda _: True)
    assert ["seen1"] == reply["arrived"]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_connection_that_is_not_complete_is_testified_for(
    agents: Agents, web: Agent, address: str
) -> None:
    """A SYN that was answered, and nothing after it, is known by the address and port it is from.

    To the kernel one that has said nothing yet is in the same state as one whose answer was lost.
    """
    family = "IPv6" if ":" in address else "IPv4"
    with socket.create_connection((address, web.ports["TCP", family]), 10) as sock:
        silent = f"{address} {sock.getsockname()[1]}"
        request = {"op": "arrived", "nonces": [], "half": [silent, f"{address} 1"]}
        (reply,) = agents.ask("shop/web", request, lambda _: True)
        assert [silent] == reply["half"]
        sock.sendall(b"netproof n10\n")
        assert b"n10" in sock.makefile("rb").readline()
        (reply,) = agents.ask("shop/web", request, lambda _: True)
        assert [] == reply["half"]


def test_http_is_answered_with_the_same_in_a_response(web: Agent) -> None:
    """Who comes through a proxy asks `GET /netproof/NONCE`, however long its headers are."""
    headers = "".join(f"X-Header-{n}: {'x' * 50}\r\n" for n in range(40))
    request = f"GET /netproof/n9 HTTP/1.1\r\nHost: web\r\n{headers}\r\n".encode()
    with socket.create_connection(("127.0.0.1", web.ports["TCP", "IPv4"]), 10) as sock:
        sock.sendall(request)
        head, _, body = sock.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    said = json.loads(body)
    assert ("shop/web", "n9", "127.0.0.1") == (said["identity"], said["nonce"], said["from"])


@pytest.mark.parametrize("path", ["", "a/b", "%20"])
def test_http_without_a_nonce_gets_no_answer(web: Agent, path: str) -> None:
    """What proves nothing is not answered."""
    assert b"" == _say(web, f"GET /netproof/{path} HTTP/1.1\r\n\r\n".encode())


def test_an_agent_may_serve_at_its_own_address_only(agents: Agents) -> None:
    """The one it has on the way to others, which nobody knows before it runs."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((ROUTED[0], 53))
        except OSError:
            pytest.skip("this machine has no route to anywhere")
        own = sock.getsockname()[0]
    agent = agents.start("shop/own", (Port(0),), (ROUTED[0],))
    at = own, agent.ports["TCP", "IPv4"]
    with socket.create_connection(at, 10) as sock:
        sock.sendall(b"netproof n1\n")
        assert "shop/own" == json.loads(sock.makefile("rb").readline())["identity"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", at[1]), 10)
