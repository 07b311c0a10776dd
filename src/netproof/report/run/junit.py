"""The run as JUnit XML, for what CI systems make of it.

A suite is a scenario. Its cases are the tables of its steps, each standing for all of its flows
that are as expected; then each flow that is not, as a failure or, if inconclusive, an error; then,
as skipped, the flows that the API leaves undefined. A cluster that enforces nothing fails once, in
the suite of the canary, and is skipped there if that is what its profile says. What a documented
gap of the CNI explains is skipped too, and so is the relation of nodes on which something was not
tried. What is wrong besides flows, a broken intent say, is a case of the run, and so is the run
itself where its exit code is 1 and no other case says why.
"""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree as ET

from netproof.model.record import (
    VERDICT_LETTERS,
    CanaryRecord,
    Finding,
    FlowVerdict,
    RunRecord,
    RunVerdict,
    StepRecord,
    Table,
)
from netproof.model.review import Basis
from netproof.report.intents import basis_line
from netproof.report.run.findings import account, observation_line, ports_line
from netproof.report.run.summary import ONE_RELATION, one_relation_lines
from netproof.report.text import counted, printable

_TAGS = {
    RunVerdict.FAIL: "failure",
    RunVerdict.NOT_ENFORCED: "failure",
    RunVerdict.INCONCLUSIVE: "error",
}
_NAMES = {letter: str(verdict) for verdict, letter in VERDICT_LETTERS.items()}


def render(record: RunRecord) -> str:
    """Return the run as an XML document."""
    run = printable(record)
    unenforced = run.verdict is RunVerdict.NOT_ENFORCED
    root = ET.Element("testsuites", name="netproof")
    for canary in run.canaries:
        _canary(_suite(root, f"canary/{canary.worker}"), canary, run)
    for scenario in run.scenarios:
        suite = _suite(root, scenario.id, seconds=scenario.seconds)
        facts = {"verdict": str(scenario.verdict), "title": scenario.title}
        _properties(suite, facts | {"bundle": scenario.bundle, "repeat": scenario.repeat})
        for step in scenario.steps:
            _step(suite, step, skip_leaks=unenforced, known_gap=scenario.known_gap)
    if lines := one_relation_lines(run):
        _one_relation(_suite(root, "relations"), lines)
    if run.intents or run.findings:
        _besides_flows(_suite(root, "run"), run)
    if run.notes:
        _notes(_suite(root, "notes"), run.notes)
    if run.errors:
        _harness(_suite(root, "harness"), run.errors)
    if run.exit_code and root.find(".//failure") is None and root.find(".//error") is None:
        case = _case(_suite(root, "verdict"), str(run.verdict))
        _result(case, _TAGS[run.verdict], str(run.verdict), run.exit_reason)
    _count(root, run.seconds)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(root: ET.Element, name: str, *, seconds: float = 0.0) -> ET.Element:
    return ET.SubElement(root, "testsuite", name=name, time=f"{seconds:.3f}")


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


def _canary(suite: ET.Element, canary: CanaryRecord, run: RunRecord) -> None:
    case = _case(suite, "the cluster enforces NetworkPolicies")
    if canary.enforces is None:
        _result(case, "error", "inconclusive", canary.text)
    elif not canary.enforces and run.exit_code == 0:
        _result(case, "skipped", "", run.exit_reason, canary.text)
    elif not canary.enforces:
        _result(case, "failure", "not enforced", canary.text, run.exit_reason)
    for step in canary.steps:
        _step(suite, step, skip_leaks=canary.enforces is False)


def _step(suite: ET.Element, step: StepRecord, *, skip_leaks: bool, known_gap: str = "") -> None:
    for table in step.tables:
        _table(suite, step, table)
    for finding in step.findings:
        if not (skip_leaks and finding.verdict is FlowVerdict.LEAK):
            _finding(suite, step, finding, known_gap)
    if skip_leaks and step.counts.get(FlowVerdict.LEAK):
        message = f"{counted(step.counts[FlowVerdict.LEAK], 'flow')}: nothing is enforced here"
        _result(_case(suite, f"{step.name} / leaks"), "skipped", "", message)
    if step.counts.get(FlowVerdict.UNDEFINED):
        number = counted(step.counts[FlowVerdict.UNDEFINED], "flow")
        message = f"{number} that NetworkPolicy v1 leaves undefined: observed, not judged"
        _result(_case(suite, f"{step.name} / undefined"), "skipped", "", message)


def _table(suite: ET.Element, step: StepRecord, table: Table) -> None:
    label = ports_line([(table.protocol, table.port, table.family)], table.path)
    letters = Counter("".join(table.verdicts))
    counts = {name: str(letters[letter]) for letter, name in _NAMES.items() if letters[letter]}
    case = _case(suite, f"{step.name} / {label}")
    _properties(case, counts)


def _finding(suite: ET.Element, step: StepRecord, finding: Finding, known_gap: str) -> None:
    case = _case(suite, f"{step.name} / {finding.flow}", seconds=finding.seconds)
    message = f"{finding.verdict}: expected {finding.expected}, {observation_line(finding)}"
    lines = [f"{label}: {text}" for label, text in account(finding, step.places)]
    if finding.nodes:
        lines.append(f"nodes: {finding.nodes}")
    text = "\n".join(lines)
    if known_gap:
        _result(case, "skipped", str(finding.verdict), f"known gap: {known_gap}", text)
    elif finding.verdict is FlowVerdict.INCONCLUSIVE:
        _result(case, "error", str(finding.verdict), message, text)
    else:
        _result(case, "failure", str(finding.verdict), message, text)


def _besides_flows(suite: ET.Element, run: RunRecord) -> None:
    wrong = {(finding.subject, finding.place) for finding in run.findings}
    for intent in run.intents:
        if (intent.intent, intent.place) not in wrong:
            case = _case(suite, f"intent: {intent.intent} ({intent.place})")
            _properties(case, {"basis": basis_line(intent)})
            if intent.basis is Basis.POLICIES:
                _result(case, "skipped", "", basis_line(intent))
    for finding in run.findings:
        place = f" ({finding.place})" if finding.place else ""
        case = _case(suite, f"{finding.kind}: {finding.subject}{place}")
        _result(case, _TAGS[finding.verdict], str(finding.kind), finding.text)


def _notes(suite: ET.Element, notes: tuple[str, ...]) -> None:
    for number, note in enumerate(notes, start=1):
        _result(_case(suite, f"note {number}"), "skipped", "", note)


def _one_relation(suite: ET.Element, lines: list[str]) -> None:
    """Put down as skipped what was not tried: the other relation."""
    for line in lines:
        _result(_case(suite, line), "skipped", "", ONE_RELATION)


def _harness(suite: ET.Element, errors: tuple[str, ...]) -> None:
    for number, error in enumerate(errors, start=1):
        _result(_case(suite, f"error {number}"), "error", "harness", error)


def _count(root: ET.Element, seconds: float) -> None:
    """Put the sums on the suites and on the root, as the readers of the format expect them."""
    for suite in root:
        cases = suite.findall("testcase")
        suite.set("tests", str(len(cases)))
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(name, str(sum(case.find(tag) is not None for case in cases)))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.attrib[name]) for suite in root)))
    root.set("time", f"{seconds:.3f}")
