"""How the reports of a run become files."""

from pathlib import Path

import pytest

from netproof.errors import HarnessBug, UsageError
from netproof.front.plugin import reportfiles
from netproof.model import codec
from netproof.model.record import RunRecord
from netproof.report.writers import WRITERS, Writer
from tests.unit.report.sample import ALL_PASS, EVERYTHING


def _broken(_: RunRecord) -> str:
    raise HarnessBug("no such cell")


FIRST, *OTHERS = WRITERS.values()
BROKEN = Writer("broken", "report.broken", _broken)


def test_every_report_is_written(tmp_path: Path) -> None:
    """Into a folder that is made for them; nothing else is left in it."""
    folder = tmp_path / "a" / "b"
    assert [] == reportfiles.write_all(ALL_PASS, folder)
    assert {one.file_name for one in WRITERS.values()} == {one.name for one in folder.iterdir()}
    assert ALL_PASS == codec.loads((folder / "record.json").read_text(encoding="utf-8"))


def test_a_report_that_cannot_be_made_is_told_and_the_others_are_written(tmp_path: Path) -> None:
    """Which and why."""
    (problem,) = reportfiles.write_all(ALL_PASS, tmp_path, [FIRST, BROKEN, *OTHERS])
    assert "report.broken could not be written: HarnessBug: no such cell" in problem
    assert {one.file_name for one in WRITERS.values()} == {one.name for one in tmp_path.iterdir()}


def test_a_report_that_has_no_place_is_told_and_the_others_are_written(tmp_path: Path) -> None:
    """A folder by its name is in the way."""
    (tmp_path / "junit.xml").mkdir()
    (problem,) = reportfiles.write_all(ALL_PASS, tmp_path)
    assert "junit.xml could not be written: Is a directory; name another folder" in problem
    assert {one.file_name for one in WRITERS.values()} == {one.name for one in tmp_path.iterdir()}


def test_a_report_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up in the middle leaves the report of the last run."""
    reportfiles.write_all(ALL_PASS, tmp_path, [FIRST])

    def write_half(path: Path, text: str, encoding: str) -> int:
        path.write_bytes(text[: len(text) // 2].encode(encoding))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", write_half)
    (problem,) = reportfiles.write_all(EVERYTHING, tmp_path, [FIRST])

    assert "No space left on device" in problem
    assert ["record.json"] == [one.name for one in tmp_path.iterdir()]
    assert ALL_PASS == codec.loads((tmp_path / "record.json").read_text(encoding="utf-8"))


def test_a_folder_that_is_a_file_is_refused_before_the_run(tmp_path: Path) -> None:
    """With the name of the option."""
    (tmp_path / "reports").write_text("")
    with pytest.raises(UsageError, match="--report-dir"):
        reportfiles.prepare(tmp_path / "reports")
