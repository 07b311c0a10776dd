"""The report as a page for browsers."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from netproof.model.record import CaseOutcome, CaseRecord, RunRecord, StepRecord
from netproof.model.value import replace
from netproof.report.run import page
from tests.unit.report.hostile import with_texts
from tests.unit.report.run.test_bypass import KEYS, RESULTS
from tests.unit.report.sample import (
    ALL_PASS,
    EVERYTHING,
    FLAT,
    LEAKING,
    PASSING,
    intent_result,
    run_of,
    wide,
)

VOID = {"meta", "input"}
EVIL = "'\"><img src=x onerror=evil()></script></style>"
MOST_BYTES = 2_000_000
SVG = "http://www.w3.org/2000/svg"


class Reader(HTMLParser):
    """Checks that tags are closed in order, and keeps what a test asks about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.shown: list[str] = []
        self.own: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else ""
        self.own.get(inside, self.shown).append(data)

    @property
    def text(self) -> str:
        """What a browser shows that runs no script."""
        return " ".join(" ".join(self.shown).split())

    @property
    def data(self) -> dict[str, Any]:
        """What the script draws from."""
        read: dict[str, Any] = json.loads(self.own["script"][0])
        return read


@pytest.mark.parametrize("record", [EVERYTHING, FLAT, ALL_PASS], ids=lambda r: str(r.verdict))
def test_every_tag_is_closed(record: RunRecord) -> None:
    """The page is well-formed."""
    assert [] == Reader(page.render(record)).open


def test_nothing_is_loaded_from_elsewhere() -> None:
    """One file is all there is, and the browser is told to keep to it."""
    told = page.render(EVERYTHING).replace(SVG, "")  # the name of a language, which loads nothing
    loading = {"src", "href", "action", "data", "srcset"}
    links = [a[k] for _, a in Reader(told).tags for k in loading & set(a)]
    assert all(str(link).startswith("#") for link in links)
    assert "http://" not in told
    assert "https://" not in told
    assert "default-src 'none'" in _policy(Reader(told))


def _policy(read: Reader) -> str:
    (policy,) = (str(a["content"]) for _, a in read.tags if "http-equiv" in a)
    return policy


