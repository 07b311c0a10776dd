"""Texts that are nearly right."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

PIECES = (
    *(
        "{",
        "}",
        "[",
        "]",
        "- ",
        ": ",
        ", ",
        "\n",
        "\n---\n",
        "\n  ",
        "\t",
        "'",
        '"',
        "#",
        "&a ",
        "*a",
    ),
    *(
        "<<: ",
        "!!int ",
        "!x ",
        "|\n",
        ">\n",
        "? ",
        "~",
        "null",
        "true",
        "1e999",
        "-0",
        "0x",
        "9" * 50,
    ),
    *(
        "*",
        "->",
        " -> ",
        "**",
        "outside ",
        "dns",
        "namespace ",
        "label a=b",
        ":80",
        ":http",
        "/UDP",
    ),
    *("0.0.0.0/0", "::/0", "10.0.0.0/33", "fe80::1%eth0", "intents:\n", "kind: List\n", "items: "),
    *(
        "\x1b[2J",
        "\x00",
        "\x85",
        "\u2028",
        "\u202e",
        "\ufeff",
        "\ud800",
        "é",
        "\U0001f600",
        "::x::",
    ),
    *(
        "Pod",
        "NetworkPolicy",
        "metadata",
        "spec",
        "podSelector",
        "from",
        "ports",
        "endPort",
        "except",
    ),
    *("everyone", "perhaps ", "  from ", " on ", " serves ", "any/TCP", "nothing", "80/TCP", "a/b"),
)


def mutated(seeds: Sequence[str]) -> st.SearchStrategy[str]:
    """Return seeds in which some places were cut, doubled, or have something else in them."""
    piece = st.sampled_from(PIECES) | st.text(max_size=6)
    cut = st.tuples(st.floats(0, 1), st.integers(0, 40), piece)
    return st.builds(_cut, st.sampled_from(seeds), st.lists(cut, max_size=6))


def _cut(text: str, cuts: Sequence[tuple[float, int, str]]) -> str:
    for where, length, piece in cuts:
        at = int(where * len(text))
        text = text[:at] + piece + text[at + length :]
    return text
