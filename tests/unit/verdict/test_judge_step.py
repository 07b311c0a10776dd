"""A step is made of what was expected and observed: tables, counts, findings."""

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
from netproof.model.matrix import Matrix
from netproof.model.record import Convergence, FlowVerdict, RunVerdict, StepRecord
from netproof.model.value import replace
from netproof.model.workload import Family, Pod, Protocol, Topology
from netproof.verdict import judge_step

A, B, C = (Endpoint.pod(f"shop/{name}") for name in "abc")
OUTSIDE = Endpoint.outside("outside")
TOPOLOGY = Topology(
    pods=(Pod("shop", "a", node="n1"), Pod("shop", "b", node="n2"), Pod("shop", "c", node="n1"))
)
OPEN = Observation(Outcome.CONNECTED, seconds=0.123456)
WELL = PathControl(("shop/a to itself", "shop/b to itself"), far=True)
SHUT = Observation(Outcome.DROPPED, arrived=False, attempts=2, beside=WELL)

Cells = dict[Flow, tuple[Expected, Observation]]


def step(cells: Cells, *, policies: tuple[str, ...] = ("shop/p",)) -> StepRecord:
    return judge_step(
        "in force",
        policies,
        expected=Matrix(cells, {flow: Expectation(want) for flow, (want, _) in cells.items()}),
        observed=Matrix(cells, {flow: seen for flow, (_, seen) in cells.items()}),
        baseline=dict.fromkeys(cells, OPEN) if policies else None,
        convergence=Convergence(2, 0.5),
        topology=TOPOLOGY,
        places={"shop/p": "p.yaml:1"},
    ).record


def test_a_table_has_a_row_a_source_and_a_column_a_destination() -> None:
    """Letters stand for expectation, outcome and verdict; a dot for a flow not tried."""
    made = step(
        {
            Flow(A, B, 80): (Expected.ALLOWED, OPEN),
            Flow(A, C, 80): (Expected.DENIED, SHUT),
            Flow(B, C, 80): (Expected.DENIED, OPEN),
            Flow(B, B, 80): (Expected.UNDEFINED, OPEN),
        }
    )
    (table,) = made.tables
    assert ("shop/a", "shop/b") == table.sources
    assert ("shop/b", "shop/c") == table.destinations
    assert ("AD", "UD") == table.expected
    assert ("cd", "cc") == table.observed
    assert ("==", "uL") == table.verdicts


def test_a_flow_that_was_not_tried_is_a_dot() -> None:
    """A table says of each of its cells whether it was tried."""
    made = step({Flow(A, B, 80): (Expected.ALLOWED, OPEN), Flow(C, A, 80): (Expected.DENIED, SHUT)})
    assert (".=", "=.") == made.tables[0].verdicts


def test_tables_are_ordered_by_path_protocol_port_and_family() -> None:
    """The order of the flows does not show in the order of the tables."""
    service = Endpoint.service("shop/b")
    flows = [
        Flow(A, service, 80, path=Path.CLUSTER_IP),
        Flow(A, B, 53, Protocol.UDP),
        Flow(A, B, 443),
        Flow(A, B, 80, family=Family.IPV6),
        Flow(A, B, 80),
    ]
    made = step(dict.fromkeys(flows, (Expected.ALLOWED, OPEN)))
    assert [
        "shop/b:80/TCP IPv4",
        "shop/b:80/TCP IPv6",
        "shop/b:443/TCP IPv4",
        "shop/b:53/UDP IPv4",
        "service shop/b:80/TCP IPv4",
    ] == [f"{t.destinations[0]}:{t.port}/{t.protocol} {t.family}" for t in made.tables]


def test_every_verdict_is_counted_and_named() -> None:
    """A verdict that no flow has is counted as none."""
    made = step({Flow(A, B, 80): (Expected.ALLOWED, OPEN), Flow(A, C, 80): (Expected.DENIED, OPEN)})
    assert list(FlowVerdict) == list(made.counts)
    assert 1 == made.counts[FlowVerdict.LEAK]
    assert made.verdict is RunVerdict.FAIL


def test_findings_are_ordered_by_gravity_then_flow() -> None:
    """Leaks come first, and the order does not hang on that of the probes."""
    cells: Cells = {
        Flow(C, A, 80): (Expected.ALLOWED, Observation(Outcome.ERROR)),
        Flow(C, B, 80): (Expected.ALLOWED, SHUT),
        Flow(B, A, 80): (Expected.DENIED, OPEN),
        Flow(A, B, 80): (Expected.DENIED, OPEN),
        Flow(A, C, 80): (Expected.ALLOWED, OPEN),
    }
    made = step(cells)
    assert [
        "shop/a -> shop/b:80/TCP IPv4",
        "shop/b -> shop/a:80/TCP IPv4",
        "shop/c -> shop/b:80/TCP IPv4",
        "shop/c -> shop/a:80/TCP IPv4",
    ] == [str(finding.flow) for finding in made.findings]
    backwards = step(dict(reversed(cells.items())))
    assert made.findings == backwards.findings


@pytest.mark.parametrize(
    ("flow", "nodes"),
    [
        (Flow(A, B, 80), "across nodes"),
        (Flow(A, C, 80), "same node"),
        (Flow(A, OUTSIDE, 80), ""),
        (Flow(A, Endpoint.service("shop/b"), 80), ""),
    ],
    ids=str,
)
def test_a_finding_says_whether_it_crossed_nodes(flow: Flow, nodes: str) -> None:
    """What has no node of its own is neither near nor far."""
    (finding,) = step({flow: (Expected.DENIED, OPEN)}).findings
    assert nodes == finding.nodes


def test_a_finding_carries_what_was_seen() -> None:
    """Outcome, testimony, attempts and seconds go on record, times to a tenth of a millisecond."""
    seen = replace(SHUT, detail="no answer", arrived=True, attempts=3, seconds=1.00004)
    (finding,) = step({Flow(A, B, 53, Protocol.UDP): (Expected.DENIED, seen)}).findings
    assert finding.verdict is FlowVerdict.LEAK
    told = (finding.detail, finding.arrived, finding.attempts, finding.seconds)
    assert ("no answer", True, 3, 1.0) == told


def test_without_policies_no_control_is_asked_for() -> None:
    """A flow that is shut without policies is over-blocked, not inconclusive."""
    made = step({Flow(A, B, 80): (Expected.ALLOWED, SHUT)}, policies=())
    assert 1 == made.counts[FlowVerdict.OVER_BLOCKED]


def test_policies_are_located() -> None:
    """The step says where its policies are written."""
    made = step({Flow(A, B, 80): (Expected.ALLOWED, OPEN)})
    assert {"shop/p": "p.yaml:1"} == made.places


def test_why_an_undefined_flow_could_not_be_seen_is_kept() -> None:
    """No verdict rests on it, and what kept us from looking is no denial."""
    why = "no socket for ICMP: net.ipv4.ping_group_range leaves us out"
    blind = Observation(Outcome.ERROR, why)
    echoes = [Flow(one, two, 0, Protocol.ICMP) for one, two in ((A, B), (B, A), (A, C))]
    cells: Cells = dict.fromkeys(echoes[:2], (Expected.UNDEFINED, blind))
    cells |= {echoes[2]: (Expected.UNDEFINED, OPEN), Flow(A, B, 80): (Expected.ALLOWED, OPEN)}
    made = step(cells)
    assert {why: 2} == made.untold
    assert (RunVerdict.PASS, 3, ()) == (
        made.verdict,
        made.counts[FlowVerdict.UNDEFINED],
        made.findings,
    )
