"""The agent's two rules: ready before deadlines, and a clock that stands while it cannot run."""

from __future__ import annotations

import resource
import socket
from dataclasses import dataclass, field

import pytest

from netproof.probe import agent


@dataclass
class FakeTime:
    """Stands for `time` and for epoll: a wait takes as long as it is told to take."""

    now: float = 50.0
    takes: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def poll(self, timeout: float, _: int) -> list[tuple[int, int]]:
        self.waits.append(timeout)
        self.now += self.takes.pop(0) if self.takes else timeout
        return []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    """Give the agent a clock made by hand, for the time of the test."""
    made = FakeTime()
    monkeypatch.setattr(agent, "time", made)
    return made


@pytest.fixture
def loop(clock: FakeTime) -> agent.Loop:
    """Make a loop whose waits are fake; nothing is left to clean up."""
    made = agent.Loop()
    made.epoll.close()
    made.epoll = clock  # type: ignore[assignment]
    return made


def _waiting(loop: agent.Loop, seconds: float) -> list[object]:
    """Start a task that waits once and says whether it was woken."""
    said: list[object] = []

    def steps() -> agent.Steps:
        return (yield loop.now() + seconds)

    task = agent.Task(said.append)
    task.steps = steps()
    loop.step(task, None)
    return said


def test_a_deadline_ends_a_task_when_it_is_due(loop: agent.Loop, clock: FakeTime) -> None:
    """A loop that runs freely waits until the deadline and no longer."""
    said = _waiting(loop, 1.0)
    loop.turn(idle=True)
    assert ([1.0], [False]) == (clock.waits, said)


def test_time_without_the_cpu_does_not_count(loop: agent.Loop, clock: FakeTime) -> None:
    """A wake-up that comes seconds late does not make a probe's time-out pass."""
    said = _waiting(loop, 1.0)
    clock.takes = [0.0, 20.0]
    loop.turn(idle=False)
    loop.turn(idle=False)
    assert [] == said
    while not said:
        loop.turn(idle=True)
    assert clock.now >= 50.0 + 20.0 + 1.0 - 2 * agent.TICK


def test_what_is_ready_comes_before_what_is_due(clock: FakeTime) -> None:
    """A socket that became readable while the process was starved wakes its task first."""
    loop = agent.Loop()
    near, far = socket.socketpair()
    said: list[object] = []

    def steps() -> agent.Steps:
        loop.watch(task, near)
        return (yield loop.now() + 0.01)

    task = agent.Task(said.append)
    task.steps = steps()
    loop.step(task, None)
    far.send(b"x")
    clock.now += 30.0
    loop.turn(idle=True)
    assert [True] == said
    far.close()
    near.close()
    loop.epoll.close()


def test_the_oldest_guest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server full of clients that say half a line hangs up on the one that came first."""
    monkeypatch.setattr(agent, "MOST_GUESTS", 2)
    loop = agent.Loop()
    config = {"identity": "n/a", "ports": [[0, "TCP"]], "listen": ["127.0.0.1"]}
    server = agent.Server(loop, config)
    ((listener, _),) = server.listeners
    clients = [socket.create_connection(listener.getsockname(), 10) for _ in range(3)]
    for client in clients:
        client.send(b"netproof")  # a client that says nothing at all is the kernel's for a second
    while len(server.guests) < 2 or not loop.handlers:
        loop.turn(idle=True)
    server.drain()
    loop.turn(idle=False)
    assert 2 == len(server.guests)
    assert b"" == clients[0].recv(1)
    for client in clients:
        client.close()
    _close(loop, server)


def test_memory_of_arrivals_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest nonce is forgotten first."""
    monkeypatch.setattr(agent, "MOST_NONCES", 2)
    loop = agent.Loop()
    server = agent.Server(loop, {"identity": "n/a", "ports": []})
    for nonce in (b"n1", b"n2", b"n3"):
        server.reply(b"netproof " + nonce, "10.0.0.1")
    assert ["n2", "n3"] == list(server.arrived)
    loop.epoll.close()


def test_no_more_probes_at_once_than_allowed() -> None:
    """What does not fit waits for its turn, and everything is answered in the end."""
    loop = agent.Loop()
    said: list[dict[str, object]] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        target = {
            "kind": "connect",
            "protocol": "UDP",
            "family": "IPv4",
            "address": "127.0.0.1",
            "port": silent.getsockname()[1],
            "identities": [],
            "nonce": "n1",
        }
        prober = agent.TargetRunner(loop, 2)
        job = agent.Job(said.append, {"id": 1, "timeout": 0.01, "targets": [target] * 5})  # type: ignore[arg-type]
        prober.waiting.extend((job, index, target) for index in range(5))
        most = 0
        while not said:
            prober.start()
            most = max(most, prober.active)
            loop.turn(idle=True)
    assert 2 == most
    assert 5 == len(said[0]["results"])  # type: ignore[arg-type]
    loop.epoll.close()


def test_a_cancelled_job_starts_nothing() -> None:
    """When a harness hangs up, what it asked for is not done any more."""
    loop = agent.Loop()
    prober = agent.TargetRunner(loop, 10)
    job = agent.Job(lambda _: None, {"id": 1, "timeout": 1, "targets": [{}]})
    job.cancelled = True
    prober.waiting.append((job, 0, {}))
    prober.start()
    assert 0 == prober.active
    loop.epoll.close()


def test_descriptors_are_raised_to_the_hard_limit() -> None:
    """More pods than the soft limit's descriptors can be probed at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    made = agent.Agent({"identity": "n/a", "ports": [], "control": f"netproof-test-{id(object())}"})
    assert (hard, hard) == resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for listener in made.listeners:
        listener.close()
    made.loop.epoll.close()


def _close(loop: agent.Loop, server: agent.Server) -> None:
    for guest in tuple(server.guests.values()):
        loop.end(guest, None)
    loop.turn(idle=False)
    loop.epoll.close()
    for sock, _ in server.listeners:
        sock.close()
