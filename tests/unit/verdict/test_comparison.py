"""What records say side by side, of statements and themes, and what became worse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from netproof.model.comparison import (
    Comparison,
    Difference,
    Standing,
    Trend,
)
from netproof.model.doors import Door, DoorResult, DoorState
from netproof.model.flow import Expected, Flow, Observation
from netproof.model.flows import pod_flows
from netproof.model.known_gap import KnownGap
from netproof.model.record import (
    AS_DECLARED,
    UNENFORCED,
    CaseOutcome,
    Convergence,
    FlowVerdict,
    RunRecord,
    RunVerdict,
)
from netproof.model.value import replace
from netproof.model.workload import Family, Protocol
from netproof.verdict.comparison import IN_PART, compare, trend
from netproof.verdict.standings import Named, case_name
from tests.unit.report.sample import (
    DROPPED,
    IGNORES,
    LEAKED,
    OPEN,
    TOPOLOGY,
    UNRESOLVED,
    guarded,
    intent_result,
    run_of,
)
from tests.unit.verdict.records import (
    BLOCK,
    BY_IPV6,
    LEAK,
    TABLE,
    TRIED,
    left,
    named,
    played,
    record,
)

SHUT, LOCKED, OPENED = "shop/shut", "shop/locked", "bank/open"
CUT = "interrupted after 1 of 3 cases"


def _compared(*runs: RunRecord) -> Comparison:
    return compare(named(*runs), TABLE)


def _cells(told: Comparison, subject: str) -> list[str]:
    rows = [row for section in told.sections for row in section.rows if row.subject == subject]
    assert 1 == len(rows), subject
    return [f"{cell.word}: {cell.detail}" for cell in rows[0].cells]


def _turns(*runs: RunRecord) -> list[tuple[Trend, str, str]]:
    (against,) = _compared(*runs).against
    return [(turn.trend, turn.subject, turn.after) for turn in against.turns]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("additive/test_additive.py::test_allow_all_wins", "additive/allow-all-wins"),
        ("/x/suites/additive/test_additive.py::test_wins", "additive/wins"),
        ("generated/test_generated.py::test_generated[in-by_x]", "generated/in-by_x"),
        ("doors/test_keys.py::test_shut[a pod's proxy]", "doors/shut[a pod's proxy]"),
        ("additive/test_allow_all_wins", "additive/allow-all-wins"),
        ("generated/in-by-pod", "generated/in-by-pod"),
        ("bundle.yaml", "bundle.yaml"),
    ],
)
def test_a_case_has_one_name(test: str, expected: str) -> None:
    """By its test, by the table of statements, and by its scenario."""
    assert expected == case_name(test)


def test_a_statement_is_what_its_cases_are() -> None:
    """The gravest of them, how many there are, and which of them were not tried."""
    told = _compared(
        record(played(SHUT), played(LOCKED), played(OPENED)),
        record(played(SHUT, LEAK), played(LOCKED), played(OPENED, BLOCK)),
        record(played(SHUT), also=[left("shop/test_shop.py::test_locked")]),
    )
    expected = [
        "enforced: 2 cases",
        "leaks: 1 of 2 cases, 1 flow",
        f"{IN_PART}: 1 of 2 cases; 1 not tried",
    ]
    assert expected == _cells(told, "1. Shops are shut")
    assert expected == _cells(told, "shop")
    assert ["enforced: 1 case", "over-blocks: 1 of 1 case, 1 flow"] == _cells(told, "bank")[:2]
    assert "not tried: not among its cases" == _cells(told, "bank")[2]


def test_what_was_not_reached_is_not_enforced() -> None:
    """A run that was cut short says so of every case behind the cut."""
    cut = replace(record(played(SHUT)), selected=3, cut_short=CUT)
    told = _compared(record(played(SHUT), played(OPENED)), cut)
    assert ["enforced: 1 case", f"not tried: {CUT}"] == _cells(told, "bank")
    assert CUT in told.runs[1].cut_short
    died = replace(cut, cut_short="")
    again = _compared(record(played(SHUT), played(OPENED)), died)
    assert "not tried: the run ended after 1 of 3 cases" == _cells(again, "bank")[1]


def test_what_a_cni_does_not_offer_is_no_gap_in_the_trying() -> None:
    """By its profile, or by the canary of a cluster that enforces nothing."""
    lacking = (
        f"Flannel does not filter SCTP as it is installed: capabilities.sctp is x{AS_DECLARED}"
    )
    told = _compared(
        record(also=[left("shop/test_shop.py::test_shut", lacking)]),
        replace(
            record(also=[left("shop/test_shop.py::test_shut", UNENFORCED)]), canaries=(IGNORES,)
        ),
    )
    assert [f"not offered: {lacking}", "not offered: "] == _cells(told, "shop")
    assert ["enforced: 1 case", "not offered: "] == _cells(told, "canary")


@pytest.mark.parametrize(
    ("outcome", "odd", "expected"),
    [
        (CaseOutcome.FAILED, {LEAKED: UNRESOLVED}, Standing.INCONCLUSIVE),
        (CaseOutcome.BROKEN, {}, Standing.INCONCLUSIVE),
        (CaseOutcome.FAILED, {}, Standing.FAILS),
        (CaseOutcome.KNOWN_GAP, LEAK, Standing.LEAKS),
        (CaseOutcome.PASSED, {}, Standing.ENFORCED),
    ],
)
def test_a_case_stands_by_its_flows_and_by_how_it_ended(
    outcome: CaseOutcome, odd: dict[Flow, Observation], expected: Standing
) -> None:
    """A leak is one though its gap is documented; what broke tells nothing."""
    run = record(played(SHUT, odd))
    run = replace(run, cases=(replace(run.cases[0], outcome=outcome, reason="why"),))
    (told,) = (one for one in _compared(run).runs[0].cases if one.case == SHUT)
    assert expected == told.standing


def test_a_test_without_flows_passes_and_enforces_nothing() -> None:
    """One of a door, say; and a gap that is gone is a fault of the profile."""
    door = replace(left("doors/test_doors.py::test_exec"), outcome=CaseOutcome.PASSED, reason="")
    gone = replace(played(SHUT), gap_gone="no longer there")
    run = record(gone, also=[door])
    cases = (replace(run.cases[0], outcome=CaseOutcome.FAILED, reason="gone"), door)
    told = _compared(replace(run, cases=cases))
    assert ["passed: 1 case"] == _cells(told, "doors")
    assert ["enforced: 1 case"] == _cells(told, "shop")


def test_records_of_before_tests_were_told_are_compared_by_scenarios() -> None:
    """What a test's scenario is called is told by the other record."""
    old = replace(
        run_of((played("shop/other-name"),)), notes=("8 cases not tried: no host outside",)
    )
    new = record(played(SHUT))
    scenario = replace(new.scenarios[0], id="shop/other-name")
    case = replace(new.cases[0], scenarios=("shop/other-name",))
    told = _compared(old, replace(new, scenarios=(scenario,), cases=(case,)))
    assert ["enforced: 1 case", "enforced: 1 case"] == _cells(told, "1. Shops are shut")
    assert {"no host outside": 8} == told.runs[0].untried


