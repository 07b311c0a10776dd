"""A comparison in every form: all tell the same, and nothing that they are told does harm."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from markdown_it import MarkdownIt

from netproof.model.comparison import Comparison
from netproof.model.doors import Door, DoorResult, DoorState
from netproof.model.record import UNENFORCED, RunVerdict
from netproof.model.value import replace
from netproof.report.comparison import sheet, tables
from netproof.report.writers import ENDINGS, OF_COMPARISON
from netproof.verdict.comparison import compare
from tests.unit.report.hostile import with_texts
from tests.unit.report.sample import IGNORES, intent_result
from tests.unit.verdict.records import LEAK, TABLE, left, named, played, record

EVIL = "</script><b>x</b>\x1b[2J\n# y | z `w` =1+1"
_DOOR = DoorResult(Door.EXEC, "shop/db", DoorState.OPEN)
WELL = replace(
    record(played("shop/shut"), played("shop/locked")),
    doors=(_DOOR,),
    intents=(intent_result("deny: a -> b", "kept"),),
)
LEAKY = record(played("shop/shut", LEAK), also=[left("shop/test_shop.py::test_locked")])
NOWHERE = replace(
    record(also=[left("shop/test_shop.py::test_shut", UNENFORCED)]),
    canaries=(IGNORES,),
    verdict=RunVerdict.NOT_ENFORCED,
)
TOLD = compare(named(WELL, LEAKY, NOWHERE), TABLE)

FORMS = OF_COMPARISON.writers
each = pytest.mark.parametrize("form", FORMS)


@each
def test_every_form_tells_who_leaks_and_what_was_not_tried(form: str) -> None:
    """With why, and the same bytes for the same records."""
    told = FORMS[form].render(TOLD)
    assert told == FORMS[form].render(TOLD)
    assert told.endswith("\n") or form == "html"
    assert told.replace("\n", "").isprintable()
    for words in ("leaks", "not tried", "enforced"):
        assert words in told


@each
def test_texts_of_strangers_are_texts(form: str) -> None:
    """Whatever a record holds steers no terminal, and is no tag and no formula."""
    hostile = compare(
        named(*(with_texts(run, lambda text: text + EVIL) for run in (WELL, LEAKY))), TABLE
    )
    told = FORMS[form].render(
        replace(hostile, runs=tuple(replace(r, label=f"={EVIL}") for r in hostile.runs))
    )
    assert "\x1b" not in told
    assert "# y" not in [line[:3] for line in told.splitlines()]
    if form == "html":
        assert "<b>x</b>" not in told
        assert 1 == told.count("</script>")


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("width", [60, 80, 132])
def test_nothing_is_wider_than_the_terminal(width: int, colour: bool) -> None:
    """Whatever stands in a column; colours where there are any."""
    told = tables.text(TOLD, width=width, colour=colour)
    assert ("\x1b[" in told) == colour
    lines = re.sub(r"\x1b\[[0-9;]*m", "", told).splitlines()
    assert [] == [line for line in lines if len(line) > width]


def test_a_terminal_tells_what_differs_and_counts_the_rest() -> None:
    """Who enforces nothing is no reason to tell all rows; its end is what got worse."""
    told = tables.text(TOLD)
    assert "1. Shops are shut" in told
    assert "alike in every record that enforces: 1 enforced" in told
    assert "canary      " not in told
    assert "B against A, 2 cases told by both: 1 worse." in told
    assert "again  pytest suites -k shut" in told


def test_what_became_otherwise_for_one_reason_is_told_in_one_line() -> None:
    """The first of them by name."""
    names = [f"shop/case-{n}" for n in range(5)]
    cut = replace(record(played(names[0])), selected=5, cut_short="interrupted after 1 of 5 cases")
    told = tables.markdown_text(compare(named(record(*map(played, names)), cut), TABLE))
    lost = "shop/case-1, shop/case-2, shop/case-3 and 1 more"
    assert f"not told any more: {lost}: enforced before, not tried now: interrupted after 1" in told


def test_many_records_are_listed_one_below_the_other() -> None:
    """Five columns are too narrow for words: each word has those who have it, the worst first."""
    told = tables.text(compare(named(WELL, LEAKY, WELL, WELL, LEAKY, WELL), TABLE))
    at = told.splitlines().index("1. Shops are shut")
    assert [
        "    leaks: B (1 of 1 case, 1 flow), E (1 of 1 case, 1 flow)",
        "    enforced: A, C, D, F",
    ] == told.splitlines()[at + 1 : at + 3]


def test_csv_has_a_line_a_row_and_no_formula() -> None:
    """Two cells a record."""
    first = replace(TOLD.runs[0], label="=A")
    rows = list(
        csv.reader(io.StringIO(tables.csv_text(replace(TOLD, runs=(first, *TOLD.runs[1:])))))
    )
    heads = ["'=A", "'=A: evidence", "B", "B: evidence", "C", "C: evidence"]
    assert ["kind", "subject", "difference", *heads] == rows[0]
    assert {len(row) for row in rows} == {9}
    cells = ["enforced", "2 cases", "leaks", "1 of 1 case, 1 flow", "not offered", ""]
    assert ["Statements of NetworkPolicy", "1. Shops are shut", "differs", *cells] == rows[1]


def test_markdown_has_its_tables_and_the_commands() -> None:
    """As GitHub reads it."""
    told = MarkdownIt("commonmark").enable("table").render(tables.markdown_text(TOLD))
    assert 4 == told.count("<table>") - 1
    assert "<td>1. Shops are shut</td>" in told
    assert "<strong>leaks (1 of 1 case, 1 flow)</strong>" in told
    assert "<code>pytest suites -k shut</code>" in told


def test_json_is_the_comparison() -> None:
    """With its version."""
    plain = json.loads(FORMS["json"].render(TOLD))
    assert "netproof.comparison/v1" == plain["schema"]
    assert ["A", "B", "C"] == [run["label"] for run in plain["runs"]]


def test_every_link_of_the_page_leads_somewhere() -> None:
    """Each cell with evidence to it, and from there back to its row and on to the case."""
    told = sheet.render(TOLD)
    ids = re.findall(r' id="([^"]+)"', told)
    links = re.findall(r'href="#([^"]+)"', told)
    assert len(ids) == len(set(ids))
    assert set() == set(links) - set(ids)
    cells = re.findall(r'<td role="cell" class="bad"[^>]*>(.*?)</td>', told)
    assert cells
    assert all(cell.startswith('<a href="#of-') for cell in cells)
    assert [] == re.findall(r"(?:src|href)=\"(?!#)[^\"]*", told)


def test_a_page_of_a_huge_record_stays_one_that_a_browser_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says how much it leaves out."""
    for name in ("MAX_ROWS", "MAX_CASES", "MAX_NAMES"):
        monkeypatch.setattr(sheet, name, 2)
    scenarios = [played(f"theme{n}/one") for n in range(9)] + [
        played(f"a/case-{n}") for n in range(9)
    ]
    told = sheet.render(compare(named(record(*scenarios)), TABLE))
    assert "and 9 rows more" in told
    assert "and 7 more; the JSON has them" in told


def test_every_form_but_text_has_an_ending() -> None:
    """By which a file's form is known."""
    assert set(FORMS) == set(ENDINGS.values())


def _is_alike(told: Comparison) -> bool:
    return all(row.difference == "alike" for section in told.sections for row in section.rows)


def test_the_same_record_twice_is_alike() -> None:
    """And nothing is worse."""
    told = compare(named(LEAKY, LEAKY), TABLE)
    assert _is_alike(told)
    assert "B against A, 2 cases told by both: nothing is worse." in tables.text(told)
