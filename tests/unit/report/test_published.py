"""Each report is what those who read it ask for, and takes nothing from a stranger's text."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt

from netproof.model.record import RunRecord, RunVerdict
from netproof.model.review import Note
from netproof.model.value import replace
from netproof.printing import runner_commands
from netproof.report import shortforms
from netproof.report.account import of_check, of_run
from netproof.report.markup import COMMENT, MARK, fitted
from netproof.report.writers import CHECK_WRITERS, OF_CHECK, OF_RUN, WRITERS
from tests.unit.model import check_schema
from tests.unit.report.hostile import with_texts
from tests.unit.report.published import CODE_QUALITY, SARIF, junit_problems
from tests.unit.report.review.test_hostile import CHECK, EVIL
from tests.unit.report.sample import ALL_PASS, EVERYTHING, LEAKING, run_of
from tests.unit.report.test_verdict import RUNS
from tests.unit.run.test_every_door import PAIRS, ROWS, by_check

KNOWN = run_of((replace(LEAKING, known_gap="as documented"),))
RECORDS = (*RUNS.values(), EVERYTHING, ALL_PASS, KNOWN)
HOSTILE = replace(with_texts(CHECK, lambda text: text and text + EVIL), schema=CHECK.schema)


@cache
def doors() -> tuple[Mapping[str, str], ...]:
    """Return the reports of every door in every case."""
    return tuple(door(shown).reports for door, (shown, *_) in (pair.values for pair in PAIRS))  # type: ignore[operator,misc]


def every(name: str) -> Iterator[str]:
    """Yield a report of every kind of run and of check, by every door."""
    yield from (WRITERS[name].render(record) for record in RECORDS)
    yield from (CHECK_WRITERS[name].render(check) for check in (CHECK, HOSTILE))
    yield from (reports[name] for reports in doors())


def test_the_json_of_a_check() -> None:
    """As its schema has it, which is what the classes of its values say today."""
    assert check_schema.text() == check_schema.FILE.read_text(encoding="utf-8")
    schema = Draft202012Validator(json.loads(check_schema.text()))
    for record in (CHECK, HOSTILE):
        schema.validate(json.loads(CHECK_WRITERS["json"].render(record)))
    for shown, *_ in ROWS.values():
        schema.validate(json.loads(by_check(shown).reports["json"]))
    broken = json.loads(CHECK_WRITERS["json"].render(CHECK)) | {"verdict": "FINE", "more": 1}
    assert 2 == len(list(schema.iter_errors(broken)))


def test_sarif() -> None:
    """As the specification has it; each result's rule is the one its index says."""
    schema = Draft202012Validator(SARIF)
    for text in every("sarif"):
        log = json.loads(text)
        schema.validate(log)
        for run in log["runs"]:
            ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
            assert all(ids[one["ruleIndex"]] == one["ruleId"] for one in run["results"])


def test_junit() -> None:
    """As its strictest reader has it."""
    for text in every("junit"):
        assert [] == list(junit_problems(ET.fromstring(text)))  # noqa: S314 - our own text


def test_code_quality() -> None:
    """As GitLab documents it; an issue is told from every other by its fingerprint."""
    schema = Draft202012Validator(CODE_QUALITY)
    for text in every("codequality"):
        issues = json.loads(text)
        schema.validate(issues)
        prints = [one["fingerprint"] for one in issues]
        assert len(prints) == len(set(prints))


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text), strict=True))


def test_a_table_is_one() -> None:
    """Every row has every column, and the first says the verdict."""
    for text in every("csv"):
        heads, first, *_ = table = rows(text)
        assert list(shortforms.HEADS) == heads
        assert {len(heads)} == {len(row) for row in table}
        assert "verdict" == first[0]