def test_a_case_that_the_table_does_not_know_tests_what_its_suite_said() -> None:
    """Somebody's own suite has a table of its own, which the scenario tells."""
    own = replace(played("mine/one"), statements=("7. Mine is mine",))
    assert ["enforced: 1 case", "not tried: not among its cases"] == _cells(
        _compared(record(own), record(played(SHUT))), "7. Mine is mine"
    )


def test_what_differs_comes_first() -> None:
    """Then what not all have tried, then what is alike."""
    first = record(played("a/one"), played("b/one"), played("c/one"), played("d/one"))
    later = record(played("a/one"), played("c/one", LEAK), played("d/one"))
    (themes,) = (one for one in _compared(first, later).sections if one.title == "Themes")
    assert [
        ("c", Difference.DIFFERS),
        ("b", Difference.UNEQUALLY_TRIED),
        ("a", Difference.ALIKE),
        ("canary", Difference.ALIKE),
        ("d", Difference.ALIKE),
    ] == [(row.subject, row.difference) for row in themes.rows]


def test_behind_a_cell_the_smallest_case_comes_first() -> None:
    """Of those that decide its word; with its first flow, and what runs it again."""
    wide = played(SHUT, {**LEAK, **BLOCK})
    told = _compared(record(wide, played(LOCKED, LEAK), played("shop/right")))
    (cell,) = (c for s in told.sections for r in s.rows if r.subject == "shop" for c in r.cells)
    assert (LOCKED, SHUT, "shop/right") == cell.cases
    first = next(case for case in told.runs[0].cases if case.case == LOCKED)
    assert first.shown
    assert (LEAKED, "policies in force") == (first.shown.finding.flow, first.shown.step)
    assert "pytest suites -k locked" == first.repeat


