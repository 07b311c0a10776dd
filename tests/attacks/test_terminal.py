"""A stranger's bundle steers no terminal and commands no CI system, by whatever of it is shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from netproof.front.cli import main
from netproof.report.writers import OF_CHECK
from tests.attacks.hostile import TRICKS, harm
from tests.plugin.project import run

WEB = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}
"""

Files = Mapping[str, str]


def _name(trick: str) -> str:
    return _component(trick) + ".yaml"


def _component(trick: str) -> str:
    return "x" + trick.replace("/", "-")[:60]


def _quoted(trick: str) -> str:
    return json.dumps(f"{trick}x")  # at its start, where a command has to stand


def _pod(**fields: str) -> str:
    given = {"name": "web", "namespace": "shop", "label": "a", "kind": "Pod", **fields}
    return (
        f"apiVersion: v1\nkind: {given['kind']}\n"
        f"metadata: {{name: {given['name']}, namespace: {given['namespace']}, "
        f"labels: {{a: {given['label']}}}}}\n"
        "spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}\n"
    )


PLACES: Mapping[str, Callable[[str], Files]] = {
    "a file's name": lambda trick: {_name(trick): WEB},
    "the name of a file with a fault": lambda trick: {_name(trick): "kind: [\n"},
    "the name of a file with several faults": lambda trick: {
        _name(trick): "apiVersion: v1\nkind: Pod\nmetadata: {name: A_}\nspec: {x: 1, y: 2}\n"
    },
    "a folder's name": lambda trick: {f"{_component(trick)}/web.yaml": WEB},
    "a kind": lambda trick: {"a.yaml": WEB + "---\n" + _pod(kind=_quoted(trick))},
    "a name": lambda trick: {"a.yaml": _pod(name=_quoted(trick))},
    "the name of what is left out": lambda trick: {
        "a.yaml": WEB + "---\n" + _pod(kind="Secret", name=_quoted(trick))
    },
    "a namespace": lambda trick: {"a.yaml": _pod(namespace=_quoted(trick))},
    "a label": lambda trick: {"a.yaml": _pod(label=_quoted(trick))},
    "a key": lambda trick: {"a.yaml": f"{WEB}{_quoted(trick)}: 1\n"},
    "a reason": lambda trick: {
        "a.yaml": f"{WEB}---\nintents: [{{deny: web -> web, reason: {_quoted(trick)}}}]\n"
    },
    "the reason of a broken intent": lambda trick: {
        "a.yaml": WEB
        + WEB.replace("name: web", "name: api").join(["---\n", "---\n"])
        + f"intents: [{{deny: api -> web, reason: {_quoted(trick)}}}]\n"
    },
    "an intent": lambda trick: {
        "a.yaml": f"{WEB}---\nintents: [{{deny: {_quoted(trick)}, reason: a}}]\n"
    },
    "an anchor": lambda trick: {"a.yaml": f"a: *{trick.split()[0]}\n"},
}

COMMANDS: Mapping[str, tuple[str, ...]] = {
    **{
        f"check {form}": ("check", "--static", "--mutate", "--format", form)
        for form in OF_CHECK.writers
    },
    **{f"explain {form}": ("explain", "--format", form) for form in ("text", "markdown", "json")},
    **{f"diff {form}": ("diff", "--format", form) for form in ("text", "markdown", "json")},
    "snapshot": ("snapshot",),
    "init": ("init", "-o", "-"),
}


def _written(folder: Path, files: Files) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("trick", TRICKS)
def test_nothing_of_a_bundle_steers_a_terminal(
    trick: str, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither what is found nor why nothing can be."""
    bundle = _written(tmp_path / "bundle", PLACES[place](TRICKS[trick]))
    good = _written(tmp_path / "good", {"web.yaml": WEB})
    told = {name: _told(capsys, COMMANDS[name], bundle, good) for name in _commands(trick)}
    assert {name: [] for name in told} == {name: harm(text) for name, text in told.items()}


def _commands(trick: str) -> list[str]:
    """Return all commands for all tricks at once, one for each by itself."""
    return list(COMMANDS) if trick == "everything" else ["check text"]


def _told(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...], bundle: Path, good: Path
) -> str:
    last = {"explain": ["web -> web:80"], "diff": [str(good)]}.get(command[0], [])
    main([*command, str(bundle), *last])
    told = capsys.readouterr()
    assert told.out + told.err
    return told.out + told.err


@pytest.mark.parametrize("trick", TRICKS)
def test_nor_does_what_is_asked(
    trick: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A statement, a path and an option are words of a file in many a CI job."""
    bundle = str(_written(tmp_path, {"web.yaml": WEB}))
    main(["explain", bundle, f"{TRICKS[trick]} -> web"])
    main(["check", "--static", TRICKS[trick]])
    for words in ((f"--{TRICKS[trick]}",), ("--format", TRICKS[trick])):
        with suppress(SystemExit):
            main(["check", "--static", *words, bundle])
    told = capsys.readouterr()
    assert [] == harm(told.out + told.err)


@pytest.mark.parametrize("place", PLACES)
def test_nor_does_a_run_of_pytest(place: str, tmp_path: Path) -> None:
    """Its lines are pytest's own, with names and reasons in them that are a bundle's."""
    options = ("-p", "no:cacheprovider", "-rA", "-v", "--np-bundle-static")
    bundles = []
    for number, trick in enumerate(reversed(TRICKS.values())):
        folder = _written(tmp_path / f"{number}", PLACES[place](trick))
        bundles += ["--np-bundle", str(folder)]
    ended = run(tmp_path, *options, *bundles)
    assert "Traceback" not in ended.output
    assert [] == harm(ended.output)


def test_nor_does_the_name_of_a_bundle_in_pytest(tmp_path: Path) -> None:
    """It is where the id of each test begins, which pytest writes at the start of a line."""
    trick = "::error file=x::owned"
    _written(
        tmp_path, {f"{trick}/a.yaml": WEB + "---\nintents: [{allow: web -> web, reason: a}]\n"}
    )
    ended = run(tmp_path, "-q", "--collect-only", "--np-bundle-static", "--np-bundle", trick)
    assert "allow: web -> web" in ended.output
    assert [] == harm(ended.output)
