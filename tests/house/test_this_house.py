"""The source has the shape that CONTRIBUTING.md promises: small rooms, each with its own name."""

from __future__ import annotations

import pytest

from tests.house import shape
from tests.house.project import ROOT

SOURCE = ROOT / "src"

MOST_SERVANTS = 22.0
"""Of a hundred modules, those that exactly one other imports: more is one idea in many files."""

MEDIAN_LINES = (110, 170)
"""What one reads in a sitting: below are slivers, above are tomes."""


@pytest.fixture(scope="module")
def imports() -> shape.Imports:
    """Return who imports whom in this repository."""
    return shape.imports(SOURCE, shape.PACKAGES)


@pytest.fixture(scope="module")
def files() -> shape.Files:
    """Return how long things are in this repository, and what stands twice."""
    return shape.files(SOURCE, shape.PACKAGES)


def test_few_modules_serve_exactly_one_other(imports: shape.Imports) -> None:
    """What serves one module is a part of it, unless it would make it too long to read."""
    assert MOST_SERVANTS >= imports.servants_percent, imports.servants


def test_imports_go_round_in_no_circle(imports: shape.Imports) -> None:
    """Of two modules that need each other, one is in the wrong place."""
    assert () == imports.cycle


def test_a_name_leads_to_one_thing(files: shape.Files) -> None:
    """No file's name stands three times, no public class's twice."""
    assert () == files.names_thrice
    assert () == files.classes_twice


def test_functions_fit_on_a_screen_and_say_what_they_return(files: shape.Files) -> None:
    """Fifty lines are the most, and every return has a type."""
    assert () == files.long_functions
    assert () == files.untyped_returns


def test_a_file_is_neither_a_sliver_nor_a_tome(files: shape.Files) -> None:
    """The median tells of the usual file; the agent, which travels alone, may be long."""
    least, most = MEDIAN_LINES
    assert least <= files.median_lines <= most
