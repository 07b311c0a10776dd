"""Which reports go where, and how they become files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netproof.errors import HarnessBug, UsageError
from netproof.front.reportfiles import SUMMARY, Reports, wanted
from netproof.model import codec
from netproof.model.record import RunRecord
from netproof.model.value import replace
from netproof.report.writers import OF_CHECK, OF_RUN, WRITERS, Writer
from tests.unit.report.sample import ALL_PASS, EVERYTHING


def _broken(_: RunRecord) -> str:
    raise HarnessBug("no such cell")


FIRST, *_ = WRITERS.values()
NAMES = {one.file_name for one in WRITERS.values()}
BROKEN = Writer("broken", "report.broken", _broken)


def all_into(folder: Path) -> Reports[RunRecord]:
    """Return the reports of a run that nobody chooses among."""
    return wanted((), OF_RUN, folder)


def names(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


def test_every_report_is_written(tmp_path: Path) -> None:
    """Into a folder that is made for them; nothing else is left in it."""
    folder = tmp_path / "a" / "b"
    assert [] == all_into(folder).write(ALL_PASS)
    assert NAMES == names(folder)
    assert ALL_PASS == codec.loads((folder / "record.json").read_text(encoding="utf-8"))


def test_a_report_that_cannot_be_made_is_told_and_the_others_are_written(tmp_path: Path) -> None:
    """Which and why."""
    reports = all_into(tmp_path)
    there, *others = reports.files
    with_broken = replace(reports, files=(there, (BROKEN, tmp_path / "report.broken"), *others))
    (problem,) = with_broken.write(ALL_PASS)
    assert "report.broken could not be written: HarnessBug: no such cell" in problem
    assert NAMES == names(tmp_path)


def test_a_report_that_has_no_place_is_told_and_the_others_are_written(tmp_path: Path) -> None:
    """A folder by its name is in the way."""
    (tmp_path / "junit.xml").mkdir()
    (problem,) = all_into(tmp_path).write(ALL_PASS)
    assert "junit.xml could not be written: Is a directory; name another folder" in problem
    assert NAMES == names(tmp_path)


def test_a_report_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up in the middle leaves the report of the last run."""
    only = wanted(["json"], OF_RUN, tmp_path)
    only.write(ALL_PASS)

    def write_half(path: Path, text: str, encoding: str) -> int:
        path.write_bytes(text[: len(text) // 2].encode(encoding))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", write_half)
    (problem,) = only.write(EVERYTHING)

    assert "No space left on device" in problem
    assert {"record.json"} == names(tmp_path)
    assert ALL_PASS == codec.loads((tmp_path / "record.json").read_text(encoding="utf-8"))


def test_a_folder_that_is_a_file_is_refused_before_the_run(tmp_path: Path) -> None:
    """With the name of the option."""
    (tmp_path / "reports").write_text("")
    with pytest.raises(UsageError, match="--report-dir"):
        all_into(tmp_path / "reports").prepare()


def test_a_file_that_is_a_folder_is_refused_before_the_run(tmp_path: Path) -> None:
    """With the name of the other option."""
    (tmp_path / "out").mkdir()
    asked = wanted([f"junit={tmp_path / 'out'}"], OF_RUN, Path("reports"))
    with pytest.raises(UsageError, match=r"--report .*out: Is a directory; name a file"):
        asked.prepare()


def test_what_is_asked_for_is_written_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By comma or by another option, to a file, to standard output, or to the usual folder."""
    words = ["markdown=-,csv", f"junit={tmp_path / 'x' / 'out.xml'}"]
    asked = wanted(words, OF_RUN, tmp_path / "reports")
    asked.prepare()
    assert [] == asked.write(ALL_PASS)
    assert {"reports", "x"} == names(tmp_path)
    assert {"report.csv"} == names(tmp_path / "reports")
    assert WRITERS["junit"].render(ALL_PASS) == (tmp_path / "x" / "out.xml").read_text()
    assert WRITERS["markdown"].render(ALL_PASS) == capsys.readouterr().out
    assert f"{tmp_path}/reports/report.csv, {tmp_path}/x/out.xml" == asked.shown


def test_a_check_shows_its_text_unless_something_else_is_asked_for(tmp_path: Path) -> None:
    """As a report in a file is no reason to see nothing."""
    for words, shown in (([], "text"), (["csv"], "text"), (["all"], "text"), (["csv=-"], "csv")):
        stdout = wanted(words, OF_CHECK, tmp_path, text=True).stdout
        assert stdout is not None
        assert shown == stdout.name
    assert wanted([], OF_RUN, tmp_path).stdout is None


def test_one_format_may_be_named_by_an_option_of_its_own(tmp_path: Path) -> None:
    """`--format csv -o FILE` is `--report csv=FILE`, whose name may have a comma in it then."""
    place = tmp_path / "a,b"
    asked = wanted([], OF_CHECK, tmp_path, also=[("csv", str(place))])
    assert [("csv", place)] == [(writer.name, file) for writer, file in asked.files]
    with pytest.raises(UsageError, match="csv and json cannot both go"):
        wanted(["csv=-"], OF_CHECK, tmp_path, also=[("json", "-")])


def test_a_device_is_written_to_and_stays_one(tmp_path: Path) -> None:
    """A pipe that somebody reads is no file to be replaced."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert [] == wanted([f"badge={pipe}"], OF_RUN, tmp_path).write(ALL_PASS)
        assert os.read(reader, 5) == b"<svg "
    finally:
        os.close(reader)
    assert pipe.is_fifo()


REFUSED = {
    "pdf": "there is no format 'pdf' here",
    "junit=a,b.xml": "there is no format 'b.xml' here (and a FILE has no comma)",
    "text": "there is no format 'text' here",
    "": "there is no format '' here",
    "junit=": "write junit=FILE",
    "all=x": "all goes to places of its own",
    "json=-,csv=-": "json and csv cannot both go to standard output",
    "json=a,csv=a": "2 reports would go to a",
    "all,junit": "2 reports would go to reports/junit.xml",
    "github": "this is no job of GitHub Actions",
}


@pytest.mark.parametrize("word", REFUSED)
def test_what_makes_no_sense_is_refused(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to write instead."""
    monkeypatch.delenv(SUMMARY, raising=False)
    with pytest.raises(UsageError) as refused:
        wanted([word], OF_RUN, Path("reports"))
    assert REFUSED[word] in str(refused.value)


def test_a_job_of_github_has_a_summary_and_annotations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page is added to; the runner reads standard error too, so a report stays whole."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv(SUMMARY, str(summary))
    assert [] == wanted(["github,json=-"], OF_RUN, tmp_path).write(EVERYTHING)
    told = capsys.readouterr()
    assert EVERYTHING == codec.loads(told.out)
    assert told.err.startswith(f"::error title=netproof%3A FAIL::{EVERYTHING.exit_reason}")
    assert summary.read_text().startswith("before\n## netproof: FAIL\n")
