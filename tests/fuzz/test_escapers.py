"""Whatever text there is, it shows as text: at a terminal, in JSON and in Markdown."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from netproof.printing import coloured, encodable, in_json, indented, one_line, several_lines
from netproof.report.markup import markdown, markdown_code, markdown_fence
from tests.attacks import test_markdown as shown
from tests.attacks.hostile import TRICKS, harm
from tests.fuzz.mutating import mutated
from tests.fuzz.rounds import attack_for

SEEDS = (*shown.HOSTILE.values(), *TRICKS.values())
SIGNS = st.text("`~*_[]()<>!#@&$:|\\-+=/.\n\r 1a\u200b\u202e", max_size=30)
TEXTS = mutated(SEEDS) | SIGNS | st.text(max_size=30)


def test_terminal() -> None:
    """Nothing steers a terminal, in whatever encoding, and once is enough."""

    def attack(text: str) -> None:
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

    attack_for(TEXTS, attack, known=("::error::", " :: ::", "\x1b[1m::x::"))


def test_json() -> None:
    """It is the same text again, and nothing that a terminal would obey on the way."""

    def attack(text: str) -> None:
        for ascii_only in (True, False):
            written = in_json(json.dumps({text: [text]}, ensure_ascii=ascii_only))
            assert [] == harm(written)
            assert {text: [text]} == json.loads(written)

    attack_for(TEXTS, attack)


def test_markdown() -> None:
    """It makes no structure, wherever it stands."""

    def attack(one: tuple[str, str]) -> None:
        text, place = one
        for made, harmless in ((markdown(text), "word"), (markdown_code(text), "`a`")):
            assert made.isprintable()
            hostile = shown._parsed(shown.PLACES[place](made))
            good = shown._parsed(shown.PLACES[place](harmless if made else ""))
            assert shown._shape(good) == shown._shape(hostile)
            words = " ".join(shown._words(hostile))
            assert [] == shown._JOINED_AT_HOSTS.findall(words), words

    known = [('~bug ~"a b" %v1 %\n', "behind a line")]
    attack_for(st.tuples(TEXTS, st.sampled_from(sorted(shown.PLACES))), attack, known=known)


def test_markdown_fence() -> None:
    """It does not end the block in which it stands."""
    kinds = ["fence", "paragraph_open", "inline", "paragraph_close"]

    def attack(text: str) -> None:
        line = " ".join(text.splitlines())
        tokens = shown._parsed(markdown_fence(f"{line}\n{line}") + "\n\nafter\n")
        assert kinds == [one.type for one in tokens]

    attack_for(TEXTS, attack)
