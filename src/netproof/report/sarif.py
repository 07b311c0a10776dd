"""Findings as SARIF 2.1.0, so that a code host shows them on the line of the policy.

Source of the format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from netproof.model.check import CheckRecord
from netproof.model.record import (
    Finding,
    FlowVerdict,
    RunFinding,
    RunRecord,
    RunVerdict,
    ScenarioRecord,
    StepRecord,
)
from netproof.model.review import Hint, IntentResult, Kept, Severity, line_of
from netproof.printing import Printable, in_json
from netproof.report.intents import basis_line
from netproof.report.review.sentences import broken_flow_lines
from netproof.report.run.findings import deciding_places, deciding_reasons, observation_line
from netproof.report.run.summary import ONE_RELATION, listed_findings, one_relation_lines
from netproof.report.text import printable

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_FLOW_RULES = {
    str(FlowVerdict.LEAK): ("error", "A flow that the policies deny got through."),
    str(FlowVerdict.OVER_BLOCKED): ("error", "A flow that the policies let pass was blocked."),
    str(FlowVerdict.INCONCLUSIVE): ("warning", "Whether a flow gets through could not be told."),
}
_INTENT_RULES = {
    "broken-intent": ("error", "A bundle does not do what its author means it to do."),
    "unknown-intent": ("warning", "Whether an intent holds could not be told."),
    "untried-intent": ("note", "No packet was sent for an intent, or not to all its ends."),
}
_VERDICT_RULES = {
    "not-enforced": ("error", "No denial bites: the cluster ignores NetworkPolicies."),
    "failed-run": ("error", "The run failed as a whole."),
    "inconclusive-run": ("warning", "The run as a whole could not be told."),
}
_PACKET_RULES = {"packets": ("error", "Packets went otherwise than the policies say.")}
_RUN_RULES = {
    **_FLOW_RULES,
    **_INTENT_RULES,
    **_VERDICT_RULES,
    "door": ("error", "A way around the policies is not as it must be."),
    "known-gap-gone": ("error", "A known gap of the CNI did not show: its profile is out of date."),
    "profile-contradicted": ("error", "The cluster does other than its profile says."),
    "one-relation": ("note", "Flows were tried within nodes only, or only across them."),
}
"""Those of findings besides flows are called as their kinds are."""
_HINT_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}

Rules = Mapping[str, tuple[str, str]]
"""Level and description of each rule, by its id."""

Json = dict[str, Any]


def run_log(record: RunRecord) -> Printable:
    """Return the findings of a run as a SARIF log."""
    run = printable(record)
    results = [_flow_result(*listed) for listed in listed_findings(run)]
    results += map(_run_result, run.findings)
    if not run.require_packets:
        results += [_untried_result(one, _RUN_RULES) for one in _untried(run.intents)]
    results += [_one_relation(line) for line in one_relation_lines(run)]
    return _log(run, _RUN_RULES, results, run.errors, run.notes)


def check_log(record: CheckRecord) -> Printable:
    """Return what a check found as a SARIF log."""
    check = printable(record)
    hints = {hint.name: (_HINT_LEVELS[hint.severity], hint.fix) for hint in check.hints}
    rules = _INTENT_RULES | _VERDICT_RULES | _PACKET_RULES | hints
    results = [_intent_result(intent, rules) for intent in check.broken]
    results += [_untried_result(one, rules) for one in _untried(check.intents)]
    results += [_hint_result(hint, rules) for hint in check.hints]
    packets = check.packets
    if packets is not None:
        bundle = filter(None, [check.bundle])
        results += [_result("packets", rules, one, bundle, one) for one in packets.findings]
    return _log(check, rules, results, packets.errors if packets else ())


def _log(
    record: RunRecord | CheckRecord,
    rules: Rules,
    results: list[Json],
    errors: Sequence[str],
    notes: Sequence[str] = (),
) -> Printable:
    driver = {
        "name": "netproof",
        "version": record.netproof,
        "rules": [
            {
                "id": name,
                "shortDescription": {"text": text},
                "defaultConfiguration": {"level": level},
            }
            for name, (level, text) in rules.items()
        ],
    }
    cut_short = [record.cut_short] if isinstance(record, RunRecord) and record.cut_short else []
    told = [("error", error) for error in (*cut_short, *errors)]
    told += [("note", note) for note in notes]
    notifications = [{"level": level, "message": {"text": text}} for level, text in told]
    run = {
        "tool": {"driver": driver},
        "results": _with_verdict(record, rules, results),
        "invocations": [
            {
                "executionSuccessful": not (errors or cut_short),
                "toolExecutionNotifications": notifications,
            }
        ],
        "properties": {"verdict": str(record.verdict or ""), "reason": record.exit_reason},
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return in_json(json.dumps(log, indent=2) + "\n")


def _with_verdict(record: RunRecord | CheckRecord, rules: Rules, results: list[Json]) -> list[Json]:
    """Add what no other result says: that nothing is enforced, or why the exit code is 1."""
    if record.verdict is RunVerdict.NOT_ENFORCED:
        return [_result("not-enforced", rules, record.exit_reason, (), "verdict"), *results]
    has_alarm = any(not one["suppressions"] and one["level"] != "note" for one in results)
    if has_alarm or record.exit_code == 0:
        return results
    rule = "failed-run" if record.verdict is RunVerdict.FAIL else "inconclusive-run"
    return [*results, _result(rule, rules, record.exit_reason, (), "verdict")]


def _result(rule: str, rules: Rules, text: str, places: Iterable[str], fingerprint: str) -> Json:
    return {
        "ruleId": rule,
        "ruleIndex": list(rules).index(rule),
        "level": rules[rule][0],
        "message": {"text": text},
        "locations": [_location(place) for place in places],
        "partialFingerprints": {"netproof/v1": fingerprint},
        "suppressions": [],
    }


def _flow_result(scenario: ScenarioRecord, step: StepRecord, finding: Finding) -> Json:
    why = "; ".join(reason.text for reason in deciding_reasons(finding))
    text = f"{finding.flow}: expected {finding.expected}, {observation_line(finding)}. {why}"
    text += f". Again: {scenario.repeat}" if scenario.repeat else ""
    places = tuple(filter(_is_file, deciding_places(finding, step.places)))
    places = places or tuple(filter(None, [scenario.bundle]))
    fingerprint = f"{scenario.id} | {step.name} | {finding.flow} | {finding.verdict}"
    result = _result(str(finding.verdict), _RUN_RULES, text, places, fingerprint)
    if scenario.known_gap:
        result["suppressions"] = [{"kind": "external", "justification": scenario.known_gap}]
    return result


def _run_result(finding: RunFinding) -> Json:
    rule = finding.kind.replace(" ", "-")
    places = filter(None, [finding.place])
    text = f"{finding.subject}: {finding.text}"
    of = f"{finding.subject} | {finding.place} | {rule}"
    result = _result(rule, _RUN_RULES, text, places, of)
    if finding.verdict is RunVerdict.FAIL:
        result["level"] = "error"
    return result


def _untried(intents: Iterable[IntentResult]) -> Iterable[IntentResult]:
    """Return the intents that hold where packets were sent, but not to all their ends."""
    return (one for one in intents if one.packets and one.lacks_packets)


def _untried_result(result: IntentResult, rules: Rules) -> Json:
    text = f"{result.intent}: {basis_line(result)}."
    of = f"{result.intent} | untried-intent"
    return _result("untried-intent", rules, text, [result.place], of)


def _one_relation(line: str) -> Json:
    return _result("one-relation", _RUN_RULES, f"{ONE_RELATION}: {line}", (), line)


def _intent_result(result: IntentResult, rules: Rules) -> Json:
    rule = "broken-intent" if result.kept is Kept.BROKEN else "unknown-intent"
    text = " ".join([f"{result.intent}: {result.kept}.", result.reason, *broken_flow_lines(result)])
    return _result(rule, rules, text, [result.place], f"{result.intent} | {rule}")


def _hint_result(hint: Hint, rules: Rules) -> Json:
    text = f"{hint.subject}: {hint.text}. {hint.fix}."
    result = _result(hint.name, rules, text, [hint.place], f"{hint.subject} | {hint.name}")
    result["level"] = _HINT_LEVELS[hint.severity]
    if hint.silenced:
        result["suppressions"] = [{"kind": "inSource", "justification": hint.silenced}]
    return result


def _is_file(place: str) -> bool:
    """Tell whether a place can be opened; text that was made, by a case say, is in brackets."""
    return not place.startswith("<")


def _location(place: str) -> Json:
    file, line = line_of(place)
    at: Json = {"artifactLocation": {"uri": quote(file)}}
    if line is not None:
        at["region"] = {"startLine": max(line, 1)}
    return {"physicalLocation": at}
