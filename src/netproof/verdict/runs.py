"""The verdict on a run: one value goes in, the verdict, the exit code and the sentence come out.

Every front door asks this and nothing else. The first row that applies:

| the run has                                                             | verdict      |
|-------------------------------------------------------------------------|--------------|
| a canary that no denial bit, and none that one did bite                 | NOT ENFORCED |
| a failed scenario, a failed step of a canary, or canaries at odds       | FAIL         |
| a broken intent, a door that is not as it must be, a known gap gone     | FAIL         |
| an intent that no packet was sent for, where packets are required       | FAIL         |
| what makes it PASS, on a cluster that is declared to enforce nothing    | FAIL         |
| an error of the harness                                                 | INCONCLUSIVE |
| an end before all selected cases were run, whatever ended it            | INCONCLUSIVE |
| no canary, one that could not tell, or one with an untold step          | INCONCLUSIVE |
| no scenario, or an inconclusive one; an intent that could not be judged | INCONCLUSIVE |
| else                                                                    | PASS         |

NOT ENFORCED comes first because all leaks of such a run follow from it, those that break an intent
included: it is said once. What does not follow from it (a flow that is blocked, an intent that the
policies themselves break, an error) still makes the exit code 1 where the cluster is declared to
enforce nothing. A scenario whose findings are known gaps of the CNI counts as passed; an intent
that is broken by one stays broken, for it says what somebody needs. Every sentence has numbers: how
many flows went wrong, in how many of the selected cases, and how many of those were tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from netproof.model.check import CheckRecord
from netproof.model.doors import DoorResult
from netproof.model.record import (
    CanaryRecord,
    CaseOutcome,
    CaseRecord,
    CauseRecord,
    FindingKind,
    FlowVerdict,
    RunFinding,
    RunVerdict,
    ScenarioRecord,
)
from netproof.model.review import Basis, BrokenFlow, IntentResult, Kept, Severity
from netproof.model.value import replace
from netproof.printing import counted
from netproof.verdict.canaries import canary_verdict
from netproof.verdict.causes import cases_of, causes
from netproof.verdict.relations import one_sided
from netproof.verdict.scenarios import counting_verdict, worst

PROFILE_IS_WRONG = (
    "this cluster enforces NetworkPolicies, though its profile says that it does not; "
    "correct the profile"
)


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """All that a run is judged by.

    `enforcement_declared` is what the cluster's profile says, `enforcement_required` what the
    person running it wants whatever the profile says. `packets_required` makes an intent that no
    packet was sent for, to one of its ends, a failure. `cut_short` says why not all was tried.
    `cases` are the tests that ended of those `selected`, where tests there were; `deselected` more
    were left out by `chosen`. `read_only` is that bundles were read and no packet was to be sent.
    """

    canaries: Sequence[CanaryRecord] = ()
    scenarios: Sequence[ScenarioRecord] = ()
    intents: Sequence[IntentResult] = ()
    doors: Sequence[DoorResult] = ()
    errors: Sequence[str] = ()
    enforcement_declared: bool = True
    enforcement_required: bool = False
    packets_required: bool = False
    cut_short: str = ""
    cases: Sequence[CaseRecord] = ()
    selected: int = 0
    deselected: int = 0
    chosen: str = ""
    read_only: bool = False

    @property
    def ended_early(self) -> str:
        """Say why not all selected cases were run, "" where they were, also if nobody noted why."""
        if self.cut_short or len(self.cases) >= self.selected:
            return self.cut_short
        return f"the run ended after {len(self.cases)} of {counted(self.selected, 'case')}"


@dataclass(frozen=True, slots=True)
class RunJudgement:
    """What a run amounts to: `findings` are those besides flows, `sentence` ends every report.

    `intents` are those of the evidence as they count, `causes` what its findings have in common.
    """

    verdict: RunVerdict
    exit_code: int
    sentence: str
    findings: tuple[RunFinding, ...] = ()
    intents: tuple[IntentResult, ...] = ()
    causes: tuple[CauseRecord, ...] = ()


def judge_run(evidence: RunEvidence) -> RunJudgement:
    """Judge a run, by packets unless it was to send none."""
    if evidence.read_only:
        return _judge_unsent(evidence)
    bites = [canary.enforces for canary in evidence.canaries]
    if False in bites and True not in bites:
        return _judge_unenforced(evidence)
    findings = (
        *_of_intents(evidence.intents),
        *_of_untried(evidence),
        *_of_doors(evidence),
        *_of_gaps(evidence),
    )
    verdict = _verdict(evidence, findings)
    if not evidence.enforcement_declared and verdict in (RunVerdict.PASS, RunVerdict.FAIL):
        wrong = RunFinding(FindingKind.PROFILE, RunVerdict.FAIL, "the cluster", PROFILE_IS_WRONG)
        verdict, findings = RunVerdict.FAIL, (wrong, *findings)
    why = causes(evidence.scenarios, evidence.cases)
    sentence = _SENTENCES[verdict](evidence, findings, why)
    code = 0 if verdict is RunVerdict.PASS else 1
    intents = tuple(evidence.intents)
    return RunJudgement(verdict, code, f"{verdict}: {sentence}.", findings, intents, why)


def judge_reading(intents: Sequence[IntentResult]) -> RunJudgement | None:
    """Judge intents by what the policies mean, no packet sent; None where there is no intent."""
    if not intents:
        return None
    findings = tuple(_of_intents(intents))
    verdict = worst([finding.verdict for finding in findings] or [RunVerdict.PASS])
    words = _words_of_intents(intents, findings)
    sentence = f"{verdict}: by what the policies mean, {words}; no packet was sent."
    code = 0 if verdict is RunVerdict.PASS else 1
    return RunJudgement(verdict, code, sentence, findings, tuple(intents))


def _judge_unsent(evidence: RunEvidence) -> RunJudgement:
    """Judge a run that read bundles: what broke or was not run takes a pass from it."""
    read = judge_reading(evidence.intents)
    words = [evidence.ended_early] if evidence.ended_early else []
    words += ["something broke in the harness"] if evidence.errors else []
    if read is None:
        words.append("no intent is stated and no packet was sent, so there is nothing to tell")
    elif not words or read.verdict is RunVerdict.FAIL:
        sentence = "; ".join([read.sentence.rstrip("."), *words])
        return replace(read, sentence=f"{sentence}.")
    else:
        words.append(read.sentence.partition(": ")[2].rstrip("."))
    sentence = f"{RunVerdict.INCONCLUSIVE}: {'; '.join(words)}."
    findings = read.findings if read else ()
    return RunJudgement(RunVerdict.INCONCLUSIVE, 1, sentence, findings, tuple(evidence.intents))


def check_exit_code(record: CheckRecord, *, strict: bool) -> int:
    """Return 1 where the run failed or reading found something, 0 else.

    Hints of mistakes count, warnings where it is `strict`, and mutations that no intent notices.
    """
    counting = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    hints = any(hint.severity in counting and not hint.silenced for hint in record.hints)
    return 1 if record.exit_code or hints or record.unnoticed else 0


def _verdict(evidence: RunEvidence, findings: Sequence[RunFinding]) -> RunVerdict:
    """Return the verdict of a run on a cluster of which something else than nothing is known."""
    verdicts = [finding.verdict for finding in findings]
    verdicts += [canary_verdict(canary) for canary in evidence.canaries]
    verdicts += [counting_verdict(scenario) for scenario in evidence.scenarios]
    if False in [canary.enforces for canary in evidence.canaries]:
        return RunVerdict.FAIL
    untold = evidence.errors or evidence.ended_early
    if untold or not evidence.canaries or not evidence.scenarios:
        verdicts.append(RunVerdict.INCONCLUSIVE)
    return worst(verdicts)


def follows_from_no_enforcement(scenario: ScenarioRecord) -> bool:
    """Tell whether a cluster that enforces nothing explains all that is wrong with a scenario."""
    others = (FlowVerdict.OVER_BLOCKED, FlowVerdict.INCONCLUSIVE)
    return not any(step.counts.get(verdict) for step in scenario.steps for verdict in others)


def _judge_unenforced(evidence: RunEvidence) -> RunJudgement:
    """Judge a run on a cluster that enforces nothing: said once, with what else is wrong."""
    read = tuple(replace(intent, packets=None) for intent in evidence.intents)
    findings = (*_of_intents(read), *_of_doors(evidence))
    unexplained = [one for one in evidence.scenarios if not follows_from_no_enforcement(one)]
    declared, required = not evidence.enforcement_declared, evidence.enforcement_required
    fact = "NOT ENFORCED: this cluster does not enforce NetworkPolicies"
    if required:
        fact += ", and enforcement is required"
    elif declared:
        fact += ", as its profile says"
    if left := _untried(evidence):
        fact += f"; {left} of {counted(evidence.selected, 'case')} were not tried"
    besides = _besides(evidence, findings, unexplained)
    code = 0 if declared and not required and not besides else 1
    sentence = "; ".join((fact, *besides))
    return RunJudgement(RunVerdict.NOT_ENFORCED, code, f"{sentence}.", findings, read)


def _besides(
    evidence: RunEvidence, findings: Sequence[RunFinding], unexplained: Sequence[ScenarioRecord]
) -> list[str]:
    """Word what is wrong besides what follows from a cluster that enforces nothing."""
    words = _words_of_findings(evidence, findings)
    if unexplained:
        words.append(f"that does not explain all of {unexplained[0].id}")
    if evidence.ended_early:
        words.append(evidence.ended_early)
    elif evidence.errors:
        words.append("something broke in the harness")
    return words


def _of_intents(intents: Sequence[IntentResult]) -> Iterator[RunFinding]:
    kinds = {
        Kept.BROKEN: (FindingKind.BROKEN_INTENT, RunVerdict.FAIL),
        Kept.UNKNOWN: (FindingKind.UNKNOWN_INTENT, RunVerdict.INCONCLUSIVE),
    }
    for intent in intents:
        if intent.kept in kinds:
            kind, verdict = kinds[intent.kept]
            yield RunFinding(kind, verdict, intent.intent, _words_of(intent), intent.place)


def _of_untried(evidence: RunEvidence) -> Iterator[RunFinding]:
    kind, verdict = FindingKind.UNTRIED_INTENT, RunVerdict.FAIL
    for one in evidence.intents if evidence.packets_required else ():
        if one.lacks_packets:
            why = "; ".join(one.packets.untried) if one.packets else ""
            text = f"packets are required: no packet {why or 'was sent'}"
            yield RunFinding(kind, verdict, one.intent, text, one.place)


def _words_of(intent: IntentResult) -> str:
    """Word what breaks an intent: the first flow that goes otherwise, by either judgement."""
    for judgement, who in ((intent.static, "the policies say"), (intent.packets, "packets were")):
        if judgement is None or judgement.kept.holds:
            continue
        if judgement.broken:
            more = len(judgement.broken) - 1
            first = _words_of_flow(judgement.broken[0], who)
            return f"{first} (and {more} more flows)" if more else first
        return judgement.text
    return ""


def _words_of_flow(flow: BrokenFlow, who: str) -> str:
    causes = "".join(
        f"; {cause.place}: {cause.text}" if cause.place else f"; {cause.text}"
        for cause in flow.causes
    )
    return f"{flow.flow} is meant to be {flow.wanted}; {who} {flow.said}{causes}"


def _of_doors(evidence: RunEvidence) -> Iterator[RunFinding]:
    for door in evidence.doors:
        if door.fault:
            yield RunFinding(FindingKind.DOOR, RunVerdict.FAIL, door.target, door.fault)


def _of_gaps(evidence: RunEvidence) -> Iterator[RunFinding]:
    for scenario in evidence.scenarios:
        if scenario.gap_gone:
            yield RunFinding(FindingKind.GAP_GONE, RunVerdict.FAIL, scenario.id, scenario.gap_gone)


def _words_of_pass(evidence: RunEvidence, findings: Sequence[RunFinding], *_: object) -> str:
    gaps = sum(bool(scenario.known_gap) for scenario in evidence.scenarios)
    words = "every flow that NetworkPolicy defines did what it says"
    if gaps:
        words = f"all is as documented, known gaps of this CNI in {gaps} cases included"
    words += _words_of_cases(evidence)
    if evidence.intents:
        words = f"{words}, and {_words_of_intents(evidence.intents, findings)}"
    only = one_sided(evidence.scenarios)
    return f"{words}; flows between pods were tried {only}" if only else words


def _words_of_cases(evidence: RunEvidence) -> str:
    """Say how many of the selected cases were tried, "" where the run had no cases."""
    if not evidence.selected:
        return ""
    total, left = counted(evidence.selected, "case"), _untried(evidence)
    words = f", in {evidence.selected - left} of {total}: {left} could not be tried"
    if not left:
        words = ", in the only case" if evidence.selected == 1 else f", in all {total}"
    return f"{words}{_words_of_choice(evidence)}"


def _words_of_choice(evidence: RunEvidence) -> str:
    """Say which cases were left out by somebody's choice, "" where none were."""
    how = f"{evidence.deselected} more left out" if evidence.deselected else ""
    how += f"{' ' if how else 'chosen '}by {evidence.chosen}" if evidence.chosen else ""
    return f" ({how})" if how else ""


