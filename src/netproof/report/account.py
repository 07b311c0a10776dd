"""What a run or a check comes to, as one list: the results, how cases and intents stand, the word.

What lists findings is written from it (SARIF, JUnit's sum, GitLab's code quality, GitHub's
annotations, the table, the badge), so that none of them can say better than another: where the exit
code is 1 there is a result that is more than a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from netproof.model.check import CheckRecord, PacketsRecord
from netproof.model.record import (
    Finding,
    FlowVerdict,
    RunFinding,
    RunRecord,
    RunVerdict,
    ScenarioRecord,
    StepRecord,
)
from netproof.model.review import Hint, IntentResult, Kept, Mutation, Severity
from netproof.model.value import replace
from netproof.report.intents import basis_line, standing
from netproof.report.review.sentences import broken_flow_lines, counting_sentence, judgements
from netproof.report.run.findings import deciding_places, deciding_reasons, observation_line
from netproof.report.run.summary import (
    ONE_RELATION,
    case_views,
    listed_findings,
    one_relation_lines,
    where_line,
)
from netproof.report.text import counted, printable


class Level(StrEnum):
    """How grave a result is, in SARIF's words (3.27.10), the gravest first."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


Rules = Mapping[str, tuple[Level, str]]
"""Level and description of each rule, by its id."""

UNJUDGED = "No intent is stated and no packet was sent, so nothing was judged."
"""Stands where a check has no verdict."""

VERDICT = "verdict"
"""The fingerprint of the result that says no more than the verdict does."""

DECLARED = "the cluster is declared to enforce nothing"
"""Why NOT ENFORCED raises no alarm where it is what was expected."""

_FLOW_RULES = {
    str(FlowVerdict.LEAK): (Level.ERROR, "A flow that the policies deny got through."),
    str(FlowVerdict.OVER_BLOCKED): (
        Level.ERROR,
        "A flow that the policies let pass was blocked.",
    ),
    str(FlowVerdict.INCONCLUSIVE): (
        Level.WARNING,
        "Whether a flow gets through could not be told.",
    ),
}
_INTENT_RULES = {
    "broken-intent": (Level.ERROR, "A bundle does not do what its author means it to do."),
    "unknown-intent": (Level.WARNING, "Whether an intent holds could not be told."),
    "untried-intent": (Level.NOTE, "No packet was sent for an intent, or not to all its ends."),
}
_VERDICT_RULES = {
    "not-enforced": (Level.ERROR, "No denial bites: the cluster ignores NetworkPolicies."),
    "failed-run": (Level.ERROR, "The run failed as a whole."),
    "inconclusive-run": (Level.WARNING, "The run as a whole could not be told."),
}
_CHECK_RULES = {
    "packets": (Level.ERROR, "Packets went otherwise than the policies say."),
    "unnoticed-mutation": (Level.WARNING, "A change of a policy that no intent would notice."),
}
_RUN_RULES = {
    **_FLOW_RULES,
    **_INTENT_RULES,
    **_VERDICT_RULES,
    "door": (Level.ERROR, "A way around the policies is not as it must be."),
    "known-gap-gone": (
        Level.ERROR,
        "A known gap of the CNI did not show: its profile is out of date.",
    ),
    "profile-contradicted": (Level.ERROR, "The cluster does other than its profile says."),
    "one-relation": (Level.NOTE, "Flows were tried within nodes only, or only across them."),
}
"""Those of findings besides flows are called as their kinds are."""
_HINT_LEVELS = {
    Severity.ERROR: Level.ERROR,
    Severity.WARNING: Level.WARNING,
    Severity.INFO: Level.NOTE,
}


@dataclass(frozen=True, slots=True)
class Result:
    """One thing that is worth a line: `places` are `file:line`, `fingerprint` tells it apart.

    `silenced` says why it raises no alarm, "" where it does; `by_author` that its author said so.
    `related` are the places of what brings it about.
    """

    rule: str
    level: Level
    text: str
    places: tuple[str, ...]
    fingerprint: str
    silenced: str = ""
    by_author: bool = False
    related: tuple[str, ...] = ()

    @property
    def alarms(self) -> bool:
        """Tell whether somebody has to do something about it."""
        return not self.silenced and self.level is not Level.NOTE