WELL, LEAKY, BLOCKY = record(played(SHUT)), record(played(SHUT, LEAK)), record(played(SHUT, BLOCK))
BOTH = record(played(SHUT, {**LEAK, **BLOCK}))
UNTOLD = record(played(SHUT, {LEAKED: UNRESOLVED}))
NEW_FLOW = record(played(SHUT, {**LEAK, TRIED[2]: OPEN}))
NOWHERE = replace(
    record(also=[left("shop/test_shop.py::test_shut", UNENFORCED)]), canaries=(IGNORES,)
)


@pytest.mark.parametrize(
    ("first", "later", "expected"),
    [
        (WELL, WELL, None),
        (WELL, LEAKY, Trend.WORSE),
        (WELL, BLOCKY, Trend.WORSE),
        (LEAKY, WELL, Trend.BETTER),
        (LEAKY, LEAKY, None),
        (LEAKY, BOTH, Trend.WORSE),
        (BOTH, LEAKY, Trend.BETTER),
        (LEAKY, NEW_FLOW, Trend.WORSE),
        (NEW_FLOW, LEAKY, Trend.BETTER),
        (WELL, UNTOLD, Trend.UNTOLD),
        (UNTOLD, LEAKY, None),
        (WELL, NOWHERE, Trend.WORSE),
        (NOWHERE, WELL, Trend.BETTER),
        (NOWHERE, NOWHERE, None),
    ],
)
def test_a_case_is_worse_where_a_flow_goes_wrong_that_did_not(
    first: RunRecord, later: RunRecord, expected: Trend | None
) -> None:
    """Whether it is the first that does, another kind, or one more of the same."""
    assert expected == trend(_compared(first, later))


def test_what_fails_without_a_flow_to_show_is_worse_too() -> None:
    """A test that failed otherwise, and a leak that is counted and not told."""
    fails = replace(WELL.cases[0], outcome=CaseOutcome.FAILED, reason="no answer")
    assert [(Trend.WORSE, SHUT, "fails")] == _turns(WELL, replace(WELL, cases=(fails,)))
    (step,) = LEAKY.scenarios[0].steps
    scenario = replace(LEAKY.scenarios[0], steps=(replace(step, findings=()),))
    assert [(Trend.WORSE, SHUT, "leaks")] == _turns(WELL, replace(LEAKY, scenarios=(scenario,)))


def test_of_several_later_records_the_worst_counts() -> None:
    """Each is held against the first."""
    told = _compared(WELL, WELL, LEAKY)
    assert [None, Trend.WORSE] == [one.trend for one in told.against]
    assert Trend.WORSE == trend(told)


def test_a_leak_where_nobody_looked_before_is_no_turn() -> None:
    """By IPv6, which the first record did not try."""
    leaks = {BY_IPV6[1]: OPEN}
    both = record(played(SHUT, leaks, (*TRIED, *BY_IPV6)))
    assert trend(_compared(WELL, both)) is None
    assert Trend.WORSE == trend(_compared(record(played(SHUT, None, (*TRIED, *BY_IPV6))), both))


def _on(run: RunRecord, *nodes: str) -> RunRecord:
    """Return a record with the ends of its flows, sources first, on nodes in turn."""
    (step,) = run.scenarios[0].steps
    targets = {str(one.destination) for one in TRIED}
    placed = {end: nodes[(end in targets) % len(nodes)] for end in step.nodes}
    steps = (replace(step, nodes=placed),)
    return replace(run, scenarios=(replace(run.scenarios[0], steps=steps),))


def test_a_leak_on_another_relation_of_nodes_is_no_turn() -> None:
    """Where all flows of the first record went from node to node, one within a node is no news."""
    across = _on(WELL, "node-1", "node-2")
    assert trend(_compared(across, _on(LEAKY, "node-1"))) is None
    assert Trend.WORSE == trend(_compared(across, _on(LEAKY, "node-2", "node-1")))