def _untried(evidence: RunEvidence) -> int:
    return sum(case.outcome is CaseOutcome.UNTRIED for case in evidence.cases)


def _words_of_flows(evidence: RunEvidence, why: Sequence[CauseRecord]) -> str:
    """Say how many flows went wrong in how many cases, those of the canary besides."""
    failed = [one for one in evidence.scenarios if counting_verdict(one) is RunVerdict.FAIL]
    asked = [one for one in evidence.canaries if canary_verdict(one) is not RunVerdict.PASS]
    counts: Counter[FlowVerdict] = Counter()
    steps = [one.steps for one in asked] + [one.steps for one in failed]
    for step in chain.from_iterable(steps):
        counts.update(step.counts)
    kinds = ((FlowVerdict.LEAK, "leak"), (FlowVerdict.OVER_BLOCKED, "over-blocked flow"))
    seen = [counted(counts[verdict], noun) for verdict, noun in kinds if counts[verdict]]
    if not seen:
        return "at least one flow did not do what the NetworkPolicies say"
    where = ["the canary"] if asked else []
    where += [_words_of_failed(evidence, failed)] if failed else []
    return f"{' and '.join(seen)} in {' and '.join(where)}{_words_of_cause(why)}"


def _words_of_cause(found: Sequence[CauseRecord]) -> str:
    """Say what most of what went wrong has in common."""
    if not found:
        return ""
    rest = len(found) - 1
    more = f" (in {counted(found[0].cases, 'case')}), and {rest} more" if rest else ""
    return f": {found[0].text}{more}"


