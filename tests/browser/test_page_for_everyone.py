"""The page of each kind of run, for those who see it and those who do not, with or without mouse.

Rules are those of WCAG 2.2 at level AA, as axe-core tries them, and its best practices. The file
of axe-core lies beside this one, unchanged (`axe.min.js`, of version, licence and checksum in
`axe.md`); nothing of it is part of netproof.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path

import pytest

from netproof.model.record import CaseOutcome, CaseRecord, RunRecord, RunVerdict
from netproof.model.value import replace
from netproof.report.run import page
from tests.browser import chromium
from tests.unit.report.run.test_bypass import KEYS, RESULTS
from tests.unit.report.sample import (
    ALL_PASS,
    EVERYTHING,
    FLAT,
    PASSING,
    intent_result,
    run_of,
)

HERE = Path(__file__).parent
AXE = HERE / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TELL = """.then(({violations}) => violations.flatMap(({id, help, nodes}) =>
  nodes.map(({html, any}) => [id, help, html.slice(0, 200), ...any.map((one) => one.message)])))"""

needs_browser = pytest.mark.skipif(
    not chromium.PROGRAM or "CI" in os.environ,
    reason="takes a chromium and some seconds: install one, and run it outside of CI",
)

_UNTRIED = tuple(
    CaseRecord(f"egress/test_outside.py::test_{n}", CaseOutcome.UNTRIED, 0.0, "no host outside")
    for n in range(3)
)
_INTENTS = (intent_result("allow: web -> api", "kept"), intent_result("deny: api -> web", "broken"))

KINDS: dict[str, RunRecord] = {
    "pass": replace(
        run_of(tuple(replace(PASSING, id=f"isolation/case-{n}") for n in range(3))),
        notes=("3 cases not tried: no host outside",),
        cases=_UNTRIED,
    ),
    "fail": replace(EVERYTHING, doors=RESULTS, keys=KEYS, notes=("1 container was left",)),
    "bundle": replace(run_of((), intents=_INTENTS), canaries=()),
    "not enforced": FLAT,
    "interrupted": replace(
        ALL_PASS,
        verdict=RunVerdict.INCONCLUSIVE,
        exit_reason="INCONCLUSIVE: interrupted after 1 of 17 cases.",
        cut_short="interrupted after 1 of 17 cases",
    ),
}

MODES = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
UNFOLDED = "for (const one of document.querySelectorAll('details')) one.open = true"


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a page of each kind."""
    folder = tmp_path_factory.mktemp("pages")
    for kind, run in KINDS.items():
        (folder / f"{kind}.html").write_text(page.render(run), encoding="utf-8")
    return {kind: folder / f"{kind}.html" for kind in KINDS}


def test_axe_is_as_it_was_published() -> None:
    """Its note says which version it is, under which licence, and the checksum."""
    note = (HERE / "axe.md").read_text(encoding="utf-8")
    (digest,) = re.findall(r"`([0-9a-f]{64})`", note)
    assert digest == hashlib.sha256(AXE.read_bytes()).hexdigest()
    (version,) = re.findall(r"axe v([\d.]+)", AXE.read_text(encoding="utf-8")[:100])
    assert f"axe-core {version}" in note
    assert "MPL-2.0" in note


def _objections(browser: chromium.Browser) -> dict[str, list[str]]:
    """Return what axe objects to on the page that is open, by its rule."""
    browser.ask(f"{AXE.read_text(encoding='utf-8')}; null")
    told: list[list[str]] = browser.ask(
        f"axe.run(document, {{preload: false, runOnly: {json.dumps(RULES)}}}){TELL}"
    )
    return {rule: why for rule, *why in told}


@needs_browser
@MODES
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_in_anyones_way(
    browser: chromium.Browser, reports: dict[str, Path], kind: str, *, dark: bool
) -> None:
    """Contrast, names, roles, order of headings, sizes of targets: with everything unfolded."""
    browser.open(reports[kind], dark=dark)
    browser.ask(UNFOLDED)
    assert {} == _objections(browser)
    assert [] == browser.faults


@needs_browser
def test_what_is_in_the_way_is_found(browser: chromium.Browser, reports: dict[str, Path]) -> None:
    """Grey on white, a picture without a text, a field without a name."""
    browser.open(reports["fail"])
    browser.ask(
        "document.querySelector('main p, main dt').style.color = '#cccccc';"
        "const picture = Object.assign(document.createElement('img'), {src: 'data:,'});"
        "document.querySelector('main').append(picture, document.createElement('input'))"
    )
    assert {"color-contrast", "image-alt", "label"} <= set(_objections(browser))


