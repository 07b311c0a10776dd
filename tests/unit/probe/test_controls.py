"""What is tried beside a silence: on a machine that is slow, and on one that is not."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from netproof.model.flow import (
    Endpoint,
    Expectation,
    Expected,
    Flow,
    Observation,
    Outcome,
    Path,
    PathControl,
)
from netproof.model.record import FlowVerdict
from netproof.model.workload import (
    Family,
    Host,
    HostKind,
    Listens,
    Pod,
    Port,
    Protocol,
    Service,
    ServicePort,
    Topology,
)
from netproof.probe.agentcommand import agent_source
from netproof.probe.answers import AnswerTimes, ProbeAnswer
from netproof.probe.controls import Beside, Controls, control_of, peers_of
from netproof.probe.messages import KeyRing
from netproof.probe.runner import Prober
from netproof.verdict import judge_flow
from tests.unit.probe.agents import SECRET, Agent, Agents, PipeOpener, answering_udp

LOCAL = "127.0.0.1"
A, B = Endpoint.pod("n/a"), Endpoint.pod("n/b")
DNS = Endpoint.service("kube-system/kube-dns")
TIMEOUT_S = 0.15
TURN_S = 0.2
"""What each turn of a slow agent takes, and each answer of a slow server: later than is waited."""

MOST_LOOKS = 40
"""At which a machine that is well may be late, because it is busy with other tests."""

PORTS = (Port(0), Port(0, Protocol.UDP))
OPEN = Observation(Outcome.CONNECTED)


def _slow_agent(agents: Agents, identity: str) -> Agent:
    """Start an agent on a machine that lets it run five times a second."""
    poll = "events = self.epoll.poll(wait, BATCH)"
    assert poll in agent_source()
    slowed = f"{poll}; time.sleep({TURN_S})"
    return agents.start(identity, PORTS, changed=lambda word: word.replace(poll, slowed))


def _pod(agent: Agent) -> Pod:
    namespace, name = agent.identity.split("/")
    ports = tuple(Port(agent.ports[p, "IPv4"], p) for p in (Protocol.TCP, Protocol.UDP))
    return Pod(namespace, name, ports=ports, ips=(LOCAL,))


@contextmanager
def _prober(agents: Agents, topology: Topology) -> Iterator[Prober]:
    opener = PipeOpener()
    prober = Prober(
        opener, lambda: topology, KeyRing(agents.instance, SECRET), times=AnswerTimes(TIMEOUT_S)
    )
    try:
        yield prober
    finally:
        prober.close()
        opener.close()


def _once_well(look: Callable[[], Observation], well: Callable[[Observation], bool]) -> Observation:
    """Return what is seen once this very machine, whatever else it does, answers in time."""
    for _ in range(MOST_LOOKS):
        if well(seen := look()):
            return seen
    raise AssertionError(f"{MOST_LOOKS} looks, and always late: {seen}")


def _verdict(expected: Expected, seen: Observation) -> FlowVerdict:
    return judge_flow(Expectation(expected), seen, OPEN, control_required=True).verdict


def test_an_answer_that_is_late_is_no_block() -> None:
    """A datagram that a slow machine answers too late, twice, over-blocks nothing."""
    with Agents() as agents:
        topology = Topology(
            pods=(_pod(agents.start("n/a", PORTS)), _pod(_slow_agent(agents, "n/b")))
        )
        flow = Flow(A, B, topology.pods[1].ports[1].number, Protocol.UDP)
        with _prober(agents, topology) as prober:
            (seen,) = prober.probe([flow], expected_allowed=[flow]).values()
    assert (Outcome.DROPPED, True) == (seen.outcome, seen.arrived)
    assert seen.beside
    assert "n/b to itself" in seen.beside.late
    assert FlowVerdict.INCONCLUSIVE is _verdict(Expected.ALLOWED, seen)


def test_a_silence_of_a_machine_that_is_well_is_a_block() -> None:
    """Where both ends answer in time meanwhile, what is silent twice is blocked."""
    with Agents() as agents, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind((LOCAL, 0))
        topology = Topology(pods=tuple(_pod(agents.start(f"n/{n}", PORTS)) for n in "ab"))
        flow = Flow(A, B, sink.getsockname()[1], Protocol.UDP)
        with _prober(agents, topology) as prober:
            seen = _once_well(
                lambda: prober.probe([flow], expected_allowed=[flow])[flow],
                lambda seen: bool(seen.beside and seen.beside.in_time),
            )
            denied = prober.probe([flow])[flow]
    assert PathControl(("n/a to itself", "n/b to itself"), far=True) == seen.beside
    assert FlowVerdict.OVER_BLOCKED is _verdict(Expected.ALLOWED, seen)
    assert (None, FlowVerdict.ENFORCED) == (denied.beside, _verdict(Expected.DENIED, denied))


def _no_such_name(delay_s: float) -> Callable[[bytes], bytes]:
    """Answer so to whatever is asked, so many seconds later."""

    def answer(data: bytes) -> bytes:
        time.sleep(delay_s)
        return data[:2] + struct.pack("!5H", 0x8183, 1, 0, 0, 0) + data[12:]

    return answer


@pytest.mark.parametrize(
    ("delay_s", "expected", "verdict"),
    [
        (0.0, Expected.ALLOWED, FlowVerdict.ENFORCED),
        (0.0, Expected.DENIED, FlowVerdict.LEAK),
        (TURN_S, Expected.ALLOWED, FlowVerdict.INCONCLUSIVE),
        (TURN_S, Expected.DENIED, FlowVerdict.INCONCLUSIVE),
    ],
)
def test_a_name_server_that_is_slow_tells_nothing(
    delay_s: float, expected: Expected, verdict: FlowVerdict
) -> None:
    """Nobody testifies for it, so its silence is weighed by what others get from it meanwhile."""
    with Agents() as agents, answering_udp(_no_such_name(delay_s)) as port:
        pods = tuple(_pod(agents.start(f"n/{n}", PORTS)) for n in "ab")
        service = Service(
            "kube-system", "kube-dns", ports=(ServicePort(port, port),), cluster_ips=(LOCAL,)
        )
        one, other = (Flow(end, DNS, port, Protocol.UDP, path=Path.DNS) for end in (A, B))
        hoped = [other, *([one] if expected is Expected.ALLOWED else ())]
        with _prober(agents, Topology(pods=pods, services=(service,))) as prober:

            def look() -> Observation:
                return prober.probe([one], expected_allowed=hoped)[one]

            seen = (
                look()
                if delay_s
                else _once_well(look, lambda seen: seen.outcome is Outcome.CONNECTED)
            )
    assert verdict is _verdict(expected, seen)


TO_DNS = {
    end: Flow(end, DNS, 53, Protocol.UDP, path=Path.DNS) for end in (A, B, Endpoint.pod("n/c"))
}
FLOW, *PEERS = TO_DNS.values()


def _answers(*outcomes: Outcome, seconds: float = 0.1) -> dict[Flow, ProbeAnswer]:
    seen = (Observation(outcome, seconds=seconds) for outcome in outcomes)
    return dict(zip(PEERS, map(ProbeAnswer, seen), strict=True))


def test_one_peer_that_is_answered_is_enough() -> None:
    """Somebody got an answer from the same end in the same second: it was well."""
    beside = Beside(peers=tuple(PEERS))
    one = control_of(beside, _answers(Outcome.DROPPED, Outcome.CONNECTED), 1.0)
    assert PathControl(("n/c to service kube-system/kube-dns",), far=True) == one
    none = control_of(beside, _answers(Outcome.DROPPED, Outcome.DROPPED), 1.0)
    assert PathControl((), ("n/b to service kube-system/kube-dns",), far=True) == none


def test_an_answer_after_the_time_out_is_late() -> None:
    """By the clock on the wall: an agent's own stands still while it is kept from running."""
    answers = _answers(Outcome.CONNECTED, Outcome.CONNECTED, seconds=1.2)
    late = control_of(Beside(peers=tuple(PEERS)), answers, 1.0)
    assert late is not None
    assert not late.in_time


