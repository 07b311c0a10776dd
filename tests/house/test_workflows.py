"""The workflows run what is there, with what is pinned, for a limited time and with few rights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.project import ROOT, project

WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / ".github/workflows").glob("*.yml"))
}
JOBS = {
    f"{name}/{job}": body for name, flow in WORKFLOWS.items() for job, body in flow["jobs"].items()
}
PAGES = (*sorted((ROOT / ".github/workflows").glob("*.yml")), ROOT / "docs/ci.md")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):(?!=)", MAKEFILE, re.MULTILINE))


def _steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in JOBS.items():
        for step in job["steps"]:
            yield name, step


def _lines() -> list[str]:
    """Return every line of shell in the workflows and in the local check."""
    lines = [line for _, step in _steps() for line in step.get("run", "").splitlines()]
    return [*lines, *(ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()]


def _made() -> set[str]:
    """Return the targets that these lines make, but those that a matrix completes."""
    words = [word for line in _lines() if line.startswith("make ") for word in line.split()[1:]]
    return {word for word in words if re.fullmatch(r"[a-z][a-z-]*", word)}


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github/workflows").glob("*.yml")), ids=lambda p: p.stem
)
def test_an_action_is_pinned_by_commit(path: Path) -> None:
    """A tag can be moved to other code; the comment says which one the commit was."""
    uses = re.findall(r"^\s*(?:- )?uses: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert [] == [
        use for use in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d[\d.]*", use)
    ]


def test_one_action_has_one_version() -> None:
    """Two versions of one action are an update that was left half done."""
    uses = {step["uses"] for _, step in _steps() if "uses" in step}
    assert len(uses) == len({use.split("@")[0] for use in uses})


@pytest.mark.parametrize("job", JOBS)
def test_a_job_ends_in_time(job: str) -> None:
    """A job that hangs costs hours otherwise."""
    assert 1 <= JOBS[job]["timeout-minutes"] <= 60


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_workflow_may_only_read(workflow: str) -> None:
    """What more a job needs, it asks for itself."""
    assert {"contents": "read"} == WORKFLOWS[workflow]["permissions"]


def test_only_the_release_may_sign() -> None:
    """An identity belongs to the jobs that run nothing of a pull request."""
    rights = {name: set(job["permissions"]) for name, job in JOBS.items() if "permissions" in job}
    assert {
        "release/attest": {"id-token", "attestations"},
        "release/publish": {"contents", "id-token"},
    } == rights


def test_a_checkout_keeps_no_credentials() -> None:
    """The token of a checkout is of no use to the tests, and within their reach."""
    checkouts = [step for _, step in _steps() if "actions/checkout@" in step.get("uses", "")]
    assert [] == [
        step for step in checkouts if step["with"].get("persist-credentials") is not False
    ]


def test_no_expression_is_pasted_into_a_shell() -> None:
    """An input that is pasted into a script runs as one; only the matrix of the file itself may."""
    pasted = re.findall(r"\$\{\{ *([\w.]+)", "\n".join(_lines()))
    assert [] == [name for name in pasted if not name.startswith("matrix.")]


def test_what_is_made_is_in_the_makefile() -> None:
    """A renamed target breaks the workflow at once, here and not a week later."""
    assert set() == _made() - TARGETS


def test_what_is_tested_is_there() -> None:
    """A folder or file of tests that moved would make a run of none, or an error."""
    named = (
        " ".join(re.findall(r'TESTS=("[^"]+"|\S+)', "\n".join(_lines()))).replace('"', "").split()
    )
    assert [] == [folder for folder in named if not (ROOT / folder).exists()]


def test_each_cni_has_a_profile_and_a_target() -> None:
    """The matrix of CNIs is the folder of profiles."""
    matrix = WORKFLOWS["cni"]["jobs"]["suites"]["strategy"]["matrix"]
    named = {*matrix["cni"], *(entry["cni"] for entry in matrix["include"])}
    assert {path.parent.name for path in ROOT.glob("kind-configs/*/profile.yaml")} == named
    (made,) = re.findall(r"^CNIS := (.*)$", MAKEFILE, re.MULTILINE)
    assert set(made.split()) == named


def test_the_classifiers_are_the_pythons_of_ci() -> None:
    """A Python that nobody runs is not promised, and one that runs is."""
    promised = re.findall(r"Python :: (3\.\d+)'", str(project()["classifiers"]))
    assert promised == WORKFLOWS["ci"]["jobs"]["lock"]["strategy"]["matrix"]["python"]
    assert f">={promised[0]}" == project()["requires-python"]


def test_both_ends_of_the_ranges_are_run() -> None:
    """By the workflow, and by the local check that everybody runs before a change lands."""
    runs = WORKFLOWS["ci"]["jobs"]["ranges"]["strategy"]["matrix"]["include"]
    assert ["newest", "lowest"] == [run["deps"] for run in runs]
    assert {"newest", "lowest"} == set(re.findall(r"DEPS=(\w+)", (ROOT / ".ci/run").read_text()))
