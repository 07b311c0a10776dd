"""A real agent on its sockets, against whatever may come over them."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import strategies as st

from netproof.model.workload import Port, Protocol
from netproof.probe.identity import fresh_nonce
from tests.fuzz.rounds import attack_for
from tests.unit.probe.agents import Agents

LOCAL = "127.0.0.1"
ENOUGH_S = 30.0
"""For whatever the agent is asked, on whatever machine."""

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["\ud800", "\x1b[2J", "n" * 5000, "a.b.", "x" * 300, "127.0.0.1", "evil.test"]),
    st.sampled_from([-1, 0, 65535, 65536, 2**63, 10**400, 1e308]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)
TARGET = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["connect", "large", "name", "dns", "ping", "x"]) | VALUES,
        "protocol": st.sampled_from(["TCP", "UDP", "SCTP", "ICMP"]) | VALUES,
        "family": st.sampled_from(["IPv4", "IPv6"]) | VALUES,
        "address": st.sampled_from([LOCAL, "::1", "", "localhost", "::ffff:127.0.0.1"]) | VALUES,
        "port": st.sampled_from([1, 53]) | VALUES,
        "identities": st.just(["n/x"]) | VALUES,
        "name": st.text(max_size=300) | VALUES,
        "expect": st.just([]) | VALUES,
        "nonce": st.just("n1") | VALUES,
    },
)
REQUEST = st.fixed_dictionaries(
    {"op": st.sampled_from(["hello", "probe", "arrived", "print"]) | VALUES},
    optional={
        "id": st.integers(0, 9) | VALUES,
        "timeout": st.sampled_from([0.01, -1, float("nan"), float("inf"), 1e300, 0, "1"]) | VALUES,
        "targets": st.lists(TARGET | VALUES, max_size=4) | VALUES,
        "nonces": st.lists(st.text(max_size=20) | VALUES, max_size=4) | VALUES,
        "session": VALUES,
        "nonce": VALUES,
    },
)
LINES = st.one_of(REQUEST.map(lambda one: json.dumps(one).encode()), st.binary(max_size=200))
ANSWERS = st.one_of(
    st.binary(max_size=300),
    VALUES.map(lambda one: json.dumps(one).encode() + b"\n"),
    st.fixed_dictionaries(
        {"identity": VALUES, "nonce": VALUES}, optional={"proof": VALUES, "from": VALUES}
    ).map(lambda one: json.dumps(one).encode() + b"\n"),
)
NAME = st.lists(st.binary(max_size=70), max_size=5).map(
    lambda labels: b"".join(bytes([len(label) % 256]) + label for label in labels)
)
DNS = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda flags, counts, names: struct.pack("!5H", flags, *counts) + b"".join(names),
        st.integers(0, 65535),
        st.tuples(*[st.sampled_from([0, 1, 65535])] * 4),
        st.lists(st.one_of(NAME, st.binary(max_size=40), st.just(b"\xc0\x0c")), max_size=5),
    ),
)

DEEP = b"[" * 4000
NAME_IS_A_NUMBER = (
    b'{"kind":"name","protocol":"UDP","family":"IPv4","address":"","port":1,"name":7,'
    b'"identities":[],"nonce":"n"}'
)
NAME_IS_LONG = (
    b'{"kind":"dns","protocol":"TCP","family":"IPv4","address":"127.0.0.1","port":1,'
    b'"expect":[],"name":"' + b".".join([b"a" * 60] * 2000) + b'"}'
)
FAULTS = [
    DEEP,
    b"[" * 100_000,
    b'{"op":' * 5000,
    b'{"op":"probe","id":1,"timeout":NaN,"targets":[{},{}]}',
    b'{"op":"probe","id":1,"timeout":-1,"targets":[{}]}',
    b'{"op":"probe","id":1,"timeout":1e308,"targets":[{}]}',
    b'{"op":"probe","id":1,"timeout":1,"targets":"abc"}',
    b'{"op":"probe","id":1,"timeout":1,"targets":[%s]}' % NAME_IS_A_NUMBER,
    b'{"op":"probe","id":1,"timeout":0.01,"targets":[%s]}' % NAME_IS_LONG,
    b'{"op":"hello","id":' + DEEP + b"]" * 4000 + b"}",
    b'{"op":"hello","id":1' + b"0" * 5000 + b"}",
    b'{"op":"hello","id":1,"session":"\\ud800"}',
    b'{"op":"print","id":1,"nonce":{"a":"\\ud800"}}',
    b'{"op":"print","id":1,"nonce":"a\\n::error::x"}',
    b'{"op":"arrived","id":1,"nonces":[[],{}]}',
    b'{"op":"arrived","id":1,"nonces":[],"half":[[],{}]}',
    b'{"op":"arrived","id":1,"nonces":[],"half":7}',
    b'{"op":[],"id":1}',
    b"\xff" * 70_000,
]


@pytest.fixture(scope="module")
def agents() -> Iterator[Agents]:
    """Run an agent that is attacked, and one that is asked by it afterwards."""
    with Agents() as running:
        ports = (Port(0), Port(0, Protocol.UDP))
        running.start("n/attacked", ports)
        running.start("n/other", ports)
        yield running


def _still_answers(agents: Agents) -> None:
    """Hold that the attacked agent serves, probes and testifies right, and was never surprised."""
    attacked, other = agents.running
    assert attacked.process.poll() is None
    assert [] == agents.hello("n/attacked")["faults"]
    for source, end in (("n/attacked", other), ("n/other", attacked)):
        for protocol in ("TCP", "UDP"):
            nonce = fresh_nonce()
            target = _target(end.ports[protocol, "IPv4"], nonce, protocol, end.identity)
            assert "connected" == _probe(agents, target, source, ENOUGH_S)[1]
            request = {"op": "arrived", "nonces": [nonce[:16]]}
            (said,) = agents.ask(end.identity, request, lambda _: True)
            assert [nonce] == said["arrived"]


def _target(port: int, nonce: str, protocol: str, identity: str = "n/other") -> dict[str, Any]:
    return {
        "kind": "connect",
        "protocol": protocol,
        "family": "IPv4",
        "address": LOCAL,
        "port": port,
        "identities": [identity],
        "nonce": nonce,
    }


def _probe(agents: Agents, target: dict[str, Any], source: str, timeout_s: float) -> list[Any]:
    request = {"op": "probe", "timeout": timeout_s, "targets": [target]}
    (reply,) = agents.ask(source, request, lambda reply: bool(reply["done"]))
    found: list[Any] = reply["results"][0]
    return found


def _fuzz(
    agents: Agents,
    what: st.SearchStrategy[Any],
    attack: Callable[[Any], object],
    known: Sequence[Any] = (),
) -> None:
    """Attack until the time is over, and look at the agent now and then."""
    attack_for(what, attack, known=known, after_round=lambda: _still_answers(agents))


def _control(agents: Agents, said: bytes) -> None:
    with agents.dialled("n/attacked") as sock, contextlib.suppress(ConnectionError):
        sock.sendall(said)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1 << 16):
            pass


@pytest.mark.parametrize("line", FAULTS, ids=range(len(FAULTS)))
def test_what_once_went_wrong_on_the_control_socket(agents: Agents, line: bytes) -> None:
    """Each of these ended an agent, or was a way to: of who has its key, and who has not."""
    _control(agents, agents.sealed("n/attacked", fresh_nonce(), line))
    _control(agents, line + b"\n")
    assert agents.running[0].process.poll() is None


def test_the_control_socket(agents: Agents) -> None:
    """Requests of any form and value, and bytes that are none, under the seal and without."""
    _still_answers(agents)

    def attack(lines: list[bytes]) -> None:
        _control(agents, agents.sealed("n/attacked", fresh_nonce(), *lines))
        _control(agents, b"\n".join(lines) + b"\n")

    seals = st.binary(max_size=40) | st.sampled_from([b"", b" ", b"  {}", b"0" * 32 + b" s {}"])
    _fuzz(agents, st.lists(LINES | seals, max_size=5), attack)


def test_the_serving_sockets(agents: Agents) -> None:
    """Bytes of anybody who reaches the pod's ports."""

    def attack(data: bytes) -> None:
        ports = agents.running[0].ports
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(data, (LOCAL, ports["UDP", "IPv4"]))
        with contextlib.suppress(ConnectionError), _dialled(ports["TCP", "IPv4"]) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            sock.recv(1 << 16)

    head = st.sampled_from([b"", b"netproof ", b"GET /netproof/", b"netproof \xff"])
    _fuzz(agents, st.builds(lambda a, b: a + b, head, st.binary(max_size=800)), attack)


