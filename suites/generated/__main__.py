"""`python -m netproof.suites.generated [NAME]`: print a case's bundle, or the names of all."""

from __future__ import annotations

import sys

from netproof.suites.generated.case import Policies, dump
from netproof.suites.generated.cases import cases


def main(arguments: list[str]) -> int:
    """Print to standard output; return the exit code."""
    known = cases()
    if not arguments:
        sys.stdout.writelines(f"{name}\n" for name in known)
        return 0
    case = known.get(arguments[0])
    if case is None:
        sys.stderr.write(f"there is no case {arguments[0]!r}; without a name, all are listed\n")
        return 2
    sys.stdout.write(f"# {case.title} ({case.family}).\n# Again: {replay(case.name)}\n")
    sys.stdout.write(case.text())
    for change in case.then:
        said = dump(change.bundle) if isinstance(change, Policies) else f"{change}\n"
        sys.stdout.write("".join(f"# then: {line}\n" for line in said.splitlines()))
    return 0


def replay(name: str) -> str:
    """Return the command that runs a case by its name."""
    return f"netproof test 'generated/test_generated.py::test_generated[{name}]'"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
