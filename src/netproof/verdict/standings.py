"""How each case of a record stands: by its flows first, by how its test ended else.

Cases of two records are the same where they have one name: `theme/name`, as scenarios and the cases
of `suites/` have. Records of before tests were told have scenarios alone, a few of which are not
called like their test; what test plays a scenario of that name is told by the other records.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netproof.model.comparison import (
    WELL,
    CaseStanding,
    ComparedRun,
    GapTold,
    Shown,
    Standing,
)
from netproof.model.known_gap import KnownGap
from netproof.model.record import (
    AS_DECLARED,
    TOLD,
    UNENFORCED,
    CanaryRecord,
    CaseOutcome,
    CaseRecord,
    FlowVerdict,
    RunRecord,
    RunVerdict,
    ScenarioRecord,
)
from netproof.model.value import replace
from netproof.verdict.canaries import canary_verdict
from netproof.verdict.causes import reading_size

_TEST = re.compile(
    r"(?:.*/)?(?P<theme>[^/:]+)/(?:[^/:]+\.py::(?:.*::)?(?:test_)?|test_)(?P<name>[^\[:]+)"
    r"(?:\[(?P<one>.*)\])?",
    re.DOTALL,
)
_LONGEST = 1000
"""Characters of a test's id; what is longer is taken as it is, in the time that it deserves."""

_UNTRIED = re.compile(r"(\d{1,6}) cases? not tried: (.*)", re.DOTALL)
"""A note of a record, from before the cases that were not tried were told one by one."""
_GAP = re.compile(r"(?:^|; )(?=(?:transient )?known gap [\w-]+: )")
_CUT = re.compile(r"interrupted after \d+ of \d+ cases?")


