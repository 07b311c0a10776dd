"""Every combination of the taxonomy on the cluster."""

from __future__ import annotations

import pytest

from netproof.fixtures.policies import Play
from netproof.front.plugin.cases import with_addresses
from netproof.model.workload import Topology
from netproof.policy import Bundle, load_text
from netproof.run.changes import Change, ReplacePolicies
from netproof.run.scenario import After, Scenario
from netproof.run.worker import Worker
from netproof.suites.generated.case import Case, Policies, dump
from netproof.suites.generated.cases import cases

pytestmark = pytest.mark.usefixtures("enforcing", "both_families")


@pytest.mark.parametrize("name", cases())
def test_generated(name: str, play: Play, worker: Worker) -> None:
    """What the combination says is what the cluster does."""
    case = cases()[name]
    play(
        Scenario(
            id=f"generated/{name}",
            title=case.title,
            bundle=_bundle(case, case.text(), worker.topology),
            source=f"python -m netproof.suites.generated {name}",
            flows=case.flows,
            then=[After(_change(case, one, worker.topology)) for one in case.then],
        )
    )


def _change(case: Case, change: Policies | Change, topology: Topology) -> Change:
    if isinstance(change, Policies):
        return ReplacePolicies(_bundle(case, dump(change.bundle), topology))
    return change


def _bundle(case: Case, text: str, topology: Topology) -> Bundle:
    return load_text(with_addresses(text, topology), case.name) if text else Bundle()
