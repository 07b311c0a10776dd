"""An environment that netproof is installed in, and commands in it as a person runs them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.plugin.project import Ended, ended


@dataclass(frozen=True, slots=True)
class Installed:
    """The programs of a clean environment."""

    programs: Path

    def run(self, folder: Path, program: str, *arguments: str) -> Ended:
        """Run a program in a folder that has nothing to do with this repository."""
        return ended(folder, str(self.programs / program), *arguments, PYTHONPATH="")
