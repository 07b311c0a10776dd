"""`python -m tests.defects.clean [RUNS] [--all]`: run the suites again and again, without an alarm.

Those that `make test-defects` runs; `--all` adds the generated cases.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from netproof.model.record import RunVerdict
from tests.defects.suites import BY_HAND, run_suites

RUNS = 50


def main(arguments: list[str]) -> int:
    """Print a line a run; end with a failure at the first alarm, and show it."""
    runs = next((int(word) for word in arguments if word.isdigit()), RUNS)
    cases = ("-n", "auto") if "--all" in arguments else BY_HAND
    for number in range(1, runs + 1):
        with tempfile.TemporaryDirectory() as folder:
            seen = run_suites(Path(folder), *cases)
        count, seconds = len(seen.record.scenarios), seen.record.seconds
        print(
            f"{number:3} of {runs}  {seen.record.verdict}  {count} cases  {seconds:.0f} s",
            flush=True,
        )
        if seen.record.verdict is not RunVerdict.PASS or seen.exit_code:
            print(seen.output)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