@needs_browser
@pytest.mark.parametrize("kind", KINDS)
def test_a_phone_scrolls_down_only(
    browser: chromium.Browser, reports: dict[str, Path], kind: str
) -> None:
    """At 360 px, everything unfolded; a finger's worth of room for what is pressed."""
    browser.open(reports[kind], width=360)
    browser.ask(UNFOLDED)
    browser.ask("document.body.offsetHeight")
    assert browser.ask("document.documentElement.scrollWidth") <= 360
    pressed = "[...document.querySelectorAll('summary, select, input, td[tabindex]')]"
    small = ".filter((one) => one.offsetParent && one.offsetHeight < 24)"
    assert [] == browser.ask(f"{pressed}{small}.map((one) => one.outerHTML)")


@needs_browser
def test_the_keyboard_is_enough(browser: chromium.Browser, reports: dict[str, Path]) -> None:
    """From the top: search, go to a case, unfold it, walk its matrix; the focus is always seen."""
    focus = "document.activeElement"
    browser.open(reports["fail"])
    browser.press("Tab")
    assert "to the cases" == browser.ask(f"{focus}.textContent")
    assert browser.ask(f"{focus}.getBoundingClientRect().left") >= 0
    while browser.ask(f"{focus}.id") != "find":
        browser.press("Tab")
    browser.write("default-deny-all")
    assert "1 of 4 cases" == browser.ask("byId('shown').textContent")
    for _ in range(40):
        browser.press("Tab")
        if browser.ask(f"{focus}.parentNode.dataset.theme") == "isolation":
            break
    assert "isolation/default-deny-all" == browser.ask(f"{focus}.parentNode.id")
    assert "none" != browser.ask(f"getComputedStyle({focus}).outlineStyle")
    browser.press("Enter")
    while browser.ask(f"{focus}.tagName") != "TD":
        browser.press("Tab")
    first = browser.ask(f"{focus}.getAttribute('aria-label')")
    browser.press("ArrowDown")
    assert first.partition(" -> ")[2].partition(",")[0] in browser.ask(
        f"{focus}.getAttribute('aria-label')"
    )
    assert first != browser.ask(f"{focus}.getAttribute('aria-label')")


@needs_browser
def test_a_screen_reader_is_told_everything(
    browser: chromium.Browser, reports: dict[str, Path]
) -> None:
    """What colour and place say to the eye, each cell, field and heading says in words."""
    browser.open(reports["fail"])
    heard = browser.heard()
    for role in ("heading", "searchbox", "combobox", "gridcell", "columnheader", "rowheader"):
        names = [name for one, name in heard if one == role]
        assert names, role
        assert role == "gridcell" or all(names), role
    cells = [name for role, name in heard if role == "gridcell" and name]
    assert any("expected denied, seen connected (leak)" in name for name in cells)
    assert all(re.search(r"expected \w+, seen .* \(.*\)$", name) for name in cells)
    (first, *_) = [name for role, name in heard if role == "heading"]
    assert first.startswith("FAIL: ")


@needs_browser
@MODES
def test_it_prints_dark_on_white(
    browser: chromium.Browser, reports: dict[str, Path], *, dark: bool
) -> None:
    """What is wrong is unfolded; what only a screen is for is not there."""
    browser.open(reports["fail"], dark=dark)
    browser.call("Page.printToPDF")
    folded = "[...document.querySelectorAll('.case:not([open])')].map((one) => one.dataset.state)"
    assert {"pass"} == set(browser.ask(folded))
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.call("Emulation.setEmulatedMedia", media="print", features=[scheme])
    shown = "getComputedStyle({}).{}"
    assert "none" == browser.ask(shown.format("byId('filters')", "display"))
    assert "rgb(27, 31, 36)" == browser.ask(shown.format("document.body", "color"))
    browser.call("Emulation.setEmulatedMedia", media="", features=[scheme])


@needs_browser
def test_cases_alike_are_one_line_until_somebody_looks(
    browser: chromium.Browser, reports: dict[str, Path]
) -> None:
    """Those that passed by theme, those not tried by reason; a search unfolds what it finds."""
    browser.open(reports["pass"])
    lines = "[...document.querySelectorAll('.group > summary')].map((one) => one.innerText)"
    assert ["NOT TRIED 3 cases no host outside", "PASS 3 cases isolation"] == browser.ask(lines)
    opened = "document.querySelectorAll('.group[open]').length"
    assert 0 == browser.ask(opened)
    browser.ask("byId('find').value = 'case-2'; filter()")
    assert 1 == browser.ask(opened)
    browser.ask("byId('find').value = ''; filter()")
    assert 0 == browser.ask(opened)
    browser.open(reports["pass"], fragment="#isolation/case-1")
    assert browser.ask("byId('isolation/case-1').getBoundingClientRect().height") > 100
