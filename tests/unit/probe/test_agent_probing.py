"""What an agent reports of targets, tried against servers made by hand on loopback."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from msgspec import to_builtins

from netproof.model.value import replace
from netproof.model.workload import Family, Port, Protocol
from netproof.probe.identity import fresh_nonce
from netproof.probe.targets import ProbeTarget, TargetKind
from tests.unit.probe.agents import Agents, answering_udp, packets_received

Result = tuple[str, str]
LOCAL = "127.0.0.1"
PATIENT_S = 10.0
"""For what will be answered, on a machine as busy as it likes."""

TIMEOUT_S = 0.2
"""For what will not."""


@pytest.fixture(scope="module")
def agents() -> Iterator[Agents]:
    """Run a prober and a server; both end with the module."""
    with Agents() as running:
        running.start("n/prober")
        running.start("n/server", (Port(0), Port(0, Protocol.UDP)), (LOCAL, "::1"))
        yield running


def _probe(agents: Agents, *targets: ProbeTarget, timeout_s: float = PATIENT_S) -> list[Result]:
    request = {
        "op": "probe",
        "timeout": timeout_s,
        "targets": [_asked(target) for target in targets],
    }
    replies = agents.ask("n/prober", request, lambda reply: bool(reply["done"]))
    results = sorted(result for reply in replies for result in reply["results"])
    assert list(range(len(targets))) == [index for index, *_ in results]
    return [(outcome, _without_proof(outcome, why)) for _, outcome, why, *_ in results]


def _asked(target: ProbeTarget) -> dict[str, Any]:
    asked: dict[str, Any] = to_builtins(replace(target, nonce=fresh_nonce()))
    return asked


def _without_proof(outcome: str, why: str) -> str:
    """Leave away what only a harness that knows the agents' keys can judge."""
    return "" if outcome == "connected" and len(why) in (0, 32) else why


def _unsealed(line: bytes) -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(line.partition(b" ")[2])
    return reply


def _target(
    port: int,
    protocol: Protocol = Protocol.TCP,
    *wanted: str,
    address: str = LOCAL,
    kind: TargetKind = TargetKind.CONNECT,
) -> ProbeTarget:
    identities = wanted or ("n/server",)
    return ProbeTarget(kind, protocol, Family.of(address), address, port, identities, "a.b.", ())


@contextmanager
def _tcp(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve connections one after another until the block ends."""
    with socket.create_server((LOCAL, 0)) as listener:

        def run() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    serve(client)

        thread = threading.Thread(target=run)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def _nobody(protocol: Protocol) -> int:
    """Return a port that was free a moment ago."""
    kind = socket.SOCK_DGRAM if protocol is Protocol.UDP else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind((LOCAL, 0))
        return int(sock.getsockname()[1])


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.UDP])
@pytest.mark.parametrize("address", [LOCAL, "::1"])
def test_the_right_server_is_connected(agents: Agents, protocol: Protocol, address: str) -> None:
    """Identity and nonce in the reply make a connection."""
    port = agents.running[1].ports[protocol, Family.of(address)]
    assert [("connected", "")] == _probe(agents, _target(port, protocol, address=address))


def test_a_request_completes_the_connection(agents: Agents) -> None:
    """It goes out with the last packet of the handshake, which would be one more for each probe."""
    packets: list[int] = []

    def serve(client: socket.socket) -> None:
        client.recv(512)
        packets.append(packets_received(client))

    with _tcp(serve) as port:
        _probe(agents, _target(port))
    assert [2] == packets  # the SYN is counted


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.UDP])
def test_a_closed_port_is_a_rejection(agents: Agents, protocol: Protocol) -> None:
    """A reset or ICMP's port unreachable names its errno."""
    target = _target(_nobody(protocol), protocol)
    assert [("rejected", "ECONNREFUSED")] == _probe(agents, target)


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.UDP])
def test_another_server_is_an_error(agents: Agents, protocol: Protocol) -> None:
    """A reply from somebody else is no connection, and says from whom."""
    port = agents.running[1].ports[protocol, "IPv4"]
    expected = ("error", "answered by n/server, wanted n/x or n/y")
    assert [expected] == _probe(agents, _target(port, protocol, "n/x", "n/y"))


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (b"SSH-2.0-OpenSSH\n", "connected, but answered b'SSH-2.0-OpenSSH\\n'"),
        (b"", "closed without answer"),
        (b'{"identity":"n/server","nonce":"x"}\n', "answered by n/server with another nonce"),
        (b"[1]\n", "connected, but answered b'[1]\\n'"),
        (b"x" * 9000, "connected, but answered b'" + "x" * 80 + "'"),
    ],
    ids=["another protocol", "nothing", "another nonce", "another shape", "endless"],
)
def test_a_wrong_answer_is_an_error(agents: Agents, said: bytes, outcome: str) -> None:
    """A connection that stands but proves nothing is unknown, with what was said."""

    def serve(client: socket.socket) -> None:
        client.recv(100)
        client.sendall(said)

    with _tcp(serve) as port:
        assert [("error", outcome)] == _probe(agents, _target(port))


