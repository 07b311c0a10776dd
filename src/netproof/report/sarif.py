"""Findings as SARIF 2.1.0, so that a code host shows them on the line of the policy.

Source of the format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from netproof.model.check import CheckRecord
from netproof.model.record import RunRecord
from netproof.model.review import line_of
from netproof.printing import Printable, in_json
from netproof.report.account import Account, Result, of_check, of_run

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

Json = dict[str, Any]


def run_log(record: RunRecord) -> Printable:
    """Return the findings of a run as a SARIF log."""
    return _log(of_run(record))


def check_log(record: CheckRecord) -> Printable:
    """Return what a check found as a SARIF log."""
    return _log(of_check(record))


def _log(account: Account) -> Printable:
    driver = {
        "name": "netproof",
        "version": account.netproof,
        "rules": [
            {
                "id": name,
                "shortDescription": {"text": text},
                "defaultConfiguration": {"level": level},
            }
            for name, (level, text) in account.rules.items()
        ],
    }
    told = [{"level": level, "message": {"text": text}} for level, text in account.told]
    invocation = {
        "executionSuccessful": account.is_whole,
        "toolExecutionNotifications": told,
    }
    run = {
        "tool": {"driver": driver},
        "results": [_result(one, account) for one in account.results],
        "invocations": [invocation],
        "properties": {"verdict": account.said, "reason": account.reason},
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return in_json(json.dumps(log, indent=2) + "\n")


def _result(one: Result, account: Account) -> Json:
    kind = "inSource" if one.by_author else "external"
    related = [_location(place) for place in one.related]
    return {
        "ruleId": one.rule,
        "ruleIndex": list(account.rules).index(one.rule),
        "level": one.level,
        "message": {"text": one.text},
        "locations": [_location(place) for place in one.places],
        **({"relatedLocations": related} if related else {}),
        "partialFingerprints": {"netproof/v1": one.fingerprint},
        "suppressions": [{"kind": kind, "justification": one.silenced}] if one.silenced else [],
    }


def _location(place: str) -> Json:
    file, line = line_of(place)
    at: Json = {"artifactLocation": {"uri": quote(file)}}
    if line is not None:
        at["region"] = {"startLine": max(line, 1)}
    return {"physicalLocation": at}