@dataclass(frozen=True, slots=True)
class AccountLine:
    """How a case or an intent ended: `word` is its outcome, `text` why."""

    kind: str
    word: str
    subject: str
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Account:
    """A run or a check; `told` is what broke, was cut short or not tried, with how grave it is.

    `subject` is the bundle or the cluster, `sent` tells whether packets were.
    """

    netproof: str
    subject: str
    sent: bool
    verdict: RunVerdict | None
    reason: str
    exit_code: int
    rules: Rules
    results: tuple[Result, ...]
    standings: tuple[AccountLine, ...] = ()
    told: tuple[tuple[Level, str], ...] = ()
    is_whole: bool = True

    @property
    def word(self) -> RunVerdict:
        """The verdict, never better than the exit code; what was not judged is inconclusive."""
        if self.exit_code and self.verdict in (RunVerdict.PASS, None):
            return RunVerdict.FAIL
        return self.verdict or RunVerdict.INCONCLUSIVE

    @property
    def said(self) -> str:
        """The word, "" where nothing was judged and nothing speaks against it."""
        return str(self.word) if self.verdict or self.exit_code else ""

    @property
    def level(self) -> Level:
        """How grave the whole is."""
        if not self.exit_code:
            return Level.NOTE
        return Level.WARNING if self.word is RunVerdict.INCONCLUSIVE else Level.ERROR


def of_run(record: RunRecord) -> Account:
    """Return what a run comes to."""
    run = printable(record)
    results = [_of_flow(*listed) for listed in listed_findings(run)]
    results += [_of_finding(one, run.intents) for one in run.findings]
    if not run.require_packets:
        results += [_of_untried(one) for one in _untried(run.intents)]
    results += [
        _result("one-relation", f"{ONE_RELATION}: {line}", (), line)
        for line in one_relation_lines(run)
    ]
    wrong = [run.cut_short] if run.cut_short else []
    told = [(Level.ERROR, text) for text in (*wrong, *run.errors)]
    told += [(Level.NOTE, text) for text in run.notes]
    return _with_verdict(
        Account(
            netproof=run.netproof,
            subject=where_line(run, ", "),
            sent=bool(run.canaries),
            verdict=run.verdict,
            reason=run.exit_reason,
            exit_code=run.exit_code,
            rules=_RUN_RULES,
            results=tuple(results),
            standings=(*_of_cases(run), *map(_of_intent, run.intents)),
            told=tuple(told),
            is_whole=not (wrong or run.errors),
        )
    )


def of_check(record: CheckRecord) -> Account:
    """Return what a check comes to."""
    check = printable(record)
    hints = {hint.name: (_HINT_LEVELS[hint.severity], hint.fix) for hint in check.hints}
    packets = check.packets
    results = [_of_kept(intent) for intent in check.broken]
    results += [_of_untried(one) for one in _untried(check.intents)]
    results += map(_of_hint, check.hints)
    results += map(_of_mutation, check.unnoticed)
    results += _of_packets(packets, check.bundle) if packets else ()
    errors = packets.errors if packets else ()
    return _with_verdict(
        Account(
            netproof=check.netproof,
            subject=check.bundle,
            sent=packets is not None,
            verdict=check.verdict,
            reason=" ".join(
                filter(None, [counting_sentence(check), check.exit_reason or UNJUDGED])
            ),
            exit_code=check.exit_code,
            rules=_INTENT_RULES | _VERDICT_RULES | _CHECK_RULES | hints,
            results=tuple(results),
            standings=tuple(map(_of_intent, check.intents)),
            told=tuple((Level.ERROR, error) for error in errors),
            is_whole=not errors,
        )
    )


def _with_verdict(account: Account) -> Account:
    """Add what no other result says: that nothing is enforced, or why the exit code is 1."""
    if account.verdict is RunVerdict.NOT_ENFORCED:
        first = _result("not-enforced", account.reason, (), VERDICT)
        first = replace(first, silenced="" if account.exit_code else DECLARED)
        return replace(account, results=(first, *account.results))
    if account.exit_code == 0 or any(one.alarms for one in account.results):
        return account
    rule = "failed-run" if account.word is RunVerdict.FAIL else "inconclusive-run"
    last = _result(rule, account.reason, (), VERDICT)
    return replace(account, results=(*account.results, last))


