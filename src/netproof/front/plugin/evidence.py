"""What tests saw, on the way from a test to the process that owns the run.

A fixture keeps it in the stash of its test; it travels on the test's report, which pytest-xdist
carries between processes, so a worker that dies takes no finished scenario with it. It must not
know how the run is judged or shown.
"""

from __future__ import annotations

import pytest

from netproof.model import codec
from netproof.model.doors import DoorResult, Grant
from netproof.model.record import ScenarioRecord
from netproof.model.value import Value

RECORDS = pytest.StashKey[list[ScenarioRecord]]()
DOORS = pytest.StashKey[list[DoorResult]]()
KEYS = pytest.StashKey[list[Grant]]()
NOTES = pytest.StashKey[list[str]]()

DESELECTED = "netproof_deselected"
"""Under this a test worker tells how many tests it left out."""

_ATTRIBUTE = "netproof"


class Evidence(Value):
    """What one report brought along."""

    records: tuple[ScenarioRecord, ...] = ()
    doors: tuple[DoorResult, ...] = ()
    keys: tuple[Grant, ...] = ()
    notes: tuple[str, ...] = ()
    gone: bool = False


def put_on(report: pytest.TestReport, item: pytest.Item, *, gone: bool) -> None:
    """Put what a test saw on its report: as text, for pytest-xdist takes values one by one.

    What is noted is noted while a test is cleaned up, all else while it is called; `gone` is that
    the cluster went away during this part of it.
    """
    if report.when == "call":
        records, doors = item.stash.get(RECORDS, []), item.stash.get(DOORS, [])
        keys = item.stash.get(KEYS, [])
        seen = Evidence(tuple(records), tuple(doors), tuple(keys), gone=gone)
    else:
        notes = item.stash.get(NOTES, []) if report.when == "teardown" else []
        seen = Evidence(notes=tuple(notes), gone=gone)
    if seen != Evidence():
        setattr(report, _ATTRIBUTE, codec.pack(seen))


def take_off(report: pytest.TestReport) -> Evidence:
    """Return what a report brought along, nothing where its test kept nothing."""
    text = getattr(report, _ATTRIBUTE, None)
    return Evidence() if text is None else codec.unpack(Evidence, text)
