"""What pyproject.toml says of the package."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


def _tables() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def project() -> dict[str, Any]:
    """Return the `[project]` table."""
    table: dict[str, Any] = _tables()["project"]
    return table


def group(name: str) -> tuple[Requirement, ...]:
    """Return what a group asks for that has a lock and an environment of its own."""
    return tuple(map(Requirement, _tables()["dependency-groups"][name]))


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
