"""A small project that uses netproof, and pytest run in it as a person would."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

CONFTEST = """
pytest_plugins = [
    "netproof.front.plugin",
    "netproof.fixtures.cluster",
    "netproof.fixtures.fleet",
    "netproof.fixtures.policies",
]
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of pytest ended."""

    code: int
    output: str

    def says(self, *parts: str) -> bool:
        """Tell whether all parts are in the output, and no traceback is."""
        told = " ".join(self.output.split())
        return all(part in told for part in parts) and "Traceback" not in told


def run(folder: Path, *arguments: str, **environment: str) -> Ended:
    """Run pytest in a folder that has a project in it."""
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Ended(done.returncode, done.stdout)
