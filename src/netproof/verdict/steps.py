"""One state of the cluster, judged: flows become a matrix of verdicts, and a record of it.

The matrix is for those who judge further; the record writes it as tables of letters, counts and
findings.

Tables have the same order of names throughout a step, that in which the flows name them first,
so that two of them can be laid over each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from netproof.model.flow import (
    Connectivity,
    Endpoint,
    EndpointKind,
    Expectation,
    Flow,
    Observation,
    Path,
)
from netproof.model.matrix import ExpectedMatrix, JudgedCell, JudgedStep, Matrix, ObservedMatrix
from netproof.model.record import (
    EXPECTED_LETTERS,
    NOT_PROBED,
    OUTCOME_LETTERS,
    VERDICT_LETTERS,
    WRONG,
    Convergence,
    Finding,
    FlowVerdict,
    StepRecord,
    Table,
)
from netproof.model.workload import Family, Protocol, Topology
from netproof.verdict.flows import judge_flow
from netproof.verdict.relations import relation
from netproof.verdict.scenarios import step_verdict

_GRAVITY = {verdict: rank for rank, verdict in enumerate((*WRONG, FlowVerdict.INCONCLUSIVE))}
_PATHS = list(Path)
_PROTOCOLS = list(Protocol)
_FAMILIES = list(Family)


def judge_step(  # noqa: PLR0913 - all but two by keyword, each a value the step is made of
    name: str,
    policies: Sequence[str],
    *,
    expected: ExpectedMatrix,
    observed: ObservedMatrix,
    baseline: Mapping[Flow, Observation] | None,
    convergence: Convergence,
    topology: Topology,
    places: Mapping[str, str] | None = None,
) -> JudgedStep:
    """Judge every flow that something is expected of, and put the step on record.

    `policies` (`namespace/name`) are those in force; with any, a denial needs the baseline as its
    positive control. `places` says where they are written (`file:line`). Raises KeyError for a
    flow that was not observed.
    """
    controls = baseline or {}
    cells = {
        flow: _cell(expected[flow], observed[flow], controls.get(flow), bool(policies))
        for flow in expected
    }
    counted = Counter(cell.verdict for cell in cells.values())
    counts = {verdict: counted[verdict] for verdict in FlowVerdict}
    nodes = _nodes_of_ends(cells, topology)
    record = StepRecord(
        name=name,
        policies=tuple(policies),
        verdict=step_verdict(counts),
        counts=counts,
        convergence=convergence,
        tables=_tables(cells),
        findings=_findings(cells, nodes),
        places=dict(sorted((places or {}).items())),
        nodes=nodes,
        untold=_untold(cells.values()),
    )
    return JudgedStep(record, Matrix(cells, cells))


def _cell(
    expectation: Expectation, observation: Observation, control: Observation | None, required: bool
) -> JudgedCell:
    verdict, why = judge_flow(expectation, observation, control, control_required=required)
    return JudgedCell(expectation, observation, verdict, why)


def _tables(cells: Mapping[Flow, JudgedCell]) -> tuple[Table, ...]:
    ends = list(dict.fromkeys(end for flow in cells for end in (flow.source, flow.destination)))
    groups: dict[tuple[Path, Protocol, int, Family], dict[tuple[Endpoint, Endpoint], str]] = {}
    for flow, cell in cells.items():
        letters = (
            EXPECTED_LETTERS[cell.expectation.expected]
            + OUTCOME_LETTERS[cell.observation.outcome]
            + VERDICT_LETTERS[cell.verdict]
        )
        group = groups.setdefault((flow.path, flow.protocol, flow.port, flow.family), {})
        group[flow.source, flow.destination] = letters
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


def _findings(cells: Mapping[Flow, JudgedCell], nodes: Mapping[str, str]) -> tuple[Finding, ...]:
    findings = [
        _finding(flow, cell, relation(str(flow.source), str(flow.destination), nodes) or "")
        for flow, cell in cells.items()
        if cell.verdict in _GRAVITY
    ]
    return tuple(sorted(findings, key=lambda one: (_GRAVITY[one.verdict], one.flow)))


def _untold(cells: Iterable[JudgedCell]) -> dict[str, int]:
    """Return why there is nothing to report of flows that are reported and not judged."""
    reasons = Counter(
        one.observation.detail or str(one.observation.outcome)
        for one in cells
        if one.verdict is FlowVerdict.UNDEFINED
        and one.observation.connectivity is Connectivity.UNKNOWN
    )
    return dict(sorted(reasons.items()))


def _finding(flow: Flow, cell: JudgedCell, nodes: str) -> Finding:
    observation = cell.observation
    return Finding(
        flow=flow,
        verdict=cell.verdict,
        expected=cell.expectation.expected,
        outcome=observation.outcome,
        connectivity=observation.connectivity,
        detail=observation.detail,
        arrived=observation.arrived,
        attempts=observation.attempts,
        nodes=nodes,
        reasons=cell.expectation.reasons,
        why=cell.why,
        seconds=round(observation.seconds, 4),
        passing=observation.passing,
    )


def _nodes_of_ends(flows: Iterable[Flow], topology: Topology) -> dict[str, str]:
    """Return the nodes of flows' ends by their names; a Service's where its backends share one."""
    pods = {pod.key: pod.node for pod in topology.pods}
    behind = {
        service.key: {pod.node for pod in topology.backends(service)}
        for service in topology.services
    }
    nodes = {}
    for end in {end for flow in flows for end in (flow.source, flow.destination)}:
        if end.kind is EndpointKind.NODE:
            nodes[str(end)] = end.name
        elif end.kind is EndpointKind.SERVICE:
            homes = behind.get(end.name, set())
            nodes[str(end)] = next(iter(homes)) if len(homes) == 1 else ""
        else:
            nodes[str(end)] = pods.get(end.name, "")
    return {name: node for name, node in sorted(nodes.items()) if node}
