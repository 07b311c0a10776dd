"""What is tried beside a flow that has to be answered, and what came of it: pure.

Silence has two causes, and only one of them is the network: whoever should have answered may have
been kept from running. So a silence that counts has paths beside it, tried in the same second with
the same time-out, that no policy may close. An agent answers itself; for an end without an agent
of ours (a name server) somebody stands in whose own flow to it should pass.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from netproof.model.flow import Endpoint, EndpointKind, Flow, Outcome, Path, PathControl
from netproof.model.workload import Family, HostKind, Listens, Port, Protocol, Topology
from netproof.probe.answers import ProbeAnswer
from netproof.probe.identity import identity_of
from netproof.probe.targets import ProbeTarget, TargetKind

LOOPBACK = "127.0.0.1"
"""Every network namespace of an agent has it, of whichever family the cluster is."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What is tried beside one flow; `near` and `far` are ends that answer themselves.

    `peers` are flows of others to the same door, of which one has to be answered.
    """

    near: tuple[Flow, ...] = ()
    far: tuple[Flow, ...] = ()
    peers: tuple[Flow, ...] = ()


@dataclass(slots=True)
class Controls:
    """All that is tried beside the flows of a look: by flow, and as targets."""

    beside: dict[Flow, Beside] = field(default_factory=dict)
    targets: dict[Flow, ProbeTarget] = field(default_factory=dict)
    _known: dict[Endpoint, dict[Flow, ProbeTarget]] = field(default_factory=dict)

    def add(
        self, flow: Flow, ends: Sequence[Endpoint], peers: Iterable[Flow], there: Topology
    ) -> None:
        """Have a flow weighed: by its source, by the ends that testify for it, or by peers."""
        near = self._selves([flow.source], there)
        self.beside[flow] = Beside(near, self._selves(ends, there), tuple(peers))

    def _selves(self, ends: Sequence[Endpoint], topology: Topology) -> tuple[Flow, ...]:
        """Return the paths of ends to themselves, worked out once an end: many flows share it."""
        for end in ends:
            if end not in self._known:
                self._known[end] = _to_itself(end, topology)
                self.targets |= self._known[end]
        return tuple(one for end in ends for one in self._known[end])


def same_door(flow: Flow) -> tuple[Endpoint, int, Protocol, Family, Path]:
    """Return what two flows have in common that lead to the same door."""
    return flow.destination, flow.port, flow.protocol, flow.family, flow.path


def peers_of(flow: Flow, at_door: Sequence[Flow], looked_at: Collection[Flow]) -> tuple[Flow, ...]:
    """Return flows of others to the same door that should be answered.

    `at_door` are the flows to that door that should pass. Of them those count that are looked at
    anyway, and one more that is not in doubt.
    """
    others = [one for one in at_door if one.source != flow.source]
    spare = [one for one in others if one not in looked_at][:1]
    return (*spare, *(one for one in others if one in looked_at))


def control_of(
    beside: Beside, answers: Mapping[Flow, ProbeAnswer], timeout_s: float
) -> PathControl | None:
    """Return what the paths beside a flow say of the machine; None where there were none."""

    def in_time(flow: Flow) -> bool:
        answer = answers.get(flow)  # none where it has no address to be tried at
        connected = answer is not None and answer.seen.outcome is Outcome.CONNECTED
        return answer is not None and connected and answer.seen.seconds <= timeout_s

    tried = {f"{flow.source} to itself": in_time(flow) for flow in beside.near + beside.far}
    if beside.peers:
        good = next((peer for peer in beside.peers if in_time(peer)), None)
        words = good or beside.peers[0]
        tried[f"{words.source} to {words.destination}"] = good is not None
    if not tried:
        return None
    answered = tuple(words for words, well in tried.items() if well)
    late = tuple(words for words, well in tried.items() if not well)
    return PathControl(answered, late, far=bool(beside.far or beside.peers))


def _to_itself(end: Endpoint, topology: Topology) -> dict[Flow, ProbeTarget]:
    """Return an agent's path to itself; none where it serves nothing that can be asked."""
    ports, address = _served(end, topology)
    for port in sorted(ports, key=lambda one: one.protocol is not Protocol.TCP):
        if port.protocol is not Protocol.SCTP and address:
            family = Family.of(address)
            # By `host-ip`, which no flow to a pod is, so that it is no flow of the matrix.
            flow = Flow(end, end, port.number, port.protocol, family, Path.HOST_IP)
            who = (identity_of(end),)
            target = ProbeTarget(
                TargetKind.CONNECT, port.protocol, family, address, port.number, who
            )
            return {flow: target}
    return {}


def _served(end: Endpoint, topology: Topology) -> tuple[Sequence[Port], str]:
    if end.kind is EndpointKind.POD:
        pod = topology.pod(end.name)
        own = pod.listens is Listens.POD_IP
        return pod.ports, (pod.ips[0] if pod.ips else "") if own else LOOPBACK
    if end.kind is EndpointKind.OUTSIDE:
        outside = [host for host in topology.hosts if host.kind is HostKind.OUTSIDE]
        return (outside[0].ports if outside else ()), LOOPBACK
    return topology.host(end.name).ports, LOOPBACK
