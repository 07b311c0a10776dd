"""`netproof agent` on somebody's machine: whom it obeys, where it sends to, what it is good for."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from netproof.cluster.backend import ClusterRef
from netproof.cluster.outside import OutsideMachine
from netproof.errors import ClusterError, GarbledError
from netproof.front.places import host_and_port
from netproof.model.flow import Endpoint
from netproof.model.value import replace
from netproof.probe import agent, messages
from netproof.probe.channel import Channel
from netproof.probe.messages import Obeyed, Results
from netproof.run import outside
from tests.standing_agent import FREE, StandingAgent, own_address, standing, started

HERE = own_address()
END = Endpoint.outside("outside")


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    """Somebody at whom a probe might be aimed."""
    with socket.create_server((HERE, 0)) as sock:
        sock.settimeout(0.0)
        yield sock


@pytest.fixture(scope="module")
def allowed() -> Iterator[int]:
    """Yield a port at which nobody listens, and which nobody else can take."""
    with socket.socket() as sock:
        sock.bind((HERE, 0))
        yield sock.getsockname()[1]


@pytest.fixture(scope="module")
def machine(allowed: int) -> Iterator[StandingAgent]:
    """Have a machine obey this one, which may probe one port of one address."""
    served = ("--port", f"{FREE}/TCP", "--port", f"{FREE}/UDP")
    limits = ("--from", "127.0.0.1", "--to", HERE, "--to-ports", f"{allowed}-{allowed}")
    with standing(*served, *limits, "--control", f"127.0.0.1:{FREE}") as one:
        yield one


def _place(machine: StandingAgent) -> OutsideMachine:
    return OutsideMachine(*host_and_port(machine.outside, "--outside"), machine.token)


def _ref(place: OutsideMachine) -> ClusterRef:
    return ClusterRef("existing", "c", "", outside=place)


def _probe(machine: StandingAgent, **target: object) -> tuple[str, str]:
    """Have it try one target; return outcome and detail."""
    place = _place(machine)
    seen: list[tuple[str, str]] = []

    def take(reply: Results) -> bool:
        seen.extend((outcome, detail) for _, outcome, detail, _ in reply.results)
        return reply.done

    one = {"kind": "connect", "protocol": "TCP", "family": "IPv4", "nonce": "n", "identities": []}
    request = {"op": "probe", "timeout": 0.2, "targets": [one | target]}
    with closing(Channel(place, END, [], place.key)) as channel:
        channel.ask(request, Results, take, deadline_s=10)
    return seen[0]


def test_it_answers_whoever_has_its_token(machine: StandingAgent) -> None:
    """What it printed is all that is needed to know its addresses and ports."""
    ref, words = outside.stand(_ref(_place(machine)), "run1")
    assert ref.outside is not None
    assert HERE in ref.outside.hosts[0].ips
    ports = {str(port.protocol): port.number for port in ref.outside.hosts[0].ports}
    assert {name: machine.served(name) for name in ("TCP", "UDP")} == ports
    assert words.startswith("the world outside but for the machine 127.0.0.1, at ")


def test_a_wrong_token_is_told_with_its_fingerprint(machine: StandingAgent) -> None:
    """Who has another token gets no word; what it is compared with gives nothing away."""
    wrong = replace(_place(machine), key="ab" * 32)
    with pytest.raises(ClusterError) as raised:
        outside.stand(_ref(wrong), "run1")
    assert "the token here has the fingerprint" in str(raised.value)
    assert machine.fingerprint not in str(raised.value)
    assert "--from" in str(raised.value)


def test_nobody_there_is_told_with_what_to_do(allowed: int) -> None:
    """A machine that does not answer ends a run before anything is made."""
    with pytest.raises(ClusterError, match=r"nobody answers at \S+ port .* see that"):
        outside.stand(_ref(OutsideMachine(HERE, allowed, "ab" * 32)), "run1")


def test_another_version_is_told(machine: StandingAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent of another netproof is no garbled answer."""
    monkeypatch.setattr(messages, "VERSION", agent.VERSION + 1)
    with pytest.raises(
        ClusterError, match=r"speaks version .* run the same netproof there and here"
    ):
        outside.stand(_ref(_place(machine)), "run1")


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\n\r\n", b'{"op":"hello","id":1}\n', b"x" * 8192]
)
def test_without_the_token_it_does_not_say_a_word(machine: StandingAgent, said: bytes) -> None:
    """Strangers at its control port are left without an answer."""
    place = _place(machine)
    with socket.create_connection((place.host, place.port), 5) as sock:
        sock.sendall(said)
        sock.shutdown(socket.SHUT_WR)
        try:
            assert b"" == sock.recv(100)
        except ConnectionError:
            return


