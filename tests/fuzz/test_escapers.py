"""Whatever text there is, it shows as text: at a terminal, in JSON and in Markdown."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netproof.printing import coloured, encodable, in_json, indented, one_line, several_lines
from netproof.report.markup import markdown, markdown_code, markdown_fence
from tests.attacks import test_markdown as shown
from tests.attacks.hostile import TRICKS, harm
from tests.fuzz.mutating import A_ROUND, keep_trying, mutated

SEEDS = (*shown.HOSTILE.values(), *TRICKS.values())
SIGNS = st.text("`~*_[]()<>!#@&$:|\\-+=/.\n\r 1a\u200b\u202e", max_size=30)
TEXTS = mutated(SEEDS) | SIGNS | st.text(max_size=30)


@A_ROUND
@example("::error::")
@example(" :: ::")
@example("\x1b[1m::x::")
@given(TEXTS)
def _terminal_round(text: str) -> None:
    for made in (one_line, several_lines, coloured, indented):
        once = made(text)
        plain = coloured(once) if made is not coloured else once
        assert plain == coloured(plain)
        if made is not coloured:
            assert [] == harm(once)
            assert made(once) == once or made is indented
        for encoding in ("ascii", "latin-1", "utf-8"):
            encodable(once, encoding).encode(encoding)
    assert "\n" not in one_line(text)


@A_ROUND
@given(TEXTS)
def _json_round(text: str) -> None:
    for ascii_only in (True, False):
        written = in_json(json.dumps({text: [text]}, ensure_ascii=ascii_only))
        assert [] == harm(written)
        assert {text: [text]} == json.loads(written)


@A_ROUND
@given(TEXTS, st.sampled_from(sorted(shown.PLACES)))
def _markdown_round(text: str, place: str) -> None:
    for made, harmless in ((markdown(text), "word"), (markdown_code(text), "`a`")):
        assert made.isprintable()
        hostile = shown._parsed(shown.PLACES[place](made))
        good = shown._parsed(shown.PLACES[place](harmless if made else ""))
        assert shown._shape(good) == shown._shape(hostile)
        words = " ".join(shown._words(hostile))
        assert [] == shown._JOINED_AT_HOSTS.findall(words), words


@A_ROUND
@given(TEXTS)
def _fence_round(text: str) -> None:
    line = " ".join(text.splitlines())
    tokens = shown._parsed(markdown_fence(f"{line}\n{line}") + "\n\nafter\n")
    assert ["fence", "paragraph_open", "inline", "paragraph_close"] == [one.type for one in tokens]


ROUNDS = {
    "terminal": _terminal_round,
    "json": _json_round,
    "markdown": _markdown_round,
    "fence": _fence_round,
}


@pytest.mark.parametrize("name", ROUNDS)
def test_whatever_text(name: str) -> None:
    """It steers nothing and makes no structure."""
    keep_trying(ROUNDS[name])
