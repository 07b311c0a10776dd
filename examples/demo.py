"""Check the example bundles on one lab, and see that exactly the two broken promises are found.

Run as `python -m examples.demo`, which is what `make demo-bundle` does.
"""

from __future__ import annotations

import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from netproof.cluster.lab import LabCluster, LabOptions
from netproof.errors import NetproofError
from netproof.front.options import PROBE_IMAGE
from netproof.model.check import CheckRecord
from netproof.model.review import Kept
from netproof.model.value import replace
from netproof.report.review import terminal
from netproof.review.case import Case, check, open_case
from netproof.run import bundle_run
from netproof.run.controller import Controller
from netproof.run.scenario import Wishes
from netproof.run.session import RunSession
from netproof.verdict import RunEvidence

HERE = Path(__file__).parent
EXAMPLES = ("production-networking", "zero-trust", "default-allow", "ingress-controllers")

BROKEN = {
    ("production-networking", "only: service-a -> service-b"),
    ("zero-trust", "allow: label app=api -> production/database:5432/TCP"),
}
"""The promises that the articles' policies do not keep."""


def main() -> int:
    """Check every example, print what does not hold, and return 0 if it is what must be found."""
    began = time.monotonic()
    records = _checked([_case(name) for name in EXAMPLES])
    for record in records:
        sys.stdout.write(f"{_findings(record)}\n")
    broken = {
        (record.bundle, result.intent)
        for record in records
        for result in record.intents
        if Kept.BROKEN in (result.static.kept, result.packets and result.packets.kept)
    }
    seconds = time.monotonic() - began
    what = "the two broken promises" if broken == BROKEN else f"not what must be found: {broken}"
    sys.stdout.write(f"Found {what}, in {seconds:.1f} s.\n")
    return 0 if broken == BROKEN else 1


def _case(name: str) -> Case:
    here = HERE.relative_to(Path.cwd()) if HERE.is_relative_to(Path.cwd()) else HERE
    return open_case([str(here / name)], name=name)


def _checked(cases: list[Case]) -> list[CheckRecord]:
    """Return the record of each case, its intents judged by packets too, all side by side."""
    run_id = uuid.uuid4().hex[:8]
    wishes = Wishes(PROBE_IMAGE)
    lab = LabCluster(LabOptions(name=f"run-{run_id}"))
    run = RunSession(Controller(lab, run_id, wishes), run_id)
    handout = run.start()

    def checked(number: int) -> CheckRecord:
        case, settings = cases[number], wishes.settings(handout.ref)
        read = check(case)
        probed = bundle_run.probe(case, read.intents, handout, settings, f"b{number}")
        evidence = RunEvidence(tuple(run.canaries), (probed.scenario.record,), probed.intents)
        return bundle_run.with_packets(read, evidence, probed.notes)

    try:
        with ThreadPoolExecutor(len(cases)) as pool:
            return list(pool.map(checked, range(len(cases))))
    finally:
        run.finish()


def _findings(record: CheckRecord) -> str:
    """Return the record as text, without its hints and what is not mirrored."""
    return terminal.check(replace(record, hints=(), notes=()))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NetproofError as error:
        sys.exit(f"examples.demo: {error}")
