"""The documentation site has every page, and a page has no link that leads nowhere."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.house import pages, reference
from tests.house.project import ROOT

CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
DOCS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "docs").rglob("*.md"))
}


def test_the_page_of_options_is_that_of_the_parsers() -> None:
    """`python -m tests.house.reference` writes it."""
    assert reference.page() == reference.PAGE.read_text(encoding="utf-8")


def test_every_page_is_in_the_navigation() -> None:
    """And the navigation names none that is not there."""
    named = [pages.repository_path(uri) for uri in pages.named(CONFIG["nav"])]
    assert set(DOCS) == {path for path in named if path.startswith(pages.DOCS)}
    assert [] == [path for path in named if not (ROOT / path).is_file()]
    assert len(named) == len(set(named))


def test_files_outside_come_along_with_what_they_link_to() -> None:
    """Markdown as a page, anything else quoted, each once."""
    made = pages.reached({"docs/clusters.md": "[a](../kind-configs/README.md)"})
    assert "# CNI profiles" in made["project/kind-configs/README.md"]
    assert not any(uri.startswith(("docs/", "results/")) for uri in made)
    made = pages.reached({"docs/suites.md": "[a](../suites/fleet.yaml)"})
    assert ["project/suites/fleet.yaml.md"] == list(made)
    assert made["project/suites/fleet.yaml.md"].startswith("# suites/fleet.yaml\n\n```yaml\n")


@pytest.mark.parametrize(
    ("uri", "text", "expected"),
    [
        ("doors.md", "[a](record.md#cases)", "[a](record.md#cases)"),
        ("doors.md", "[a](../SECURITY.md)", "[a](project/SECURITY.md)"),
        ("doors.md", "[a](../kind-configs)", "[a](project/kind-configs/README.md)"),
        ("results/README.md", "[a](../suites.md)", "[a](../suites.md)"),
        ("project/SECURITY.md", "[a](kind-configs/README.md)", "[a](kind-configs/README.md)"),
        ("project/CHANGELOG.md", "[a](docs/suites.md#causes)", "[a](../suites.md#causes)"),
        ("doors.md", "[a](https://x.example/y) [b](#here)", "[a](https://x.example/y) [b](#here)"),
        ("doors.md", "```\n[a](../SECURITY.md)\n```\n", "```\n[a](../SECURITY.md)\n```\n"),
        ("doors.md", "| `a\\|b` | c \\| d |", "| `a|b` | c \\| d |"),
    ],
)
def test_a_link_leads_within_the_site(uri: str, text: str, expected: str) -> None:
    """What is quoted stays, and so do addresses."""
    assert expected == pages.rewritten(text, uri)


def test_what_is_loaded_from_elsewhere_is_found() -> None:
    """A script, a style, a picture; a link to follow is none of them."""
    for part in (
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//cdn.example/x.css">',
        '<img alt="" src="https://x.example/y.png">',
    ):
        assert pages.foreign(f"<p>{part}</p>")
    assert [] == pages.foreign('<a href="https://x.example">x</a><script src="../x.js"></script>')


def test_lists_stand_apart_from_the_text_before() -> None:
    """GitHub sees a list right below a line; the site's Markdown sees a line that goes on."""
    for path, text in DOCS.items():
        prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        run_on = re.findall(r"^(?![-|\s]|\d+\. |<!--).+\n(?:- |\d+\. ).*", prose, re.MULTILINE)
        assert [] == run_on, path
