"""A picture in DOT and in Mermaid: the words of those languages, and of nobody else."""

from __future__ import annotations

import re

import pytest

from netproof.model.picture import Picture
from netproof.report.picture import languages
from netproof.report.text import dot_text, mermaid_text, printable
from tests.attacks.hostile import TRICKS, harm
from tests.attacks.test_markdown import HOSTILE
from tests.unit.report.hostile import with_texts
from tests.unit.report.picture.test_drawing import SHOP, many, picture
from tests.unit.review.build import policy, workload

_STRING = re.compile(r'"(?:\\.|[^"\\])*"')
"""A quoted string, as the scanner of Graphviz reads it."""

_DOT_LINE = re.compile(
    r"digraph netproof \{|\}|\w+=S;|rankdir=LR; compound=true; newrank=true;"
    r"|(node|edge) \[[\w=S, ]+\];|subgraph cluster_\d+ \{"
    r"|[ne]\d+ \[label=S(, (style=dashed|shape=plain))?\];"
    r"|[ne]\d+ -> [ne]\d+ \[(label=S)?(, )?((ltail|lhead)=cluster_\d+(, )?)*\];"
)
_MERMAID_LINE = re.compile(
    r"flowchart LR|end|subgraph g\d+\[S\]|[ne]\d+\[S\]|[nge]\d+ -->(\|S\|)? [nge]\d+"
)
_MERMAID_STRING = re.compile(r'"(?:[A-Za-z0-9 ./,()_-]|#\d+;)*"')
EVIL = {**TRICKS, **HOSTILE, "dot": '"]; evil [label="\\', "escapes": "\\N\\G\\", "quote": '\\"'}
EVIL |= {
    "mermaid": '"] --> x; click x href "javascript:evil()" %%{init: {}}%%\nend',
    "html": "<b>&amp;",
}


def shape(text: str, string: re.Pattern[str]) -> list[str]:
    """Return the lines with each string as one letter."""
    return [string.sub("S", line.strip()) for line in text.splitlines()]


OWN = "{podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}]}]}"
LOOPING = picture(*(workload(f"shop/{name}", 80) for name in "abc"), policy("shop/own", OWN))


@pytest.mark.parametrize("bundle", [SHOP, LOOPING, many(70)], ids=["shop", "looping", "many"])
def test_each_line_is_one_of_the_language(bundle: Picture) -> None:
    """Every node that an arrow names is declared, and every group is closed."""
    for text, string, line in (
        (languages.dot(bundle), _STRING, _DOT_LINE),
        (languages.mermaid(bundle), _MERMAID_STRING, _MERMAID_LINE),
    ):
        lines = shape(text, string)
        assert [] == [one for one in lines if not line.fullmatch(one)]
        declared = {one.partition(" [")[0].partition("[")[0] for one in lines if "[" in one}
        declared = {one.removeprefix("subgraph ") for one in declared}
        named = {end for one in lines if "->" in one for end in re.findall(r"\b[nge]\d+\b", one)}
        assert named <= declared


def test_a_rule_is_an_arrow_from_label_to_label() -> None:
    """With open sides said in words."""
    text = languages.mermaid(SHOP)
    nodes = dict(re.findall(r'(n\d+)\["([^"]*)"\]', text))
    ends = [tuple(nodes[end] for end in pair) for pair in re.findall(r"(n\d+) --> (n\d+)", text)]
    assert [("web", "api"), ("api", "db")] == sorted(ends, reverse=True)
    assert "job (open in and out)" in nodes.values()


@pytest.mark.parametrize("name", EVIL)
def test_hostile_text_is_one_string(name: str) -> None:
    """Whatever it holds: it ends where its quotation mark does."""
    text = printable(EVIL[name])
    assert _STRING.fullmatch(dot_text(text))
    assert _MERMAID_STRING.fullmatch(mermaid_text(text))


def test_hostile_text_changes_no_structure() -> None:
    """It stands in labels, wherever it was written; nothing of it steers a terminal."""
    everything = "".join(EVIL.values())
    evil = with_texts(SHOP, lambda text: text and text + everything)
    for write, string in ((languages.dot, _STRING), (languages.mermaid, _MERMAID_STRING)):
        told = write(evil)
        assert [] == harm(told)
        assert shape(write(SHOP), string) == shape(told, string)


def test_a_label_shows_what_was_written() -> None:
    """A backslash in DOT would name the node, and `&` begin a character."""
    assert r'"a\\N \"b\" &amp;lt;"' == dot_text('a\\N "b" &lt;')
    assert '"a#34;#93; #35;1#59; x"' == mermaid_text('a"] #1; x')
