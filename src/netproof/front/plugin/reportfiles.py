"""The files of a run's reports: whether there is a place for them, and how they get there.

What one of them says is `report`; a report that cannot be made or written takes no other with it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from netproof.errors import UsageError
from netproof.front import output
from netproof.model.record import RunRecord
from netproof.report.writers import WRITERS, Writer


def prepare(folder: Path) -> None:
    """Look at the folder of the reports, before a run whose result could not be written down.

    Nothing is made yet: a run that is killed leaves nothing. Raises UsageError where the folder
    cannot be made or written to.
    """
    try:
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise UsageError(
            f"--report-dir {folder}: {error.strerror}; name a folder that can be written to"
        ) from error


def write_all(
    record: RunRecord, folder: Path, writers: Iterable[Writer] = tuple(WRITERS.values())
) -> list[str]:
    """Write every report that can be written; return a sentence for each that could not."""
    problems = []
    for writer in writers:
        try:
            folder.mkdir(parents=True, exist_ok=True)  # a suite may have cleared it away
            output.keep(folder / writer.file_name, writer.render(record))
        except OSError as error:
            why = f"{error.strerror}; name another folder by --report-dir"
            problems.append(f"{folder / writer.file_name} could not be written: {why}")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told and the others go on
            what = f"{type(error).__name__}: {error}"
            problems.append(f"{folder / writer.file_name} could not be written: {what}")
    return problems
