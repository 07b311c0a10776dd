"""The example of docs/writing-cases.md works as it stands there, in a project of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

import netproof.fixtures
from tests.plugin.project import ROOT, run, write_example


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Write the example's files into a folder outside this repository."""
    write_example(tmp_path)
    return tmp_path


def test_the_example_passes_on_the_lab(shop: Path) -> None:
    """All its flows do what the policies say, and the reports are in the current folder."""
    ended = run(shop, "--np-cluster", "lab")
    assert 0 == ended.code, ended.output
    assert ended.says("PASS", "only-api", "1 passed"), ended.output
    assert (shop / "reports" / "record.json").exists()


def test_the_example_fails_on_a_faulty_lab(shop: Path) -> None:
    """A dataplane that lets everybody of the namespace in is found by it."""
    ended = run(shop, "--np-cluster", "lab", "--np-defect", "ignores-peer-pod-selector")
    assert 1 == ended.code, ended.output
    assert ended.says(
        "LEAK shop/web -> shop/db TCP 5432",
        "-m pytest test_shop.py::test_only_the_api_reaches_the_database",
    ), ended.output


@pytest.mark.parametrize("name", netproof.fixtures.__all__)
def test_what_is_exported_is_there(name: str) -> None:
    """Each name is found at its home."""
    assert name == getattr(netproof.fixtures, name).__name__


def test_every_fixture_is_documented() -> None:
    """A fixture that the page lacks is one that nobody may rely on."""
    page = (ROOT / "docs" / "writing-cases.md").read_text(encoding="utf-8")
    listed = run(ROOT, "--fixtures", "-q", "tests/plugin/test_example.py").output
    ours = {
        line.split()[0].partition("[")[0]
        for line in listed.splitlines()
        if "netproof/fixtures/" in line and line[:1].isalpha()
    }
    assert "enforce" in ours
    assert set() == {name for name in ours if f"`{name}`" not in page}