def test_peers_are_those_looked_at_and_one_that_is_not_in_doubt() -> None:
    """A second look at what got no answer has somebody beside it who got one."""
    assert (PEERS[0],) == peers_of(FLOW, [FLOW, *PEERS], [FLOW])
    assert (PEERS[1], PEERS[0]) == peers_of(FLOW, [FLOW, *PEERS], [FLOW, PEERS[0]])
    assert () == peers_of(FLOW, [FLOW], [FLOW])


def test_who_serves_nothing_has_no_path_to_itself() -> None:
    """A pod without ports cannot be weighed by itself, and says so by having no control."""
    controls = Controls()
    controls.add(Flow(A, B, 80), [B], (), Topology(pods=(Pod("n", "a"), Pod("n", "b"))))
    assert ({Flow(A, B, 80): Beside()}, {}) == (controls.beside, controls.targets)
    assert None is control_of(Beside(), {}, 1.0)


def test_an_agent_asks_itself_where_it_listens() -> None:
    """At loopback, or at its own address where it listens nowhere else."""
    ports = (Port(9, Protocol.SCTP), Port(53, Protocol.UDP), Port(80))
    pods = (
        Pod("n", "a", ports=ports, ips=("fd00::1",), listens=Listens.POD_IP),
        Pod("n", "b", ports=ports, ips=("10.0.0.2",)),
    )
    hosts = (
        Host(HostKind.OUTSIDE, "internet", ("203.0.113.1",), (Port(443),)),
        Host(HostKind.NODE, "node-1", ("192.0.2.1",), (Port(20001),)),
    )
    controls = Controls()
    for end in (A, B, Endpoint.outside("internet"), Endpoint.node("node-1")):
        controls.add(Flow(end, DNS, 53), (), (), Topology(pods=pods, hosts=hosts))
    asked = [(one.address, one.port, one.identities) for one in controls.targets.values()]
    assert [
        ("fd00::1", 80, ("n/a",)),
        (LOCAL, 80, ("n/b",)),
        (LOCAL, 443, ("outside",)),
        (LOCAL, 20001, ("node-1",)),
    ] == asked
    assert {Family.IPV6, Family.IPV4} == {one.family for one in controls.targets.values()}
