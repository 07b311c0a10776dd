"""What is said of a CNI that was run for real, and of one that was not, is the same everywhere."""

from __future__ import annotations

import datetime
import re

import pytest

from netproof.cluster.profiles import reading
from netproof.cluster.profiles.declaration import UNVERIFIED
from netproof.front import cli
from tests.house.project import ROOT

CONFIGS = ROOT / "kind-configs"
PROFILES = {name: reading.load(name, CONFIGS) for name in reading.names(CONFIGS)}


def test_the_table_is_that_of_the_profiles() -> None:
    """Each profile has a row with its own words, and no other CNI has one."""
    text = (CONFIGS / "README.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"\| CNI \| its last real run \|\n\|---\|---\|\n((?:\|.*\|\n)+)", text)
    rows = [f"| {name} | {profile.verification} |" for name, profile in PROFILES.items()]
    assert rows == table.splitlines()


def test_the_front_page_names_both_kinds() -> None:
    """Whoever reads the first page knows which CNIs nobody has tried."""
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    (real, unverified) = re.findall(
        r"([\w, -]+) were run for real, .*?; (.*?) are unverified", text
    )[0]
    for profile in PROFILES.values():
        assert profile.title in (real if profile.verified else unverified), profile.name


@pytest.mark.parametrize("name", PROFILES)
def test_a_real_run_is_of_a_version_that_the_profile_is_for(name: str) -> None:
    """A result of a version that the profile does not install tells that it does not."""
    profile = PROFILES[name]
    if profile.verified is None:
        assert profile.verification == UNVERIFIED
        return
    assert profile.version == profile.verified.version
    datetime.date.fromisoformat(profile.verified.date)


def test_the_list_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    """`netproof profile list` has the words below each profile."""
    assert 0 == cli.main(["profile", "list"])
    told = capsys.readouterr().out
    assert all(profile.verification in told for profile in PROFILES.values())
