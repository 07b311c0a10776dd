"""One state of the cluster, judged: flows become tables, counts and findings.

Tables have the same order of names throughout a step, that in which the flows name them first,
so that two of them can be laid over each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from netproof.model.flow import Endpoint, EndpointKind, Expectation, Flow, Observation, Path
from netproof.model.matrix import ExpectedMatrix, ObservedMatrix
from netproof.model.record import (
    EXPECTED_LETTERS,
    NOT_PROBED,
    OUTCOME_LETTERS,
    VERDICT_LETTERS,
    Convergence,
    Finding,
    FlowVerdict,
    StepRecord,
    Table,
)
from netproof.model.workload import Family, Protocol, Topology
from netproof.verdict.flows import JudgedFlow, judge_flow
from netproof.verdict.scenarios import step_verdict

_GRAVITY = {
    verdict: rank
    for rank, verdict in enumerate(
        (FlowVerdict.LEAK, FlowVerdict.OVER_BLOCKED, FlowVerdict.INCONCLUSIVE)
    )
}
_PATHS = list(Path)
_PROTOCOLS = list(Protocol)
_FAMILIES = list(Family)


def make_step(  # noqa: PLR0913 - all but two by keyword, each of them a value the step is made of
    name: str,
    policies: Sequence[str],
    *,
    expected: ExpectedMatrix,
    observed: ObservedMatrix,
    baseline: Mapping[Flow, Observation] | None,
    convergence: Convergence,
    topology: Topology,
    places: Mapping[str, str] | None = None,
) -> StepRecord:
    """Judge every flow that something is expected of, and put the step on record.

    `policies` (`namespace/name`) are those in force; with any, a denial needs the baseline as its
    positive control. `places` says where they are written (`file:line`). Raises KeyError for a
    flow that was not observed.
    """
    judged = {
        flow: judge_flow(
            expected[flow],
            observed[flow],
            (baseline or {}).get(flow),
            control_required=bool(policies),
        )
        for flow in expected
    }
    counted = Counter(verdict for verdict, _ in judged.values())
    counts = {verdict: counted[verdict] for verdict in FlowVerdict}
    return StepRecord(
        name=name,
        policies=tuple(policies),
        verdict=step_verdict(counts),
        counts=counts,
        convergence=convergence,
        tables=_tables(expected, observed, judged),
        findings=_findings(expected, observed, judged, topology),
        places=dict(sorted((places or {}).items())),
    )


def _tables(
    expected: ExpectedMatrix, observed: ObservedMatrix, judged: Mapping[Flow, JudgedFlow]
) -> tuple[Table, ...]:
    ends = list(dict.fromkeys(end for flow in judged for end in (flow.source, flow.destination)))
    groups: dict[tuple[Path, Protocol, int, Family], dict[tuple[Endpoint, Endpoint], str]] = {}
    for flow, (verdict, _) in judged.items():
        cell = (
            EXPECTED_LETTERS[expected[flow].expected]
            + OUTCOME_LETTERS[observed[flow].outcome]
            + VERDICT_LETTERS[verdict]
        )
        group = groups.setdefault((flow.path, flow.protocol, flow.port, flow.family), {})
        group[flow.source, flow.destination] = cell
    keys = sorted(groups, key=_table_order)
    return tuple(_table(*key, ends=ends, cells=groups[key]) for key in keys)


def _table_order(key: tuple[Path, Protocol, int, Family]) -> tuple[int, int, int, int]:
    path, protocol, port, family = key
    return _PATHS.index(path), _PROTOCOLS.index(protocol), port, _FAMILIES.index(family)


def _table(
    path: Path,
    protocol: Protocol,
    port: int,
    family: Family,
    *,
    ends: Sequence[Endpoint],
    cells: Mapping[tuple[Endpoint, Endpoint], str],
) -> Table:
    sources = _in_order(ends, {source for source, _ in cells})
    destinations = _in_order(ends, {destination for _, destination in cells})
    rows = [[cells.get((s, d), NOT_PROBED * 3) for d in destinations] for s in sources]
    expected, observed, verdicts = (
        tuple("".join(cell[layer] for cell in row) for row in rows) for layer in range(3)
    )
    return Table(
        port=port,
        protocol=protocol,
        family=family,
        path=path,
        sources=tuple(map(str, sources)),
        destinations=tuple(map(str, destinations)),
        expected=expected,
        observed=observed,
        verdicts=verdicts,
    )


def _in_order(ends: Iterable[Endpoint], wanted: set[Endpoint]) -> list[Endpoint]:
    return [end for end in ends if end in wanted]


def _findings(
    expected: ExpectedMatrix,
    observed: ObservedMatrix,
    judged: Mapping[Flow, JudgedFlow],
    topology: Topology,
) -> tuple[Finding, ...]:
    nodes = {pod.key: pod.node for pod in topology.pods}
    found = [
        _finding(flow, ruling, expected[flow], observed[flow], _nodes(flow, nodes))
        for flow, ruling in judged.items()
        if ruling.verdict in _GRAVITY
    ]
    return tuple(sorted(found, key=lambda finding: (_GRAVITY[finding.verdict], finding.flow)))


def _finding(
    flow: Flow, judged: JudgedFlow, expectation: Expectation, seen: Observation, nodes: str
) -> Finding:
    return Finding(
        flow=flow,
        verdict=judged.verdict,
        expected=expectation.expected,
        outcome=seen.outcome,
        connectivity=seen.connectivity,
        detail=seen.detail,
        arrived=seen.arrived,
        attempts=seen.attempts,
        nodes=nodes,
        reasons=expectation.reasons,
        why=judged.why,
        seconds=round(seen.seconds, 4),
    )


def _nodes(flow: Flow, nodes: Mapping[str, str]) -> str:
    here, there = _node(flow.source, nodes), _node(flow.destination, nodes)
    if not here or not there:
        return ""
    return "same node" if here == there else "across nodes"


def _node(end: Endpoint, nodes: Mapping[str, str]) -> str:
    if end.kind is EndpointKind.NODE:
        return end.name
    return nodes.get(end.name, "") if end.kind is EndpointKind.POD else ""
