"""Tab in a real shell, with what `netproof completion` prints."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from netproof.front.cli import main
from netproof.front.cli.completion_command import PLACES
from tests.pseudoterminal import Program

COMPLETED = [
    ("netproof snaps", "snapshot"),
    ("netproof check --stat", "--static"),
    ("netproof diff a b --fail-on ne", "never"),
    ("netproof lab prefl", "preflight"),
    ("netproof test operat", "operational_access"),
    ("netproof profile check kube-r", "kube-router"),
    ("netproof snapshot one-f", "one-file.yaml"),
    ("netproof compare one-f", "one-file.yaml"),
]


PROMPT = r"[\r\n]ready> "


def shell(name: str) -> str:
    """Return where a shell is; skip where it is not."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install {name}")
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the scripts of all shells, a file, and a program of the name."""
    for name in PLACES:
        assert 0 == main(["completion", name, "-o", str(tmp_path / f"script.{name}")])
    (tmp_path / "script.zsh").rename(tmp_path / "_netproof")
    (tmp_path / "one-file.yaml").touch()
    (tmp_path / "netproof").touch(mode=0o755)
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    """Return an environment without anybody's configuration."""
    path = f"{folder}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(folder), "TERM": "dumb", "LC_ALL": "C.UTF-8"}


def typed(program: Program) -> None:
    """Type each line, press Tab, and look for what it becomes; then take the line back."""
    for line, end in COMPLETED:
        since = len(program.written)
        program.type(f"{line}\t")
        said = program.read_until(rf"{re.escape(end)}\b", since)
        assert end in said
        since = len(program.written)
        program.type("\x15echo tried\n")  # Ctrl-U
        program.read_until(r"\ntried[\r\n](.|\n)*ready> ", since)


def test_tab_in_bash(folder: Path) -> None:
    """Commands, options, their values, themes, profiles and files."""
    argv = [shell("bash"), "--norc", "--noprofile", "-i"]
    with Program(argv, columns=200, folder=folder, environment=environment(folder)) as bash:
        bash.type("PS1='ready> '; bind 'set enable-bracketed-paste off'; . ./script.bash\n")
        bash.read_until(PROMPT)
        typed(bash)


def test_tab_in_zsh(folder: Path) -> None:
    """The same."""
    argv = [shell("zsh"), "-f", "-i"]
    with Program(argv, columns=200, folder=folder, environment=environment(folder)) as zsh:
        zsh.type(f"PS1='ready> '; fpath+={folder}; autoload -U compinit; compinit -u -D\n")
        zsh.read_until(PROMPT)
        typed(zsh)


def test_tab_in_fish(folder: Path) -> None:
    """The same; fish says itself what it would complete to."""
    asked = "; ".join(f"complete -C '{line}'; echo --" for line, _ in COMPLETED)
    ended = subprocess.run(
        [shell("fish"), "--no-config", "-c", f"source script.fish; {asked}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env=environment(folder),
    )
    answers = ended.stdout.split("--\n")
    for answer, (line, end) in zip(answers, COMPLETED, strict=False):
        assert end in [one.partition("\t")[0] for one in answer.splitlines()], line


@pytest.mark.parametrize("name", PLACES)
def test_the_script_is_printed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """To be read by `eval` or `source`, as it was made: nothing is escaped in it."""
    assert 0 == main(["completion", name])
    told = capsys.readouterr().out
    assert "netproof" in told
    assert not re.search(r"\\x[0-9a-f]{2}", told)
