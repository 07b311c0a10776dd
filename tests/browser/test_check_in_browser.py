"""The page of a check: its picture is drawn when it is opened, with what packets did."""

from __future__ import annotations

from pathlib import Path

import pytest

from netproof.model.value import replace
from netproof.report import checkpage
from netproof.review.picture import read_picture
from tests.browser import chromium
from tests.unit.report.review.test_hostile import CHECK
from tests.unit.report.sample import LEAKING
from tests.unit.review.build import mirror, policy, workload

pytestmark = pytest.mark.skipif(not chromium.PROGRAM, reason="no chromium: install one to run this")

SHUT = "{podSelector: {matchLabels: {app: postgres}}, policyTypes: [Ingress]}"
PODS = (workload("production/postgres", 5432), workload("staging/web", 80))


def test_the_picture_of_a_check_is_drawn_when_it_is_opened(tmp_path: Path) -> None:
    """By the rules of the bundle, and by what was seen of it."""
    picture = read_picture(mirror(*PODS, policy("production/shut", SHUT)), "a bundle")
    path = tmp_path / "check.html"
    drawn = replace(CHECK, picture=picture, steps=LEAKING.steps)
    path.write_text(checkpage.render(drawn), encoding="utf-8")
    with chromium.browser(tmp_path / "profile") as browser:
        browser.open(path)
        assert 0 == browser.ask("document.querySelectorAll('svg').length")
        browser.call(
            "Runtime.evaluate",
            expression="document.getElementById('picture').open = true;"
            "new Promise((done) => requestAnimationFrame(() => setTimeout(done)))",
            awaitPromise=True,
        )
        said = browser.ask(
            "[...document.querySelectorAll('.arrows .arrow')].map((one) => one.ariaLabel)"
        )
        assert any(one.startswith("staging/web to production/postgres") for one in said)
        assert any(one.endswith("leak: denied, and got through") for one in said)
        assert [] == browser.faults
