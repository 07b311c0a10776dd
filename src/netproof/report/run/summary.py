"""What of a run is listed in a report, and the sums over its scenarios and their steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netproof.model.flow import Outcome
from netproof.model.record import (
    NOT_PROBED,
    OUTCOME_LETTERS,
    CaseOutcome,
    CaseRecord,
    Ending,
    Finding,
    FlowVerdict,
    RunRecord,
    RunVerdict,
    ScenarioRecord,
    StepRecord,
)
from netproof.model.workload import Family, Protocol
from netproof.report.text import counted


@dataclass(frozen=True, slots=True)
class CaseView:
    """A test and the scenarios that it played; a scenario that no test did is a case of its own."""

    case: CaseRecord
    scenarios: tuple[ScenarioRecord, ...]

    @property
    def verdict(self) -> RunVerdict | None:
        """The worst verdict of its scenarios, None where it has none or they all passed."""
        verdicts = [one.verdict for one in self.scenarios]
        return next((v for v in (RunVerdict.FAIL, RunVerdict.INCONCLUSIVE) if v in verdicts), None)


def case_views(run: RunRecord) -> list[CaseView]:
    """Return every test of a run, and every scenario that belongs to none."""
    return [
        CaseView(case, scenarios) if case else scenario_view(scenarios[0], run)
        for case, scenarios in run.played()
    ]


def scenario_view(one: ScenarioRecord, run: RunRecord) -> CaseView:
    """Return a scenario as a case of its own."""
    return CaseView(_as_case(one, run), (one,))


def _as_case(scenario: ScenarioRecord, run: RunRecord) -> CaseRecord:
    """Return the test that a scenario would be, as it would have ended."""
    theme, _, name = scenario.id.partition("/")
    outcome, reason = CaseOutcome.PASSED, ""
    if scenario.known_gap:
        outcome, reason = CaseOutcome.KNOWN_GAP, scenario.known_gap
    elif scenario.gap_gone:
        outcome, reason = CaseOutcome.FAILED, scenario.gap_gone
    elif scenario.verdict is not RunVerdict.PASS:
        told = run.verdict is RunVerdict.NOT_ENFORCED and not _is_told_apart(scenario)
        outcome = CaseOutcome.UNTRIED if told else CaseOutcome.FAILED
        reason = "nothing is enforced here" if told else f"{scenario.verdict}: {scenario.title}"
    return CaseRecord(f"{theme}::{name or theme}", outcome, scenario.seconds, reason)


def _is_told_apart(scenario: ScenarioRecord) -> bool:
    """Tell whether more is wrong with it than leaks."""
    kinds = (FlowVerdict.OVER_BLOCKED, FlowVerdict.INCONCLUSIVE)
    return any(step.counts.get(kind) for step in scenario.steps for kind in kinds)


def counts(scenarios: Iterable[ScenarioRecord]) -> dict[FlowVerdict, int]:
    """Return how many flows have which verdict, every verdict named."""
    total: Counter[FlowVerdict] = Counter()
    for step in (step for scenario in scenarios for step in scenario.steps):
        total.update(step.counts)
    return {verdict: total[verdict] for verdict in FlowVerdict}


def flow_count(scenario: ScenarioRecord) -> int:
    """Return how many flows were judged, each step's counted anew."""
    return sum(counts([scenario]).values())


def most_rounds(scenario: ScenarioRecord) -> int:
    """Return how many rounds of probes the slowest step took to converge."""
    return max((step.convergence.rounds for step in scenario.steps), default=0)


def ending(scenario: ScenarioRecord) -> Ending:
    """Return how waiting ended in the step in which it ended worst."""
    gravity = list(Ending)
    ends = [step.convergence.ending for step in scenario.steps]
    return max(ends, key=gravity.index, default=Ending.CONVERGED)


def where_line(run: RunRecord, mark: str) -> str:
    """Say where a run took place, the parts between marks; a run that read bundles, that it did."""
    cluster = run.cluster
    name = f"{cluster.kind} {cluster.name}".strip()
    if not run.canaries and not cluster.nodes:
        return name
    parts = (name, cluster.version, cluster.dataplane, counted(len(cluster.nodes), "node"))
    return mark.join(filter(None, parts))