def test_a_slow_server_is_waited_for(agents: Agents) -> None:
    """The time-out is for the handshake: an answer may take longer than that."""
    late = threading.Event()

    def serve(client: socket.socket) -> None:
        nonce = client.recv(100).split()[1].decode()
        late.wait(3 * TIMEOUT_S)
        client.sendall(json.dumps({"identity": "n/server", "nonce": nonce}).encode() + b"\n")

    with _tcp(serve) as port:
        assert [("connected", "")] == _probe(agents, _target(port), timeout_s=TIMEOUT_S)


def test_a_reset_after_the_handshake_is_an_error(agents: Agents) -> None:
    """A connection that was established proves the path, so it is no denial."""

    def serve(client: socket.socket) -> None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with _tcp(serve) as port:
        ((outcome, why),) = _probe(agents, _target(port))
    assert "error" == outcome
    assert why in ("connected, then ECONNRESET", "closed without answer")


def test_a_silent_udp_server_is_dropped_after_several_tries(agents: Agents) -> None:
    """The same nonce is sent more than once before a datagram counts as dropped."""
    came: list[bytes] = []

    with answering_udp(came.append) as port:
        target = _target(port, Protocol.UDP)
        assert [("dropped", "")] == _probe(agents, target, timeout_s=TIMEOUT_S)
    assert (3, 1) == (len(came), len(set(came)))


def test_a_lost_datagram_is_no_verdict(agents: Agents) -> None:
    """A server that misses the first datagram and answers the second is connected."""
    came: list[bytes] = []

    def answer(data: bytes) -> bytes | None:
        came.append(data)
        reply = {"identity": "n/server", "nonce": data.split()[1].decode()}
        return json.dumps(reply).encode() if len(came) > 1 else None

    with answering_udp(answer) as port:
        assert [("connected", "")] == _probe(agents, _target(port, Protocol.UDP), timeout_s=2)


def test_every_datagram_probe_has_a_source_port_of_its_own(agents: Agents) -> None:
    """Connection tracking remembers UDP ports, so none is used twice in a row."""
    ports: set[int] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((LOCAL, 0))
        sock.settimeout(10)
        targets = [_target(sock.getsockname()[1], Protocol.UDP)] * 20
        _probe(agents, *targets, timeout_s=0.05)
        sock.setblocking(False)
        try:
            while True:
                ports.add(sock.recvfrom(100)[1][1])
        except BlockingIOError:
            pass
    assert 20 == len(ports)


def test_no_means_to_try_is_an_error(agents: Agents) -> None:
    """What this machine cannot even send is no denial."""
    target = _target(1, address="ff05::1")
    ((outcome, why),) = _probe(agents, target)
    assert ("error", "ENETUNREACH") == (outcome, why.partition(":")[0])


def test_one_bad_target_does_not_spoil_the_others(agents: Agents) -> None:
    """A target that makes no sense is an error of its own."""
    good = _target(agents.running[1].ports["TCP", "IPv4"])
    bad = _target(99999)
    outcomes = [outcome for outcome, _ in _probe(agents, bad, good)]
    assert ["error", "connected"] == outcomes


def test_many_targets_are_answered_in_parts(agents: Agents) -> None:
    """A job of thousands comes back whole."""
    target = _target(agents.running[1].ports["TCP", "IPv4"])
    assert {("connected", "")} == set(_probe(agents, *[target] * 2500))


@pytest.mark.parametrize(
    "line",
    [b"\xff\xfe", b"[1]", b'{"op":"rm"}', b'{"op":"probe","id":1,"targets":[]}'],
    ids=["bytes", "shape", "unknown", "incomplete"],
)
def test_garbage_on_the_control_socket_is_answered_as_such(agents: Agents, line: bytes) -> None:
    """A request that is not understood is told so, and the next one is served."""
    with agents.dialled("n/prober") as sock:
        hello = b'{"op":"hello","id":2}'
        sock.sendall(agents.sealed("n/prober", fresh_nonce(), line, hello))
        replies = sock.makefile("rb")
        assert "not understood" in _unsealed(replies.readline())["error"]
        assert "n/prober" == _unsealed(replies.readline())["identity"]


def test_several_harnesses_are_served_at_once(agents: Agents) -> None:
    """Connections to one agent do not get each other's answers."""
    port = agents.running[1].ports["TCP", "IPv4"]
    with agents.dialled("n/prober") as one, agents.dialled("n/prober") as two:
        target = _asked(_target(port))
        for sock, number in ((one, 1), (two, 2)):
            request = {"op": "probe", "id": number, "timeout": 1, "targets": [target] * number}
            line = json.dumps(request).encode()
            sock.sendall(agents.sealed("n/prober", fresh_nonce(), line))
        replies = [_unsealed(sock.makefile("rb").readline()) for sock in (one, two)]
    assert [(1, 1), (2, 2)] == [(reply["id"], len(reply["results"])) for reply in replies]
