"""Running the suites against a lab with a defect, as a person would, and reading the record."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from netproof.front.options import as_in_pytest
from netproof.model import codec
from netproof.model.record import RunRecord, RunVerdict
from tests.defects import warm

CONVERGE_S = "0.3"
"""The lab's rules are in force before the API answers; a defect never gets better by waiting."""


BY_HAND = ("--ignore=suites/generated", "-n", "auto")
"""The cases that somebody wrote for a statement each; the generated ones vary them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of the suites showed."""

    exit_code: int
    record: RunRecord
    output: str

    @property
    def found_by(self) -> tuple[str, ...]:
        """The cases in which some flow did what it must not do."""
        seen = [s.id for s in self.record.scenarios if s.verdict is RunVerdict.FAIL]
        canary = [c for c in self.record.canaries if any(step.findings for step in c.steps)]
        return (("canary",) if canary else ()) + tuple(sorted(seen))


def run_suites(reports: Path, *arguments: str) -> Outcome:
    """Run the suites in a pytest of their own and return what they showed."""
    return run_pytest("suites", reports, *arguments)


def run_pytest(path: str, reports: Path, *arguments: str) -> Outcome:
    """Run what is below a path in a pytest of its own and return what it showed.

    The arguments are spelled as for `netproof test`.
    """
    reports.mkdir(exist_ok=True)
    said = reports / "said"
    code = warm.run(
        [
            *(path, "-q", "-p", "no:cacheprovider"),
            *map(as_in_pytest, ("--cluster", "lab", "--report-dir", str(reports), *arguments)),
        ],
        output=said,
        environment={k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")},
    )
    written = reports / "record.json"
    output = said.read_text(encoding="utf-8")
    if not written.exists():
        raise AssertionError(f"the suites wrote no record:\n{output}")
    return Outcome(code, codec.loads(written.read_text()), output)


def with_defect(name: str, reports: Path, *arguments: str, theme: str = "") -> Outcome:
    """Run the suites, or one theme of them, against a lab that has one defect."""
    options = ("--defect", name, "--converge-timeout", CONVERGE_S)
    return run_pytest(str(Path("suites", theme)), reports, *options, *arguments)
