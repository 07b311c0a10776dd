"""What is installed is what was tried: the lock holds it, and the ranges are true at both ends."""

from __future__ import annotations

import re
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.house.project import ROOT, floor, group, requirements

LOCKS = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in ("requirements-lock.txt", "requirements-docs.txt")
}
IN_LOWEST = Path(sys.prefix).name == ".venv-lowest"


def _pins(lock: str) -> list[str]:
    return [block for block in re.split(r"\n(?=[a-zA-Z])", lock) if not block.startswith("#")]


def _name(pin: str) -> str:
    return canonicalize_name(pin.split("==", 1)[0])


def _versions(lock: str) -> dict[str, str]:
    return {_name(pin): pin.split("==", 1)[1].split()[0] for pin in _pins(lock)}


PINS = [pin for lock in LOCKS.values() for pin in _pins(lock)]
RANGES = [(wanted, "requirements-lock.txt") for wanted in requirements()]
RANGES += [(wanted, "requirements-docs.txt") for wanted in group("docs")]
VERSIONS = {name: _versions(lock) for name, lock in LOCKS.items()}


def _wanted(value: object) -> str | None:
    return value.name if isinstance(value, Requirement) else None


@pytest.mark.parametrize("pin", PINS, ids=_name)
def test_a_pin_has_one_version_and_hashes(pin: str) -> None:
    """Pip and uv refuse a file that the lock does not know."""
    assert re.match(r"[\w.-]+==[\w.!+]+ (; .* )?\\\n    --hash=sha256:[0-9a-f]{64}", pin)


def test_the_lock_names_no_registry() -> None:
    """Where packages come from is the business of the machine that installs."""
    for lock in LOCKS.values():
        assert [] == re.findall(r"\w+://\S+|--(?:index|extra-index|find-links)\S*", lock)


@pytest.mark.parametrize(("requirement", "lock"), RANGES, ids=_wanted)
def test_the_lock_keeps_to_the_ranges(requirement: Requirement, lock: str) -> None:
    """Who changes a range makes the lock again."""
    locked = VERSIONS[lock].get(canonicalize_name(requirement.name))
    assert locked is not None, "make lock"
    assert requirement.specifier.contains(locked), "make lock"


@pytest.mark.parametrize("requirement", [wanted for wanted, _ in RANGES], ids=_wanted)
def test_a_range_has_its_reason(requirement: Requirement) -> None:
    """A bound that nobody can explain is never moved."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(rf'^  "{re.escape(requirement.name)}[>=<\[][^"]*", +# \S', text, re.MULTILINE)


@pytest.mark.skipif(
    not IN_LOWEST, reason="asks an environment of lower bounds: make test DEPS=lowest"
)
@pytest.mark.parametrize("requirement", requirements(), ids=_wanted)
def test_a_floor_is_what_a_resolver_finds(requirement: Requirement) -> None:
    """A floor below that of another library's range is a promise that nobody tried."""
    assert Version(floor(requirement)) == Version(version(requirement.name))
