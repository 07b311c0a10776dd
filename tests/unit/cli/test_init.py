"""`netproof init`: where the file goes, and that nothing of anybody is lost by it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from netproof.front.cli import main
from tests.unit.review.build import deny_all, intents, workload

BUNDLE = "---\n".join([workload("shop/web", 80), workload("shop/api", 8080), deny_all("shop")])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a bundle; its parent is the current one."""
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "deploy"
    made.mkdir()
    (made / "shop.yaml").write_text(BUNDLE, encoding="utf-8")
    return made


def told_next(told: str) -> list[str]:
    """Return the command that a person is told to run next."""
    return shlex.split(told.splitlines()[-1].partition("netproof ")[2])


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (["deploy"], "deploy/intents.yaml"),
        (["deploy/shop.yaml"], "intents.yaml"),
        (["deploy", "-o", "deploy/more.yaml"], "deploy/more.yaml"),
        (["deploy", "-o", "elsewhere.txt"], "elsewhere.txt"),
    ],
)
def test_what_is_written_is_kept(
    words: list[str], file: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command that it names finds the file, and all of it kept."""
    assert 0 == main(["init", *words])
    assert (folder.parent / file).is_file()
    following = told_next(capsys.readouterr().out)
    assert 0 == main(following)
    assert "PASS: by what the policies mean, all 4 intents hold" in capsys.readouterr().out


def test_a_file_that_is_there_stays(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody may have confirmed it; with --force it is written anew, by the bundle alone."""
    file = folder / "intents.yaml"
    file.write_text(intents("allow: shop/web -> shop/api:9999"), encoding="utf-8")
    before = file.read_text()
    assert 2 == main(["init", "deploy"])
    assert "deploy/intents.yaml is there already; --force" in capsys.readouterr().err
    assert before == file.read_text()
    assert 0 == main(["init", "deploy", "--force"])
    assert "9999" not in file.read_text()


@pytest.mark.usefixtures("folder")
def test_a_bundle_that_says_all(capsys: pytest.CaptureFixture[str]) -> None:
    """Where everything is stated there is nothing to write."""
    assert 0 == main(["init", "deploy"])
    assert 2 == main(["init", "deploy", "-o", "more.yaml"])
    assert "deploy: there is nothing to state that is not stated already" in capsys.readouterr().err


def test_the_namespace_of_what_names_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is written down: without it the workloads would be others."""
    (folder / "shop.yaml").write_text(BUNDLE.replace(", namespace: shop", ""), encoding="utf-8")
    assert 0 == main(["init", "deploy", "-n", "till"])
    assert "\nnamespace: till\n" in (folder / "intents.yaml").read_text()
    assert 0 == main(told_next(capsys.readouterr().out))


def test_standard_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`-o -` writes no file and says nothing else."""
    assert 0 == main(["init", "deploy", "-o", "-"])
    assert capsys.readouterr().out.startswith("# What the policies of this bundle mean now")
    assert ["shop.yaml"] == [one.name for one in folder.iterdir()]