FORMULAS = (
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(1+1)",
    " =1+1",
    "\t=1+1",
    "\uff1d1+1",
    'x";=1+1',
    "a; @SUM(1)",
)


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_is_worked_out(formula: str) -> None:
    """A spreadsheet takes it for text, whether commas or semicolons part its cells."""
    run = replace(ALL_PASS, errors=(formula,), notes=(formula,), exit_reason=formula)
    for row in rows(WRITERS["csv"].render(run)):
        for cell in row:
            assert not re.match(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]", cell)
            assert not re.search(r";\s*[=+\-@]", cell)


def test_what_is_no_formula_stays_as_it_is() -> None:
    """A flow has an arrow in it and no harm."""
    run = replace(ALL_PASS, errors=("web -> api: no answer; web was asked",))
    assert "web -> api: no answer; web was asked" == rows(WRITERS["csv"].render(run))[-1][-1]


_COMMAND = re.compile(r"::(?P<name>error|warning|notice)(?: (?P<properties>[^:]*))?::(?P<text>.*)")


def commands(text: str) -> list[dict[str, str]]:
    """Read commands as GitHub's runner does (actions/runner, ActionCommand.cs)."""
    told = []
    for line in text.splitlines():
        found = _COMMAND.fullmatch(line)
        assert found, line
        pairs = dict(pair.split("=", 1) for pair in found["properties"].split(","))
        told.append({"name": found["name"], "text": _read(found["text"])})
        told[-1] |= {key: _read(value) for key, value in pairs.items()}
    return told


def _read(value: str) -> str:
    for code, sign in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        value = value.replace(code, sign)
    return value


def test_annotations_are_commands_and_nothing_else() -> None:
    """Whatever the texts hold; each stands on the line of a policy, where one is known."""
    for record in RECORDS:
        assert commands(OF_RUN.annotations(record))
    told = commands(OF_CHECK.annotations(HOSTILE))
    assert all("\n" not in one["text"] for one in told)
    failed = replace(CHECK, verdict=RunVerdict.FAIL, exit_code=1)
    first, broken, *_ = commands(OF_CHECK.annotations(failed))
    assert ("netproof: FAIL", CHECK.exit_reason) == (first["title"], first["text"])
    assert ("error", "policies.yaml", "7") == (broken["name"], broken["file"], broken["line"])
    assert broken["text"].endswith("(intents.yaml:3)")


def test_a_command_says_what_it_was_given() -> None:
    """Percent signs, line ends and what parts properties come back as they were."""
    text, title = "100 % of ::error::x\nand more", "a:b,c=d%0A"
    (told,) = commands(runner_commands([("error", {"title": title}, text)]))
    assert (text, title) == (told["text"], told["title"])


def test_more_annotations_than_github_shows_are_counted() -> None:
    """It drops the eleventh without a word: the first says how many more there are."""
    errors = tuple(f"{number} broke" for number in range(30))
    first, *rest = commands(OF_RUN.annotations(replace(ALL_PASS, errors=errors, exit_code=1)))
    assert shortforms.ANNOTATIONS == 1 + sum(one["name"] == "error" for one in rest)
    assert first["text"].endswith("21 results more in the reports.")


def test_a_badge_needs_nothing_from_outside() -> None:
    """No link, no script, no picture; what is left is text and two boxes."""
    for text in every("badge"):
        root = ET.fromstring(text)  # noqa: S314 - our own text
        names = {one.tag.rpartition("}")[2] for one in root.iter()}
        assert names == {"svg", "title", "rect", "text"}
        assert ["http://www.w3.org/2000/svg"] == re.findall(r"https?:[^\"]*", text[:200])
        assert not any(
            "href" in key or key.startswith("on") for e in root.iter() for key in e.attrib
        )


def long_run() -> RunRecord:
    """Return a run that is far too long for a comment."""
    many = tuple(replace(LEAKING, id=f"theme/case-{number}") for number in range(60))
    return run_of(many, errors=tuple(f"error {number} " + "x" * 90 for number in range(700)))


