"""The source keeps its shape; `python -m tests.house.shape -v` names the places."""

from __future__ import annotations

import pytest

from tests.house import shape
from tests.house.project import ROOT


@pytest.fixture(scope="module")
def files() -> shape.Files:
    """Return what was measured of the files under src/."""
    return shape.files(ROOT / "src", shape.PACKAGES)


@pytest.fixture(scope="module")
def imports() -> shape.Imports:
    """Return what was measured of the imports under src/."""
    return shape.imports(ROOT / "src", shape.PACKAGES)


def test_few_modules_serve_one_other(imports: shape.Imports) -> None:
    """A module that only one other needs is a part of it, unless it is a subject of its own."""
    assert imports.servants_percent <= 22


def test_imports_have_a_direction(imports: shape.Imports) -> None:
    """A stage can be read, tested and replaced alone."""
    assert () == imports.cycle


def test_a_file_name_says_which_file(files: shape.Files) -> None:
    """Two rooms may have a `ports.py`; three, and nobody finds his way."""
    assert () == files.names_thrice


def test_a_class_name_has_one_meaning(files: shape.Files) -> None:
    """Where netproof and the lab speak of the same thing, the lab's says so in its name."""
    assert () == files.classes_twice


def test_a_file_is_a_few_screens(files: shape.Files) -> None:
    """Neither crumbs nor loaves."""
    assert 110 <= files.median_lines <= 170


def test_a_function_is_one_idea(files: shape.Files) -> None:
    """Past fifty lines there are two."""
    assert () == files.long_functions


def test_every_return_is_typed(files: shape.Files) -> None:
    """A reader sees what comes back, and so does mypy."""
    assert () == files.untyped_returns