def test_a_gap_that_comes_and_goes_is_no_turn() -> None:
    """A documented one that stays is, for the policies do not hold any more; it is marked."""
    gap = KnownGap("x", (), (), (FlowVerdict.LEAK,), "names leak", "https://x.example")
    transient = str(replace(gap, transient=True))

    def with_gap(text: str) -> RunRecord:
        return replace(LEAKY, scenarios=(replace(LEAKY.scenarios[0], known_gap=text),))

    assert trend(_compared(WELL, with_gap(transient))) is None
    assert trend(_compared(WELL, with_gap(f"{transient}; {gap}"))) == Trend.WORSE
    (against,) = _compared(WELL, with_gap(str(gap))).against
    assert [(Trend.WORSE, True)] == [(turn.trend, turn.known_gap) for turn in against.turns]


def test_known_gaps_are_told_with_where_they_showed() -> None:
    """Those that are declared and did not show as well."""
    gap = KnownGap("x", (), (), (FlowVerdict.LEAK,), "names leak", "https://x.example")
    other = replace(gap, id="y")
    one = replace(LEAKY, scenarios=(replace(LEAKY.scenarios[0], known_gap=str(gap)),))
    told = compare([Named("A", one, (gap, other))], ())
    assert [(str(gap), 1), (str(other), 0)] == [(g.text, g.cases) for g in told.runs[0].gaps]
    assert ["leaks: 1 of 1 case, 1 flow; known gap"] == _cells(told, "shop")


def test_what_was_left_out_by_choice_is_not_shared() -> None:
    """What the end of a run left out could not be told any more."""
    first = record(played(SHUT), played(OPENED))
    chosen = record(played(SHUT))
    assert [] == _turns(first, chosen)
    skipped = record(played(SHUT), also=[left("bank/test_bank.py::test_open")])
    assert [] == _turns(first, skipped)
    cut = replace(chosen, selected=2, cut_short=CUT)
    assert [(Trend.UNTOLD, OPENED, "not tried")] == _turns(first, cut)


def test_records_that_share_nothing_are_not_alike() -> None:
    """Nothing is said of what became of the first."""
    first, later = record(played(SHUT)), record(played(OPENED))
    none = (replace(first, canaries=()), replace(later, canaries=()))
    assert Trend.UNTOLD == trend(_compared(*none))
    assert 0 == _compared(*none).against[0].shared


def test_in_what_records_are_unlike_is_said() -> None:
    """And how many cases count."""
    later = replace(record(played(SHUT, None, BY_IPV6), played(OPENED)), netproof="9.9.9")
    notes = _compared(WELL, later).notes
    assert "What every record told is compared: 2 cases." == notes[0]
    assert "B: 1 case more, which not all have told." in notes
    assert "netproof differ: 0.1.0 (A), 9.9.9 (B)." in notes
    assert any(note.startswith("IP families differ: IPv4 (A), ") for note in notes)


def _door(state: DoorState, node: str = "node-1") -> DoorResult:
    return DoorResult(Door.POD_PROXY, "shop/db", state, f"to a pod on {node}")


def test_a_door_that_opened_is_worse() -> None:
    """The way is the same whatever the node is called; one that could not be told is no turn."""
    closed, opened = (
        replace(WELL, doors=(_door(DoorState.CLOSED),)),
        replace(WELL, doors=(_door(DoorState.OPEN, "node-2"),)),
    )
    name = f"{Door.POD_PROXY}, shop/db, to a pod on a node"
    assert [(Trend.WORSE, name, "open")] == _turns(closed, opened)
    assert [(Trend.BETTER, name, "closed")] == _turns(opened, closed)
    assert [] == _turns(closed, replace(WELL, doors=(_door(DoorState.UNDETERMINED),)))
    assert ["closed: 1 of 1 try", "open: 1 of 1 try"] == _cells(
        _compared(closed, opened), "API server's pod proxy"
    )
    assert "not tried: " == _cells(_compared(closed, WELL), "API server's pod proxy")[1]


