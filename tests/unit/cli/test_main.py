"""The front: which module holds which command, and how it ends."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import netproof
from netproof.cluster.kind import downloads
from netproof.front.cli import main
from netproof.front.cli.main import SUBJECTS
from tests.house.project import ROOT
from tests.unit.cluster.kind import standins


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


@pytest.mark.parametrize("action", ["check", "fetch"])
def test_a_profile_that_is_not_verified(
    action: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is refused with its place and what to do, before anything is downloaded."""
    into = ["--downloads", str(tmp_path)] if action == "fetch" else []
    assert 2 == main(["profile", action, "weave", "--require-verified", *into])
    told = capsys.readouterr().err
    assert "weave/profile.yaml:" in told
    assert "netproof profile pin weave" in told


def test_a_doctor_who_takes_no_image_unseen(capsys: pytest.CaptureFixture[str]) -> None:
    """An existing cluster pulls whatever a tag means today, unless there is a digest."""
    assert 2 == main(["doctor", "--require-verified", "--kubeconfig", "/nowhere"])
    assert "pass --probe-image" in capsys.readouterr().err


@pytest.mark.parametrize(("action", "code", "told"), [("pin", 1, "CHANGED"), ("fetch", 2, "used")])
def test_a_changed_byte_is_told(
    action: str,
    code: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By what downloads and by what pins: nothing is kept, and no checksum is overwritten."""
    offline = standins.offline(tmp_path)
    for file in offline.downloads.iterdir():
        file.write_bytes(file.read_bytes()[:-1] + b"\0")
    monkeypatch.setattr(downloads, "fetch", downloads.from_folder(offline.downloads))
    file = offline.profiles / "calico" / "profile.yaml"
    before, into = file.read_text(), offline.downloads if action == "pin" else tmp_path / "new"
    words = ["--cni-profiles", str(offline.profiles), "--downloads", str(into)]
    assert code == main(["profile", action, "calico", *words])
    said = capsys.readouterr()
    assert told in said.out + said.err
    assert before == file.read_text()
    assert not (tmp_path / "new").is_dir() or [] == list((tmp_path / "new").iterdir())


@pytest.mark.parametrize("hours", ["-1", "nan"])
def test_an_age_that_none_has(hours: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Namespaces of the future would be all there are, those of living runs included."""
    assert 2 == main(["clean", "--older-than", hours])
    assert f"--older-than {hours}: write" in capsys.readouterr().err


def test_a_check_without_packets_loads_nothing_that_sends_them() -> None:
    """What speaks to clusters and agents takes longer to load than a small bundle to read."""
    program = (
        "import sys, netproof.front.cli as c; c.main(['check', '--static', 'examples/zero-trust']);"
        "print(*sys.modules, file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    packages = {".".join(name.split(".")[:2]) for name in ended.stderr.split()}
    loaded = {"netproof.review", "netproof.policy"}
    assert loaded < packages
    assert not packages & {"netproof.cluster", "netproof.probe", "netproof.run", "urllib3.util"}
