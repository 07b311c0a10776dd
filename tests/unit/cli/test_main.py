"""The front: which module holds which command, and how it ends."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import netproof
from netproof.cluster import owners
from netproof.cluster.access import required
from netproof.cluster.fleet import cleanup
from netproof.cluster.kind import containers, downloads
from netproof.front.cli import cluster_commands, main
from netproof.front.cli.main import SUBJECTS
from tests.house.project import ROOT
from tests.unit.cluster.kind import standins
from tests.unit.review.build import workload


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
    """`--version` names the program with it: in a log it stands among others'."""
    with pytest.raises(SystemExit):
        main(["--version"])
    assert f"netproof {netproof.__version__}\n" == capsys.readouterr().out


def _refused(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a wrong call is told."""
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert 2 == ended.value.code
    return capsys.readouterr().err


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The message lists the commands there are, where none is near."""
    told = _refused("magic", capsys)
    assert "invalid choice: 'magic' (choose from " in told
    assert "snapshot" in told


@pytest.mark.parametrize(
    ("words", "near"),
    [
        ("chek", "did you mean check?"),
        ("check --statc x", "unrecognized arguments: --statc; did you mean --static?"),
        ("check a -n shop b --statik", "--statik; did you mean --static?"),
        ("lab upp", "did you mean up?"),
        ("check --cni-profile=x --formt=json .", "--formt=json; did you mean --format?"),
        ("diff a b --fail-on opens", "invalid choice: 'opens'; did you mean open?"),
        ("test --kubeconfg x", "did you mean --kubeconfig?"),
    ],
)
def test_a_slip_is_told_what_is_near(
    words: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a line, and how the command is called in another; its options are in its help."""
    told, usage = _refused(words, capsys).splitlines()
    assert near in told
    assert usage.startswith("usage: netproof ")
    assert len(usage) < 80


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        ("check --statc", "usage: netproof check [options] [BUNDLE ...]"),
        ("diff a", "usage: netproof diff [options] OLD NEW"),
        ("snapshot", "usage: netproof snapshot [options] BUNDLE [BUNDLE ...]"),
        ("publish r.json", "usage: netproof publish -o FILE [options] RECORD"),
        ("test --maxfail 1", "usage: netproof test [options] [THEME ...] [-- PYTEST'S WORDS]"),
        ("lab", "usage: netproof lab [options] ACTION ..."),
    ],
)
def test_usage_is_a_line(words: str, usage: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what a call needs, whatever options there are besides."""
    assert usage == _refused(words, capsys).splitlines()[-1]


@pytest.mark.parametrize("command", [name for names in SUBJECTS.values() for name in names])
def test_the_help_begins_with_a_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of fifty options none is listed twice."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith(f"usage: netproof {command}")
    assert not second


def test_words_that_are_no_terminals_are_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    """What was typed is shown, not sent."""
    assert "\x1b" not in _refused("check --\x1b[2Jx", capsys)


def test_options_may_stand_between_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`check a --static b` names two bundles."""
    for name in ("a", "b"):
        (tmp_path / name).write_text(workload(f"shop/{name}", 80), encoding="utf-8")
    words = [str(tmp_path / "a"), "--static", str(tmp_path / "b"), "--format", "json"]
    assert 0 == main(["check", *words])
    assert '"workloads": 2' in capsys.readouterr().out.replace('":2', '": 2')


class Cluster:
    """A cluster that holds what some runs left."""

    def __init__(self, *runs: str) -> None:
        self.runs = runs

    def find(self, *_: object, run: str, **__: object) -> tuple[owners.Leftover, ...]:
        """Return a namespace for each run, or those of one."""
        return tuple(
            owners.Leftover(f"np-{one}", one, goes=False, why="its process runs")
            for one in self.runs
            if run in ("", one)
        )


@pytest.mark.parametrize(
    ("there", "told"),
    [
        ((), "There is nothing of a run nosuch here, nor of any other.\n"),
        (("b2", "a1"), "There is nothing of a run nosuch here; there is something of a1, b2.\n"),
    ],
)
def test_a_run_that_left_nothing(
    there: tuple[str, ...],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`0 of 0 removed` would pass for done where the id was mistyped; what is to go is gone."""
    monkeypatch.setattr(cluster_commands, "Client", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(contextlib.nullcontext, "close", lambda _: None, raising=False)
    monkeypatch.setattr(required, "check", lambda *_: None)
    monkeypatch.setattr(cleanup, "find", Cluster(*there).find)
    monkeypatch.setattr(cleanup, "remove", lambda *_: ())
    monkeypatch.setattr(containers, "find", lambda **_: ())
    assert 0 == main(["clean", "--run", "nosuch"])
    assert told == capsys.readouterr().out


@pytest.mark.parametrize("words", [["snapshot"], ["explain"], ["diff"], ["rbac"], ["check"]])
def test_what_a_command_writes_goes_to_a_file(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same bytes as on standard output, in a file that is there whole or not at all."""
    file = tmp_path / "bundle.yaml"
    file.write_text("---\n".join([workload("shop/a", 80), workload("shop/b", 80)]))
    rest = {"explain": [str(file), "a -> b"], "diff": [str(file)] * 2, "rbac": []}
    call = [*words, *rest.get(words[0], [str(file)])]
    call += ["--static", "--format", "sarif"] if words == ["check"] else []
    main([*call, "-o", "-"])
    shown = capsys.readouterr().out
    main([*call, "-o", str(tmp_path / "out")])
    assert shown == (tmp_path / "out").read_text()
    assert len(capsys.readouterr().out.splitlines()) == (words == ["check"])  # the verdict
    assert {"bundle.yaml", "out"} == {one.name for one in tmp_path.iterdir()}


def test_a_file_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named with the reason; a pipe or a device is written to as it is."""
    assert 2 == main(["rbac", "-o", str(tmp_path / "no" / "such")])
    assert f"{tmp_path}/no/such: No such file or directory; name" in capsys.readouterr().err
    assert 0 == main(["rbac", "-o", "/dev/null"])
    assert not Path("/dev/null").is_file()


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
