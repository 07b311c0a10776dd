"""Findings as SARIF 2.1.0, so that a code host shows them on the line of the policy.

Source of the format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from netproof.model.check import CheckRecord
from netproof.model.record import Finding, FlowVerdict, RunRecord, ScenarioRecord, StepRecord
from netproof.model.review import Hint, IntentResult, Kept, Severity
from netproof.report.review.sentences import broken_flow_lines, check_summary
from netproof.report.run.findings import deciding_places, deciding_reasons, observation_line
from netproof.report.run.summary import listed_findings
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
}
_HINT_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}

Rules = Mapping[str, tuple[str, str]]
"""Level and description of each rule, by its id."""

Json = dict[str, Any]


def run_log(record: RunRecord) -> str:
    """Return the findings of a run as a SARIF log."""
    run = printable(record)
    results = [_flow_result(*found) for found in listed_findings(run)]
    properties = {"verdict": str(run.verdict), "reason": run.exit_reason}
    return _log(run.netproof, _FLOW_RULES, results, properties, run.errors)


def check_log(record: CheckRecord) -> str:
    """Return what a check found as a SARIF log."""
    check = printable(record)
    hints = {hint.name: (_HINT_LEVELS[hint.severity], hint.fix) for hint in check.hints}
    rules = _INTENT_RULES | hints
    results = [_intent_result(intent, rules) for intent in check.broken]
    results += [_hint_result(hint, rules) for hint in check.hints]
    return _log(check.netproof, rules, results, {"summary": check_summary(check)})


def _log(
    version: str, rules: Rules, results: list[Json], properties: Json, errors: Sequence[str] = ()
) -> str:
    driver = {
        "name": "netproof",
        "version": version,
        "rules": [
            {
                "id": name,
                "shortDescription": {"text": text},
                "defaultConfiguration": {"level": level},
            }
            for name, (level, text) in rules.items()
        ],
    }
    notifications = [{"level": "error", "message": {"text": error}} for error in errors]
    run = {
        "tool": {"driver": driver},
        "results": results,
        "invocations": [
            {"executionSuccessful": not errors, "toolExecutionNotifications": notifications}
        ],
        "properties": properties,
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


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
    places = deciding_places(finding, step.places) or tuple(filter(None, [scenario.bundle]))
    fingerprint = f"{scenario.id} | {step.name} | {finding.flow} | {finding.verdict}"
    result = _result(str(finding.verdict), _FLOW_RULES, text, places, fingerprint)
    if scenario.known_gap:
        result["suppressions"] = [{"kind": "external", "justification": scenario.known_gap}]
    return result


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


def _location(place: str) -> Json:
    file, _, line = place.rpartition(":")
    if not line.isdigit():
        return {"physicalLocation": {"artifactLocation": {"uri": quote(place)}}}
    at = {"artifactLocation": {"uri": quote(file)}, "region": {"startLine": max(int(line), 1)}}
    return {"physicalLocation": at}
