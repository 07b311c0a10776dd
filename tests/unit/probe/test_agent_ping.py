"""Echoes by ICMP, with a socket made by hand: real ones need a group that the machine lets in."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import pytest

from netproof.probe import agent

Reply = Callable[[bytes], bytes | None]
NONCE = "00112233445566778899aabbccddeeff"


class Echoing:
    """Stands for a socket of ICMP: what is sent comes back as something else, or not at all."""

    def __init__(self, reply: Reply) -> None:
        self._near, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._near.setblocking(False)
        self._reply = reply
        self.sent: list[bytes] = []

    def fileno(self) -> int:
        return self._near.fileno()

    def bind(self, address: tuple[str, int]) -> None:
        del address

    def connect_ex(self, address: tuple[str, int]) -> int:
        assert 0 == address[1]
        return 0

    def send(self, data: bytes) -> None:
        self.sent.append(data)
        answer = self._reply(data)
        if answer is not None:
            self._far.send(answer)

    def recv(self, size: int) -> bytes:
        return self._near.recv(size)

    def recvmsg(self, *_: int) -> None:
        raise BlockingIOError

    def close(self) -> None:
        self._near.close()
        self._far.close()


def _ping(
    monkeypatch: pytest.MonkeyPatch, sock: Echoing | OSError, address: str = "10.0.0.2"
) -> tuple[str, str]:
    loop = agent.Loop()
    runner = agent.TargetRunner(loop, 10)

    def fresh(_: object, task: agent.Task, protocol: str, where: str, __: int) -> Echoing:
        assert ("ICMP", address) == (protocol, where)
        if isinstance(sock, OSError):
            raise sock
        task.sock = sock  # type: ignore[assignment]
        return sock

    monkeypatch.setattr(agent.TargetRunner, "fresh", fresh)
    found: list[tuple[str, str]] = []
    task = agent.Task(found.append)
    target = {
        "kind": "ping",
        "protocol": "ICMP",
        "family": "IPv6" if ":" in address else "IPv4",
        "address": address,
        "port": 0,
        "nonce": NONCE,
    }
    task.steps = runner.probe(task, target, 0.2)
    loop.step(task, None)
    while not found:
        loop.turn(True)
    loop.turn(False)
    loop.epoll.close()
    return found[0]


@pytest.mark.parametrize(
    ("address", "asked", "answered"), [("10.0.0.2", 8, 0), ("fd00::2", 128, 129)]
)
def test_an_echo_is_answered(
    monkeypatch: pytest.MonkeyPatch, address: str, asked: int, answered: int
) -> None:
    """An answer has the answer's type of the family, and what was sent (RFC 792, RFC 4443)."""
    sock = Echoing(lambda data: bytes([answered]) + data[1:])
    assert ("connected", "") == _ping(monkeypatch, sock, address)
    assert [bytes([asked, 0, 0, 0, 0, 0, 0, 1]) + f"netproof {NONCE}\n".encode()] == sock.sent


def test_an_echo_that_nobody_answers_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is sent as often as a datagram."""
    sock = Echoing(lambda _: None)
    assert ("dropped", "") == _ping(monkeypatch, sock)
    assert len(agent.RESEND) == len(sock.sent)


def test_a_path_that_holds_less_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a packet that was too large for a hop we are told; the next one is cut smaller."""
    told = iter([OSError(errno.EMSGSIZE, "too long"), None, None])
    sock = Echoing(lambda data: _told(next(told), b"\0" + data[1:]))
    assert ("connected", "") == _ping(monkeypatch, sock)
    assert 2 == len(sock.sent)


def test_what_could_not_be_sent_is_no_denial(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody was asked, so nobody was silent."""
    sock = Echoing(lambda data: _told(OSError(errno.EMSGSIZE, "too long"), data))
    outcome, why = _ping(monkeypatch, sock)
    assert ("error", "EMSGSIZE") == (outcome, why.partition(":")[0])


def _told(error: OSError | None, answer: bytes) -> bytes:
    if error is not None:
        raise error
    return answer


@pytest.mark.parametrize(
    "reply",
    [lambda data: data, lambda data: b"\0" + data[1:-2], lambda _: b"\0"],
    ids=["the request", "cut short", "next to nothing"],
)
def test_another_answer_tells_nothing(monkeypatch: pytest.MonkeyPatch, reply: Reply) -> None:
    """What does not bring back what was sent is no answer to it."""
    outcome, why = _ping(monkeypatch, Echoing(reply))
    assert "error" == outcome
    assert why.startswith("an echo was answered by ")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (errno.EACCES, "no socket for ICMP: net.ipv4.ping_group_range leaves us out"),
        (errno.EPERM, "no socket for ICMP: EPERM"),
        (errno.EPROTONOSUPPORT, "no socket for ICMP: EPROTONOSUPPORT"),
    ],
)
def test_without_a_socket_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch, code: int, why: str
) -> None:
    """That we may not ask says nothing of the network: it is no denial."""
    assert ("error", why) == _ping(monkeypatch, OSError(code, "no"))
