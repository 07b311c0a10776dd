"""The page of the whole suite until something is painted, against a page of as many bytes.

The whole suite is what real runs left (docs/results): the record in which most went wrong, and the
cases of the largest besides, which it has not. The floor carries the same bytes as data and shows
one line. Each is opened in turn, at a phone's width, in one browser; the fastest of each counts.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.ratio import Ratio
from netproof.front.cli import record_commands
from netproof.model.record import RunRecord
from netproof.model.value import replace
from netproof.report.run import page
from tests.browser import chromium

RESULTS = Path(__file__).parents[1] / "docs" / "results"
TIMES = 5
LIMIT = 6.0
"""A few thousand elements are laid out too; a page that drew all matrices would take a hundred."""

MOST_BYTES = 2_000_000
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


def whole_suite() -> RunRecord:
    """Return a record with every case of the suites, some of which failed."""
    failed, passed = (
        record_commands.read(RESULTS / f"{n}.json.gz") for n in ("kube-router", "calico")
    )
    known = {one.id for one in failed.scenarios}
    more = tuple(one for one in passed.scenarios if one.id not in known)
    return replace(failed, scenarios=failed.scenarios + more, cut_short="")


def run() -> Ratio:
    """Measure both; say what the page weighs and how long the browser worked for all of it."""
    if not chromium.PROGRAM:
        return Ratio("first paint", 0.0, 1.0, LIMIT, "not measured: there is no chromium")
    text = page.render(whole_suite())
    with tempfile.TemporaryDirectory() as folder, chromium.browser(Path(folder)) as browser:
        ours, floor = Path(folder, "ours.html"), Path(folder, "floor.html")
        ours.write_text(text, encoding="utf-8")
        floor.write_text(_plain(len(text)), encoding="utf-8")
        browser.call("Performance.enable")
        pairs = [(_painted_s(browser, ours), _painted_s(browser, floor)) for _ in range(TIMES)]
        browser.open(ours, width=360)
        nodes = browser.ask("document.querySelectorAll('*').length")
    size = len(text.encode())
    over = " OVER 2 MB" if size > MOST_BYTES else ""
    ours_s, floor_s = (min(one[n] for one in pairs) for n in (0, 1))
    return Ratio(
        "first paint", ours_s, floor_s, LIMIT, f"{size / 1e6:.2f} MB{over}, {nodes} elements"
    )


def _painted_s(browser: chromium.Browser, path: Path) -> float:
    """Return how long after it was asked for a page had something on the screen."""
    browser.open(path, width=360)
    painted: float = browser.ask(
        f"new Promise((told) => {{ const look = () => ({PAINTED}) ? told({PAINTED})"
        " : requestAnimationFrame(look); look(); })"
    )
    return painted / 1000


def _plain(size: int) -> str:
    data = "x" * size
    return (
        f'<!doctype html><title>x</title><p>x</p><script type="application/json">"{data}"</script>'
    )
