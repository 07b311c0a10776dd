"""Who stands for the world: what pods reach of it, and what is said where they do not."""

from __future__ import annotations

from collections.abc import Callable, Collection
from types import SimpleNamespace
from typing import Any, cast

import pytest

from netproof.cluster.backend import ClusterRef
from netproof.cluster.kind import containers
from netproof.cluster.outside import OutsideContainer, OutsideMachine
from netproof.errors import ClusterError
from netproof.model.flow import Flow, Observation, Outcome
from netproof.model.workload import (
    Family,
    Host,
    HostKind,
    Pod,
    Port,
    Protocol,
    Service,
    ServicePort,
    Topology,
)
from netproof.run import outside

UDP = Port(443, Protocol.UDP)
HOST = Host(HostKind.OUTSIDE, "outside", ("203.0.113.7", "2001:db8:7::7"), (Port(80), UDP))
MACHINE = OutsideMachine("far", 7462, "ab" * 32, (HOST,))
CONTAINER = OutsideContainer("docker", "np-outside-r1", "kind", "python", "r1", (HOST,))
POD = Pod("n", "a", ips=("10.0.0.1", "fd00::1"))
NODES = tuple(Host(HostKind.NODE, name, (f"10.1.0.{n}",)) for n, name in enumerate("xy", 1))
SERVICE = Service("n", "s", {"a": "b"}, (ServicePort(80, 80, node_port=30080),))

Answers = Callable[[Flow], bool]


def _worker(place: OutsideMachine | OutsideContainer, answers: Answers) -> Any:
    """Return a worker whose flows are answered or not."""

    def probe(flows: Collection[Flow], **_: object) -> dict[Flow, Observation]:
        outcomes = {True: Outcome.CONNECTED, False: Outcome.DROPPED}
        return {flow: Observation(outcomes[answers(flow)]) for flow in flows}

    there = Topology(pods=(POD,), services=(SERVICE,), hosts=(*NODES, HOST))
    client = SimpleNamespace(ref=_ref(place))
    return SimpleNamespace(topology=there, prober=SimpleNamespace(probe=probe), client=client)


def _ref(place: OutsideMachine | OutsideContainer) -> ClusterRef:
    return ClusterRef("existing", "c", "", outside=place)


def _reached(place: OutsideMachine | OutsideContainer, answers: Answers) -> tuple[ClusterRef, str]:
    return outside.reached(cast("Any", _worker(place, answers)), _ref(place), "before")


def test_all_that_answers_stays() -> None:
    """Nothing is left out, and the words name who it is."""
    ref, words = _reached(MACHINE, lambda _: True)
    assert MACHINE == ref.outside
    assert "the world outside but for the machine far, at 203.0.113.7, 2001:db8:7::7" == words


@pytest.mark.parametrize(
    ("answers", "ips", "ports", "said"),
    [
        (
            lambda flow: flow.family is Family.IPV4,
            HOST.ips[:1],
            HOST.ports,
            "no pod got an answer at 80/TCP by IPv6, at 443/UDP by IPv6",
        ),
        (
            lambda flow: flow.protocol is Protocol.TCP,
            HOST.ips,
            (Port(80),),
            "no pod got an answer at 443/UDP by IPv4, at 443/UDP by IPv6",
        ),
    ],
    ids=["family", "port"],
)
def test_what_nobody_reaches_is_left_out(
    answers: Answers, ips: tuple[str, ...], ports: tuple[Port, ...], said: str
) -> None:
    """A route or a firewall is no policy: it is said, and makes no finding."""
    ref, words = _reached(CONTAINER, answers)
    assert ref.outside
    (host,) = ref.outside.hosts
    assert (ips, ports) == (host.ips, host.ports)
    assert said in words


def test_a_machine_that_nobody_reaches_ends_the_run() -> None:
    """It was named, so somebody expects it to be tried: the message says what to open."""
    with pytest.raises(ClusterError, match=r"let 80/TCP and 443/UDP to 203\.0\.113\.7, .* through"):
        _reached(MACHINE, lambda _: False)


def test_a_container_that_nobody_reaches_is_done_without() -> None:
    """Nobody has asked for it; what it would have shown is not tried."""
    ref, words = _reached(CONTAINER, lambda _: False)
    assert ref.outside is None
    assert words.startswith("the world outside, for which nobody stands, because no pod")
    assert "dropped" in words


def test_a_container_that_cannot_be_started_is_done_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The engine's words are in the report."""

    def refuse(*_: object) -> None:
        raise ClusterError("starting it failed: no such network")

    monkeypatch.setattr(containers, "stand", refuse)
    ref, words = outside.stand(_ref(CONTAINER), "r1")
    assert ref.outside is None
    assert "no such network" in words


@pytest.mark.parametrize(
    ("place", "answers", "why"),
    [
        (MACHINE, lambda _: True, ""),
        (MACHINE, lambda flow: flow.destination.name == "x", "node y answers the machine outside"),
        (CONTAINER, lambda _: False, ""),
    ],
    ids=["all", "one of two", "kind"],
)
def test_node_ports_need_a_way_from_outside(
    place: OutsideMachine | OutsideContainer, answers: Answers, why: str
) -> None:
    """Without one they are not tried from there; on kind there is one, and silence is a finding."""
    assert outside.why_no_node_ports(cast("Any", _worker(place, answers))).startswith(why)
    assert bool(why) == bool(outside.why_no_node_ports(cast("Any", _worker(place, answers))))


def test_where_nobody_stands_it_is_said_what_would() -> None:
    """The reason of skipped cases is the note of the report; the lab has a host of its own."""
    lab = ClusterRef("lab", "c", "", outside_node="outside")
    assert "" == outside.stand(lab, "r1")[1]
    ref, words = outside.stand(ClusterRef("existing", "c", ""), "r1")
    assert ref.outside is None
    assert "for which nobody stands (`netproof agent` on a machine does)" in words
