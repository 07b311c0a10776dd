"""What tests saw, on the way from a test to the process that owns the run.

A fixture keeps it in the stash of its test; it travels on the test's report, which pytest-xdist
carries between processes, so a worker that dies takes no finished scenario with it. It must not
know how the run is judged or shown.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from netproof.model import codec
from netproof.model.doors import DoorResult, Grant
from netproof.model.record import ScenarioRecord

RECORDS = pytest.StashKey[list[ScenarioRecord]]()
DOORS = pytest.StashKey[list[DoorResult]]()
KEYS = pytest.StashKey[list[Grant]]()

_RECORDS_ATTRIBUTE = "netproof_records"
_DOORS_ATTRIBUTE = "netproof_doors"


@dataclass(frozen=True, slots=True)
class Carried:
    """What one report brought along."""

    records: tuple[ScenarioRecord, ...]
    doors: tuple[DoorResult, ...]
    keys: tuple[Grant, ...]


def put_on(made: pytest.TestReport, item: pytest.Item) -> None:
    """Put what a test saw on its report.

    Records are thousands of small values: as text, pytest-xdist carries each as one.
    """
    records = item.stash.get(RECORDS, [])
    if records:
        setattr(made, _RECORDS_ATTRIBUTE, json.dumps(codec.to_plain(records)))
    tried, held = item.stash.get(DOORS, []), item.stash.get(KEYS, [])
    if tried or held:
        setattr(made, _DOORS_ATTRIBUTE, codec.to_plain({"doors": tried, "keys": held}))


def take_off(report: pytest.TestReport) -> Carried:
    """Return what a report brought along, nothing where its test kept nothing."""
    access = getattr(report, _DOORS_ATTRIBUTE, {"doors": [], "keys": []})
    told = json.loads(getattr(report, _RECORDS_ATTRIBUTE, "[]"))
    return Carried(
        tuple(codec.scenario_from_plain(one) for one in told),
        tuple(codec.from_plain(DoorResult, one) for one in access["doors"]),
        tuple(codec.from_plain(Grant, one) for one in access["keys"]),
    )