def test_only_the_script_and_the_style_of_the_page_count() -> None:
    """A browser is told their hashes; whatever else got in would not run."""
    read = Reader(page.render(EVERYTHING))
    _, script = read.own["script"]
    (style,) = read.own["style"]
    policy = _policy(read)
    for kind, text in (("script", script), ("style", style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_the_verdict_comes_first_then_filters_then_what_was_tested() -> None:
    """Then what went wrong besides flows, and the cases, the gravest first."""
    told = page.render(replace(EVERYTHING, notes=("2 cases not tried: no host outside",)))
    assert '<header class="banner fail"><h1><b>FAIL:</b> the sentence of' in told
    order = (
        *("<header", 'id="filters"', "<h2>What was tested", "2 cases not tried", "Errors of"),
        *("peers/api-to-postgres", "egress/ip-block", "egress/names", "isolation/default-deny-all"),
    )
    body = told[told.index("<body") :]
    places = [body.index(words) for words in order]
    assert places == sorted(places)


def test_without_a_script_verdict_findings_and_what_was_not_tried_are_text() -> None:
    """Who opens the page in a reader of mail reads the same."""
    left = CaseRecord("egress.py::test_outside", CaseOutcome.UNTRIED, 0.0, "no host outside")
    read = Reader(page.render(replace(EVERYTHING, cases=(left,), notes=("1 case not tried: x",))))
    for words in (
        EVERYTHING.exit_reason,
        "1 case not tried: x",
        "no host outside",
        "LEAK staging/web -> production/postgres TCP 5432 · IPv4+IPv6 · across nodes",
        "production/api-to-postgres isolates production/postgres for ingress",
        "pytest suites -k api-to-postgres",
        "The cluster enforces NetworkPolicies",
    ):
        assert words in read.text, words


def _matrices(data: dict[str, Any], step: StepRecord) -> dict[str, tuple[str, str]]:
    """Return the letters of a step's matrices by their labels, as the script finds them."""
    (drawn,) = (
        one[5]
        for case in data["cases"]
        for scenario in case
        for one in scenario[1]
        if data["text"][one[0]].startswith(step.name) and one[1]
    )
    return {data["text"][v[0]]: (data["grids"][v[3]], data["grids"][v[4]]) for v in drawn}


def test_the_script_has_every_matrix() -> None:
    """Its letters are those of the record's tables."""
    step = next(one for one in LEAKING.steps if one.findings)
    drawn = _matrices(Reader(page.render(run_of((LEAKING,)))).data, step)
    leaking = next(table for table in step.tables if table.port == 5432)
    found = drawn["TCP 5432 · IPv4+IPv6"]
    assert ("".join(leaking.expected), "".join(leaking.verdicts)) == found
    assert 1 == found[1].count("L")


def test_a_case_like_another_costs_little() -> None:
    """What matrices have in common is written once."""
    twice = page.render(run_of((PASSING, replace(PASSING, id="isolation/again"))))
    assert len(twice) - len(page.render(run_of((PASSING,)))) < 1_000


@pytest.mark.parametrize("like", [LEAKING, wide(20, leaks=40)], ids=lambda one: one.id)
def test_a_page_of_the_whole_suite_is_small(like: Any) -> None:
    """650 cases that leak, or that leak everywhere: a phone opens it at once."""
    cases = tuple(replace(like, id=f"theme-{n % 20}/case-{n}") for n in range(650))
    told = page.render(run_of(cases))
    assert len(told.encode()) < MOST_BYTES
    assert len(Reader(told).tags) < 30_000


def test_findings_beyond_those_told_in_full_are_for_the_script() -> None:
    """They have a line, and the account of each stands in the data."""
    cases = tuple(replace(LEAKING, id=f"theme/case-{n}") for n in range(page.MAX_ACCOUNTS))
    read = Reader(page.render(run_of(cases)))
    later = [a["data-account"] for _, a in read.tags if "data-account" in a]
    assert page.MAX_ACCOUNTS == len(later)
    account = [read.data["text"][part] for part in read.data["accounts"][later[0]]]
    assert ["expected", "denied", "seen"] == account[:3]


def test_of_a_case_with_many_findings_the_first_are_told_in_full() -> None:
    """Whoever looks for the next case does not scroll past forty accounts."""
    tags = Reader(page.render(run_of((wide(20, leaks=9),)))).tags
    folded = [a for _, a in tags if "data-account" in a]
    found = [a for _, a in tags if str(a.get("class", "")).startswith("finding ")]
    assert page.MAX_IN_FULL == len(found) - len(folded) < len(found)


def test_text_is_never_markup() -> None:
    """A title with tags in it, or an error that closes the script, is shown as it is."""
    evil = "</script><img src=x onerror=alert(1)>"
    scenario = replace(LEAKING, title=evil, known_gap=evil, bundle=evil, id=evil)
    told = page.render(replace(run_of((scenario,)), errors=(evil,)))
    tags = [tag for tag, _ in Reader(told).tags]
    assert "img" not in tags
    assert 2 == tags.count("script")


def test_no_text_of_a_record_is_markup() -> None:
    """Whatever field it stands in: names, reasons, evidence, keys, the version of the cluster."""
    left = CaseRecord("case", CaseOutcome.FAILED, 0.0, "reason")
    record = replace(EVERYTHING, doors=RESULTS, keys=KEYS, cases=(left,), notes=("note",))
    told = page.render(with_texts(record, lambda text: text + EVIL))
    tags = [tag for tag, _ in Reader(told).tags]
    assert "evil" in told
    assert "img" not in tags
    assert not any(
        name.startswith("on") for _, attributes in Reader(told).tags for name in attributes
    )
    assert 2 == tags.count("script")


def test_the_script_makes_no_markup_of_text() -> None:
    """It sets texts, and nothing that a browser would parse."""
    script = Reader(page.render(EVERYTHING)).own["script"][1]
    parsing = ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval", "Function(")
    assert [] == [word for word in parsing if word in script]


def test_only_what_is_wrong_is_unfolded() -> None:
    """Passed cases are there for who opens them."""
    tags = Reader(page.render(EVERYTHING)).tags
    unfolded = {a["id"] for t, a in tags if t == "details" and "open" in a}
    assert {"egress/ip-block", "egress/names", "peers/api-to-postgres"} == unfolded


def test_cases_alike_are_under_one_line() -> None:
    """Those that passed by theme, those not tried by the reason; what failed stands by itself."""
    passed = tuple(replace(PASSING, id=f"theme-{n % 2}/case-{n}") for n in range(5))
    left = tuple(CaseRecord(f"a::{n}", CaseOutcome.UNTRIED, 0.0, "no host") for n in range(3))
    run = replace(run_of((*passed, LEAKING)), cases=left)
    read = Reader(page.render(run))
    states = [a["data-state"] for t, a in read.tags if a.get("class") == "group"]
    assert ["untried", "pass", "pass"] == states
    for words in ("NOT TRIED 3 cases no host", "PASS 3 cases theme-0", "PASS 2 cases theme-1"):
        assert words in read.text, words


def test_the_parts_of_the_page_are_named_with_how_much_is_in_them() -> None:
    """Each leads to a section that is there."""
    read = Reader(page.render(replace(EVERYTHING, doors=RESULTS)))
    assert "What was tested 1 error 4 cases" in read.text
    ids = {a["id"] for _, a in read.tags if "id" in a}
    assert {str(a["href"])[1:] for _, a in read.tags if "href" in a} <= ids


def test_intents_come_before_cases_the_broken_ones_first() -> None:
    """With where they are written, why, and what it rests on that they hold."""
    intents = (intent_result("allow: a -> b", "kept"), intent_result("deny: b -> a", "broken"))
    told = page.render(run_of((PASSING,), intents=intents))
    body = told[told.index('<section id="intents">') :]
    places = [
        body.index(words) for words in ("BROKEN", "HOLDS", "by the policies alone", "<h2>Cases")
    ]
    assert places == sorted(places)
    assert "For a reason." in body


def test_a_case_and_a_pair_of_it_have_addresses() -> None:
    """So a colleague can be sent to them."""
    ids = [a["id"] for _, a in Reader(page.render(EVERYTHING)).tags if "id" in a]
    assert "peers/api-to-postgres" in ids
    assert "peers/api-to-postgres/staging/web->production/postgres" in ids
    assert len(ids) == len(set(ids))


def test_leaks_of_a_cluster_that_enforces_nothing_are_not_listed() -> None:
    """The banner has said it."""
    told = page.render(FLAT)
    assert 'class="finding' not in told
    assert "nothing is enforced on this cluster" in told


def test_a_known_gap_is_told() -> None:
    """The reason stands in the case, which is folded."""
    read = Reader(page.render(run_of((replace(LEAKING, known_gap="as documented"),))))
    assert "KNOWN GAP" in read.text
    assert "as documented" in read.text


def _colours(style: str) -> list[dict[str, str]]:
    """Return the colours by name, light and dark."""
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    return [dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in blocks]


def _luminance(colour: str) -> float:
    """Return the relative luminance as WCAG 2.1 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


PAIRS = (
    *(("ink", "paper"), ("ink", "card"), ("soft", "paper"), ("soft", "card")),
    *(("link", "paper"), ("link", "card"), ("allowed-ink", "allowed"), ("denied-ink", "denied")),
    *(("on", "leak"), ("on", "untold"), ("blocked-ink", "blocked")),
    *(("on", "pass"), ("on", "fail"), ("on", "unsure"), ("on", "quiet")),
)


@pytest.mark.parametrize("pair", PAIRS, ids=" on ".join)
def test_text_is_read_on_its_ground(pair: tuple[str, str]) -> None:
    """In light and in dark, by WCAG's level AA for text (SC 1.4.3)."""
    both = _colours(Reader(page.render(ALL_PASS)).own["style"][0])
    assert 2 == len(both)
    for colours in both:
        assert _contrast(colours[pair[0]], colours[pair[1]]) >= 4.5


def test_no_rule_colours_text_without_its_ground() -> None:
    """A class that a finding has besides its own took the ground from white text once."""
    style = Reader(page.render(ALL_PASS)).own["style"][0]
    for rule in re.findall(r"\{([^{}]*color: var\(--on\)[^{}]*)\}", style):
        assert "background" in rule


def test_a_wide_table_scrolls_in_a_frame_of_its_own() -> None:
    """On a narrow screen the page itself stays as wide as the screen."""
    told = page.render(replace(EVERYTHING, doors=RESULTS))
    tags = Reader(told).tags
    assert [("div", "sheet")] == [
        (before, a.get("class")) for (before, a), (tag, _) in pairwise(tags) if tag == "table"
    ]