def _result(rule: str, text: str, places: Iterable[str], fingerprint: str) -> Result:
    """Return a result of a rule that is not a hint's."""
    level, _ = {**_RUN_RULES, **_CHECK_RULES}[rule]
    return Result(rule, level, text, tuple(places), fingerprint)


def _of_flow(scenario: ScenarioRecord, step: StepRecord, finding: Finding) -> Result:
    why = "; ".join(reason.text for reason in deciding_reasons(finding))
    text = f"{finding.flow}: expected {finding.expected}, {observation_line(finding)}. {why}"
    text += f". Again: {scenario.repeat}" if scenario.repeat else ""
    places = tuple(filter(_is_file, deciding_places(finding, step.places)))
    places = places or tuple(filter(None, [scenario.bundle]))
    fingerprint = f"{scenario.id} | {step.name} | {finding.flow} | {finding.verdict}"
    made = _result(str(finding.verdict), text, places, fingerprint)
    return replace(made, silenced=scenario.known_gap)


def _is_file(place: str) -> bool:
    """Tell whether a place can be opened; text that was made, by a case say, is in brackets."""
    return not place.startswith("<")


def _of_finding(finding: RunFinding, intents: Sequence[IntentResult]) -> Result:
    rule = finding.kind.replace(" ", "-")
    of = f"{finding.subject} | {finding.place} | {rule}"
    text = f"{finding.subject}: {finding.text}"
    made = _result(rule, text, filter(None, [finding.place]), of)
    about = [one for one in intents if (one.intent, one.place) == (finding.subject, finding.place)]
    made = replace(made, related=_causes(about))
    return replace(made, level=Level.ERROR) if finding.verdict is RunVerdict.FAIL else made


def _untried(intents: Iterable[IntentResult]) -> Iterable[IntentResult]:
    """Return the intents that hold where packets were sent, but not to all their ends."""
    return (one for one in intents if one.packets and one.lacks_packets)


def _of_untried(result: IntentResult) -> Result:
    text = f"{result.intent}: {basis_line(result)}."
    return _result("untried-intent", text, [result.place], f"{result.intent} | untried-intent")


def _of_kept(result: IntentResult) -> Result:
    rule = "broken-intent" if result.kept is Kept.BROKEN else "unknown-intent"
    text = " ".join([f"{result.intent}: {result.kept}.", result.reason, *broken_flow_lines(result)])
    made = _result(rule, text, [result.place], f"{result.intent} | {rule}")
    return replace(made, related=_causes([result]))


def _causes(intents: Sequence[IntentResult]) -> tuple[str, ...]:
    """Return the places of the rules and policies that break intents."""
    found = [judgement for one in intents for judgement, _ in judgements(one)]
    broken = [flow for judgement in found for flow in judgement.broken]
    causes = (cause.place for flow in broken for cause in flow.causes if cause.place)
    return tuple(dict.fromkeys(causes))


def _of_hint(hint: Hint) -> Result:
    return Result(
        rule=hint.name,
        level=_HINT_LEVELS[hint.severity],
        text=f"{hint.subject}: {hint.text}. {hint.fix}.",
        places=(hint.place,),
        fingerprint=f"{hint.subject} | {hint.name}",
        silenced=hint.silenced,
        by_author=bool(hint.silenced),
    )


def _of_packets(packets: PacketsRecord, bundle: str) -> Iterator[Result]:
    for text in packets.findings:
        made = _result("packets", text, filter(None, [bundle]), text)
        yield replace(made, silenced=packets.known_gap)


def _of_mutation(one: Mutation) -> Result:
    text = f"{one.text}: {counted(one.flows, 'flow')}, such as {one.example}, and no intent notices"
    of = f"{one.place} | {one.text} | unnoticed-mutation"
    return _result("unnoticed-mutation", text, [one.place], of)


def _of_cases(run: RunRecord) -> Iterator[AccountLine]:
    for view in case_views(run):
        bundles = [one.bundle for one in view.scenarios if one.bundle]
        reason = view.case.reason.partition("\n")[0]
        place = bundles[0] if bundles else ""
        yield AccountLine("case", str(view.case.outcome), view.case.id, place, reason)


def _of_intent(intent: IntentResult) -> AccountLine:
    why = basis_line(intent) if intent.kept.holds else " ".join(broken_flow_lines(intent))
    return AccountLine("intent", standing(intent), intent.intent, intent.place, why)
