"""`make install` ends with one clear line where the machine lacks something."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.project import ROOT

TOOLS = ("awk", "bash", "make", "rm", "touch")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Return a folder of programs: few tools, no uv, not root, a Python that lacks nothing."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        where = shutil.which(tool)
        assert where is not None
        (programs / tool).symlink_to(where)
    _write(programs / "id", "echo 1000")
    _write(programs / "python3", "exit 0")
    for name in ("Makefile", "pyproject.toml", "requirements-lock.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return programs


def _write(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)


def _install(programs: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--silent", ".venv/.installed"],
        cwd=programs.parent,
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_old_python_is_named(machine: Path) -> None:
    """The first line of code that an old Python cannot read is no explanation."""
    _write(machine / "python3", 'case "$2" in *version_info*) exit 1;; esac')
    outcome = _install(machine)
    assert (
        outcome.stdout
        == "netproof needs Python 3.11 or later; name one: make PYTHON=python3.12 ...\n"
    )
    assert outcome.returncode != 0


def test_a_python_without_venv_is_named(machine: Path) -> None:
    """Debian ships Python without the module that makes environments."""
    _write(machine / "python3", 'case "$2" in *ensurepip*) exit 1;; esac')
    outcome = _install(machine)
    assert (
        outcome.stdout
        == "please install python3-venv first, for example: sudo apt-get install python3-venv\n"
    )
    assert outcome.returncode != 0


def test_pip_alone_checks_the_hashes(machine: Path) -> None:
    """Where the lock's uv cannot be had, pip installs the same lock, then the package offline."""
    _write(
        machine / "python3",
        'mkdir -p .venv/bin; cp "$0" .venv/bin/python; echo "$@" >> calls\n'
        'case "$*" in *uv.txt) exit 1;; esac',
    )
    for tool in ("cp", "mkdir"):
        where = shutil.which(tool)
        assert where is not None
        (machine / tool).symlink_to(where)
    assert _install(machine).returncode == 0
    pip = "-m pip install --quiet --disable-pip-version-check --no-deps"
    assert [
        f"{pip} --require-hashes -r .venv/uv.txt",
        f"{pip} --require-hashes -r requirements-lock.txt",
        f"{pip} --no-index --no-build-isolation --editable .",
    ] == (machine.parent / "calls").read_text(encoding="utf-8").splitlines()[-3:]