def _words_of_failed(evidence: RunEvidence, failed: Sequence[ScenarioRecord]) -> str:
    tests = cases_of(failed, evidence.cases)
    total = evidence.selected if tests else len(evidence.scenarios)
    of = counted(total, "case")
    if left := _untried(evidence):
        of += f", of which {left} could not be tried"
    return f"{len(tests) or len(failed)} of {of}{_words_of_choice(evidence)}"


def _words_of_fail(
    evidence: RunEvidence, findings: Sequence[RunFinding], why: Sequence[CauseRecord]
) -> str:
    failed = [counting_verdict(one) for one in evidence.scenarios]
    failed += [canary_verdict(one) for one in evidence.canaries]
    words = []
    if any(verdict in (RunVerdict.FAIL, RunVerdict.NOT_ENFORCED) for verdict in failed):
        words.append(_words_of_flows(evidence, why))
    if any(finding.kind is FindingKind.PROFILE for finding in findings):
        words = [PROFILE_IS_WRONG]
    words += [evidence.ended_early] if evidence.ended_early else []
    return "; ".join([*words, *_words_of_findings(evidence, findings)])


def _words_of_inconclusive(evidence: RunEvidence, *_: object) -> str:
    if evidence.ended_early:
        return f"{evidence.ended_early}; no flow was seen to go wrong until then"
    tried = evidence.scenarios or evidence.errors or evidence.doors or evidence.intents
    if not tried and all(canary.enforces for canary in evidence.canaries):
        return "no case was run, so there is nothing to tell"
    cases = _words_of_cases(evidence)
    return f"no flow was seen to go wrong{cases}, but not everything could be told"


