"""What readers of our reports ask of them, written down from their documentation.

None of it is a copy: the schemas are ours, and hold what netproof writes to what the sources say.
The reports were held against the published schemas themselves as well (OASIS'
`sarif-schema-2.1.0.json`, `junit-10.xsd` of Jenkins' xUnit plugin), which are not kept here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as ET

Schema = dict[str, Any]

_TEXT = {"type": "string", "minLength": 1}
_LEVEL = {"enum": ["none", "note", "warning", "error"]}


def _strictly(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> Schema:
    """Return the schema of an object that has these properties and no others."""
    return {
        "type": "object",
        "required": sorted(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


def _list(of: Schema, *, least: int = 0) -> Schema:
    return {"type": "array", "items": of, "minItems": least}


_MESSAGE = _strictly({"text": _TEXT})  # 3.11
_LOCATION = _strictly(  # 3.28, 3.29, 3.30; startLine is 1 or more (3.30.5)
    {
        "physicalLocation": _strictly(
            {"artifactLocation": _strictly({"uri": {"type": "string", "format": "uri-reference"}})},
            {"region": _strictly({"startLine": {"type": "integer", "minimum": 1}})},
        )
    }
)
_RESULT = _strictly(  # 3.27
    {
        "ruleId": _TEXT,
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": _LEVEL,
        "message": _MESSAGE,
        "locations": _list(_LOCATION),
        "partialFingerprints": {"type": "object", "additionalProperties": _TEXT},
        "suppressions": _list(  # 3.35
            _strictly({"kind": {"enum": ["inSource", "external"]}, "justification": _TEXT})
        ),
    },
    {"relatedLocations": _list(_LOCATION, least=1)},
)
_RULE = _strictly(  # 3.49, 3.50
    {
        "id": _TEXT,
        "shortDescription": _MESSAGE,
        "defaultConfiguration": _strictly({"level": _LEVEL}),
    }
)
_INVOCATION = _strictly(  # 3.20, 3.58
    {
        "executionSuccessful": {"type": "boolean"},
        "toolExecutionNotifications": _list(_strictly({"level": _LEVEL, "message": _MESSAGE})),
    }
)
SARIF = _strictly(
    {
        "$schema": {"type": "string", "pattern": "^https://.*/sarif-schema-2.1.0.json$"},
        "version": {"const": "2.1.0"},
        "runs": _list(
            _strictly(
                {
                    "tool": _strictly(
                        {
                            "driver": _strictly(
                                {
                                    "name": {"const": "netproof"},
                                    "version": _TEXT,
                                    "rules": _list(_RULE),
                                }
                            )
                        }
                    ),
                    "results": _list(_RESULT),
                    "invocations": _list(_INVOCATION, least=1),
                    "properties": {"type": "object"},
                }
            ),
            least=1,
        ),
    }
)
"""https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, whose sections are named."""

CODE_QUALITY = _list(
    _strictly(
        {
            "description": _TEXT,
            "check_name": _TEXT,
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": _strictly(
                {
                    "path": {"type": "string", "pattern": "^(?!\\./).+"},
                    "lines": _strictly({"begin": {"type": "integer", "minimum": 1}}),
                }
            ),
        }
    )
)
"""https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format"""

_SUMS = {"tests", "failures", "errors"}
_OUTCOME = ({"failure", "error", "skipped"}, set[str](), {"message", "type"})
JUNIT: Mapping[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": ({"testsuite"}, {"name", "time", *_SUMS}, set()),
    "testsuite": (
        {"testcase", "properties", "system-out"},
        {"name", *_SUMS},
        {"time", "skipped"},
    ),
    "testcase": ({"failure", "error", "skipped", "system-out"}, {"name", "classname"}, {"time"}),
    "properties": ({"property"}, set(), set()),
    "property": (set(), {"name", "value"}, set()),
    "system-out": (set(), set(), set()),
    **dict.fromkeys(("failure", "error", "skipped"), (set(), *_OUTCOME[1:])),
}
"""Of an element: what may be in it, which attributes it has, which it may have besides.

What Jenkins' xUnit plugin and its JUnit plugin take both, and what GitLab reads
(https://docs.gitlab.com/ci/testing/unit_test_reports).
"""


def junit_problems(root: ET.Element) -> Iterator[str]:
    """Yield what a strict reader of JUnit would not take."""
    for parent in root.iter():
        inside, needed, more = JUNIT[parent.tag]
        for child in parent:
            if child.tag not in inside:
                yield f"<{child.tag}> in <{parent.tag}>"
        there = set(parent.attrib)
        yield from (f"<{parent.tag}> without {name}" for name in needed - there)
        yield from (f"<{parent.tag} {name}>" for name in there - needed - more)
