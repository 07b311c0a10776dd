"""The front: which module holds which command, and how it ends."""

from __future__ import annotations

import argparse
import importlib

import pytest

import netproof
from netproof.cli import main
from netproof.cli.main import SUBJECTS


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_table_names_the_commands_of_each_module(subject: str) -> None:
    """A command that the table lacks could not be called."""
    commands = argparse.ArgumentParser().add_subparsers()
    importlib.import_module(f"netproof.cli.{subject}").add(commands)
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
