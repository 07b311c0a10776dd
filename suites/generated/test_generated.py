"""Every combination of the taxonomy on the cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from netproof.fixtures.policies import Play
from netproof.front.plugin.cases import near, with_addresses
from netproof.model.workload import Topology
from netproof.policy import Bundle, load_text
from netproof.run.changes import Change, ReplacePolicies
from netproof.run.scenario import After, Scenario
from netproof.run.worker import Worker
from netproof.suites.generated.case import Policies, dump
from netproof.suites.generated.cases import cases

SOURCE = Path(__file__).with_name("cases.py")
"""Where the combinations are written."""

pytestmark = pytest.mark.usefixtures("enforcing", "both_families")


@pytest.mark.parametrize("name", cases())
def test_generated(name: str, play: Play, worker: Worker, request: pytest.FixtureRequest) -> None:
    """What the combination says is what the cluster does."""
    case = cases()[name]
    if name.endswith("-fragments"):
        request.getfixturevalue("fragments")
    play(
        Scenario(
            id=f"generated/{name}",
            title=f"{case.title} (printed by python -m netproof.suites.generated {name})",
            bundle=_bundle(name, case.text(), worker.topology),
            source=str(near(SOURCE)),
            flows=case.flows,
            then=[After(_change(name, one, worker.topology)) for one in case.then],
        )
    )


def _change(name: str, change: Policies | Change, topology: Topology) -> Change:
    if isinstance(change, Policies):
        return ReplacePolicies(_bundle(f"{name}, then", dump(change.bundle), topology))
    return change


def _bundle(name: str, text: str, topology: Topology) -> Bundle:
    """Return a bundle whose places name no file: `<NAME>:3` is a line of what is printed."""
    return load_text(with_addresses(text, topology), f"<{name}>") if text else Bundle()
