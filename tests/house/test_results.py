"""What is published of real runs is what their records say."""

from __future__ import annotations

import re

import pytest

from netproof.cluster.profiles.declaration import IpFamily
from netproof.front.cli.record_commands import published
from netproof.verdict import RunEvidence, judge_run
from tests.house import results
from tests.house.results import PROFILES

RECORDS = results.records()

OF_A_MACHINE = re.compile(r"(?<![\w./:])/(?:root|home|tmp|opt|usr|srv|mnt|work|Users)/")


def test_the_page_is_that_of_the_records() -> None:
    """`python -m tests.house.results` writes it."""
    page = results.PAGE.read_text(encoding="utf-8")
    assert page == results.filled(page)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_says_of_its_last_real_run_what_the_record_says(name: str) -> None:
    """One without a record is unverified."""
    told, run = PROFILES[name].verified, RECORDS.get(name)
    assert (told is None) == (run is None)
    if told is None or run is None:
        return
    seen = (run.started[:10], run.cluster.version, len(run.cluster.nodes), run.verdict.value)
    assert (told.date, told.kubernetes, told.nodes, told.verdict) == seen
    assert told.version == results.version(run, PROFILES[name])
    assert told.family is IpFamily(results.family(run))
    assert told.cases == results.cases(run)


@pytest.mark.parametrize("name", RECORDS)
def test_a_published_record_is_judged_as_the_run_was(name: str) -> None:
    """Nothing that was taken out of it had a say."""
    run = RECORDS[name]
    judgement = judge_run(
        RunEvidence(
            canaries=run.canaries,
            scenarios=run.scenarios,
            intents=run.intents,
            doors=run.doors,
            errors=run.errors,
            enforcement_declared=run.cluster.enforces,
            enforcement_required=run.require_enforcement,
            packets_required=run.require_packets,
            cut_short=run.cut_short,
            cases=run.cases,
            selected=run.selected,
            deselected=run.deselected,
            chosen=run.chosen,
        )
    )
    assert (run.verdict, run.exit_code) == (judgement.verdict, judgement.exit_code)


@pytest.mark.parametrize("name", RECORDS)
def test_a_published_record_names_no_machine(name: str) -> None:
    """It is small, tells what was taken out, and has nothing left to take out."""
    file = results.FOLDER / f"{name}{results.RECORD}"
    assert file.stat().st_size < 1_000_000
    assert RECORDS[name].notes[-1].startswith("published: ")
    assert OF_A_MACHINE.search(str(RECORDS[name])) is None
    assert published(RECORDS[name]).scenarios == RECORDS[name].scenarios
