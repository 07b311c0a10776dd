"""Looking names up, against a name server that another implementation's code answers for."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from netproof.probe import agent

LOCAL = "127.0.0.1"
TIMEOUT_S = 0.3
RECORDS = {
    "api.shop.svc.cluster.local.": {"A": "127.0.0.1", "AAAA": "::1"},
    "only-v4.": {"A": "10.0.0.4"},
}


class NameServer:
    """Answers from `RECORDS` by UDP and TCP; `silent` and `code` make it misbehave."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.silent = False
        self.code = dns.rcode.NOERROR
        self.udp, self.tcp = _pair()
        self.port = int(self.udp.getsockname()[1])

    def answer(self, data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        name = query.question[0].name.to_text()
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        self.asked.append(f"{name} {kind}")
        reply = dns.message.make_response(query)
        reply.set_rcode(self.code)
        if self.code == dns.rcode.NOERROR and name not in RECORDS:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif self.code == dns.rcode.NOERROR and kind in RECORDS[name]:
            reply.answer.append(dns.rrset.from_text(name, 5, "IN", kind, RECORDS[name][kind]))
        return reply.to_wire()

    def serve_udp(self) -> None:
        while True:
            data, peer = self.udp.recvfrom(2000)
            if not data:
                return
            if not self.silent:
                self.udp.sendto(self.answer(data), peer)

    def serve_tcp(self) -> None:
        while True:
            try:
                client, _ = self.tcp.accept()
            except OSError:
                return
            with client:
                length = struct.unpack("!H", client.recv(2))[0]
                reply = self.answer(client.recv(length))
                for piece in (struct.pack("!H", len(reply)), reply):
                    client.sendall(piece)


def _pair() -> tuple[socket.socket, socket.socket]:
    """Return a UDP and a listening TCP socket of the same port, which has to be free for both."""
    while True:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((LOCAL, 0))
        try:
            return udp, socket.create_server(udp.getsockname())
        except OSError:
            udp.close()


@pytest.fixture
def server() -> Iterator[NameServer]:
    """Run a name server on loopback; it ends with the test."""
    made = NameServer()
    threads = [threading.Thread(target=run) for run in (made.serve_udp, made.serve_tcp)]
    for thread in threads:
        thread.start()
    yield made
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
        last.sendto(b"", (LOCAL, made.port))
    made.tcp.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()
    made.udp.close()
    made.tcp.close()


@pytest.fixture
def resolv_conf(
    server: NameServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Give the agent another resolv.conf and another port for DNS; both are undone."""
    path = tmp_path / "resolv.conf"
    monkeypatch.setattr(agent, "RESOLV_CONF", str(path))
    monkeypatch.setattr(agent, "DNS_PORT", server.port)

    def write(more: str) -> None:
        path.write_text(f"# made by a test\nnameserver {LOCAL}\n{more}\n")

    return write


def _target(server: NameServer, **changes: object) -> dict[str, object]:
    target: dict[str, object] = {
        "kind": "dns",
        "protocol": "UDP",
        "family": "IPv4",
        "address": LOCAL,
        "port": server.port,
        "name": "api.shop.svc.cluster.local",
        "expect": [],
        "identities": ["shop/api"],
        "nonce": "n1",
    }
    return target | changes


@contextmanager
def _loop() -> Iterator[agent.Loop]:
    loop = agent.Loop()
    yield loop
    for sock in loop.closing:
        sock.close()
    loop.epoll.close()


def _probe(target: dict[str, object]) -> tuple[str, str]:
    """Run one target in this process, as the agent would."""
    said: list[Any] = []
    with _loop() as loop:
        job = agent.Job(said.append, {"id": 1, "timeout": TIMEOUT_S, "targets": [target]})
        agent.TargetRunner(loop, 10).launch(job, 0, target)
        while not said:
            loop.turn(idle=True)
    outcome, why = said[0]["results"][0][1:3]
    return outcome, why


@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
def test_the_expected_address_is_an_answer(server: NameServer, protocol: str) -> None:
    """DNS is open when the name server answers with the address that it should have."""
    target = _target(server, protocol=protocol, expect=[LOCAL])
    assert ("connected", "") == _probe(target)


def test_ipv6_asks_for_aaaa(server: NameServer) -> None:
    """A flow in IPv6 asks for the address of that family."""
    target = _target(server, family="IPv6", expect=["::1"])
    assert ("connected", "") == _probe(target)
    assert ["api.shop.svc.cluster.local. AAAA"] == server.asked


def test_another_address_is_an_error(server: NameServer) -> None:
    """An answer that names somebody else proves the wrong thing."""
    expected = ("error", "answered ['127.0.0.1'], wanted ['10.96.0.10']")
    assert expected == _probe(_target(server, expect=["10.96.0.10"]))


def test_no_such_name_is_an_answer_too(server: NameServer) -> None:
    """NXDOMAIN came from a name server, so the way to it is open."""
    assert ("connected", "NXDOMAIN") == _probe(_target(server, name="nobody.example"))


def test_a_server_failure_is_an_error(server: NameServer) -> None:
    """SERVFAIL says nothing of the path's policy, and is said."""
    server.code = dns.rcode.SERVFAIL
    expected = ("error", "the name server answered with response code 2")
    assert expected == _probe(_target(server))


def test_a_silent_name_server_is_dropped(server: NameServer) -> None:
    """No answer by dns is a drop."""
    server.silent = True
    assert ("dropped", "") == _probe(_target(server))


def test_a_name_that_nobody_answers_for_is_unresolved(
    server: NameServer, resolv_conf: Callable[[str], None]
) -> None:
    """By name, a look-up that times out is unresolved after one time-out, not a denial."""
    resolv_conf("search shop.svc.cluster.local svc.cluster.local\noptions ndots:5")
    server.silent = True
    expected = ("unresolved", "dropped from 127.0.0.1 for api.shop.svc.shop.svc.cluster.local")
    assert expected == _probe(_target(server, kind="name", name="api.shop.svc"))


def test_an_unknown_name_is_unresolved(
    server: NameServer, resolv_conf: Callable[[str], None]
) -> None:
    """By name, NXDOMAIN everywhere is unresolved, with the last answer."""
    resolv_conf("search cluster.local")
    expected = ("unresolved", "response code 3 from 127.0.0.1 for nobody")
    assert expected == _probe(_target(server, kind="name", name="nobody"))


def test_the_search_list_comes_first_below_ndots(
    server: NameServer, resolv_conf: Callable[[str], None]
) -> None:
    """A short name is completed by each domain of the search list in turn, then tried bare."""
    resolv_conf("search svc.cluster.local cluster.local\noptions ndots:5 timeout:1")
    outcome, _ = _probe(_target(server, kind="name", name="api.shop.svc", port=1))
    asked = ["api.shop.svc.svc.cluster.local. A", "api.shop.svc.cluster.local. A"]
    assert asked == server.asked
    assert "unresolved" != outcome


def test_a_name_with_enough_dots_is_tried_bare_first(
    server: NameServer, resolv_conf: Callable[[str], None]
) -> None:
    """At ndots the bare name comes first."""
    resolv_conf("search example\noptions ndots:2")
    _probe(_target(server, kind="name", port=1))
    assert ["api.shop.svc.cluster.local. A"] == server.asked


def test_a_trailing_dot_ends_the_search(
    server: NameServer, resolv_conf: Callable[[str], None]
) -> None:
    """An absolute name is asked for once."""
    resolv_conf("search example\noptions ndots:5")
    _probe(_target(server, kind="name", name="nobody.example."))
    assert ["nobody.example. A"] == server.asked


def test_a_name_without_an_address_of_the_family_is_unresolved(
    server: NameServer, resolv_conf: Callable[[str], None]
) -> None:
    """NOERROR without records is no address to connect to."""
    resolv_conf("")
    target = _target(server, kind="name", name="only-v4.", family="IPv6")
    assert ("unresolved", "response code 0 from 127.0.0.1 for only-v4.") == _probe(target)


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 12, b"\xff" * 40], ids=["empty", "another question", "noise"]
)
def test_what_is_no_dns_is_an_error(data: bytes) -> None:
    """A reply that cannot be read is no answer, and does not stop the agent."""
    message = agent.question("a.b", 1)
    expected = ("error", "the answer is no DNS message")
    assert expected == agent.answer(data, message, whole=True)
