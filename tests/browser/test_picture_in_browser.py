"""A picture that is asked: a pod, a pair and a policy are chosen, policies switched off."""

from __future__ import annotations

from pathlib import Path

import pytest

from netproof.report.picture import drawing
from tests.browser import chromium
from tests.unit.report.picture.test_drawing import SHOP, hostile

pytestmark = pytest.mark.skipif(not chromium.PROGRAM, reason="no chromium: install one to run this")

ARROWS = "[...document.querySelectorAll('.arrows .arrow')].map((one) => one.ariaLabel)"
CHOSEN = "[...document.querySelectorAll('.chosen')].map((one) => one.ariaLabel.split(',')[0])"
CURRENT = "document.querySelector('[aria-current]').innerText"
FOCUSED = "document.activeElement.ariaLabel.split(',')[0]"


def _told(browser: chromium.Browser) -> str:
    """Return what is said of what was chosen, on one line."""
    return " ".join(browser.ask("document.querySelector('.told').innerText").split())


def _pick(browser: chromium.Browser, name: str) -> None:
    end = f"document.querySelector('.drawing [aria-label^=\"{name}\"]')"
    browser.ask(f"{end}.dispatchEvent(new Event('click', {{bubbles: true}}))")


def _press(browser: chromium.Browser, label: str) -> None:
    browser.ask(f"document.querySelector('.told [aria-label^=\"{label}\"]').click()")


def _choose(browser: chromium.Browser, chooser: str, text: str) -> None:
    labels = "[...document.querySelectorAll('.tools label')]"
    label = f"{labels}.find((one) => one.textContent.startsWith('{chooser} '))"
    browser.ask(
        f"{{ const select = {label}.querySelector('select');"
        f"select.value = [...select.options].find((one) => one.text === '{text}').value;"
        "select.dispatchEvent(new Event('change')); }"
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the picture of a bundle as a page."""
    path = tmp_path_factory.mktemp("picture") / "graph.html"
    path.write_text(drawing.html(SHOP), encoding="utf-8")
    return path


def test_a_pod_says_whom_it_may_reach_and_who_may_reach_it(
    browser: chromium.Browser, page: Path
) -> None:
    """With policy, rule, file and line; in the picture its own arrows are left."""
    browser.open(page)
    assert [] == browser.faults
    _pick(browser, "api 8080, namespace shop")
    told = _told(browser)
    assert "isolated for ingress by shop/deny bundle.yaml:" in told
    assert "shop/web 8080/TCP: allowed shop/web-api-out egress[0] bundle.yaml:" in told
    assert "shop/web-api-in ingress[0] bundle.yaml:" in told
    assert "shop/db 5432/TCP: allowed" in told
    assert all("shop/api" in one for one in browser.ask(ARROWS))


def test_a_pair_is_replayed_step_by_step(browser: chromium.Browser, page: Path) -> None:
    """The packet stands where the step takes place, and where a policy stops it."""
    packet = "document.querySelector('.packet').getAttribute('{}')"
    browser.open(page)
    _choose(browser, "from", "far/job")
    _choose(browser, "to", "shop/db")
    _press(browser, "next step")
    assert "egress of far/job: no policy isolates it" in browser.ask(CURRENT)
    first = browser.ask(packet.format("cx"))
    _press(browser, "next step")
    assert "ingress of shop/db: denied" in browser.ask(CURRENT)
    assert first != browser.ask(packet.format("cx"))
    assert "packet stops" == browser.ask(packet.format("class"))


def test_a_policy_shows_what_it_isolates(browser: chromium.Browser, page: Path) -> None:
    """And what would change without it: the flows, and arrows of their own."""
    browser.open(page)
    _choose(browser, "policy", "shop/web-api-in")
    assert "isolates for ingress: 1 workload shop/api" in _told(browser)
    assert ["api 8080"] == browser.ask(CHOSEN)
    _press(browser, "switch shop/web-api-in off")
    told = _told(browser)
    assert "Would open: 0 flows Would close: 1 flow shop/web → shop/api 8080/TCP" in told
    gone = "shop/web to shop/api on 8080/TCP: closes without these policies"
    assert gone in browser.ask(ARROWS)


def test_a_picture_is_walked_by_the_keyboard(browser: chromium.Browser, page: Path) -> None:
    """It is one stop of the tab key; arrows lead on, Enter chooses, Escape shows all again."""
    browser.open(page)
    browser.ask("document.querySelector('.drawing [tabindex=\"0\"]').focus()")
    first = browser.ask(FOCUSED)
    browser.press("ArrowRight")
    second = browser.ask(FOCUSED)
    assert first != second
    browser.press("Enter")
    assert second.split(" ")[0] in _told(browser).split(" ")[0]
    assert second == browser.ask(FOCUSED)
    assert 1 == browser.ask("document.querySelectorAll('.drawing svg [tabindex=\"0\"]').length")
    browser.press("Escape")
    assert _told(browser).startswith("Choose a workload")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_phone_scrolls_down_only(browser: chromium.Browser, page: Path, *, dark: bool) -> None:
    """At 360 px, with a pod chosen; the picture scrolls by itself."""
    browser.open(page, width=360, dark=dark)
    _pick(browser, "api 8080, namespace shop")
    assert browser.ask("document.documentElement.scrollWidth") <= 360


def test_hostile_text_stays_text(browser: chromium.Browser, tmp_path: Path) -> None:
    """Also what the script draws and says."""
    evil = tmp_path / "evil.html"
    evil.write_text(drawing.html(hostile()), encoding="utf-8")
    browser.open(evil)
    _pick(browser, "api")
    assert 0 == browser.ask("document.querySelectorAll('img').length")
    assert "onerror=evil()" in _told(browser)
