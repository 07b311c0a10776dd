"""The wheel, built from the source archive and installed where nothing of this repository is."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.plugin.project import ROOT
from tests.wheel.installed import Installed

UV = (sys.executable, "-m", "uv", "--quiet")

BUILT = os.environ.get("NETPROOF_DIST")
"""A folder with what `make dist` built, where that is to be tried; else both are built here."""


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the source archive, which lies beside the wheel that was built from it."""
    folder = ROOT / BUILT if BUILT else tmp_path_factory.mktemp("dist")
    if not BUILT:
        where = ("--python", sys.executable, "-o", str(folder))
        _uv("build", "--no-build-isolation", *where, str(ROOT))
    (archive,) = folder.glob("*.tar.gz")
    return archive


@pytest.fixture(scope="session")
def wheel(sdist: Path) -> Path:
    """Return the wheel that was built from the archive."""
    (built,) = sdist.parent.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install the wheel into a clean environment, with what it asks for and nothing else.

    The versions are those of the environment that runs this test, which has them in its cache.
    """
    folder = tmp_path_factory.mktemp("clean")
    versions = {f"{one.name}=={one.version}\n" for one in distributions() if one.name != "netproof"}
    (folder / "versions.txt").write_text("".join(sorted(versions)), encoding="utf-8")
    _uv("venv", "--python", sys.executable, str(folder / "venv"))
    python = folder / "venv" / "bin" / "python"
    where = ("--python", str(python), "--constraints", str(folder / "versions.txt"))
    _uv("pip", "install", *where, str(wheel))
    return Installed(python.parent)


def _uv(*words: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    done = subprocess.run(
        (*UV, *words), env=environment, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
