"""The page as a browser shows it: drawn when looked at, searched, linked to, by key, narrow."""

from __future__ import annotations

from pathlib import Path

import pytest

from netproof.model.value import replace
from netproof.report.comparison import sheet
from netproof.report.run import page
from netproof.review.picture import read_picture
from tests.browser import chromium
from tests.unit.report.comparison.test_forms import TOLD
from tests.unit.report.hostile import with_texts
from tests.unit.report.run.test_bypass import KEYS, RESULTS
from tests.unit.report.sample import EVERYTHING, LEAKING, PASSING, run_of
from tests.unit.review.build import mirror, policy, workload

pytestmark = pytest.mark.skipif(not chromium.PROGRAM, reason="no chromium: install one to run this")

EVIL = "</script><img src=x onerror=evil()>"
SHOWN = "[...document.querySelectorAll('.case')].filter((one) => !one.hidden).map((one) => one.id)"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a page with one of everything."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page.render(replace(EVERYTHING, doors=RESULTS, keys=KEYS)), encoding="utf-8")
    return path


def test_its_script_runs_and_nothing_is_refused(browser: chromium.Browser, report: Path) -> None:
    """The hash in the policy is that of the script, and of the style."""
    browser.open(report)
    assert browser.ask("document.querySelectorAll('.matrix').length") > 0
    assert "rgb(180, 35, 24)" == browser.ask(
        "getComputedStyle(document.querySelector('td.leak')).backgroundColor"
    )
    assert [] == browser.faults


def test_what_is_searched_for_is_shown(browser: chromium.Browser, report: Path) -> None:
    """By the words of a case and of its findings, its state and its theme."""
    browser.open(report)
    find = "byId('find').value = '{}'; filter(); " + SHOWN
    assert ["peers/api-to-postgres"] == browser.ask(find.format("staging/web LEAK"))
    assert "1 of 4 cases" == browser.ask("byId('shown').textContent")
    assert [] == browser.ask(find.format("nothing of the kind"))
    browser.ask(find.format(""))
    chosen = f"byId('state').value = 'pass'; filter(); {SHOWN}"
    assert ["isolation/default-deny-all"] == browser.ask(chosen)


def test_an_address_opens_what_it_names(browser: chromium.Browser, report: Path) -> None:
    """A pair of ends in a case that is folded, and was as expected."""
    browser.open(report, fragment="#isolation/default-deny-all/staging/web-%3Eproduction/api")
    said = browser.ask("document.activeElement.getAttribute('aria-label')")
    assert said.startswith("staging/web -> production/api, TCP 80, 5432")
    assert "expected denied, seen dropped (enforced)" in said
    assert said in browser.ask("document.activeElement.closest('.sheet').nextSibling.textContent")


