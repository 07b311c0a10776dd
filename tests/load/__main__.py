"""`make test-load`: suites' cases on the lab beside busy loops; no run may call a flow wrong.

The lab enforces, so whatever is called a leak or over-blocked is a false verdict. What cannot be
told on a machine this busy has to be called that, and is counted. The cases are those with flows
that nobody testifies for (the cluster's DNS), and those to every other kind of door; runs take
them in turn.

`python -m tests.load [--runs 40] [--loops 4 8]`: so many runs in all, the same number beside each
number of loops.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from netproof.model.record import WRONG, FlowVerdict, RunRecord, StepRecord
from tests.defects.suites import run_pytest

CASES = (
    "suites/baseline/test_flat_network.py::test_every_door",
    "suites/egress/test_egress.py::test_deny_egress",
)


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """What one run said, beside so many busy loops."""

    loops: int
    verdict: str
    seconds: float
    flows: int
    false: tuple[str, ...]
    untold: int
    errors: tuple[str, ...]

    def __str__(self) -> str:
        said = f"{self.loops} loops  {self.verdict:13} {self.seconds:5.1f} s  {self.flows} flows"
        return f"{said}, {self.untold} inconclusive, {len(self.false)} called wrong"


def main(arguments: Sequence[str]) -> int:
    """Print a line a run and one for each number of loops; fail where a verdict was false."""
    asked = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    asked.add_argument("--runs", type=int, default=40)
    asked.add_argument("--loops", type=int, nargs="+", default=[4, 8])
    given = asked.parse_args(arguments)
    runs = [run for loops in given.loops for run in _runs(loops, given.runs // len(given.loops))]
    print()
    for loops in given.loops:
        print(_summary(loops, [run for run in runs if run.loops == loops]))
    return 1 if any(run.false or run.errors for run in runs) or not runs else 0


def _runs(loops: int, number: int) -> Iterator[LoadedRun]:
    with _busy(loops):
        for turn in range(number):
            run = _run(loops, CASES[turn % len(CASES)])
            print(run, *(f"\n    {text}" for text in (*run.false, *run.errors)), flush=True)
            yield run


@contextmanager
def _busy(loops: int) -> Iterator[None]:
    """Keep so many loops running for as long as a block does.

    Each has a session of its own: where the kernel shares the CPUs among sessions first
    (`kernel.sched_autogroup_enabled`), loops in one would have one share together.
    """
    command = [sys.executable, "-I", "-S", "-c", "while True: pass"]
    busy = [subprocess.Popen(command, start_new_session=True) for _ in range(loops)]
    try:
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()


def _run(loops: int, case: str) -> LoadedRun:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        record = run_pytest(case, Path(folder), "-n", "0").record
    steps = list(_steps(record))
    return LoadedRun(
        loops=loops,
        verdict=str(record.verdict),
        seconds=time.monotonic() - began,
        flows=sum(sum(step.counts.values()) for step in steps),
        false=tuple(_false(steps)),
        untold=sum(step.counts[FlowVerdict.INCONCLUSIVE] for step in steps),
        errors=record.errors,
    )


def _steps(record: RunRecord) -> Iterator[StepRecord]:
    for canary in record.canaries:
        yield from canary.steps
    for scenario in record.scenarios:
        yield from scenario.steps


def _false(steps: Sequence[StepRecord]) -> Iterator[str]:
    for step in steps:
        for finding in step.findings:
            if finding.verdict in WRONG:
                yield f"{step.name}: {finding.verdict}: {finding.flow}: {finding.why}"


def _summary(loops: int, runs: Sequence[LoadedRun]) -> str:
    verdicts = [run.verdict for run in runs]
    said = ", ".join(f"{verdicts.count(one)} {one}" for one in dict.fromkeys(sorted(verdicts)))
    untold, flows = sum(run.untold for run in runs), sum(run.flows for run in runs)
    false = sum(len(run.false) for run in runs)
    return (
        f"{loops} loops: {len(runs)} runs: {said}; {false} false verdicts; "
        f"{untold} of {flows} flows inconclusive; {sum(run.seconds for run in runs):.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
