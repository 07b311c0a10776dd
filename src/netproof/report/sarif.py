"""Findings as SARIF 2.1.0, so that a code host shows them on the line of the policy.

Source of the format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from netproof.model.record import Finding, FlowVerdict, RunRecord, ScenarioRecord, StepRecord
from netproof.report import tally
from netproof.report.printable import printable
from netproof.report.words import deciding, places, seen

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_RULES = {
    FlowVerdict.LEAK: ("error", "A flow that the policies deny got through."),
    FlowVerdict.OVER_BLOCKED: ("error", "A flow that the policies let pass was blocked."),
    FlowVerdict.INCONCLUSIVE: ("warning", "Whether a flow gets through could not be told."),
}


def render(record: RunRecord) -> str:
    """Return the findings of a run as a SARIF log."""
    run = printable(record)
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(run)},
                "results": [_result(*found) for found in tally.found(run)],
                "invocations": [
                    {
                        "executionSuccessful": not run.errors,
                        "toolExecutionNotifications": [
                            {"level": "error", "message": {"text": error}} for error in run.errors
                        ],
                    }
                ],
                "properties": {"verdict": str(run.verdict), "reason": run.exit_reason},
            }
        ],
    }
    return json.dumps(log, indent=2) + "\n"


def _driver(run: RunRecord) -> dict[str, Any]:
    rules = [
        {
            "id": str(verdict),
            "shortDescription": {"text": text},
            "defaultConfiguration": {"level": level},
        }
        for verdict, (level, text) in _RULES.items()
    ]
    return {"name": "netproof", "version": run.netproof, "rules": rules}


def _result(scenario: ScenarioRecord, step: StepRecord, finding: Finding) -> dict[str, Any]:
    why = "; ".join(reason.text for reason in deciding(finding))
    text = f"{finding.flow}: expected {finding.expected}, {seen(finding)}. {why}"
    known = [{"kind": "external", "justification": scenario.known_gap}]
    return {
        "ruleId": str(finding.verdict),
        "ruleIndex": list(_RULES).index(finding.verdict),
        "level": _RULES[finding.verdict][0],
        "message": {"text": text},
        "locations": _locations(finding, step, scenario),
        "partialFingerprints": {
            "netproof/v1": f"{scenario.id} | {step.name} | {finding.flow} | {finding.verdict}"
        },
        "suppressions": known if scenario.known_gap else [],
    }


def _locations(
    finding: Finding, step: StepRecord, scenario: ScenarioRecord
) -> list[dict[str, Any]]:
    found = [_location(place) for place in places(finding, step.places)]
    if not found and scenario.bundle:
        return [_location(scenario.bundle)]
    return found


def _location(place: str) -> dict[str, Any]:
    file, _, line = place.rpartition(":")
    if not line.isdigit():
        return {"physicalLocation": {"artifactLocation": {"uri": quote(place)}}}
    at = {"artifactLocation": {"uri": quote(file)}, "region": {"startLine": max(int(line), 1)}}
    return {"physicalLocation": at}
