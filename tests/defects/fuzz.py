"""`python -m tests.defects.fuzz`: random policies find defects; print what is left of them."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.defects.suites import CONVERGE_S, run_pytest

DEFECTS = (
    "ignores-egress",
    "ingress-isolates-egress",
    "and-as-or",
    "first-policy-wins",
    "ignores-except",
    "notin-needs-key",
    "range-as-first-port",
    "named-port-opens-all",
    "forgets-ipv6",
    "cross-node-not-policed",
    "terminating-pod-is-no-peer",
)
"""One or two of each kind: directions, selection, peers, ports, packets, nodes, pods that end."""

MOST_POLICIES = 2
EXAMPLES = "400"


@dataclass(frozen=True, slots=True)
class Hunted:
    """What a hunt has left: the smallest bundle, None where nothing differed."""

    defect: str
    bundle: str | None

    @property
    def policies(self) -> int:
        """How many policies the bundle has."""
        return len(list(yaml.safe_load_all(self.bundle or "")))


def hunt(defect: str, reports: Path) -> Hunted:
    """Try random policies against a lab with a defect."""
    run_pytest(
        "suites/fuzz",
        reports,
        *("--defect", defect, "--converge-timeout", CONVERGE_S),
        *("--fuzz-examples", EXAMPLES, "-o", "faulthandler_timeout=0"),
    )
    saved = sorted((reports / "fuzz").glob("*.yaml"))
    return Hunted(defect, saved[0].read_text(encoding="utf-8") if saved else None)


def main(names: list[str]) -> int:
    """Print a line a defect; fail when one is missed or its bundle is not small."""
    failed = 0
    for name in names or DEFECTS:
        with tempfile.TemporaryDirectory() as folder:
            found = hunt(name, Path(folder))
        small = found.bundle is not None and found.policies <= MOST_POLICIES
        failed += not small
        size = f"{found.policies} policies" if found.bundle else "MISSED"
        print(f"{'found ' if small else 'FAILED'}  {name:28} {size}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
