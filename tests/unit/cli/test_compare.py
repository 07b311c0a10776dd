"""`netproof compare`: exit codes, forms, the names of columns, and records of strangers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netproof.front import cli
from netproof.front.cli import record_commands
from netproof.model import codec
from netproof.model.record import RunRecord
from netproof.model.value import replace
from tests.unit.verdict.records import LEAK, left, played, record

GOOD, BAD = record(played("isolation/one-pod")), record(played("isolation/one-pod", LEAK))
CUT = replace(record(also=[left("x/test_x.py::test_y")]), selected=2, cut_short="interrupted")


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what writes records into the current folder by name."""
    monkeypatch.chdir(tmp_path)

    def written(**runs: RunRecord) -> None:
        for name, run in runs.items():
            Path(f"{name}.json").write_text(codec.dumps(run), encoding="utf-8")

    return written


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("good.json bad.json", 0),
        ("good.json bad.json --fail-on never", 0),
        ("good.json bad.json --fail-on worse", 1),
        ("bad.json good.json --fail-on worse", 0),
        ("bad.json bad.json --fail-on worse", 0),
        ("good.json cut.json --fail-on worse", 1),
        ("good.json good.json bad.json --fail-on worse", 1),
        ("good.json", 0),
        ("good.json --fail-on worse", 2),
    ],
)
def test_the_exit_code_is_one_where_that_is_asked_for(
    words: str, expected: int, write: Callable[..., None]
) -> None:
    """A later record is worse, or cannot tell any more; of one alone nothing can be said."""
    write(good=GOOD, bad=BAD, cut=CUT)
    assert expected == cli.main(["compare", *words.split()])


def test_several_forms_at_once(
    write: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """As other commands write them: to files, to the usual folder, and one to standard output."""
    write(good=GOOD, bad=BAD)
    words = "good.json bad.json --report html=out.html,csv --report json=-"
    assert 0 == cli.main(["compare", *words.split()])
    assert json.loads(capsys.readouterr().out)["runs"]
    assert Path("out.html").read_text().startswith("<!doctype html>")
    assert Path("reports/compare.csv").read_text().startswith("kind,subject,difference")
    assert 0 == cli.main(["compare", "good.json", "bad.json", "--report", "markdown=out.md"])
    assert "good" in capsys.readouterr().out.lower()


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("x.html", "<!doctype html>"),
        ("x.md", "## netproof compare: before, after"),
        ("x.CSV", "kind,subject,difference,before"),
        ("x.json", '{\n  "schema": "netproof.comparison/v1"'),
        ("x.txt", "netproof compare"),
    ],
)
def test_the_form_is_that_of_the_files_ending(
    name: str, begins: str, write: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """What became of it is said besides."""
    write(good=GOOD, bad=BAD)
    assert 0 == cli.main(["compare", "before=good.json", "after=bad.json", "-o", name])
    assert Path(name).read_text(encoding="utf-8").lstrip("\n").startswith(begins)
    said = capsys.readouterr().out
    assert said.startswith(f"{name}\n")
    assert "after against before, 2 cases told by both: 1 worse." in said


def test_a_form_is_asked_for_by_name(
    write: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the file is called; - is standard output."""
    write(good=GOOD)
    assert 0 == cli.main(["compare", "good.json", "-o", "x", "--format", "csv"])
    assert Path("x").read_text(encoding="utf-8").startswith("kind,")
    capsys.readouterr()
    assert 0 == cli.main(["compare", "good.json", "-o", "-", "--format", "json"])
    assert json.loads(capsys.readouterr().out)["runs"][0]["label"] == "lab enforcing"


def test_columns_that_are_called_alike_are_told_apart(
    write: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """By what differs; a file may have the sign of a name in its own."""
    write(a=GOOD, b=replace(GOOD, netproof="0.2.0"), **{"x=y": BAD})
    assert 0 == cli.main(["compare", "a.json", "b.json", "x=y.json", "-o", "-", "--format", "csv"])
    heads = capsys.readouterr().out.splitlines()[0].split(",")[3::2]
    assert ["lab enforcing (netproof 0.1.0) (a.json)", "lab enforcing (netproof 0.2.0)"] == heads[
        :2
    ]
    assert "lab enforcing (netproof 0.1.0) (x=y.json)" == heads[2]
    assert 0 == cli.main(["compare", "a.json", "a.json", "--format", "csv"])
    assert "lab enforcing (no 1)" in capsys.readouterr().out


def test_the_gaps_of_a_cnis_profile_are_told(
    write: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of the version that was run, and none for one that is not known."""
    cluster = replace(GOOD.cluster, kind="kind", dataplane="kube-router v2.11.1")
    other = replace(cluster, dataplane="kube-router v9.9.9")
    write(a=replace(GOOD, cluster=cluster), b=replace(GOOD, cluster=other))
    assert 0 == cli.main(["compare", "a.json", "--format", "markdown"])
    assert "port-name-at-blocks: " in capsys.readouterr().out
    assert 0 == cli.main(["compare", "b.json", "--format", "markdown"])
    assert "port-name-at-blocks" not in capsys.readouterr().out


def test_an_old_record_is_compared_too(write: Callable[..., None]) -> None:
    """One of the version before, compressed."""
    write(good=GOOD)
    plain: dict[str, Any] = json.loads(codec.pack(BAD)) | {"schema": "netproof.run/v1"}
    Path("old.json.gz").write_bytes(gzip.compress(json.dumps(plain).encode()))
    assert 1 == cli.main(["compare", "good.json", "old.json.gz", "--fail-on", "worse"])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not JSON"),
        (b"[]", "Expected `object`"),
        (b'{"schema": "netproof.run/v9"}', "this netproof reads"),
        (b'{"schema": "netproof.run/v2", "packed": []}', "packed"),
        (b"\xff\xfe", "codec"),
        (b"{" * 100_000, "not JSON"),
        (b" " * 2000, "more than 1000 bytes"),
    ],
)
def test_a_record_that_is_none_is_refused_with_its_name(
    content: bytes,
    why: str,
    write: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """At the edge where records are read, with exit code 2 and no traceback."""
    write()
    if len(content) == 2000:
        monkeypatch.setattr(record_commands, "LARGEST", 1000)
    Path("bad.json").write_bytes(content)
    assert 2 == cli.main(["compare", "bad.json"])
    told = capsys.readouterr().err
    assert told.startswith("netproof: bad.json: ")
    assert why in told


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("nothing.json", "nothing.json: No such file"),
        ("a.json -o x.pdf", "x.pdf: no form is written to a file that ends so"),
        ("a.json -o no/x.md", "no/x.md: No such file or directory; name a file"),
        (" ".join(["a.json"] * 21), "21 records are more than anybody reads"),
    ],
)
def test_a_wrong_call_says_what_to_do(
    words: str, why: str, write: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Of files that are not there, and forms that there are not."""
    write(a=GOOD)
    assert 2 == cli.main(["compare", *words.split()])
    assert why in capsys.readouterr().err
