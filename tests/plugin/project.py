"""A small project that uses netproof, and pytest run in it as a person would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of pytest ended."""

    code: int
    output: str

    def says(self, *parts: str) -> bool:
        """Tell whether all parts are in the output, and no traceback is.

        A command that goes on behind a backslash is read on, as a shell does.
        """
        text = " ".join(self.output.replace("\\\n", " ").split())
        return all(part in text for part in parts) and "Traceback" not in text


def run(folder: Path, *arguments: str, **environment: str) -> Ended:
    """Run pytest in a folder that has a project in it; the plugin comes by its entry point."""
    return ended(folder, sys.executable, "-m", "pytest", *arguments, **environment)


def ended(folder: Path, *command: str, **environment: str) -> Ended:
    """Run a command in a folder, with nothing of the pytest that runs this in its environment."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**kept, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Ended(done.returncode, done.stdout)


def write_example(folder: Path) -> None:
    """Write the files that docs/writing-cases.md shows, each headed by its name."""
    text = (ROOT / "docs" / "writing-cases.md").read_text(encoding="utf-8")
    shown = re.findall(r"^`([^`]+)`, [^\n]*:\n\n```\w+\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    for name, content in shown:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
