"""The report as one HTML page that needs nothing else: verdict, scenarios, heat maps.

Built as a tree and escaped by its serializer, so no text of a record can become markup.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from xml.etree import ElementTree as ET

from netproof.model.record import (
    FlowVerdict,
    RunRecord,
    RunVerdict,
    ScenarioRecord,
    StepRecord,
)
from netproof.report import page_doors, tally
from netproof.report.grid import split_name
from netproof.report.page_style import CSS, SCRIPT
from netproof.report.panels import Mark, Panel, panels
from netproof.report.pen import Pen
from netproof.report.printable import printable
from netproof.report.words import TITLES, Mismatch, counted, mismatches, step_told, story

MAX_MISMATCHES = 200
"""So many of a step are listed: a page that takes seconds to open is not read."""

_NOTHING_ELSEWHERE = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_PEN = Pen()


def render(record: RunRecord) -> str:
    """Return the run as an HTML document."""
    run = printable(record)
    root = ET.Element("html", lang="en")
    _head(_add(root, "head"), run)
    body = _add(root, "body")
    _banner(body, run)
    _tiles(body, run)
    scenarios = tally.told(run)
    if scenarios:
        _overview(body, scenarios)
        _filters(body)
        _legend(body)
    for number, scenario in enumerate(scenarios):
        _scenario(body, scenario, number, run)
    page_doors.add(body, run)
    _errors(body, run)
    _add(body, "script", SCRIPT if scenarios else "")
    return f"<!doctype html>\n{ET.tostring(root, encoding='unicode', method='html')}\n"


def _add(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    made = ET.SubElement(parent, tag, named)
    made.text = text
    return made


def _head(head: ET.Element, run: RunRecord) -> None:
    _add(head, "meta", charset="utf-8")
    _add(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    _add(head, "meta", http_equiv="Content-Security-Policy", content=_NOTHING_ELSEWHERE)
    _add(head, "title", f"{run.verdict}: netproof run {run.run_id}")
    _add(head, "style", CSS)


def _css(verdict: RunVerdict) -> str:
    return str(verdict).lower().replace(" ", "-")


def _banner(body: ET.Element, run: RunRecord) -> None:
    banner = _add(body, "header", class_=f"banner {_css(run.verdict)}")
    _add(banner, "h1", str(run.verdict))
    _add(banner, "p", run.exit_reason)
    for canary in run.canaries:
        _add(banner, "p", f"Canary: {canary.text}")
    cluster = run.cluster
    facts = (
        f"{cluster.kind} {cluster.name}".strip(),
        cluster.version,
        cluster.dataplane,
        counted(len(cluster.nodes), "node"),
        f"run {run.run_id}",
        run.started,
        f"{run.seconds:.1f} s",
        f"netproof {run.netproof}",
    )
    _add(body, "p", " · ".join(filter(None, facts)), class_="facts")


def _tiles(body: ET.Element, run: RunRecord) -> None:
    tiles = _add(body, "ul", class_="tiles")
    for verdict, number in tally.counts(run.scenarios).items():
        tile = _add(tiles, "li")
        _add(tile, "b", str(number))
        _add(tile, "span", str(verdict))


def _overview(body: ET.Element, scenarios: tuple[ScenarioRecord, ...]) -> None:
    table = _add(_add(body, "div", class_="sheet"), "table", class_="overview")
    heads = _add(_add(table, "thead"), "tr")
    for head in ("scenario", "verdict", "flows", *FlowVerdict, "rounds", "seconds"):
        _add(heads, "th", str(head), scope="col")
    rows = _add(table, "tbody")
    for number, one in enumerate(scenarios):
        row = _add(rows, "tr", data_scenario=one.id, data_verdict=str(one.verdict))
        _add(_add(row, "td"), "a", one.id, href=f"#scenario-{number}")
        _add(_add(row, "td"), "span", str(one.verdict), class_=f"badge {_css(one.verdict)}")
        numbers = (tally.flows(one), *tally.counts([one]).values(), tally.rounds(one))
        for value in (*map(str, numbers), f"{one.seconds:.2f}"):
            _add(row, "td", value)


def _filters(body: ET.Element) -> None:
    filters = _add(body, "div", class_="filters")
    wrong = _add(filters, "label")
    _add(wrong, "input", type="checkbox", id="only").tail = " only what did not pass"
    _add(filters, "input", type="search", id="find", placeholder="scenario", aria_label="scenario")


def _legend(body: ET.Element) -> None:
    legend = _add(body, "ul", class_="legend")
    for mark in (mark for mark in Mark if mark is not Mark.BLANK):
        item = _add(legend, "li")
        _add(item, "span", _PEN.symbol(mark), class_=mark.name.lower()).tail = mark.value


def _scenario(body: ET.Element, one: ScenarioRecord, number: int, run: RunRecord) -> None:
    section = _add(body, "details", class_="scenario", id=f"scenario-{number}")
    section.attrib |= {"data-scenario": one.id, "data-verdict": str(one.verdict)}
    if tally.is_wrong(one) and run.verdict is not RunVerdict.NOT_ENFORCED:
        section.set("open", "open")
    summary = _add(section, "summary")
    _add(summary, "span", str(one.verdict), class_=f"badge {_css(one.verdict)}")
    _add(summary, "b", one.id)
    _add(summary, "span", one.title, class_="soft")
    inside = _add(section, "div")
    if one.bundle:
        _add(inside, "p", one.bundle, class_="mono soft")
    if one.known_gap:
        _add(inside, "p", f"Known gap of the CNI, fails no run: {one.known_gap}")
    for step in one.steps:
        _step(inside, step, run)
    if one.repeat:
        _add(_add(inside, "p", "again: "), "code", one.repeat)


def _step(parent: ET.Element, step: StepRecord, run: RunRecord) -> None:
    section = _add(parent, "details", class_="step")
    if step.verdict is not RunVerdict.PASS:
        section.set("open", "open")
    _add(section, "summary", step_told(step))
    drawn = panels(step.tables)
    _matrices(section, [panel for panel in drawn if panel.has_trouble])
    _findings(section, step, run)
    _matrices(section, [panel for panel in drawn if not panel.has_trouble])


def _matrices(parent: ET.Element, drawn: Iterable[Panel]) -> None:
    for panel in drawn:
        _matrix(_add(parent, "div", class_="sheet"), panel)


def _findings(section: ET.Element, step: StepRecord, run: RunRecord) -> None:
    every = mismatches(step)
    listed = [one for one in every if tally.worth_listing(run, one.first)]
    for mismatch in listed[:MAX_MISMATCHES]:
        _finding(section, mismatch)
    if len(listed) > MAX_MISMATCHES:
        _add(section, "p", f"and {len(listed) - MAX_MISMATCHES} more in the JSON record")
    if len(listed) < len(every):
        _add(section, "p", "Leaks are not listed: nothing is enforced on this cluster.")


def _matrix(sheet: ET.Element, panel: Panel) -> None:
    table = _add(sheet, "table", class_="matrix")
    _add(table, "caption", panel.label)
    _column_heads(_add(table, "thead"), panel)
    body, before = _add(table, "tbody"), None
    for number, source in enumerate(panel.rows):
        row = _add(body, "tr")
        namespace, name = split_name(source)
        _add(row, "th", "" if namespace == before else namespace, class_="space", scope="row")
        _add(row, "th", name, scope="row")
        before = namespace
        for column, mark in enumerate(panel.marks[number]):
            cell = ET.SubElement(row, "td")
            if mark is not Mark.BLANK:
                cell.text = _PEN.symbol(mark)
                told = f"{source} -> {panel.columns[column]}: {_told(panel, number, column)}"
                cell.attrib |= {"class": mark.name.lower(), "title": told}


def _column_heads(head: ET.Element, panel: Panel) -> None:
    spaces, names = _add(head, "tr"), _add(head, "tr")
    for row in (spaces, names):
        _add(row, "td", colspan="2")
    for namespace, columns in groupby(map(split_name, panel.columns), lambda name: name[0]):
        of = list(columns)
        _add(spaces, "th", namespace, class_="space", colspan=str(len(of)), scope="colgroup")
        for _, name in of:
            _add(_add(names, "th", class_="column", scope="col"), "span", name)


def _told(panel: Panel, row: int, column: int) -> str:
    mark = panel.marks[row][column]
    so = "enforced" if mark in (Mark.ALLOWED, Mark.DENIED) else mark.value
    return f"expected {panel.expected(row, column)}, seen {panel.outcomes(row, column)} ({so})"


def _finding(parent: ET.Element, mismatch: Mismatch) -> None:
    first = mismatch.first
    card = _add(parent, "div", class_=f"finding {first.verdict}")
    _add(card, "b", TITLES[first.verdict]).tail = f" {mismatch.title}"
    story_of = _add(card, "dl")
    for label, text in story(first, mismatch.places):
        _add(story_of, "dt", label)
        _add(story_of, "dd", text)


def _errors(body: ET.Element, run: RunRecord) -> None:
    if not run.errors:
        return
    _add(body, "h2", "Errors of the harness")
    listed = _add(body, "ul")
    for error in run.errors:
        _add(listed, "li", error, class_="mono")
