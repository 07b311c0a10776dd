"""Pairs of ends, as tests are named after them: known before any packet, looked up after."""

from __future__ import annotations

from collections.abc import Iterator

from netproof.model.flow import Endpoint, EndpointKind, Flow
from netproof.model.matrix import JudgedScenario
from netproof.model.review import PairResult
from netproof.review import wording
from netproof.review.world import DNS, World

OUTSIDE = "outside"
NODES = "nodes"


def names(world: World) -> tuple[str, ...]:
    """Return the pairs of a bundle: workloads with workloads, Services, the outside, nodes, DNS."""
    return tuple(_names(world))


def _names(world: World) -> Iterator[str]:
    bundle = world.mirror.bundle
    for source in world.workloads:
        for destination in world.workloads:
            if source.key != destination.key and destination.ports:
                yield f"{source.key} -> {destination.key}"
        for service in bundle.services:
            if world.topology.backends(service):
                yield f"{source.key} -> service {service.key}"
        yield f"{source.key} -> {OUTSIDE}"
        yield f"{source.key} -> {NODES}"
        if source.ports:
            yield f"{NODES} -> {source.key}"
        yield f"{source.key} -> dns"


def of_flow(flow: Flow) -> str:
    """Return the pair that a flow belongs to; all hosts outside are one end, and so are nodes."""
    return f"{_end(flow.source)} -> {_end(flow.destination)}"


def _end(end: Endpoint) -> str:
    if end.kind is EndpointKind.OUTSIDE:
        return OUTSIDE
    if end.kind is EndpointKind.NODE:
        return NODES
    return "dns" if end == Endpoint.service(DNS) else str(end)


def results(scenario: JudgedScenario) -> tuple[PairResult, ...]:
    """Return what a scenario showed of each pair, in the order it was probed."""
    flows: dict[str, int] = {}
    findings: dict[str, list[str]] = {}
    for step in scenario.steps:
        for flow in step.matrix:
            flows[of_flow(flow)] = flows.get(of_flow(flow), 0) + 1
        for finding in step.record.findings:
            told = wording.finding(step.record.name, finding)
            findings.setdefault(of_flow(finding.flow), []).append(told)
    return tuple(
        PairResult(name, count, tuple(findings.get(name, ()))) for name, count in flows.items()
    )
