"""What pyproject.toml says of the package."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


def project() -> dict[str, Any]:
    """Return the `[project]` table."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)["project"]
    return table


def requirements() -> tuple[Requirement, ...]:
    """Return what the package and its development ask for directly."""
    declared = project()
    return tuple(
        map(Requirement, [*declared["dependencies"], *declared["optional-dependencies"]["dev"]])
    )


def floor(requirement: Requirement) -> str:
    """Return the lower bound of a range."""
    (version,) = (spec.version for spec in requirement.specifier if spec.operator == ">=")
    return version