def test_an_intent_that_broke_is_worse() -> None:
    """One that could not be judged is not told any more."""
    kept, broken, unknown = (
        replace(WELL, intents=(intent_result("deny: a -> b", how),))
        for how in ("kept", "broken", "unknown")
    )
    assert [(Trend.WORSE, "deny: a -> b", "broken")] == _turns(kept, broken)
    assert [(Trend.UNTOLD, "deny: a -> b", "unknown")] == _turns(kept, unknown)
    assert [(Trend.BETTER, "deny: a -> b", "kept")] == _turns(broken, kept)
    (row,) = (r for s in _compared(kept, broken).sections for r in s.rows if s.title == "Intents")
    assert ("stated in intents.yaml:3",) == row.cells[0].evidence
    assert ["kept: ", "broken: "] == _cells(_compared(kept, broken), "deny: a -> b")


def _timed(seconds: Sequence[float], never: int = 0) -> RunRecord:
    (step,) = played(SHUT).steps
    took = [Convergence(2, one) for one in seconds] + [Convergence(9, 30.0, settled=False)] * never
    steps = tuple(replace(step, convergence=one) for one in took)
    return replace(WELL, scenarios=(replace(played(SHUT), steps=steps),), suite_seconds=0.0)


def test_times_are_medians_and_what_one_in_a_hundred_took() -> None:
    """Of those that came to rest; a kind that no record has is no row."""
    told = _compared(_timed([n / 100 for n in range(1, 201)]), _timed([1.0, 3.0], never=1))
    assert [
        "1.00 s: p99 1.98 s of 200",
        "2.00 s: longest 3.00 s of 2; 1 did not come to rest",
    ] == _cells(told, "after policies are in force")
    (times,) = (one for one in told.sections if one.title == "Times")
    assert ["after policies are in force", "the whole run"] == [row.subject for row in times.rows]
    only = _cells(_compared(WELL, _timed([])), "after policies are in force")
    assert ["0.41 s: longest 0.41 s of 1", "not measured: "] == only
    (slowest,) = (row.cells[1].evidence for row in times.rows if row.subject.endswith("in force"))
    assert (
        "3.00 s: shop/shut, policies in force",
        "1.00 s: shop/shut, policies in force",
        "did not come to rest: shop/shut, policies in force",
    ) == slowest
    never = _cells(_compared(_timed([], never=1)), "after policies are in force")
    assert ["did not come to rest: 0 of 1 did"] == never


def _lab(wrong: Callable[[Flow], bool]) -> RunRecord:
    """Return a record of a lab that does the contrary of its policies to some flows."""
    tried = tuple(pod_flows(TOPOLOGY))
    odd = {
        one: DROPPED if guarded(one) is Expected.ALLOWED else OPEN
        for one in tried
        if wrong(one) and guarded(one) is not Expected.UNDEFINED
    }
    return record(played(SHUT, odd, tried), played(OPENED, None, TRIED))


def _denied(one: Flow) -> bool:
    return guarded(one) is Expected.DENIED


DEFECTS: Mapping[str, tuple[Callable[[Flow], bool], str]] = {
    "forgets-ipv6": (lambda one: _denied(one) and one.family is Family.IPV6, "leaks"),
    "ignores-udp": (lambda one: _denied(one) and one.protocol is Protocol.UDP, "leaks"),
    "ignores-ingress": (_denied, "leaks"),
    "first-port-only": (
        lambda one: not _denied(one) and one.port == 5432,
        "over-blocks",
    ),
    "empty-from-denies": (
        lambda one: not _denied(one) and one.destination.name == "production/postgres",
        "over-blocks",
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_lab_with_a_defect_is_worse_than_one_without(name: str) -> None:
    """And than itself it is not; one that enforces nothing is the worst of all."""
    wrong, word = DEFECTS[name]
    clean, defect = _lab(lambda _: False), _lab(wrong)
    untried = [left(one.id, UNENFORCED) for one in clean.cases]
    flat = replace(record(also=untried), canaries=(IGNORES,), verdict=RunVerdict.NOT_ENFORCED)
    told = _compared(clean, flat, defect)
    assert ["enforced", "not offered", word] == [
        cell.partition(":")[0] for cell in _cells(told, "1. Shops are shut")
    ]
    assert [Trend.WORSE, Trend.WORSE] == [one.trend for one in told.against]
    assert trend(_compared(defect, defect)) is None
    assert Trend.BETTER == trend(_compared(defect, clean))
