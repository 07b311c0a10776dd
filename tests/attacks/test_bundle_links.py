"""No link of a bundle leads to other files: their words show in no message, and nothing waits."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from netproof.errors import PolicyError
from netproof.front.cli import main
from netproof.policy import sources
from tests.plugin.project import run

SECRET = "the-word-that-nobody-may-see"
WEB = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}
"""
GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")

Made = Callable[[Path, Path], None]


def _socket(bundle: Path, _: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(bundle / "a.yaml"))


def _loop(bundle: Path, _: Path) -> None:
    (bundle / "a.yaml").symlink_to("b.yaml")
    (bundle / "b.yaml").symlink_to("a.yaml")


def _by_two(bundle: Path, secret: Path) -> None:
    (bundle / "a").mkdir()
    (bundle / "a" / "up").symlink_to("../..")
    (bundle / "a.yaml").symlink_to(f"a/up/{secret.parent.name}/{secret.name}")


NOT_FOLLOWED: Mapping[str, Made] = {
    "to a file": lambda bundle, secret: (bundle / "a.yaml").symlink_to(secret),
    "to a file, by dots": lambda bundle, secret: (bundle / "a.yaml").symlink_to(
        f"../{secret.parent.name}/{secret.name}"
    ),
    "to a file, by another link": _by_two,
    "to a folder": lambda bundle, secret: (bundle / "more").symlink_to(secret.parent),
    "to the folder above": lambda bundle, _: (bundle / "more").symlink_to(".."),
    "to itself": _loop,
    "to nowhere": lambda bundle, _: (bundle / "a.yaml").symlink_to("gone.yaml"),
    "to a device": lambda bundle, _: (bundle / "a.yaml").symlink_to("/dev/zero"),
    "to standard input": lambda bundle, _: (bundle / "a.yaml").symlink_to("/dev/stdin"),
    "to a process": lambda bundle, _: (bundle / "a.yaml").symlink_to("/proc/self/environ"),
}
REFUSED: Mapping[str, Made] = {
    "a pipe": lambda bundle, _: os.mkfifo(bundle / "a.yaml"),
    "a socket": _socket,
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Return a bundle with one good manifest, in a folder of its own."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "web.yaml").write_text(WEB)
    return folder


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Return a file beside the bundle, which a message would quote."""
    file = tmp_path / "secrets" / "secret.yaml"
    file.parent.mkdir()
    file.write_text(f"{SECRET}: *{SECRET}\n")
    return file


def _link(name: str) -> Made:
    return NOT_FOLLOWED[name]


@pytest.mark.parametrize("command", [("check", "--static"), ("snapshot",)])
@pytest.mark.parametrize("name", NOT_FOLLOWED)
def test_a_link_is_not_followed_and_that_is_said(
    name: str,
    command: tuple[str, ...],
    bundle: Path,
    secret: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Wherever it leads outside of the bundle; the rest is read."""
    _link(name)(bundle, secret)
    assert 0 == main([*command, str(bundle)])
    told = "".join(capsys.readouterr())
    assert "is a link" in told
    assert "shop/web" in told or "1 workload" in told
    assert SECRET not in told


@pytest.mark.parametrize("name", NOT_FOLLOWED)
def test_a_bundle_of_a_case_with_such_a_link_is_refused(
    name: str, bundle: Path, secret: Path
) -> None:
    """Where nobody would be told."""
    _link(name)(bundle, secret)
    with pytest.raises(PolicyError, match="is a link") as caught:
        list(sources.read_texts([bundle]))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_file_is_not_waited_for(
    name: str, bundle: Path, secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe that nobody writes to would be for ever."""
    REFUSED[name](bundle, secret)
    assert 2 == main(["check", "--static", str(bundle)])
    assert "a.yaml: is no regular file" in capsys.readouterr().err


def test_a_link_within_the_bundle_is_followed(bundle: Path) -> None:
    """A mounted ConfigMap is made of such links."""
    (bundle / "..data").mkdir()
    (bundle / "..data" / "api.txt").write_text(WEB.replace("web", "api"))
    (bundle / "api.yaml").symlink_to("..data/api.txt")
    assert ["api.yaml", "web.yaml"] == [Path(name).name for name, _ in sources.read_texts([bundle])]


@pytest.mark.parametrize("path", ["link.yaml", "folder", "folder/secret.yaml"])
def test_a_name_that_a_link_leads_elsewhere_is_refused(
    path: str,
    bundle: Path,
    secret: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A CI job names files of the pull request that it checks."""
    (bundle / "link.yaml").symlink_to(secret)
    (bundle / "folder").symlink_to(secret.parent)
    monkeypatch.chdir(bundle)
    assert 2 == main(["check", "--static", path])
    assert 2 == main(["check", "--static", "web.yaml", "--intents", path])
    told = capsys.readouterr().err
    assert "a link leads out of" in told
    assert SECRET not in told


@pytest.mark.parametrize("path", ["/dev/stdin", "/dev/zero", "/proc/self/environ", "/dev/fd/0"])
def test_a_device_by_name_is_refused(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard input has a name of its own."""
    assert 2 == main(["check", "--static", path])
    assert "write - for what is piped in" in capsys.readouterr().err


@pytest.mark.parametrize("look", [1, 2])
@pytest.mark.parametrize("victim", ["web.yaml", "more"])
def test_a_file_that_becomes_a_link_is_not_followed(
    victim: str, look: int, bundle: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does its folder, between whatever look at it and its opening."""
    (bundle / "more").mkdir()
    (bundle / "more" / "secret.yaml").write_text(WEB.replace("web", "api"))
    (bundle / "inside.yaml").symlink_to("more/secret.yaml")
    (bundle / "away").mkdir()
    looks, lstat = iter(range(1, 100)), os.lstat

    def exchange(path: str, *, dir_fd: int | None = None) -> os.stat_result:
        seen = lstat(path, dir_fd=dir_fd)
        if path == victim and dir_fd is not None and next(looks) == look:
            (bundle / victim).rename(bundle / "away" / victim)
            (bundle / victim).symlink_to(secret if victim == "web.yaml" else secret.parent)
        return seen

    monkeypatch.setattr(os, "lstat", exchange)
    try:
        told = str(list(sources.read_texts([bundle], notes=[])))
    except PolicyError as error:
        told = str(error)
    assert (bundle / victim).is_symlink()
    assert SECRET not in told


def test_pytest_follows_none_either(bundle: Path, secret: Path) -> None:
    """By the same reader."""
    (bundle / "a.yaml").symlink_to(secret)
    ended = run(bundle.parent, "--np-bundle-static", "--np-bundle", "bundle", "-rA")
    assert SECRET not in ended.output
    (bundle / "intents.yaml").write_text("intents: [{allow: web -> web, reason: a}]\n")
    assert SECRET not in run(bundle.parent, "--np-bundle-static", "--np-bundle", "bundle").output


@pytest.fixture
def repository(bundle: Path, secret: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository that does all it can to run a program of its own when it is read."""
    monkeypatch.chdir(bundle)
    proof = bundle.parent / "proof"
    program = bundle / "program"
    program.write_text(f"#!/bin/sh\ntouch {proof}\ncat\n")
    program.chmod(0o755)
    (bundle / ".gitattributes").write_text("*.yaml filter=evil diff=evil text eol=crlf ident\n")
    (bundle / "link.yaml").symlink_to(secret)
    for words in (("init", "-q", "."), ("add", "-A"), ("commit", "-qm", "a")):
        subprocess.run([*GIT, *words], check=True, capture_output=True)
    for name in ("filter.evil.smudge", "filter.evil.process", "diff.evil.textconv"):
        subprocess.run(["git", "config", name, str(program)], check=True)
    for name in ("tar.tar.command", "core.fsmonitor", "core.pager", "core.sshCommand"):
        subprocess.run(["git", "config", name, str(program)], check=True)
    for name in ("pre-command", "post-checkout", "post-index-change", "fsmonitor-watchman"):
        hook = bundle / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.symlink_to(program)
    return bundle


@pytest.mark.parametrize("path", [".", "web.yaml"])
def test_no_program_of_a_repository_runs(
    path: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither filters nor hooks, converters, monitors or pagers, whatever it is configured with."""
    assert 0 == main(["snapshot", f"git:HEAD:{path}"])
    assert not (repository.parent / "proof").exists()
    assert SECRET not in "".join(capsys.readouterr())


def test_a_link_of_a_revision_is_not_followed(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And that is said."""
    assert repository.is_dir()
    assert 0 == main(["snapshot", "git:HEAD:."])
    assert "HEAD:link.yaml: is a link, and not followed" in capsys.readouterr().err


def test_no_missing_object_is_fetched_by_a_program(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A repository may lack objects and name a program as where they are."""
    proof = repository.parent / "proof"
    for name, value in (
        ("remote.origin.url", f"ext::sh -c touch% {proof}"),
        ("remote.origin.promisor", "true"),
        ("extensions.partialClone", "origin"),
        ("core.repositoryFormatVersion", "1"),
        ("protocol.ext.allow", "always"),
    ):
        subprocess.run(["git", "config", name, value], check=True)
    name = subprocess.run(
        ["git", "rev-parse", "HEAD:web.yaml"], check=True, capture_output=True, text=True
    ).stdout.strip()
    (repository / ".git" / "objects" / name[:2] / name[2:]).unlink()
    assert 2 == main(["snapshot", "git:HEAD:."])
    assert "git:HEAD:." in capsys.readouterr().err
    assert not proof.exists()


@pytest.mark.parametrize(
    "source", ["git:-o/tmp/x:a", "git:--output=x:a", "git:--remote=ext::sh:a", "git:HEAD:--help"]
)
def test_a_revision_is_no_option(
    source: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is a path."""
    assert 2 == main(["snapshot", source])
    assert source in capsys.readouterr().err
    assert not (repository / "x").exists()
