"""A release is what its tag, its version and its changelog say together."""

from __future__ import annotations

import pytest

import netproof
from tests.house.project import project
from tests.house.release import objections

DECLARED = {"version": "1.2.3", "urls": {"Documentation": "https://example.org/netproof"}}
CHANGELOG = """\
# Changelog

## Unreleased

## 1.2.3 (2026-11-26)

- Finds more.

## 1.2.2

- Found less.
"""


def test_the_program_says_the_version_of_its_package() -> None:
    """`netproof --version` asks the code, pip asks pyproject.toml."""
    assert project()["version"] == netproof.__version__


def test_a_release_that_agrees_with_itself() -> None:
    """Tag, version and changelog say the same."""
    assert () == objections("v1.2.3", DECLARED, CHANGELOG)


@pytest.mark.parametrize(
    ("tag", "declared", "changelog", "objection"),
    [
        pytest.param(
            "v1.2.4",
            DECLARED,
            CHANGELOG,
            "the tag is v1.2.4, pyproject.toml says 1.2.3",
            id="another tag",
        ),
        pytest.param(
            "1.2.3",
            DECLARED,
            CHANGELOG,
            "the tag is 1.2.3, pyproject.toml says 1.2.3",
            id="a tag without its v",
        ),
        pytest.param(
            "v1.2.3",
            DECLARED,
            CHANGELOG.replace("1.2.3", "1.2.1"),
            "the changelog's newest section is not 1.2.3",
            id="no section",
        ),
        pytest.param(
            "v1.2.3",
            DECLARED,
            CHANGELOG.replace("- Finds more.\n", ""),
            "the changelog's newest section is not 1.2.3",
            id="an empty section",
        ),
        pytest.param(
            "v1.2.3",
            DECLARED,
            CHANGELOG.replace("## Unreleased\n", "## Unreleased\n\n- More to come.\n"),
            "the changelog still has entries under Unreleased",
            id="entries left over",
        ),
        pytest.param(
            "v1.2.3",
            {"version": "1.2.3"},
            CHANGELOG,
            "pyproject.toml names no address: add [project.urls]",
            id="no address",
        ),
    ],
)
def test_a_release_that_disagrees_with_itself(
    tag: str, declared: dict[str, object], changelog: str, objection: str
) -> None:
    """Each of them is read, and the line says which."""
    assert (objection,) == objections(tag, declared, changelog)