def test_it_obeys_nobody_from_elsewhere() -> None:
    """A machine that is not in --from is turned away, with the token too."""
    words = ("--port", f"{FREE}/TCP", "--control", f"127.0.0.1:{FREE}")
    with (
        standing(*words, "--from", "192.0.2.9") as one,
        pytest.raises(ClusterError, match="--from holds this machine's address"),
    ):
        outside.stand(_ref(_place(one)), "run1")


def test_it_probes_where_it_may(machine: StandingAgent, allowed: int) -> None:
    """The address and port of its limits, where nobody listens, and itself."""
    assert ("rejected", "ECONNREFUSED") == _probe(machine, address=HERE, port=allowed)
    own = machine.served("TCP")
    assert "connected" in _probe(machine, address="127.0.0.1", port=own, identities=["outside"])


@pytest.mark.parametrize(
    "target",
    [
        {"address": HERE},
        {"address": "127.0.0.1"},
        {"address": "192.0.2.77", "port": "allowed"},
        {"address": f"::ffff:{HERE}", "family": "IPv6"},
        {"address": HERE, "kind": "dns", "name": "x", "expect": []},
        {"address": HERE, "protocol": "UDP"},
    ],
    ids=["port", "loopback", "address", "mapped address", "name", "protocol"],
)
def test_it_sends_nothing_elsewhere(
    machine: StandingAgent, listener: socket.socket, allowed: int, target: dict[str, object]
) -> None:
    """Who has the token has no scanner: other addresses and ports are refused before a packet."""
    port = allowed if target.get("port") else listener.getsockname()[1]
    outcome, why = _probe(machine, **{**target, "port": port})
    assert ("error", True) == (outcome, "is not mine to probe" in why)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_names_lead_nowhere(machine: StandingAgent) -> None:
    """It asks no name server, whatever its machine has for one."""
    outcome, why = _probe(machine, kind="name", name="example.com", address="", port=80, expect=[])
    assert "connected" != outcome
    assert "mine to probe" in why or "resolv" in why


@pytest.mark.parametrize("op", ["outlive", "finish"])
def test_only_its_owner_ends_it(machine: StandingAgent, op: str) -> None:
    """What a pod's agent does at its end, nobody has a machine do."""
    place = _place(machine)
    with closing(Channel(place, END, [], place.key)) as channel, pytest.raises(GarbledError):
        channel.ask({"op": op}, Obeyed, lambda _: True, deadline_s=10)
    assert machine.process.poll() is None


@pytest.mark.parametrize(("length", "answered"), [(40, False), (agent.SHORTEST, True)])
def test_no_answer_is_longer_than_its_question(
    machine: StandingAgent, length: int, answered: bool
) -> None:
    """A forged sender gets no more bytes than were spent on it."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.settimeout(5 if answered else 0.2)
        sock.connect((HERE, machine.served("UDP")))
        sock.send(b"netproof abc".ljust(length))
        try:
            said = sock.recv(1000)
        except TimeoutError:
            said = b""
    assert answered == bool(said)
    assert len(said) <= length
    assert not said or "outside" == json.loads(said)["identity"]


@pytest.mark.parametrize(
    ("control", "why"),
    [
        ("192.0.2.177:99", "orders cannot be taken at port 99: .*--control ADDRESS:PORT"),
        ("127.0.0.1", r"cannot be served by IPv4 \(EADDRINUSE\): end what serves it, or have"),
    ],
)
def test_what_it_cannot_have_is_told(machine: StandingAgent, control: str, why: str) -> None:
    """An address that is not this machine's, a port that somebody serves: with what to do."""
    at = control if ":" in control else f"{control}:{FREE}"
    with started("--port", f"{machine.served('TCP')}/TCP", "--from", HERE, "--control", at) as one:
        said, error = one.communicate(timeout=30)
    assert (2, "") == (one.returncode, said)
    assert re.search(why, error)


def test_no_token_stands_on_its_command_line(machine: StandingAgent) -> None:
    """Other users of the machine see the arguments of its processes."""
    words = Path(f"/proc/{machine.process.pid}/cmdline").read_bytes()
    assert b"agent" in words
    assert machine.token.encode() not in words
