"""A picture as SVG and as a page: it says what the policies mean, and nothing else gets in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from netproof.expected import Evaluator
from netproof.model.flow import Expected
from netproof.model.picture import EndShape, Picture
from netproof.model.value import replace
from netproof.policy.mirror import Mirror
from netproof.printing import several_lines
from netproof.report import webpage
from netproof.report.picture import drawing, scripts
from netproof.review.case import read_mirror
from netproof.review.picture import read_picture
from netproof.review.snapshot import views
from tests.unit.report.hostile import with_texts
from tests.unit.review.build import mirror, policy, workload
from tests.unit.review.test_picture import BUNDLES
from tests.unit.review.test_snapshot import BASE

SVG = "{http://www.w3.org/2000/svg}"
EVIL = "'\"><img src=x onerror=evil()></script></style>]]>&lt;\x1b[2J\ufffe\ud800"


def picture(*documents: str) -> Picture:
    """Return the picture of a bundle."""
    return read_picture(mirror(*documents), "the shop")


SHOP = picture(*BASE)


def parsed(text: str) -> ET.Element:
    """Return an SVG document as it is read."""
    return ET.fromstring(text)  # noqa: S314 - ours


def texts(root: ET.Element, tag: str) -> list[str]:
    """Return the texts of all elements of a kind."""
    return ["".join(one.itertext()) for one in root.iter(f"{SVG}{tag}")]


def arrows(root: ET.Element) -> set[str]:
    """Return what a screen reader says of each arrow."""
    return {
        one.get("aria-label", "")
        for one in root.iter(f"{SVG}g")
        if one.get("class", "").startswith("arrow") and one.get("data-pairs")
    }


def test_what_rules_let_pass_is_an_arrow() -> None:
    """And nothing else is: far/job, which no policy restricts, has a mark instead."""
    root = parsed(drawing.svg(SHOP))
    assert {
        "shop/web to shop/api on 8080/TCP: allowed by a rule",
        "shop/api to shop/db on 5432/TCP: allowed by a rule",
    } == arrows(root)
    assert "far/job" in " ".join(texts(root, "title"))
    assert "egress: open: no policy isolates it" in " ".join(texts(root, "title"))


def test_every_end_has_a_name_for_screen_readers() -> None:
    """An image of a picture says what it is of, and so does each of its parts."""
    root = parsed(drawing.svg(SHOP))
    assert "the shop: 4 workloads in 2 namespaces, 5 policies, 2 arrows" == root.get("aria-label")
    ends = [one for one in root.iter(f"{SVG}g") if one.get("data-end")]
    around = {"dns", "outside", "nodes", "apiserver"}
    assert {"web 80", "api 8080", "db 5432", "job", *around} == {
        str(one.get("aria-label")).partition(",")[0] for one in ends
    }
    api = next(one for one in ends if "api 8080" in str(one.get("aria-label")))
    assert "api 8080, namespace shop, ingress: only what rules let pass; isolated by" in str(
        api.get("aria-label")
    )


def test_the_same_bundle_is_drawn_by_the_same_bytes() -> None:
    """So a picture that is kept changes when the bundle does."""
    assert drawing.svg(SHOP) == drawing.svg(picture(*BASE))


def test_all_of_a_namespace_is_one_arrow() -> None:
    """Where each of its workloads may, and the rules name no other."""
    peers = "{podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}]}]}"
    space = [workload(f"shop/{name}", 80) for name in "abcd"]
    drawn = drawing.arrows(picture(*space, policy("shop/own", peers)), folded=False)
    assert [("shop", "shop")] == [(one["from"], one["to"]) for one in drawn]
    own = drawing.svg(picture(*space, policy("shop/own", peers)))
    assert "namespace shop to namespace shop on 80/TCP: allowed by a rule" in own


def many(count: int) -> Picture:
    """Return a picture of many workloads in namespaces of ten."""
    some = [workload(f"space-{n // 10}/w{n}", 80) for n in range(count)]
    return picture(*some, *BASE)


@pytest.mark.parametrize(("count", "folded"), [(56, False), (57, True)])
def test_beyond_sixty_namespaces_are_folded(count: int, folded: bool) -> None:
    """Each is a box with its number of workloads."""
    said = texts(parsed(drawing.svg(many(count))), "text")
    assert folded is ("10 workloads" in said)


def _without(bundle: Mirror, name: str) -> Iterator[tuple[str, str, str, Expected]]:
    (view,) = views(bundle)
    index = view.reach.index
    (gone,) = (one for one in view.reach.policies if one.key == name)
    evaluator = Evaluator(index.with_changed(gone, None))
    for flow in view.reach.flows:
        end = "dns" if flow.destination.name == "kube-system/kube-dns" else flow.destination.name
        port = f"{flow.port}/{flow.protocol}"
        yield flow.source.name, end, port, evaluator.expect(flow).expected


@pytest.mark.parametrize("name", BUNDLES)
def test_a_policy_switched_off_changes_what_the_evaluator_says(name: str) -> None:
    """The page works it out from the rules; what is undefined it may not know."""
    bundle = BUNDLES[name]()
    made = read_picture(bundle, "")
    question = """model.value.policies.map((_, off) => model.value.targets.map((__, target) =>
      model.value.ends.map((___, source) => Picture.answerOf(model, source, target,
        new Set([off])))))"""
    answers = drawing._asked(made, question)
    names = [one.name for one in made.ends]
    targets = {(names[one.end], one.port): at for at, one in enumerate(made.targets)}
    compared = 0
    for off, one in enumerate(made.policies):
        for source, end, port, expected in _without(bundle, one.name):
            if (end, port) in targets and expected is not Expected.UNDEFINED:
                said = answers[off][targets[end, port]][names.index(source)]
                assert said in (expected, Expected.UNDEFINED), (one.name, source, end, port)
                compared += said == expected
    assert compared


def test_switched_off_policies_show_what_opens_and_what_closes() -> None:
    """Both at once; of a default deny nothing closes."""
    wish = "{{folded: new Set(), off: new Set([{}])}}"
    names = [one.name for one in SHOP.policies]

    def kinds(name: str) -> set[str]:
        asked = f"Picture.scene(model, {wish.format(names.index(name))}).arrows"
        return {one["kind"] for one in drawing._asked(SHOP, asked)} - {"allowed"}

    assert {"closes"} == kinds("shop/web-api-in")
    assert "opens" in kinds("shop/deny")


class Page(HTMLParser):
    """Keeps the tags of a page and the texts of its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.own: dict[str, list[str]] = {"script": [], "style": []}
        self._in = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in = tag

    def handle_endtag(self, tag: str) -> None:
        self._in = "" if tag == self._in else self._in

    def handle_data(self, data: str) -> None:
        if self._in in self.own:
            self.own[self._in].append(data)


