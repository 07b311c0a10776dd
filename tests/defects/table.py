"""`make test-defects`: run the suites against each defect and print which cases found it.

The cases written by hand are run, until a few have found the defect; `--all` runs all of them and
the generated ones too. `python -m tests.defects.table [--all] [DEFECT ...]` runs for some only.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from netproof.cluster.lab import environment
from tests.defects.suites import BY_HAND, with_defect

A_FEW = ("--maxfail", "8")
"""A defect that many cases find is as good as found; workers finish what they have begun."""


def main(arguments: list[str]) -> int:
    """Print a line a defect; fail when one is missed."""
    cases = ("-n", "auto") if "--all" in arguments else (*BY_HAND, *A_FEW)
    names = [word for word in arguments if word != "--all"] or _every_defect()
    missed = [name for name in names if not _found(name, cases)]
    print(f"\n{len(names) - len(missed)} of {len(names)} defects found", end="")
    print(f", missed: {', '.join(missed)}" if missed else "")
    return 1 if missed else 0


def _every_defect() -> list[str]:
    """Return the names of the dataplane's; those of the kubelet have tests of their own."""
    asked = [sys.executable, "-m", "netlab", "defects", "--json"]
    told = subprocess.run(asked, env=environment(), capture_output=True, text=True, check=True)
    found = json.loads(told.stdout)
    return [defect["name"] for defect in found if defect["kind"] == "dataplane"]


def _found(name: str, arguments: Sequence[str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        seen = with_defect(name, Path(folder), *arguments)
    cases = seen.found_by
    shown = ", ".join(cases[:4]) + (f" and {len(cases) - 4} more" if len(cases) > 4 else "")
    print(f"{'found ' if cases else 'MISSED'}  {name:34} {len(cases):3}  {shown}", flush=True)
    return bool(cases)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
