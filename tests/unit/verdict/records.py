"""Small records to compare: cases that were tried, left, cut off, or went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netproof.model.flow import Flow, Observation
from netproof.model.record import (
    CaseOutcome,
    CaseRecord,
    RunRecord,
    RunVerdict,
    ScenarioRecord,
)
from netproof.model.value import replace
from netproof.model.workload import Family
from netproof.verdict.standings import Named
from tests.unit.report.sample import (
    ARRIVED,
    DROPPED,
    LEAKED,
    OPEN,
    flow,
    guarded,
    run_of,
    scenario,
    step,
)

ALLOWED = flow("production/api", "production/postgres", 5432)
TRIED = (ALLOWED, LEAKED, ARRIVED)
LEAK: Mapping[Flow, Observation] = {LEAKED: OPEN}
BLOCK: Mapping[Flow, Observation] = {ALLOWED: DROPPED}
TABLE = (
    ("1. Shops are shut", frozenset({"shop/test_shut", "shop/test_locked"})),
    ("2. Banks are open", frozenset({"bank/test_open", "generated/bank-one"})),
)


def played(
    name: str, odd: Mapping[Flow, Observation] | None = None, tried: Iterable[Flow] = TRIED
) -> ScenarioRecord:
    """Return a scenario under a policy, whose flows do what they should but for the odd ones."""
    return scenario(name, "A case", step("policies in force", tried, guarded, odd))


def _test_of(one: ScenarioRecord) -> CaseRecord:
    """Return the test that played a scenario, as it ended."""
    theme, _, name = one.id.partition("/")
    ended = CaseOutcome.PASSED if one.verdict is RunVerdict.PASS else CaseOutcome.FAILED
    test = f"{theme}/test_{theme}.py::test_{name.replace('-', '_')}"
    return CaseRecord(test, ended, scenarios=(one.id,))


def left(test: str, reason: str = "the nodes' kernel has no SCTP") -> CaseRecord:
    """Return a test that was not tried."""
    return CaseRecord(test, CaseOutcome.UNTRIED, reason=reason)


def record(*scenarios: ScenarioRecord, also: Iterable[CaseRecord] = ()) -> RunRecord:
    """Return a run of some scenarios, each played by a test, and of tests that played none."""
    cases = (*map(_test_of, scenarios), *also)
    return replace(run_of(scenarios), cases=cases, selected=len(cases))


def named(*runs: RunRecord) -> tuple[Named, ...]:
    """Call records A, B, C and so on."""
    return tuple(Named(label, run) for label, run in zip("ABCDEF", runs, strict=False))


BY_IPV6 = tuple(replace(one, family=Family.IPV6) for one in TRIED)
