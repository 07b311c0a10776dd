"""What a run or a check comes to in short forms: a table, lists for code hosts, and a badge.

Sources: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format,
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any
from xml.etree import ElementTree as ET

from netproof.model.record import RunVerdict
from netproof.model.review import line_of
from netproof.printing import Command, Printable, in_json, runner_commands, several_lines
from netproof.report.account import VERDICT, Account, Level, Result
from netproof.report.text import counted, in_sheet

ANNOTATIONS = 10
"""So many errors, and so many warnings, GitHub shows of a step; what is more is dropped there."""

LONGEST = 4_000
"""Characters of an annotation; it stands between lines of code, and the reports have all of it."""

HEADS = ("kind", "standing", "subject", "file", "line", "text")
"""The columns of the table."""

_SEVERITIES = {Level.ERROR: "critical", Level.WARNING: "major", Level.NOTE: "info"}

_COLOURS = {
    RunVerdict.PASS: "#1a7040",
    RunVerdict.FAIL: "#b42318",
    RunVerdict.NOT_ENFORCED: "#b42318",
    RunVerdict.INCONCLUSIVE: "#7142ad",
}
_LABEL = "NetworkPolicies"


def table(account: Account) -> Printable:
    """Return a CSV table (RFC 4180, in UTF-8): the verdict, cases, intents, results, what broke."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(HEADS)
    writer.writerows(tuple(map(in_sheet, map(str, row))) for row in _rows(account))
    return several_lines(text.getvalue())


def _rows(account: Account) -> Iterator[Sequence[str]]:
    yield "verdict", str(account.word), account.subject, "", "", account.reason
    for one in account.standings:
        yield one.kind, one.word, one.subject, *_parted(one.place), one.text
    for result in account.results:
        place = result.places[0] if result.places else ""
        standing = (
            f"{result.level}, silenced: {result.silenced}" if result.silenced else result.level
        )
        yield "result", standing, result.rule, *_parted(place), result.text
    for level, text in account.told:
        yield "run", str(level), account.subject, "", "", text


def _parted(place: str) -> tuple[str, str]:
    file, line = line_of(place)
    return file, "" if line is None else str(line)


def codequality(account: Account) -> Printable:
    """Return a report of GitLab's code quality; what stands in no file stands at the subject.

    It has no place for a verdict, so one that makes the exit code 1 is an issue, the first.
    """
    found = [*account.results, *_broken(account)]
    if account.exit_code and not any(one.fingerprint == VERDICT for one in found):
        found.insert(0, Result(VERDICT, account.level, account.reason, (), VERDICT))
    return in_json(json.dumps([_issue(one, account) for one in found], indent=2) + "\n")


def _issue(one: Result, account: Account) -> dict[str, Any]:
    file, line = line_of(one.places[0]) if one.places else (account.subject, None)
    of = f"{one.fingerprint} | {file}"
    silenced = f" (silenced: {one.silenced})" if one.silenced else ""
    return {
        "description": one.text + silenced,
        "check_name": one.rule,
        "fingerprint": hashlib.sha256(of.encode("utf-8", "backslashreplace")).hexdigest(),
        "severity": "info" if one.silenced else _SEVERITIES[one.level],
        "location": {
            "path": file.removeprefix("./") or "netproof",
            "lines": {"begin": max(line or 1, 1)},
        },
    }


def _broken(account: Account) -> Iterator[Result]:
    """Yield what broke as results, for forms that have nothing else for it."""
    for level, text in account.told:
        if level is Level.ERROR:
            yield Result("harness", level, text, (), f"harness | {text}")


def annotations_of(account: Account) -> Printable:
    """Return commands for GitHub's runner: the verdict, and the gravest results on their lines.

    GitHub shows ten errors and ten warnings of a step. The verdict is first, and says how many more
    there are; notes and what is silenced are left to the other reports.
    """
    found = [one for one in (*account.results, *_broken(account)) if one.alarms]
    found = [one for one in found if one.fingerprint != VERDICT]
    room = {level: count(int(level is account.level)) for level in Level}
    shown = [one for one in found if next(room[one.level]) < ANNOTATIONS]
    left = len(found) - len(shown)
    more = f" {counted(left, 'result')} more in the reports." if left else ""
    name = "notice" if account.level is Level.NOTE else str(account.level)
    head = (name, {"title": f"netproof: {account.word}"}, account.reason + more)
    return runner_commands([head, *map(_annotation, shown)])


def _annotation(one: Result) -> Command:
    properties = {"title": f"netproof: {one.rule}"}
    places = one.related or one.places
    file, line = line_of(places[0]) if places else ("", None)
    if file:
        properties = {"file": file.removeprefix("./"), **properties}
    if file and line is not None:
        properties["line"] = str(max(line, 1))
    text = one.text if len(one.text) <= LONGEST else f"{one.text[:LONGEST]}…"
    text += f" ({one.places[0]})" if one.related and one.places else ""
    return str(one.level), properties, text


def badge(account: Account) -> Printable:
    """Return a badge as SVG, with nothing from outside; it says what a verdict rests on."""
    word = str(account.word)
    if account.word is RunVerdict.PASS and not account.sent:
        word += ", by reading"
    left, right = (round(width * len(text)) + 12 for width, text in ((6.3, _LABEL), (7.6, word)))
    root = ET.Element(
        "svg",
        {"xmlns": "http://www.w3.org/2000/svg", "role": "img"},
        width=str(left + right),
        height="20",
    )
    root.set("aria-label", f"{_LABEL}: {word}")
    ET.SubElement(root, "title").text = f"{account.subject}: {account.reason}"
    colour = _COLOURS[account.word]
    for x, width, fill in ((0, left, "#414b55"), (left, right, colour)):
        ET.SubElement(root, "rect", x=str(x), width=str(width), height="20", fill=fill)
    font = {"fill": "#ffffff", "font-family": "Verdana,sans-serif", "font-size": "11"}
    for x, width, text in ((0, left, _LABEL), (left, right, word)):
        middle = {"x": str(x + width / 2), "y": "14", "text-anchor": "middle", **font}
        shown = ET.SubElement(root, "text", middle, textLength=str(width - 12))
        shown.text = text
    ET.indent(root)
    return several_lines(ET.tostring(root, encoding="unicode") + "\n")
