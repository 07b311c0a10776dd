"""What real drops and rejections on the way look like to an agent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

import pytest

from netproof.model.flow import Connectivity, Endpoint, Flow, Observation, Outcome
from netproof.model.workload import Family, Pod, Port, Protocol, Topology
from netproof.probe.answers import AnswerTimes
from netproof.probe.messages import KeyRing
from netproof.probe.runner import Prober
from tests.lab.agent_network import (
    CLIENT,
    DROPPED,
    OPEN,
    PROHIBITED,
    REPLY_DROPPED,
    UNREACHABLE,
    AgentNetwork,
    server_address,
)
from tests.unit.probe.agents import SECRET, Agents, PipeOpener

NAMES = {
    OPEN: "open",
    DROPPED: "dropped",
    UNREACHABLE: "unreachable",
    PROHIBITED: "prohibited",
    REPLY_DROPPED: "reply-dropped",
}
PORTS = (Port(8080), Port(8080, Protocol.UDP))
CASES = [(protocol, family) for protocol in (Protocol.TCP, Protocol.UDP) for family in Family]
TIMEOUT_S = 0.9
"""Less than the second after which TCP sends its first packet again."""


def _pods() -> Iterator[Pod]:
    yield Pod("n", "client", ips=(CLIENT["IPv4"], CLIENT["IPv6"]))
    for number, name in NAMES.items():
        ips = (server_address(number, "IPv4"), server_address(number, "IPv6"))
        yield Pod("n", name, ports=PORTS, ips=ips)


TOPOLOGY = Topology(pods=tuple(_pods()))


@pytest.fixture(scope="module")
def prober() -> Iterator[Prober]:
    """Run an agent per address; namespaces, agents and streams end with the module."""
    try:
        network = AgentNetwork()
    except OSError as error:
        pytest.skip(f"no network namespaces here ({error}); run as root or allow user namespaces")
    with closing(network), Agents() as agents, ExitStack() as stack:
        prefixes: dict[str, Sequence[str]] = {}
        for pod in TOPOLOGY.pods:
            namespace = network.client if pod.name == "client" else network.server
            prefixes[pod.key] = namespace.enter
            agents.launch(pod.key, pod.ports, pod.ips, namespace.enter)
        for agent in agents.running:
            agents.wait(agent)
        opener = PipeOpener(prefixes)
        made = Prober(
            opener,
            lambda: TOPOLOGY,
            KeyRing(agents.instance, SECRET),
            times=AnswerTimes(TIMEOUT_S),
        )
        stack.callback(opener.close)
        stack.callback(made.close)
        yield made


def _look(prober: Prober, number: int, protocol: Protocol, family: Family) -> Observation:
    ends = Endpoint.pod("n/client"), Endpoint.pod(f"n/{NAMES[number]}")
    flow = Flow(*ends, 8080, protocol, family)
    (seen,) = prober.probe([flow], expected_allowed={flow} if number == OPEN else ()).values()
    return seen


@pytest.mark.parametrize(("protocol", "family"), CASES)
def test_an_open_way_connects(prober: Prober, protocol: Protocol, family: Family) -> None:
    """Where nothing is in the way the right server answers."""
    assert Outcome.CONNECTED is _look(prober, OPEN, protocol, family).outcome


@pytest.mark.parametrize(("protocol", "family"), CASES)
def test_a_black_hole_drops(prober: Prober, protocol: Protocol, family: Family) -> None:
    """A packet that vanishes is dropped after the time-out, and never arrived."""
    seen = _look(prober, DROPPED, protocol, family)
    assert (Outcome.DROPPED, False) == (seen.outcome, seen.arrived)
    assert TIMEOUT_S <= seen.seconds < TIMEOUT_S + 5


@pytest.mark.parametrize(("protocol", "family"), CASES)
@pytest.mark.parametrize("number", [UNREACHABLE, PROHIBITED], ids=["unreachable", "prohibited"])
def test_an_icmp_error_rejects(
    prober: Prober, number: int, protocol: Protocol, family: Family
) -> None:
    """A router that says no is believed before the time-out, with what it said."""
    seen = _look(prober, number, protocol, family)
    assert (Outcome.REJECTED, False) == (seen.outcome, seen.arrived)
    assert seen.detail in ("EHOSTUNREACH", "EACCES", "ENETUNREACH")
    assert seen.seconds < TIMEOUT_S


@pytest.mark.parametrize("family", list(Family))
def test_a_dropped_answer_is_no_denial(prober: Prober, family: Family) -> None:
    """A datagram that got through is a leak, whatever becomes of its answer."""
    seen = _look(prober, REPLY_DROPPED, Protocol.UDP, family)
    assert (Outcome.DROPPED, True) == (seen.outcome, seen.arrived)
    assert (True, Connectivity.UNKNOWN) == (seen.leaked, seen.connectivity)


@pytest.mark.parametrize("family", list(Family))
def test_a_dropped_handshake_is_a_drop(prober: Prober, family: Family) -> None:
    """By TCP nothing was said before the answer to the first packet is lost."""
    seen = _look(prober, REPLY_DROPPED, Protocol.TCP, family)
    assert (Outcome.DROPPED, False) == (seen.outcome, seen.arrived)


def test_all_at_once_is_seen_in_one_time_out(prober: Prober) -> None:
    """Flows of several sorts keep their outcomes when probed together.

    Without ICMP errors: the kernel's routes answer with five of them, then with one a second.
    """
    expected = {
        "n/open": Outcome.CONNECTED,
        "n/dropped": Outcome.DROPPED,
        "n/reply-dropped": Outcome.DROPPED,
    }
    client = Endpoint.pod("n/client")
    flows = [
        Flow(client, Endpoint.pod(name), 8080, protocol, family)
        for name in expected
        for protocol, family in CASES
    ]
    hoped = [flow for flow in flows if flow.destination.name == "n/open"]
    seen = prober.probe(flows, expected_allowed=hoped)
    assert {flow: expected[flow.destination.name] for flow in flows} == {
        flow: one.outcome for flow, one in seen.items()
    }
