"""What a person can type is written down somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netproof.front import options

ROOT = Path(__file__).parents[2]
DOCS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("kind-configs/*.md")]
WRITTEN = [doc for doc in sorted(DOCS) if doc.name != "options.md"]
"""The pages that people wrote; that of the options is made of the options."""

TEXT = "\n".join(doc.read_text(encoding="utf-8") for doc in WRITTEN)


def _targets() -> list[str]:
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    return [line.split(":")[0] for line in lines if re.match(r"[a-z-]+:.*## ", line)]


@pytest.mark.parametrize("option", [option.name for option in options.ALL])
def test_an_option_is_documented(option: str) -> None:
    """An option that no page names is found by nobody."""
    assert re.search(rf"--(np-)?{option}(?![a-z-])", TEXT), f"no page names --{option}"


@pytest.mark.parametrize("target", _targets())
def test_a_make_target_is_documented(target: str) -> None:
    """A target that no page names is found by nobody."""
    assert re.search(rf"make {target}(?![a-z-])", TEXT), f"no page names make {target}"


def test_every_link_leads_somewhere() -> None:
    """A page links to pages that are there."""
    broken = [
        f"{doc.relative_to(ROOT)} -> {link}"
        for doc in DOCS
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", doc.read_text(encoding="utf-8"))
        if not (doc.parent / link).exists()
    ]
    assert [] == broken
