"""Matrices over real agents on loopback, and what becomes of them when something dies."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from netproof.errors import ProbeError
from netproof.model.flow import Connectivity, Endpoint, Flow, Outcome
from netproof.model.value import replace
from netproof.model.workload import Family, Pod, Port, Protocol, Topology
from netproof.probe.answers import AnswerTimes
from netproof.probe.messages import KeyRing
from netproof.probe.runner import Prober
from tests.unit.probe.agents import SECRET, Agent, Agents, PipeOpener, PipeStream

LOCAL = "127.0.0.1"
A, B = Endpoint.pod("n/a"), Endpoint.pod("n/b")
TOPOLOGY = Topology(pods=(Pod("n", "a", ips=(LOCAL,)), Pod("n", "b", ips=(LOCAL,))))
PORTS = (Port(0), Port(0, Protocol.UDP))
PATIENT_S = 10.0
"""For what will be answered, on a machine as busy as it likes."""

TIMEOUT_S = 0.5
"""For what will not."""


class Fleet:
    """Two agents, n/a and n/b, and a prober that reaches them."""

    def __init__(self, agents: Agents, timeout_s: float = PATIENT_S) -> None:
        self.agents = agents
        self.opener = PipeOpener()
        self.topology = TOPOLOGY
        self.a, self.b = agents.start("n/a", PORTS), agents.start("n/b", PORTS)
        self.prober = Prober(
            self.opener,
            lambda: self.topology,
            KeyRing(agents.instance, SECRET),
            times=AnswerTimes(timeout_s),
            starting_s=0.5,
        )

    def flow(
        self, source: Endpoint, destination: Endpoint, protocol: Protocol = Protocol.TCP
    ) -> Flow:
        agent = self.a if destination == A else self.b
        return Flow(source, destination, agent.ports[protocol, "IPv4"], protocol)

    def close(self) -> None:
        self.prober.close()
        self.opener.close()


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    """Run two agents and a prober; all end with the test."""
    with Agents() as agents:
        made = Fleet(agents)
        yield made
        made.close()


@pytest.fixture
def impatient() -> Iterator[Fleet]:
    """Run the same for probes that get no answer; all end with the test."""
    with Agents() as agents:
        made = Fleet(agents, TIMEOUT_S)
        yield made
        made.close()


@contextmanager
def _udp_sink() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind((LOCAL, 0))
        sink.settimeout(20)
        yield sink


def _udp_flow(sink: socket.socket) -> Flow:
    return Flow(A, B, sink.getsockname()[1], Protocol.UDP)


def test_every_flow_gets_an_observation(fleet: Fleet) -> None:
    """All pairs by TCP and UDP, to oneself included, connect to the right server."""
    ends = (A, B)
    flows = [fleet.flow(x, y, p) for x in ends for y in ends for p in (Protocol.TCP, Protocol.UDP)]
    seen = fleet.prober.probe(flows)
    assert flows == list(seen)
    assert {(Outcome.CONNECTED, 1)} == {(one.outcome, one.attempts) for one in seen.values()}


def test_streams_are_as_many_as_agents(fleet: Fleet) -> None:
    """However many flows and rounds, an agent is exec'ed into once."""
    flows = [fleet.flow(A, B), fleet.flow(A, B, Protocol.UDP), fleet.flow(B, A)]
    for _ in range(3):
        fleet.prober.probe(flows)
    assert 2 == len(fleet.opener.opened)


def test_agents_are_told_how_to_end(fleet: Fleet) -> None:
    """One stays when it is told to end, the other ends well, and no stream to it is kept."""
    fleet.prober.have_outlive(A)
    fleet.a.process.terminate()
    fleet.prober.have_finish(B)
    assert 0 == fleet.b.process.wait(PATIENT_S)
    (seen,) = fleet.prober.probe([fleet.flow(A, A)]).values()
    assert Outcome.CONNECTED is seen.outcome


def test_a_request_that_arrived_while_its_answer_was_lost_is_no_denial(impatient: Fleet) -> None:
    """The destination's agent testifies for a datagram that got no answer."""
    with _udp_sink() as oneway, _udp_sink() as out:

        def forward() -> None:
            data = oneway.recv(1000)
            out.sendto(data, (LOCAL, impatient.b.ports["UDP", "IPv4"]))

        thread = threading.Thread(target=forward)
        thread.start()
        (seen,) = impatient.prober.probe([_udp_flow(oneway)]).values()
        thread.join()
    assert (Outcome.DROPPED, True, Connectivity.UNKNOWN) == (
        seen.outcome,
        seen.arrived,
        seen.connectivity,
    )


def test_a_drop_that_nobody_saw_is_a_denial(impatient: Fleet) -> None:
    """A datagram that neither was answered nor arrived is dropped, once."""
    with _udp_sink() as sink:
        (seen,) = impatient.prober.probe([_udp_flow(sink)]).values()
    expected = (Outcome.DROPPED, False, 1)
    assert expected == (seen.outcome, seen.arrived, seen.attempts)


def test_a_drop_where_it_should_be_open_is_looked_at_twice(impatient: Fleet) -> None:
    """Only flows that are expected to be open are doubted when they are dropped."""
    with _udp_sink() as one, _udp_sink() as two:
        hoped, other = _udp_flow(one), _udp_flow(two)
        seen = impatient.prober.probe([hoped, other], expected_allowed={hoped})
    assert {hoped: 2, other: 1} == {flow: one.attempts for flow, one in seen.items()}