def test_a_matrix_is_walked_by_the_keyboard(browser: chromium.Browser, report: Path) -> None:
    """It is one stop of the tab key, at the first leak; arrows lead on, and say what they find."""
    browser.open(report)
    browser.ask("document.querySelector('.case .matrix td[tabindex=\"0\"]').focus()")
    assert "(leak)" in browser.ask("document.activeElement.getAttribute('aria-label')")
    browser.press("ArrowLeft")
    said = browser.ask("document.activeElement.getAttribute('aria-label')")
    assert said.startswith("staging/web -> production/api")
    assert 1 == browser.ask(
        "document.activeElement.closest('table').querySelectorAll('[tabindex=\"0\"]').length"
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_phone_scrolls_down_only(browser: chromium.Browser, report: Path, *, dark: bool) -> None:
    """At 360 px, with everything unfolded; what is wide scrolls by itself."""
    browser.open(report, width=360, dark=dark)
    browser.ask("for (const one of document.querySelectorAll('details')) one.open = true")
    browser.ask("document.body.offsetHeight")
    assert browser.ask("document.documentElement.scrollWidth") <= 360


ARROWS = "[...document.querySelectorAll('.arrows .arrow')].map((one) => one.ariaLabel)"
OPEN_PICTURE = (
    "{ const one = document.getElementById('peers/api-to-postgres'); one.open = true; draw(one);"
    " [...one.querySelectorAll('.step')].at(-1).open = true; }"
)
LEAK = "staging/web to production/postgres on 5432/TCP: leak"


def _settled(browser: chromium.Browser, path: Path) -> None:
    """Open a page, and the picture of its leaking case; toggles come a moment later."""
    browser.open(path)
    assert 0 == browser.ask("document.querySelectorAll('svg').length")
    browser.ask(OPEN_PICTURE)
    browser.call(
        "Runtime.evaluate",
        expression="new Promise((done) => requestAnimationFrame(() => setTimeout(done)))",
        awaitPromise=True,
    )


def test_a_picture_is_drawn_when_it_is_opened(browser: chromium.Browser, report: Path) -> None:
    """A leak is an arrow of its own; its replay says what was seen in each state."""
    _settled(browser, report)
    assert any(one.startswith(LEAK) for one in browser.ask(ARROWS))
    browser.ask(
        "document.querySelector('.arrow.leak').dispatchEvent(new Event('click', {bubbles: true}))"
    )
    told = browser.ask("document.querySelector('.case .stages').innerText")
    assert "policies in force" in told
    assert "expected denied, seen connected (leak)" in told
    assert [] == browser.faults


def test_the_picture_of_a_bundle_has_its_rules(browser: chromium.Browser, tmp_path: Path) -> None:
    """Beside what was seen: policy, file and line."""
    spec = "{podSelector: {matchLabels: {app: postgres}}, policyTypes: [Ingress]}"
    pods = [workload("production/postgres", 5432), workload("staging/web", 80)]
    decided = read_picture(mirror(*pods, policy("production/shut", spec)), "a bundle")
    path = tmp_path / "bundle.html"
    path.write_text(page.render(run_of((replace(LEAKING, picture=decided),))), encoding="utf-8")
    _settled(browser, path)
    assert any(one.startswith(LEAK) for one in browser.ask(ARROWS))
    browser.ask(
        "document.querySelector('.arrow.leak').dispatchEvent(new Event('click', {bubbles: true}))"
    )
    told = " ".join(browser.ask("document.querySelector('.case .stages').innerText").split())
    assert "ingress of production/postgres: denied isolated by production/shut bundle.yaml" in told
    assert "expected denied, seen connected (leak)" in told


def test_hostile_text_stays_text(browser: chromium.Browser, tmp_path: Path) -> None:
    """Also what the script draws."""
    evil = tmp_path / "evil.html"
    evil.write_text(page.render(with_texts(EVERYTHING, lambda text: text + EVIL)), encoding="utf-8")
    browser.open(evil)
    browser.ask("for (const one of document.querySelectorAll('details')) one.open = true")
    assert 0 == browser.ask("document.querySelectorAll('img').length")
    assert "onerror=evil()" in browser.ask("document.querySelector('.matrix').textContent")


def test_the_whole_suite_is_there_at_once(browser: chromium.Browser, tmp_path: Path) -> None:
    """650 cases, 60 of them with leaks: read, laid out and shown in less than a second's work."""
    cases = [replace(PASSING, id=f"theme-{n % 20}/case-{n}") for n in range(590)]
    cases += [replace(LEAKING, id=f"theme-x/case-{n}") for n in range(60)]
    whole = tmp_path / "whole.html"
    whole.write_text(page.render(run_of(tuple(cases))), encoding="utf-8")
    browser.call("Performance.enable", timeDomain="threadTicks")  # a busy machine is not its fault
    browser.open(whole, width=360)
    metrics = browser.call("Performance.getMetrics")["metrics"]
    (took,) = (one["value"] for one in metrics if one["name"] == "TaskDuration")
    assert 0 < took < 1


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_comparison_leads_from_a_cell_to_its_evidence(
    browser: chromium.Browser, tmp_path: Path, dark: bool
) -> None:
    """By a link that unfolds it; on 360 pixels no page scrolls sideways, and nothing is refused."""
    path = tmp_path / "compare.html"
    path.write_text(sheet.render(TOLD), encoding="utf-8")
    browser.faults.clear()
    browser.open(path, width=360, dark=dark)
    assert browser.ask("document.documentElement.scrollWidth") <= 360
    browser.ask("document.querySelector('td.bad a').click()")
    shown = "document.querySelector(':target').getClientRects().length"
    assert browser.ask(shown)
    assert "leaks" in browser.ask("document.querySelector(':target').textContent")
    alike = "[...document.querySelectorAll('.is-alike')].filter((one) => one.offsetHeight).length"
    assert browser.ask(alike)
    browser.ask("document.getElementById('only').click()")
    assert 0 == browser.ask(alike)
    assert [] == browser.faults
