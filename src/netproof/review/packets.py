"""Intents against what packets did: the same statements, asked of the flows that were probed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from netproof.model.flow import Connectivity, Endpoint, EndpointKind, Expected, Flow, Outcome, Path
from netproof.model.record import (
    EXPECTED_LETTERS,
    NOT_PROBED,
    OUTCOME_LETTERS,
    VERDICT_LETTERS,
    FlowVerdict,
    StepRecord,
    Table,
)
from netproof.model.review import BrokenFlow, Cause, Judgement, Kept
from netproof.model.workload import HostKind, Topology
from netproof.policy.mirror import Mirror
from netproof.review import judgement, wording
from netproof.review.intents import Intent, wanted_of
from netproof.review.world import World

_EXPECTED = {letter: value for value, letter in EXPECTED_LETTERS.items()}
_OUTCOME = {letter: value for value, letter in OUTCOME_LETTERS.items()}
_VERDICT = {letter: value for value, letter in VERDICT_LETTERS.items()}
_SEEN = {
    Outcome.CONNECTED: Connectivity.ALLOWED,
    Outcome.DROPPED: Connectivity.DENIED,
    Outcome.REJECTED: Connectivity.DENIED,
}


@dataclass(frozen=True, slots=True)
class Cell:
    """What was expected of a probed flow, and what was seen; a leak counts as allowed."""

    expected: Expected
    seen: Connectivity


def cells(step: StepRecord) -> dict[Flow, Cell]:
    """Return the flows of a step with what was expected and seen of each."""
    return {flow: cell for table in step.tables for flow, cell in _of_table(table)}


def _of_table(table: Table) -> Iterator[tuple[Flow, Cell]]:
    for row, source in enumerate(table.sources):
        for column, destination in enumerate(table.destinations):
            letters = (table.expected, table.observed, table.verdicts)
            expected, observed, verdict = (layer[row][column] for layer in letters)
            if NOT_PROBED not in (expected, observed):
                flow = Flow(
                    Endpoint.parse(source),
                    Endpoint.parse(destination),
                    table.port,
                    table.protocol,
                    table.family,
                    table.path,
                )
                yield flow, Cell(_EXPECTED[expected], _seen(observed, _VERDICT[verdict]))


def _seen(letter: str, verdict: FlowVerdict) -> Connectivity:
    if verdict is FlowVerdict.LEAK:
        return Connectivity.ALLOWED
    if verdict is FlowVerdict.INCONCLUSIVE:
        return Connectivity.UNKNOWN
    return _SEEN.get(_OUTCOME[letter], Connectivity.UNKNOWN)


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


def judge(world: World, intent: Intent, seen: Mapping[Flow, Cell]) -> Judgement:
    """Judge one intent by what the packets of its flows did."""
    wanted = wanted_of(intent, world)
    if not wanted:
        return Judgement(Kept.UNTRIED, 0, (), "no packet: nothing that could be probed is meant")
    wrong = [flow for flow, answer in wanted.items() if str(seen[flow].seen) != str(answer)]
    wrong.sort(key=lambda flow: seen[flow].seen is Connectivity.UNKNOWN)
    broken = tuple(_broken(flow, wanted[flow], seen[flow]) for flow in wrong)
    return Judgement(*judgement.verdict(len(wanted), broken, intent))


def _broken(flow: Flow, wanted: Expected, cell: Cell) -> BrokenFlow:
    name = f"{wording.flow(flow)} {flow.family}"
    return BrokenFlow(name, str(wanted), str(cell.seen), _causes(cell))


def _causes(cell: Cell) -> tuple[Cause, ...]:
    """Say whether the cluster is at fault; what the policies have to do with it is told already."""
    if cell.seen is Connectivity.UNKNOWN:
        return (Cause("", "the probe could not tell"),)
    if str(cell.seen) == str(cell.expected):
        return ()
    return (Cause("", f"the policies say {cell.expected}: the cluster does not do what they say"),)
