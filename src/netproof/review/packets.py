"""Intents against what packets did: the same statements, asked of the flows that were probed."""

from __future__ import annotations

from collections.abc import Iterable

from netproof.model.flow import Connectivity, EndpointKind, Expected, Flow, Outcome, Path
from netproof.model.matrix import JudgedCell, JudgedMatrix
from netproof.model.record import FlowVerdict
from netproof.model.review import BrokenFlow, Cause, Judgement, Kept
from netproof.model.workload import HostKind, Topology
from netproof.policy.mirror import Mirror
from netproof.review import judgement, wording
from netproof.review.intents import Intent, wanted_of
from netproof.review.world import World


def world_of_probes(mirror: Mirror, topology: Topology, flows: Iterable[Flow]) -> World:
    """Return the world that was probed: the pods, the hosts outside, and the flows between them.

    Nodes are judged by the matrix only: no intent names them, not even by `*`.
    """
    hosts = tuple(h for h in topology.hosts if h.kind is HostKind.OUTSIDE and h.ips)
    ports = sorted({port for host in hosts for port in host.ports})
    real = Topology(topology.namespaces, topology.pods, topology.services, hosts)
    asked = tuple(flow for flow in flows if flow.path in _DIRECT and not _of_node(flow))
    return World(mirror, real, tuple(ports), mirror.bundle.policies, asked)


_DIRECT = (Path.POD_IP, Path.HOST_IP, Path.DNS)
"""The paths that intents are about; Services are probed too, and judged by the matrix."""


def _of_node(flow: Flow) -> bool:
    return EndpointKind.NODE in (flow.source.kind, flow.destination.kind)


def judge(world: World, intent: Intent, seen: JudgedMatrix) -> Judgement:
    """Judge one intent by what the packets of its flows did."""
    wanted = wanted_of(intent, world)
    if not wanted:
        return Judgement(Kept.UNTRIED, 0, (), "no packet: nothing that could be probed is meant")
    did = {flow: _did(seen[flow], answer) for flow, answer in wanted.items()}
    wrong = [flow for flow, answer in wanted.items() if did[flow] is not _AS_WANTED[answer]]
    wrong.sort(key=lambda flow: did[flow] is Connectivity.UNKNOWN)
    broken = tuple(_broken(flow, wanted[flow], did[flow], seen[flow]) for flow in wrong)
    return Judgement(*judgement.verdict(len(wanted), broken, intent))


_AS_WANTED = {Expected.ALLOWED: Connectivity.ALLOWED, Expected.DENIED: Connectivity.DENIED}


def _did(cell: JudgedCell, wanted: Expected) -> Connectivity:
    """Return what a flow did, for somebody who wants it allowed or denied.

    A request that arrived while its answer was lost is neither: who wants it denied has a leak, and
    who wants it allowed has no answer.
    """
    observation = cell.observation
    if cell.verdict is FlowVerdict.INCONCLUSIVE:
        return Connectivity.UNKNOWN
    if observation.arrived and observation.outcome is not Outcome.CONNECTED:
        return Connectivity.DENIED if wanted is Expected.ALLOWED else Connectivity.ALLOWED
    return observation.connectivity


def _broken(flow: Flow, wanted: Expected, did: Connectivity, cell: JudgedCell) -> BrokenFlow:
    name = f"{wording.flow(flow)} {flow.family}"
    return BrokenFlow(name, str(wanted), str(did), _causes(did, cell.expectation.expected))


def _causes(did: Connectivity, expected: Expected) -> tuple[Cause, ...]:
    """Say whether the cluster is at fault; what the policies have to do with it is told already."""
    if did is Connectivity.UNKNOWN:
        return (Cause("", "the probe could not tell"),)
    if did is _AS_WANTED.get(expected):
        return ()
    return (Cause("", f"the policies say {expected}: the cluster does not do what they say"),)