@dataclass(frozen=True, slots=True)
class Named:
    """A record, what its column is called, and the gaps that its CNI's profile declares."""

    label: str
    run: RunRecord
    gaps: tuple[KnownGap, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """A case, what there is to read of it, and which statements its own suite says it tests."""

    told: CaseStanding
    scenarios: tuple[ScenarioRecord, ...]

    @property
    def statements(self) -> tuple[str, ...]:
        """What its suite says that it tests."""
        return tuple(text for one in self.scenarios for text in one.statements)

    @property
    def rank(self) -> tuple[int, bool, tuple[int, int, int, str], str]:
        """Where it stands among cases: the gravest first, no known gap, with the least to read."""
        order = list(Standing).index(self.told.standing)
        least = min(map(reading_size, _wrong(self.scenarios) or self.scenarios), default=_NOTHING)
        return order, bool(self.told.known_gap), least, self.told.case


_NOTHING = (0, 0, 0, "")

CANARY = "canary"
"""What the canaries of a record are called as a case."""


@dataclass(frozen=True, slots=True)
class Column:
    """A record as it is compared: its cases by name, and why any other is not among them."""

    named: Named
    cases: Mapping[str, CaseEvidence]
    absent: str

    def standing(self, case: str) -> Standing:
        """Return how a case stands; what is not there was not tried."""
        there = self.cases.get(case)
        return there.told.standing if there else Standing.NOT_TRIED

    def ranked(self) -> list[CaseEvidence]:
        """Return its cases, the gravest first."""
        return sorted(self.cases.values(), key=lambda one: one.rank)


def columns(runs: Sequence[Named]) -> tuple[Column, ...]:
    """Return each record with its cases, under names that all of them share."""
    players = {
        scenario.id: case_name(case.id)
        for named in runs
        for case, scenarios in named.run.played()
        for scenario in scenarios
        if case
    }
    return tuple(Column(one, _cases(one.run, players), _absent(one.run)) for one in runs)


def case_name(test: str) -> str:
    """Return what a test is called in every record: `theme/name`, as its scenario usually is.

    A test is known by its id, or by what a suite's table of statements calls it.
    """
    found = _TEST.fullmatch(test) if len(test) <= _LONGEST else None
    if found is None:
        return test
    if found["one"] and found["name"] == found["theme"]:
        return f"{found['theme']}/{found['one']}"
    one = f"[{found['one']}]" if found["one"] else ""
    return f"{found['theme']}/{found['name'].replace('_', '-')}{one}"


def _cases(run: RunRecord, players: Mapping[str, str]) -> dict[str, CaseEvidence]:
    """Return the cases by name; what two things of a record are called alike is one case."""
    parts: dict[str, list[tuple[CaseRecord | None, tuple[ScenarioRecord, ...]]]] = {}
    for canary in run.canaries:
        judged = replace(canary, verdict=canary_verdict(canary))
        parts.setdefault(CANARY, []).append((_as_case(judged), (judged.as_scenario(),)))
    for case, scenarios in run.played():
        name = case_name(case.id) if case else players.get(scenarios[0].id, scenarios[0].id)
        parts.setdefault(name, []).append((case, scenarios))
    return {name: _evidence(name, some) for name, some in parts.items()}


def _as_case(canary: CanaryRecord) -> CaseRecord | None:
    """Return the test that a canary would be which says that nothing is enforced, None else."""
    if canary.enforces is not False:
        return None
    return CaseRecord(CANARY, CaseOutcome.UNTRIED, reason=UNENFORCED)


def _evidence(
    name: str, parts: Sequence[tuple[CaseRecord | None, tuple[ScenarioRecord, ...]]]
) -> CaseEvidence:
    scenarios = tuple(one for _, some in parts for one in some)
    tests = [case for case, _ in parts if case]
    standing = min((_standing(*part) for part in parts), key=list(Standing).index)
    counts = _counts(scenarios)
    wrong = min(_wrong(scenarios), key=reading_size, default=None)
    reason = next((one.reason for one in tests if one.reason), "")
    gaps = "; ".join(dict.fromkeys(one.known_gap for one in scenarios if one.known_gap))
    told = CaseStanding(
        case=name,
        standing=standing,
        flows=sum(counts[verdict] for verdict in TOLD),
        leaks=counts[FlowVerdict.LEAK],
        blocked=counts[FlowVerdict.OVER_BLOCKED],
        reason="" if reason == gaps else reason,
        known_gap=gaps,
        repeat="" if standing in WELL else _repeat(wrong, scenarios),
        shown=_shown(wrong) if wrong else None,
    )
    return CaseEvidence(told, scenarios)


def _repeat(wrong: ScenarioRecord | None, scenarios: Sequence[ScenarioRecord]) -> str:
    return wrong.repeat if wrong else next((one.repeat for one in scenarios if one.repeat), "")


def _counts(scenarios: Iterable[ScenarioRecord]) -> Counter[FlowVerdict]:
    counts: Counter[FlowVerdict] = Counter()
    for step in (step for one in scenarios for step in one.steps):
        counts.update(step.counts)
    return counts


def _standing(case: CaseRecord | None, scenarios: Sequence[ScenarioRecord]) -> Standing:
    """Return how a part of a case stands: flows that went wrong weigh more than how it ended."""
    counts = _counts(scenarios)
    if case and case.reason == UNENFORCED:
        return Standing.NOT_OFFERED
    if counts[FlowVerdict.LEAK]:
        return Standing.LEAKS
    if counts[FlowVerdict.OVER_BLOCKED]:
        return Standing.OVER_BLOCKS
    gone = any(one.gap_gone for one in scenarios)
    if case and case.outcome in _ENDED_BADLY and not (gone and case.outcome is CaseOutcome.FAILED):
        return _ended(case, scenarios)
    if any(map(_is_untold, scenarios)):
        return Standing.INCONCLUSIVE
    return Standing.ENFORCED if counts[FlowVerdict.ENFORCED] else Standing.PASSED


_ENDED_BADLY = (CaseOutcome.UNTRIED, CaseOutcome.BROKEN, CaseOutcome.FAILED)
"""That a known gap did not show is a fault of the profile: what was seen is as it should be."""


def _ended(case: CaseRecord, scenarios: Sequence[ScenarioRecord]) -> Standing:
    """Return how a case stands that ended badly, with no flow that went wrong."""
    if case.outcome is CaseOutcome.UNTRIED:
        declared = case.reason.endswith(AS_DECLARED)
        return Standing.NOT_OFFERED if declared else Standing.NOT_TRIED
    untold = case.outcome is CaseOutcome.BROKEN or any(map(_is_untold, scenarios))
    return Standing.INCONCLUSIVE if untold else Standing.FAILS


def _is_untold(scenario: ScenarioRecord) -> bool:
    return scenario.verdict is RunVerdict.INCONCLUSIVE


def _wrong(scenarios: Iterable[ScenarioRecord]) -> list[ScenarioRecord]:
    """Return the scenarios that have a finding."""
    return [one for one in scenarios if any(step.findings for step in one.steps)]


def _shown(scenario: ScenarioRecord) -> Shown:
    """Return the first of a scenario's findings; leaks stand first, and what was not told last."""
    gravity = list(FlowVerdict)
    found = [(step, finding) for step in scenario.steps for finding in step.findings]
    step, finding = min(found, key=lambda one: gravity.index(one[1].verdict))
    return Shown(step.name, finding, step.places)


def _absent(run: RunRecord) -> str:
    """Say why a case is not in a record."""
    if cut := ended_early(run):
        return cut
    if not run.cases:
        return "not among its scenarios, and it has no list of tests"
    return f"not among its cases{f' (chosen by {run.chosen})' if run.chosen else ''}"


def ended_early(run: RunRecord) -> str:
    """Say why not all selected cases were run, "" where they were."""
    if run.cut_short or len(run.cases) >= run.selected:
        return run.cut_short
    return f"the run ended after {len(run.cases)} of {run.selected:,} cases"


def compared_run(column: Column) -> ComparedRun:
    """Return what stands above a column, and all of its cases."""
    run, cluster = column.named.run, column.named.run.cluster
    cases = tuple(one.told for one in column.ranked())
    own = [one for one in cases if one.case != CANARY]
    return ComparedRun(
        label=column.named.label,
        dataplane=cluster.dataplane,
        kind=cluster.kind,
        kubernetes=cluster.version,
        nodes=len(cluster.nodes),
        families=families(run),
        netproof=run.netproof,
        started=run.started,
        seconds=run.seconds,
        suite_seconds=run.suite_seconds,
        verdict=run.verdict,
        sentence=run.exit_reason,
        selected=run.selected,
        cut_short=ended_early(run),
        flows=sum(one.flows for one in own),
        standings=dict(Counter(one.standing for one in own)),
        untried=dict(_untried(run, own)),
        gaps=tuple(_gaps(column.named)),
        cases=cases,
    )


def families(run: RunRecord) -> tuple[str, ...]:
    """Return which IP families had flows."""
    steps = [step for one in run.canaries for step in one.steps]
    steps += [step for one in run.scenarios for step in one.steps]
    return tuple(sorted({table.family.value for step in steps for table in step.tables}))


def _untried(run: RunRecord, cases: Sequence[CaseStanding]) -> Counter[str]:
    """Count what was not tried by its reason; records of before tests were told have notes."""
    untried = (Standing.NOT_TRIED, Standing.NOT_OFFERED)
    reasons = Counter(one.reason for one in cases if one.standing in untried)
    for found in map(_UNTRIED.fullmatch, run.notes):
        if found and not run.cases and not _CUT.fullmatch(found[2]):
            reasons[found[2]] += int(found[1])
    return reasons


def gaps_of(scenario: ScenarioRecord) -> list[str]:
    """Return the known gaps that explain a scenario, each in its words."""
    return [gap for gap in _GAP.split(scenario.known_gap) if gap]


def lasting(scenario: ScenarioRecord) -> bool:
    """Tell whether what a scenario shows is there to stay: no gap that is transient explains it."""
    gaps = gaps_of(scenario)
    return not gaps or not all(gap.startswith("transient ") for gap in gaps)


def _gaps(named: Named) -> Iterator[GapTold]:
    """Yield the gaps that showed, then those that are declared and did not."""
    shown = Counter(gap for one in named.run.scenarios for gap in gaps_of(one))
    for text, cases in shown.most_common():
        yield GapTold(text, cases)
    for gap in named.gaps:
        if not any(f"known gap {gap.id}:" in text for text in shown):
            yield GapTold(str(gap), 0)
