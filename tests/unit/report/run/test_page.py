"""The report as a page for browsers."""

from html.parser import HTMLParser

import pytest

from netproof.model.record import RunRecord
from netproof.model.value import replace
from netproof.report.run import page
from tests.unit.report.hostile import with_texts
from tests.unit.report.run.test_bypass import KEYS, RESULTS
from tests.unit.report.sample import ALL_PASS, EVERYTHING, FLAT, LEAKING, run_of

VOID = {"meta", "input"}
EVIL = "'\"><img src=x onerror=evil()></script></style>"


class Reader(HTMLParser):
    """Checks that tags are closed in order, and keeps what a test asks about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()


@pytest.mark.parametrize("record", [EVERYTHING, FLAT, ALL_PASS], ids=lambda r: str(r.verdict))
def test_every_tag_is_closed(record: RunRecord) -> None:
    """The page is well-formed."""
    assert [] == Reader(page.render(record)).open


def test_nothing_is_loaded_from_elsewhere() -> None:
    """One file is all there is, and the browser is told to keep to it."""
    told = page.render(EVERYTHING)
    loading = {"src", "href", "action", "data", "srcset"}
    links = [a[k] for _, a in Reader(told).tags for k in loading & set(a)]
    assert all(str(link).startswith("#") for link in links)
    assert "http://" not in told
    assert "https://" not in told
    assert "default-src 'none'" in told


def test_the_banner_says_the_verdict() -> None:
    """Verdict, reason and canary come first."""
    told = page.render(EVERYTHING)
    assert '<header class="banner fail"><h1>FAIL</h1><p>FAIL: the sentence of' in told
    assert "Canary: The cluster enforces NetworkPolicies" in told


def test_a_cell_says_what_it_shows_without_colour() -> None:
    """Symbol and tooltip tell expectation, outcome and verdict."""
    cell = (
        '<td class="leak" title="staging/web -&gt; production/postgres: '
        'expected denied, seen connected (leak)">L!</td>'
    )
    assert cell in page.render(EVERYTHING)


def test_text_is_never_markup() -> None:
    """A title with tags in it, or an error that closes the script, is shown as it is."""
    evil = "</script><img src=x onerror=alert(1)>"
    scenario = replace(LEAKING, title=evil, known_gap=evil, bundle=evil, id=evil)
    told = page.render(replace(run_of((scenario,)), errors=(evil,)))
    tags = [tag for tag, _ in Reader(told).tags]
    assert "img" not in tags
    assert 1 == tags.count("script")


def test_no_text_of_a_record_is_markup() -> None:
    """Whatever field it stands in: names, reasons, evidence, keys, the version of the cluster."""
    told = page.render(
        with_texts(replace(EVERYTHING, doors=RESULTS, keys=KEYS), lambda text: text + EVIL)
    )
    tags = [tag for tag, _ in Reader(told).tags]
    assert "evil" in told
    assert "img" not in tags
    assert not any(
        name.startswith("on") for _, attributes in Reader(told).tags for name in attributes
    )
    assert 1 == tags.count("script")


def test_only_what_is_wrong_is_unfolded() -> None:
    """Passed scenarios and steps are there for who opens them."""
    tags = Reader(page.render(EVERYTHING)).tags
    unfolded = {a["data-scenario"] for t, a in tags if t == "details" and "open" in a and "id" in a}
    assert {"egress/ip-block", "egress/names", "peers/api-to-postgres"} == unfolded


def test_leaks_of_a_cluster_that_enforces_nothing_are_not_listed() -> None:
    """The banner has said it."""
    told = page.render(FLAT)
    assert 'class="finding' not in told
    assert "nothing is enforced on this cluster" in told


def test_a_known_gap_is_told() -> None:
    """The reason stands in the scenario, which is folded."""
    told = page.render(run_of((replace(LEAKING, known_gap="as documented"),)))
    assert "Known gap of the CNI, fails no run: as documented" in told


def test_what_went_wrong_comes_before_what_went_right() -> None:
    """A finding stands under the matrix that shows it, and above those without trouble."""
    told = page.render(run_of((LEAKING,)))
    leak, finding = told.index('class="leak" title'), told.index('<div class="finding')
    rest = told.rfind('<table class="matrix"')

    assert leak < finding < rest


def test_a_wide_table_scrolls_in_a_frame_of_its_own() -> None:
    """On a narrow screen the page itself stays as wide as the screen."""
    assert '<div class="sheet"><table class="overview">' in page.render(EVERYTHING)
