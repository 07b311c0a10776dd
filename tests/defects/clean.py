"""`python -m tests.defects.clean [RUNS] [--all]`: run the suites again and again, without an alarm.

Those that `make test-defects` runs; `--all` adds the generated cases.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

from netproof.model.record import RunVerdict
from tests.defects.suites import BY_HAND, run_suites

RUNS = 50


def main(arguments: list[str]) -> int:
    """Print a line a run; end at the first alarm, and show it.

    On a machine that is too busy a run may be inconclusive: that is no alarm, and is counted.
    """
    runs = next((int(word) for word in arguments if word.isdigit()), RUNS)
    cases = ("-n", "auto") if "--all" in arguments else BY_HAND
    told: Counter[str] = Counter()
    for number in range(1, runs + 1):
        with tempfile.TemporaryDirectory() as folder:
            seen = run_suites(Path(folder), *cases)
        verdict = seen.record.verdict
        told[verdict] += 1
        count, seconds = len(seen.record.scenarios), seen.record.seconds
        print(f"{number:3} of {runs}  {verdict}  {count} cases  {seconds:.0f} s", flush=True)
        if verdict not in (RunVerdict.PASS, RunVerdict.INCONCLUSIVE):
            print(seen.output)
            return 1
        if verdict is RunVerdict.INCONCLUSIVE:
            print(seen.record.exit_reason, flush=True)
    print(", ".join(f"{times} {verdict}" for verdict, times in told.items()))
    return int(not told[RunVerdict.PASS])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