def test_a_comment_is_no_longer_than_github_takes() -> None:
    """The verdict is first, and what is left out is said with its headings."""
    long = long_run()
    text = WRITERS["comment"].render(long)
    assert COMMENT // 2 < len(text) <= COMMENT
    assert text.startswith(f"## netproof: {long.verdict}\n\n")
    assert long.exit_reason in text.replace("\\", "")
    assert "**Left out here, where no more than " in text
    assert "Errors of the harness" in text or re.search(r"among them .* and \d+ more\.", text)
    assert text.endswith(f"\n\n{MARK}\n")
    assert 1_000_000 > len(OF_RUN.summary(long).encode())


def test_a_comment_that_fits_is_the_report() -> None:
    """With nothing but a mark behind it, which is not shown."""
    whole, comment = (WRITERS[name].render(EVERYTHING) for name in ("markdown", "comment"))
    assert f"{whole}\n{MARK}\n" == comment
    whole, comment = (CHECK_WRITERS[name].render(CHECK) for name in ("markdown", "comment"))
    assert f"{whole}\n{MARK}\n" == comment


def test_a_check_with_a_thousand_notes_is_cut_too() -> None:
    """What is folded is left out whole: half of it would fold what follows."""
    notes = tuple(
        Note(f"pod {number}", "w.yaml:1", f"{number}" + "x" * 200) for number in range(1000)
    )
    text = CHECK_WRITERS["comment"].render(replace(CHECK, notes=notes))
    assert len(text) <= COMMENT
    assert CHECK.exit_reason in text
    assert "<details>" not in text
    assert "lines of this part" in text


@pytest.mark.parametrize("limit", [1000, 1500, 3000])
def test_a_cut_text_is_as_well_formed_as_the_whole(limit: int) -> None:
    """Tables, lists and paragraphs end where they are cut; the sentence is a paragraph."""
    parts = ["## head", "x" * 400, "\n".join(f"- item {n}" for n in range(300)), "### next", "end"]
    text = fitted(parts, limit)
    assert len(text) <= limit
    kinds = [token.type for token in MarkdownIt().parse(text) if token.level == 0]
    assert ["heading_open", "heading_close", "paragraph_open"] == kinds[:3]
    assert ["paragraph_open", "paragraph_close"] == [
        kind for kind in kinds[-3:] if kind != "inline"
    ][-2:]
    assert "Left out here" in text.splitlines()[-1]
    assert "next" in text.splitlines()[-1]


@pytest.mark.parametrize("verdict", [RunVerdict.PASS, None])
def test_a_hint_that_counts_is_no_pass_anywhere(verdict: RunVerdict | None) -> None:
    """The intents hold and the exit code is 1: no form shows the first and hides the second."""
    (hint, _) = CHECK.hints
    reason = f"{verdict}: all 2 intents hold." if verdict else ""
    checked = replace(
        CHECK, intents=(), packets=None, mutations=None, hints=(hint,), verdict=verdict
    )
    checked = replace(checked, exit_code=1, exit_reason=reason)
    for name, text in {n: one.render(checked) for n, one in CHECK_WRITERS.items()}.items():
        if name == "json":
            assert '"exit_code": 1' in text
        elif name != "junit":
            assert "FAIL: hints that count" in text, name
    assert ">FAIL</text>" in CHECK_WRITERS["badge"].render(checked)
    assert "<failure" in CHECK_WRITERS["junit"].render(checked)
    assert OF_CHECK.annotations(checked).startswith("::error title=netproof%3A FAIL::FAIL: hints")


def test_reports_agree_on_their_results() -> None:
    """What one lists, the others list."""
    for account, forms, record in (
        (of_run(EVERYTHING), WRITERS, EVERYTHING),
        (of_check(CHECK), CHECK_WRITERS, CHECK),
    ):
        render: Any = {name: one.render for name, one in forms.items()}
        (log,) = json.loads(render["sarif"](record))["runs"]
        listed = [row for row in rows(render["csv"](record)) if row[0] == "result"]
        issues = json.loads(render["codequality"](record))
        told = [one for one in issues if one["check_name"] not in ("harness", "verdict")]
        assert len(account.results) == len(log["results"]) == len(listed) == len(told)