def test_a_page_carries_all_that_it_needs() -> None:
    """Its own script and style, by their hashes; with what it draws from, and dagre's licence."""
    text = drawing.html(SHOP)
    page = Page(text)
    data, script = page.own["script"]
    (style,) = page.own["style"]
    (allowed,) = (str(at["content"]) for _, at in page.tags if "http-equiv" in at)
    assert webpage.content_policy([script], [style]) == allowed
    assert not {"src", "href", "srcset"} & {key for _, at in page.tags for key in at}
    assert "the shop" == json.loads(data)["picture"]["title"]
    assert "Permission is hereby granted" in script
    assert len(text) < 250_000


def test_a_page_shows_something_without_its_script() -> None:
    """The picture stands in it, and nothing in it has to be escaped once more."""
    text = drawing.html(SHOP)
    assert '<g class="end workload"' in text
    assert text == several_lines(text)
    assert drawing.svg(SHOP) == several_lines(drawing.svg(SHOP))


def hostile() -> Picture:
    """Return a picture whose every text is an attack."""
    evil = with_texts(SHOP, lambda text: text and text + EVIL)
    return replace(evil, remarks=(EVIL,))


def test_hostile_text_stays_text() -> None:
    """In SVG it is XML all the same; in a page it makes no tag and ends no script."""
    shapes = [one.tag for one in parsed(drawing.svg(SHOP)).iter()]
    evil = parsed(drawing.svg(hostile()))
    assert {one.split("}")[1] for one in shapes} == {one.tag.split("}")[1] for one in evil.iter()}
    page = Page(drawing.html(hostile()))
    assert "img" not in {tag for tag, _ in page.tags}
    assert [2, 1] == [len(page.own["script"]), len(page.own["style"])]
    assert "onerror=evil()" in json.loads(page.own["script"][0])["picture"]["title"]


def test_dagre_is_the_one_that_was_published() -> None:
    """Version 3.1.3 of the package @dagrejs/dagre, dist/dagre.min.js; its licence is beside it."""
    digest = hashlib.sha256(scripts.asset(scripts.DAGRE).encode()).hexdigest()
    assert "54a503e346f93ca0bb10abe7999587e037262935687aca45eb4e4b0f64bbb578" == digest
    assert "MIT" in scripts.asset(scripts.LICENCE) or "Permission" in scripts.asset(scripts.LICENCE)


def test_what_was_seen_otherwise_is_another_arrow() -> None:
    """A leak and an over-blocked flow are told from what is as it is meant to be."""
    ends = [one.name for one in SHOP.ends]
    web, api, db = (ends.index(f"shop/{name}") for name in ("web", "api", "db"))
    seen = f"""(source, target) => {{ const end = model.value.targets[target].end;
      if (source === {web} && end === {db}) return {{verdict: 'leak'}};
      if (source === {web} && end === {api}) return {{verdict: 'over-blocked'}}; }}"""
    asked = f"Picture.scene(model, {{folded: new Set(), seen: {seen}}}).arrows"
    found: list[dict[str, Any]] = drawing._asked(SHOP, asked)
    assert {(web, db, "leak"), (web, api, "blocked"), (api, db, "allowed")} == {
        (one["from"], one["to"], one["kind"]) for one in found
    }


def test_a_picture_counts_what_is_in_it() -> None:
    """Workloads only, not what stands around them."""
    assert "4 workloads in 2 namespaces, 5 policies" == drawing.summary(SHOP)
    assert EndShape.OUTSIDE in {one.shape for one in SHOP.ends}


def test_the_picture_of_the_docs_is_todays() -> None:
    """`netproof graph examples/zero-trust -o docs/zero-trust.svg` makes it anew."""
    made = read_picture(read_mirror(["examples/zero-trust"]), "examples/zero-trust")
    assert Path("docs/zero-trust.svg").read_text(encoding="utf-8") == drawing.svg(made)
