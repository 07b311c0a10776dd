"""A run or a check as JUnit XML, for what CI systems make of it: a case a test, and one an intent.

A suite is a file of tests. A case's text has the steps of its scenarios with the flows that went
wrong; a test fails where flows do, and is an error where they could not be told or the harness
broke. Skipped is what was not tried, with its reason, and what a documented gap of the CNI
explains. A cluster that enforces nothing fails once, in the case of the canary, and is skipped
there if that is what its profile says. What is wrong besides flows, a door say, and is no test's
failure is a case of the run. The suite `netproof` has the verdict, the sentence that says why, and
what was not tried; it has a case where the run ended early, and where the exit code is 1 and no
other case says why. Of a check each intent is a case, and each result that is no intent's: a hint,
a mutation that nobody notices, what packets did.

There is no standard of the format. Kept to is what the strictest reader takes, Jenkins' xUnit
plugin (junit-10.xsd): a case has no properties, the root no number of what was skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from netproof.model.check import CheckRecord
from netproof.model.record import (
    CanaryRecord,
    CaseOutcome,
    FindingKind,
    FlowVerdict,
    RunFinding,
    RunRecord,
    RunVerdict,
    ScenarioRecord,
    StepRecord,
)
from netproof.model.review import Basis, IntentResult, Kept
from netproof.printing import one_line
from netproof.report.account import Level, Result, of_check
from netproof.report.intents import basis_line
from netproof.report.review.sentences import broken_flow_lines, check_summary, note_lines
from netproof.report.run.findings import (
    NOTES,
    account,
    grouped_findings,
    run_finding_line,
    step_line,
)
from netproof.report.run.summary import (
    ONE_RELATION,
    CaseView,
    case_views,
    is_listed,
    one_relation_lines,
)
from netproof.report.text import counted, printable

_TAGS = {
    RunVerdict.FAIL: "failure",
    RunVerdict.NOT_ENFORCED: "failure",
    RunVerdict.INCONCLUSIVE: "error",
}
_KINDS = {
    Kept.BROKEN: FindingKind.BROKEN_INTENT,
    Kept.UNKNOWN: FindingKind.UNKNOWN_INTENT,
}


def render(record: RunRecord) -> str:
    """Return the run as an XML document."""
    run = printable(record)
    root = ET.Element("testsuites", name="netproof")
    verdict = _suite(root, "netproof")
    for canary in run.canaries:
        _canary(_suite(root, "canary"), canary, run)
    for view in case_views(run):
        _test(root, view, run)
    intents, others = _by_intent(run)
    for intent, found in intents:
        if not _is_test(intent, run):
            _intent(_suite(root, "intents"), intent, found)
    for finding in others:
        if not _is_told(finding.text, run):
            case = _case(_suite(root, "run"), f"{finding.kind}: {finding.subject}")
            kind = str(finding.kind)
            _result(case, _TAGS[finding.verdict], kind, finding.text, run_finding_line(finding))
    for number, error in enumerate(_errors(run), start=1):
        _result(_case(_suite(root, "harness"), f"error {number}"), "error", "harness", error)
    _verdict(verdict, run, is_said=_is_said(root))
    return _document(root, run.seconds)


def check(record: CheckRecord) -> str:
    """Return a check as an XML document."""
    safe, whole = printable(record), of_check(record)
    root = ET.Element("testsuites", name="netproof")
    verdict = _suite(root, "netproof")
    for intent in safe.intents:
        _checked(_suite(root, "intents"), intent)
    for one in whole.results:
        if not one.rule.endswith(("-intent", "-run")):
            suite = _suite(root, _SUITES.get(one.rule, "hints"))
            _of_result(suite, one, fails=safe.exit_code != 0)
    for number, (_, error) in enumerate(whole.told, start=1):
        _result(_case(_suite(root, "harness"), f"error {number}"), "error", "harness", error)
    _properties(verdict, {"verdict": whole.said, "reason": whole.reason})
    if safe.exit_code and not _is_said(root):
        kind = str(whole.word)
        _result(_case(verdict, "verdict"), _TAGS[whole.word], kind, whole.reason)
    lines = [whole.reason, check_summary(safe), *note_lines(safe.notes)]
    ET.SubElement(verdict, "system-out").text = "\n".join(dict.fromkeys(lines))
    return _document(root, safe.seconds)


_SUITES = {"packets": "packets", "not-enforced": "canary", "unnoticed-mutation": "mutations"}
"""Where results are told; those of other rules are hints."""


def _of_result(suite: ET.Element, one: Result, *, fails: bool) -> None:
    """Write a result; what is as declared fails nothing, as the exit code does not."""
    case = _case(suite, " ".join([one.rule, *(f"({place})" for place in one.places)]))
    counts = one.level is Level.ERROR or one.rule == "unnoticed-mutation"
    if one.silenced:
        _result(case, "skipped", "", f"silenced: {one.silenced}", one.text)
    elif counts:
        _result(case, "failure" if fails else "skipped", one.rule if fails else "", one.text)
    else:
        ET.SubElement(case, "system-out").text = f"{one.level}: {one.text}"


def _checked(suite: ET.Element, intent: IntentResult) -> None:
    """Write an intent of a check; one that no packet was sent for passes nowhere as kept."""
    case = _case(suite, f"{intent.intent} ({intent.place})")
    told = "\n".join([intent.reason, *broken_flow_lines(intent)])
    if intent.kept is Kept.BROKEN:
        _result(case, "failure", "broken intent", f"{intent.kept}: {intent.reason}", told)
    elif not intent.kept.holds:
        _result(case, "error", "unknown intent", f"{intent.kept}: {intent.reason}", told)
    elif intent.basis is Basis.POLICIES:
        _result(case, "skipped", "", basis_line(intent))
    else:
        ET.SubElement(case, "system-out").text = basis_line(intent)


def _is_said(root: ET.Element) -> bool:
    return any(root.find(f".//{tag}") is not None for tag in ("failure", "error"))


def _document(root: ET.Element, seconds: float) -> str:
    _count(root, seconds)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(root: ET.Element, name: str) -> ET.Element:
    for suite in root:
        if suite.attrib["name"] == name:
            return suite
    return ET.SubElement(root, "testsuite", name=name)


def _case(suite: ET.Element, name: str, *, seconds: float = 0.0) -> ET.Element:
    shared = {"name": name, "classname": suite.attrib["name"], "time": f"{seconds:.3f}"}
    return ET.SubElement(suite, "testcase", shared)


def _result(case: ET.Element, tag: str, kind: str, message: str, text: str = "") -> None:
    attributes = {"message": message} | ({"type": kind} if kind else {})
    ET.SubElement(case, tag, attributes).text = text or None


def _properties(parent: ET.Element, values: dict[str, str]) -> None:
    inside = ET.SubElement(parent, "properties")
    for name, value in values.items():
        ET.SubElement(inside, "property", name=name, value=value)


def _verdict(suite: ET.Element, run: RunRecord, *, is_said: bool) -> None:
    """Say what the run amounts to, and what that does not rest on."""
    _properties(suite, {"verdict": str(run.verdict), "reason": run.exit_reason})
    if run.cut_short:
        _result(_case(suite, "all cases were run"), "error", "cut short", run.cut_short)
    elif run.exit_code and not is_said:
        _result(_case(suite, "verdict"), _TAGS[run.verdict], str(run.verdict), run.exit_reason)
    lines = [run.exit_reason]
    lines += [f"{NOTES}:", *run.notes] if run.notes else []
    relations = one_relation_lines(run)
    lines += [f"{ONE_RELATION}:", *relations] if relations else []
    ET.SubElement(suite, "system-out").text = "\n".join(lines)


def _canary(suite: ET.Element, canary: CanaryRecord, run: RunRecord) -> None:
    case = _case(suite, "the cluster enforces NetworkPolicies")
    text = "\n".join(line for step in canary.steps for line in _step(step, run))
    wrong = {step.verdict for step in canary.steps if step.findings}
    if canary.enforces is None:
        _result(case, "error", "inconclusive", canary.text, text)
    elif not canary.enforces and run.exit_code == 0:
        _result(case, "skipped", "", run.exit_reason, canary.text)
    elif not canary.enforces:
        _result(case, "failure", "not enforced", canary.text, run.exit_reason)
    elif wrong:
        tag = _TAGS[RunVerdict.FAIL if RunVerdict.FAIL in wrong else RunVerdict.INCONCLUSIVE]
        _result(case, tag, "canary", "flows of the canary went wrong", text)


def _test(root: ET.Element, view: CaseView, run: RunRecord) -> None:
    """Write one test, with the flows of its scenarios in its text."""
    file, _, name = view.case.id.partition("::")
    case = _case(_suite(root, file), name or file, seconds=view.case.seconds)
    text = "\n".join(line for one in view.scenarios for line in _scenario(one, run))
    outcome, reason = view.case.outcome, view.case.reason
    first, _, rest = reason.partition("\n")
    text = "\n".join(filter(None, (rest, text)))
    if outcome is CaseOutcome.BROKEN:
        _result(case, "error", "harness", first, text)
    elif outcome is CaseOutcome.FAILED:
        tag = "error" if view.verdict is RunVerdict.INCONCLUSIVE else "failure"
        _result(case, tag, str(view.verdict or RunVerdict.FAIL), first, text)
    elif outcome is CaseOutcome.UNTRIED:
        _result(case, "skipped", "", first, text)
    elif outcome is CaseOutcome.KNOWN_GAP:
        _result(case, "skipped", "", f"known gap: {first}", text)
    elif text:
        ET.SubElement(case, "system-out").text = text


def _scenario(scenario: ScenarioRecord, run: RunRecord) -> Iterator[str]:
    yield f"{scenario.verdict}  {scenario.id}: {scenario.title}"
    if scenario.bundle:
        yield f"bundle: {scenario.bundle}"
    for step in scenario.steps:
        yield from _step(step, run)
    if scenario.repeat:
        yield f"again: {scenario.repeat}"


def _step(step: StepRecord, run: RunRecord) -> Iterator[str]:
    counts = [f"{number} {verdict}" for verdict, number in step.counts.items() if number]
    yield f"{step_line(step)}: {', '.join(counts)}"
    for group in grouped_findings(step):
        if is_listed(run, group.first):
            yield f"  {group.first.verdict}: {group.title}"
            for label, text in account(group.first, group.places):
                yield f"    {label}: {text}"
    hidden = step.counts.get(FlowVerdict.LEAK, 0)
    if hidden and run.verdict is RunVerdict.NOT_ENFORCED:
        yield f"  {counted(hidden, 'leak')}: nothing is enforced here"


def _by_intent(
    run: RunRecord,
) -> tuple[list[tuple[IntentResult, RunFinding | None]], list[RunFinding]]:
    """Return each intent with what is wrong with it, and the findings of no intent.

    Two intents may be written alike, and bundles may share a file of them; so it is told by what
    became of each, and by the order, which is the same of both.
    """
    left = list(run.findings)
    pairs = []
    for intent in run.intents:
        kind = _KINDS.get(intent.kept, FindingKind.UNTRIED_INTENT)
        about = (kind, intent.intent, intent.place)
        found = next((one for one in left if (one.kind, one.subject, one.place) == about), None)
        if found is not None:
            left.remove(found)
        pairs.append((intent, found))
    return pairs, left


def _intent(suite: ET.Element, intent: IntentResult, found: RunFinding | None) -> None:
    case = _case(suite, f"{intent.intent} ({intent.place})")
    if found is not None:
        _result(case, _TAGS[found.verdict], str(found.kind), found.text, intent.reason)
    elif intent.basis is Basis.POLICIES:
        _result(case, "skipped", "", basis_line(intent))
    else:
        ET.SubElement(case, "system-out").text = basis_line(intent)


def _is_test(intent: IntentResult, run: RunRecord) -> bool:
    """Tell whether an intent was a test of the run, which then says how it stands."""
    name = f"{one_line(intent.bundle)}::{one_line(intent.intent)}"
    return any(case.id == name for case in run.cases)


def _is_told(text: str, run: RunRecord) -> bool:
    """Tell whether a finding is why a test failed."""
    return any(text in case.reason for case in run.cases if case.outcome is CaseOutcome.FAILED)


def _errors(run: RunRecord) -> list[str]:
    """Return what broke in the harness and in no test."""
    broken = tuple(f"{c.id} (" for c in run.cases if c.outcome is CaseOutcome.BROKEN)
    return [error for error in run.errors if not error.startswith(broken)]


def _count(root: ET.Element, seconds: float) -> None:
    """Put the sums on the suites and on the root, as the readers of the format expect them."""
    for suite in root:
        cases = suite.findall("testcase")
        suite.set("time", f"{sum(float(case.attrib['time']) for case in cases):.3f}")
        suite.set("tests", str(len(cases)))
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(name, str(sum(case.find(tag) is not None for case in cases)))
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.attrib[name]) for suite in root)))
    root.set("time", f"{seconds:.3f}")
