"""The front: which module holds which command, and how it ends."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

import pytest

import netproof
from netproof.front.cli import main
from netproof.front.cli.main import SUBJECTS


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_table_names_the_commands_of_each_module(subject: str) -> None:
    """A command that the table lacks could not be called."""
    commands = argparse.ArgumentParser().add_subparsers()
    importlib.import_module(f"netproof.front.cli.{subject}").add(commands)
    assert set(SUBJECTS[subject]) == set(commands.choices)


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command, all of them are shown."""
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    assert all(command in told for commands in SUBJECTS.values() for command in commands)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints it and nothing else."""
    with pytest.raises(SystemExit):
        main(["--version"])
    assert f"{netproof.__version__}\n" == capsys.readouterr().out


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The message lists the commands there are."""
    with pytest.raises(SystemExit) as ended:
        main(["magic"])
    assert 2 == ended.value.code
    assert "invalid choice: 'magic'" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["up", "down"])
@pytest.mark.parametrize("name", ["a/b", "../a", "", "a b", "x" * 41])
def test_a_lab_does_not_leave_its_folder(
    name: str, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A lab's name becomes part of a path, so one that could lead elsewhere is refused."""
    assert 2 == main(["lab", action, "--name", name])
    assert f"--name {name}: write" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["list", "check"])
def test_a_folder_without_profiles(
    action: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing to list or check is a wrong folder, and no success."""
    assert 2 == main(["profile", action, "--cni-profiles", str(tmp_path)])
    assert f"{tmp_path} holds no CNI profiles" in capsys.readouterr().err


def test_downloads_that_cannot_be_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that cannot be made is named before anything is downloaded."""
    file = tmp_path / "file"
    file.touch()
    assert 2 == main(["profile", "fetch", "calico", "--downloads", str(file)])
    assert f"--downloads {file}: File exists" in capsys.readouterr().err


@pytest.mark.parametrize("hours", ["-1", "nan"])
def test_an_age_that_none_has(hours: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Namespaces of the future would be all there are, those of living runs included."""
    assert 2 == main(["clean", "--older-than", hours])
    assert f"--older-than {hours}: write" in capsys.readouterr().err
