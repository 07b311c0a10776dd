"""Known gaps: what they explain, what they do not, and when they are gone."""

from __future__ import annotations

from netproof.model.flow import Connectivity, Endpoint, Expected, Flow, Outcome
from netproof.model.known_gap import KnownGap
from netproof.model.record import (
    WRONG,
    Convergence,
    Ending,
    Finding,
    FlowVerdict,
    RunVerdict,
    ScenarioRecord,
    StepRecord,
)
from netproof.model.value import replace
from netproof.verdict import weigh_gaps

GAP = KnownGap(
    "blocks", ("peers/any*",), ("shop/api -> *",), (FlowVerdict.OVER_BLOCKED,), "why", "https://x"
)


def _finding(source: str, verdict: FlowVerdict = FlowVerdict.OVER_BLOCKED) -> Finding:
    flow = Flow(Endpoint.pod(source), Endpoint.pod("shop/web"), 80)
    return Finding(flow, verdict, Expected.ALLOWED, Outcome.DROPPED, Connectivity.DENIED)


def _scenario(
    *findings: Finding,
    name: str = "peers/any-address",
    verdict: RunVerdict = RunVerdict.FAIL,
    reached: bool = True,
) -> ScenarioRecord:
    ended = Ending.DIFFERED if reached else Ending.NEVER
    convergence = Convergence(settled=False, ended=ended)
    step = StepRecord("in force", (), verdict, {}, convergence, (), findings)
    return ScenarioRecord(name, "", "", "gw0", verdict, 1.0, (step,))


def test_a_gap_explains_its_flows() -> None:
    """A case that fails in the flows of its gap alone is a known gap."""
    record = _scenario(_finding("shop/api"))
    weighed = weigh_gaps(record, [GAP])
    assert "known gap blocks: why (https://x)" == weighed.known_gap
    assert RunVerdict.FAIL is weighed.verdict


def test_a_gap_explains_no_other_flow() -> None:
    """One finding besides, and the case fails as ever."""
    record = _scenario(_finding("shop/api"), _finding("shop/db"))
    assert record == weigh_gaps(record, [GAP])


def test_a_gap_explains_no_other_fault() -> None:
    """A leak is not excused by a gap that over-blocks."""
    record = _scenario(_finding("shop/api", FlowVerdict.LEAK))
    assert record == weigh_gaps(record, [GAP])


def test_a_gap_explains_no_other_case() -> None:
    """The same finding in another case is a failure."""
    record = _scenario(_finding("shop/api"), name="ports/range")
    assert record == weigh_gaps(record, [GAP])


def test_a_gap_that_does_not_show_is_gone() -> None:
    """A case that passes though a gap is documented says that it is gone."""
    gone = weigh_gaps(_scenario(verdict=RunVerdict.PASS), [GAP]).gap_gone
    assert gone.startswith("no longer there: known gap blocks")


def test_nothing_is_said_where_nothing_could_be_told() -> None:
    """An inconclusive case tells nothing of a gap."""
    record = _scenario(verdict=RunVerdict.INCONCLUSIVE)
    assert record == weigh_gaps(record, [GAP])


def test_without_gaps() -> None:
    """A CNI without known gaps has nothing excused."""
    record = _scenario(_finding("shop/api"))
    assert record == weigh_gaps(record, [])


def test_a_gap_may_leak_or_block() -> None:
    """One by which a flow comes out now so, now so, explains both."""
    either = replace(GAP, verdicts=WRONG)
    both = [_finding("shop/api", verdict) for verdict in either.verdicts]
    for findings in (both, both[:1], both[1:]):
        assert weigh_gaps(_scenario(*findings), [either]).known_gap
    assert weigh_gaps(_scenario(), [either]).gap_gone


MOMENTS = replace(GAP, id="sync", verdicts=(FlowVerdict.LEAK,), transient=True)


def test_a_transient_gap_that_shows_fails_nothing() -> None:
    """It is told as what it is."""
    weighed = weigh_gaps(_scenario(_finding("shop/api", FlowVerdict.LEAK)), [MOMENTS])
    assert "transient known gap sync: why (https://x)" == weighed.known_gap
    assert "" == weighed.gap_gone


def test_a_transient_gap_that_does_not_show_is_not_gone() -> None:
    """A moment may be missed: the case passes, as it is."""
    record = _scenario(verdict=RunVerdict.PASS)
    assert record == weigh_gaps(record, [MOMENTS])


def test_a_transient_gap_explains_nothing_that_lasts() -> None:
    """What leaked until the deadline was never otherwise: no moment, but a leak."""
    record = _scenario(_finding("shop/api", FlowVerdict.LEAK), reached=False)
    assert record == weigh_gaps(record, [MOMENTS])


def test_a_lasting_gap_beside_a_transient_one_can_be_gone() -> None:
    """Only the transient one may stay away."""
    weighed = weigh_gaps(_scenario(_finding("shop/api", FlowVerdict.LEAK)), [GAP, MOMENTS])
    assert weighed.gap_gone.startswith("no longer there: known gap blocks")
    assert "sync" not in weighed.gap_gone