def is_wrong(scenario: ScenarioRecord) -> bool:
    """Tell whether a scenario did not pass, and no documented gap of the CNI explains that."""
    return scenario.verdict is not RunVerdict.PASS and not scenario.known_gap


def leak_count(run: RunRecord) -> int:
    """Return how many flows of the run's scenarios leaked."""
    return counts(run.scenarios)[FlowVerdict.LEAK]


def reported_scenarios(run: RunRecord) -> tuple[ScenarioRecord, ...]:
    """Return the scenarios, and before them each canary in which a flow went wrong, as one.

    What the canary of a cluster says that enforces nothing is said by the run's verdict.
    """
    return (*wrong_canaries(run), *run.scenarios)


def wrong_canaries(run: RunRecord) -> tuple[ScenarioRecord, ...]:
    """Return each canary in which a flow went wrong, as a scenario; none if nothing is enforced."""
    if run.verdict is RunVerdict.NOT_ENFORCED:
        return ()
    wrong = [one for one in run.canaries if any(step.findings for step in one.steps)]
    return tuple(one.as_scenario() for one in wrong)


ONE_RELATION = "Tried on one relation of nodes only"
"""Heads what says so."""


def one_relation_lines(run: RunRecord) -> list[str]:
    """Return what was tried within nodes only, or only across them: namespaces, statements.

    Where that is so of all, one line says it.
    """
    tried = [("flows from ", one) for one in run.pairs]
    tried += [("statement ", one) for one in run.statements if one.same_node or one.across_nodes]
    words = {one.only for _, one in tried}
    if len(tried) > 1 and len(words) == 1 and words != {""}:
        return [f"flows between pods, of every case: {words.pop()}"]
    return [f"{kind}{one.subject}: {one.only}" for kind, one in tried if one.only]


LEFT_OPEN = "ICMP echoes, which NetworkPolicy leaves open: seen, not judged"
"""Heads what says so."""


def left_open_lines(run: RunRecord) -> list[str]:
    """Return what became of ICMP echoes: a line a scenario, its steps with policies if it has any.

    Flows of a pod to itself and of hostNetwork pods are undefined too; those are in the tables.
    """
    return [
        f"{scenario.id}: {_echoes(step)}"
        for scenario in run.scenarios
        for step in _telling(scenario)
        if any(table.protocol is Protocol.ICMP for table in step.tables)
    ]


def _telling(scenario: ScenarioRecord) -> Sequence[StepRecord]:
    return [step for step in scenario.steps if step.policies] or scenario.steps[:1]


def _echoes(step: StepRecord) -> str:
    """Say how many echoes were answered, by relation and family, and why some were not tried."""
    seen: dict[tuple[str, Family], list[str]] = {}
    for table in (one for one in step.tables if one.protocol is Protocol.ICMP):
        for source, row in zip(table.sources, table.observed, strict=True):
            for destination, letter in zip(table.destinations, row, strict=True):
                if letter != NOT_PROBED:
                    key = _where(step.nodes, source, destination), table.family
                    seen.setdefault(key, []).append(letter)
    answered = OUTCOME_LETTERS[Outcome.CONNECTED]
    alike: dict[str, list[str]] = {}
    for (where, family), letters in sorted(seen.items()):
        what = f"{where}: {letters.count(answered)} of {len(letters)} answered"
        alike.setdefault(what, []).append(family)
    said = [f"{'+'.join(families)} {what}" for what, families in alike.items()]
    said += [f"{count} unknown ({why})" for why, count in step.untold.items()]
    return "; ".join(said)


def _where(nodes: Mapping[str, str], source: str, destination: str) -> str:
    here, there = nodes.get(source), nodes.get(destination)
    if not here or not there:
        return "on nodes that are not known"
    return "on the same node" if here == there else "across nodes"


def is_listed(run: RunRecord, finding: Finding) -> bool:
    """Tell whether to list a finding; leaks where nothing is enforced are said once, in sum."""
    return run.verdict is not RunVerdict.NOT_ENFORCED or finding.verdict is not FlowVerdict.LEAK


def listed_findings(run: RunRecord) -> Iterator[tuple[ScenarioRecord, StepRecord, Finding]]:
    """Yield every finding that is worth listing, with where it was found."""
    for scenario in reported_scenarios(run):
        for step in scenario.steps:
            for finding in step.findings:
                if is_listed(run, finding):
                    yield scenario, step, finding