_Words = Callable[[RunEvidence, Sequence[RunFinding], Sequence[CauseRecord]], str]
_SENTENCES: Mapping[RunVerdict, _Words] = {
    RunVerdict.PASS: _words_of_pass,
    RunVerdict.FAIL: _words_of_fail,
    RunVerdict.INCONCLUSIVE: _words_of_inconclusive,
}


def _words_of_findings(evidence: RunEvidence, findings: Sequence[RunFinding]) -> list[str]:
    """Word what is wrong besides flows, a part for each kind."""
    words = []
    kinds = (
        FindingKind.BROKEN_INTENT,
        FindingKind.UNKNOWN_INTENT,
        FindingKind.UNTRIED_INTENT,
    )
    if any(finding.kind in kinds for finding in findings):
        words.append(_words_of_intents(evidence.intents, findings))
    for kind in (FindingKind.DOOR, FindingKind.GAP_GONE):
        texts = [finding.text for finding in findings if finding.kind is kind]
        if texts:
            words.append(f"{texts[0]} (and {len(texts) - 1} more)" if texts[1:] else texts[0])
    return words


def _words_of_intents(intents: Sequence[IntentResult], findings: Sequence[RunFinding]) -> str:
    total = "the intent" if len(intents) == 1 else f"all {len(intents)} intents"
    broken = sum(finding.kind is FindingKind.BROKEN_INTENT for finding in findings)
    unknown = sum(finding.kind is FindingKind.UNKNOWN_INTENT for finding in findings)
    words = []
    if broken:
        verb = "does" if broken == 1 else "do"
        words.append(f"{broken} of {len(intents)} intents {verb} not hold")
    if unknown:
        words.append(f"{unknown} of {len(intents)} intents could not be judged")
    required = sum(finding.kind is FindingKind.UNTRIED_INTENT for finding in findings)
    if required:
        words.append(f"{required} of {len(intents)} intents lack packets, which are required")
    if words:
        return " and ".join(words)
    read = sum(one.basis is Basis.POLICIES for one in intents if one.packets)
    alone = f", {read} of them by the policies alone" if read else ""
    return f"{total} {'holds' if len(intents) == 1 else 'hold'}{alone}"