def _dialled(port: int) -> socket.socket:
    return socket.create_connection((LOCAL, port), ENOUGH_S)


@contextlib.contextmanager
def _liar() -> Iterator[tuple[int, Callable[[bytes], None]]]:
    """Serve TCP and UDP on one port with the answer that was set last."""
    answer = b""

    def tell(said: bytes) -> None:
        nonlocal answer
        answer = said

    def serve_tcp() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):
                client.settimeout(ENOUGH_S)
                asked = client.recv(1000)
                client.sendall(_in_answer_to(asked, answer))

    def serve_udp() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                asked, peer = sock.recvfrom(2000)
                sock.sendto(_in_answer_to(asked, answer), peer)

    over = threading.Event()
    with (
        socket.create_server((LOCAL, 0)) as listener,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        sock.bind(listener.getsockname())
        sock.settimeout(0.05)
        threads = [threading.Thread(target=one) for one in (serve_tcp, serve_udp)]
        for thread in threads:
            thread.start()
        try:
            yield listener.getsockname()[1], tell
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def _in_answer_to(asked: bytes, said: bytes) -> bytes:
    """Return an answer; one to a DNS question keeps the question, or nobody would read on."""
    if asked.startswith(b"netproof"):
        return said
    if b"\x00\x01\x00\x00\x00\x00\x00\x00" not in asked:
        return said
    framed = asked[2:4] == b"\x01\x00" or len(asked) > 2 + int.from_bytes(asked[:2], "big") - 1
    question = asked[2:] if framed and int.from_bytes(asked[:2], "big") == len(asked) - 2 else asked
    reply = question[:2] + b"\x81\x80" + said[:8].ljust(8, b"\0") + question[12:] + said[8:]
    return len(reply).to_bytes(2, "big") + reply if question is not asked else reply


@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_answers_of_whoever_is_probed(agents: Agents, protocol: str) -> None:
    """A server that says anything is never taken for one that was wanted."""
    with _liar() as (port, tell):

        def attack(said: bytes) -> None:
            tell(said)
            seen = _probe(agents, _target(port, "n1", protocol), "n/attacked", 0.2)
            assert seen[1] in ("error", "dropped"), seen
            assert "no such target" not in seen[2], seen

        known = (
            DEEP,
            b'{"identity":' * 1000 + b"\n",
            b'{"identity":"\\ud800","nonce":"n1"}\n',
        )
        _fuzz(agents, ANSWERS, attack, known)


@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_answers_of_a_name_server(agents: Agents, protocol: str) -> None:
    """DNS messages that are none, or contradict themselves."""
    with _liar() as (port, tell):

        def attack(said: bytes) -> None:
            tell(said)
            target = _target(port, "n1", protocol) | {
                "kind": "dns",
                "name": "a.test.",
                "expect": ["192.0.2.7"],
            }
            seen = _probe(agents, target, "n/attacked", 0.2)
            assert seen[1:3] == ["connected", "NXDOMAIN"] or seen[1] in ("error", "dropped"), seen
            assert "no such target" not in seen[2], seen

        _fuzz(agents, DNS, attack)


def test_more_connections_than_an_agent_keeps(agents: Agents) -> None:
    """Strangers, many of them: the oldest go, and a harness is served all the while."""
    with contextlib.ExitStack() as held:
        for _ in range(300):
            held.enter_context(agents.dialled("n/attacked"))
        _still_answers(agents)
    _still_answers(agents)
