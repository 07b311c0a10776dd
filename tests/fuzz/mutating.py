"""Texts that are nearly right, and how long to try them (FUZZ_SECONDS, for each target)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

SECONDS = float(os.environ.get("FUZZ_SECONDS", "1"))
ENOUGH_S = 60.0
"""No example takes as long, on whatever machine."""

T = TypeVar("T")

A_ROUND = settings(
    max_examples=50,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)

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


def keep_trying(one_round: Callable[[], Any]) -> None:
    """Call a round of examples until the time is over, once at least."""
    end = time.monotonic() + SECONDS
    one_round()
    while time.monotonic() < end:
        one_round()


def in_time(call: Callable[[], T]) -> T:
    """Call, and fail where it took as long as a hang."""
    began = time.monotonic()
    result = call()
    assert time.monotonic() - began < ENOUGH_S
    return result