def test_another_pod_at_the_address_is_an_error(fleet: Fleet) -> None:
    """A server that is somebody else makes no connection."""
    flow = replace(fleet.flow(A, B), destination=A)
    (seen,) = fleet.prober.probe([flow]).values()
    assert (Outcome.ERROR, "answered by n/b, wanted n/a") == (seen.outcome, seen.detail)


def test_no_address_is_an_observation(fleet: Fleet) -> None:
    """A flow in a family that the cluster lacks is an error, and the others are probed."""
    good = fleet.flow(A, B)
    seen = fleet.prober.probe([replace(good, family=Family.IPV6), good])
    details = [(one.outcome, one.detail) for one in seen.values()]
    assert [(Outcome.ERROR, "n/b has no IPv6 address"), (Outcome.CONNECTED, "")] == details


def test_a_dead_destination_denies_nothing(fleet: Fleet) -> None:
    """A reset from a host whose agent died is unknown, with the reason."""
    flow = fleet.flow(A, B)
    fleet.prober.probe([flow])
    fleet.b.kill()
    (seen,) = fleet.prober.probe([flow]).values()
    assert Outcome.ERROR is seen.outcome
    assert seen.detail.startswith("rejected, but the agent of n/b is gone")


def test_a_destination_that_was_restarted_meanwhile_denies_nothing(fleet: Fleet) -> None:
    """A reset by a destination that is another process than before is unknown."""
    flow = fleet.flow(A, B)
    fleet.prober.probe([flow])
    fleet.b.kill()
    fleet.agents.start("n/b", PORTS)
    (seen,) = fleet.prober.probe([flow]).values()
    assert Outcome.ERROR is seen.outcome
    assert seen.detail.endswith("the agent of n/b was started anew meanwhile")


def test_a_dead_source_denies_nothing(fleet: Fleet) -> None:
    """Flows from a pod whose agent is gone are unknown, the others are seen."""
    fleet.a.kill()
    flows = [fleet.flow(A, B), fleet.flow(B, B)]
    seen = fleet.prober.probe(flows)
    assert [Outcome.ERROR, Outcome.CONNECTED] == [seen[flow].outcome for flow in flows]
    assert "no agent at netproof-n/a" in seen[flows[0]].detail


def test_an_agent_that_dies_while_probing_denies_nothing() -> None:
    """What a killed agent had under way is unknown."""
    with Agents() as agents, _udp_sink() as sink, ThreadPoolExecutor() as pool:
        fleet = Fleet(agents, timeout_s=30.0)
        flow = _udp_flow(sink)
        running = pool.submit(fleet.prober.probe, [flow])
        sink.recv(1000)
        fleet.a.kill()
        assert Outcome.ERROR is running.result()[flow].outcome
        fleet.close()


def test_a_relay_that_dies_while_probing_is_replaced(fleet: Fleet) -> None:
    """A broken stream is opened again, the job sent again, and that is counted."""
    flow = fleet.flow(A, B)
    fleet.prober.probe([flow])
    for stream in fleet.opener.opened:
        stream.process.kill()
        stream.process.wait()
    (seen,) = fleet.prober.probe([flow]).values()
    assert (Outcome.CONNECTED, 2) == (seen.outcome, seen.attempts)


def test_a_forgotten_pod_is_reached_anew(fleet: Fleet) -> None:
    """After a pod was replaced its stream is another one."""
    flow = fleet.flow(A, B)
    fleet.prober.probe([flow])
    fleet.prober.forget("n/b")
    fleet.agents.running.remove(_killed(fleet.b))
    fleet.b = fleet.agents.start("n/b", PORTS)
    (seen,) = fleet.prober.probe([fleet.flow(A, B)]).values()
    assert (Outcome.CONNECTED, 3) == (seen.outcome, len(fleet.opener.opened))


def test_an_exec_that_is_refused_is_the_flows_reason() -> None:
    """Where the cluster refuses the exec, its words are the detail."""

    class Refusing:
        def open(self, source: Endpoint, command: Sequence[str]) -> PipeStream:
            raise ProbeError(f"exec in {source} refused: {len(command)} words")

    prober = Prober(
        Refusing(), lambda: TOPOLOGY, KeyRing("none", SECRET), times=AnswerTimes(TIMEOUT_S)
    )
    (seen,) = prober.probe([Flow(A, B, 80)]).values()
    prober.close()
    assert (Outcome.ERROR, "exec in n/a refused: 7 words") == (seen.outcome, seen.detail)


def _killed(agent: Agent) -> Agent:
    agent.kill()
    assert agent.process.stdout
    agent.process.stdout.close()
    return agent


def test_a_stream_that_does_not_end_keeps_no_other(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All streams and threads of a prober end, though one of them fails to, and that is said."""
    for end in (A, B):
        fleet.prober.hello(end)
    closed: list[str] = []

    def close(_: PipeStream) -> None:
        closed.append("stream")
        raise ProbeError(f"stream {len(closed)} does not end")

    with monkeypatch.context() as patched:
        patched.setattr(PipeStream, "close", close)
        with pytest.raises(ProbeError, match="does not end"):
            fleet.prober.close()
    assert ["stream", "stream"] == closed
    with pytest.raises(RuntimeError, match="shutdown"):
        fleet.prober.probe([fleet.flow(A, B)])
