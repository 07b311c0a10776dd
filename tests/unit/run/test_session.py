"""What is made of a run when it is over."""

from __future__ import annotations

import pytest

from netproof.cluster.backend import ClusterRef
from netproof.model.record import CanaryRecord, ClusterRecord, RunVerdict
from netproof.run.controller import Controller, Handout
from netproof.run.scenario import Wishes
from netproof.run.session import RunSession


class Enforcing(Controller):
    """A cluster whose canary says that policies are enforced, and where nothing is started."""

    def start(self) -> tuple[Handout, CanaryRecord, ClusterRecord]:
        handout = Handout(REF, "run1", True, "all denials hold")
        return (
            handout,
            CanaryRecord("canary", True, "all denials hold"),
            ClusterRecord("existing", "here"),
        )


class Here:
    """A cluster that is there all along."""

    def start(self) -> ClusterRef:
        return REF

    def stop(self) -> None:
        """Leave it as it is."""


REF = ClusterRef("existing", "here", "")


def session() -> RunSession:
    """Return a session that has started."""
    made = RunSession(Enforcing(Here(), "run1", Wishes("python")), "run1")
    made.start()
    return made


def test_a_run_without_a_case_says_so() -> None:
    """Where everything was deselected, nothing is claimed of flows."""
    record = session().finish()
    assert (RunVerdict.INCONCLUSIVE, 1) == (record.verdict, record.exit_code)
    assert "INCONCLUSIVE: no case was run, so there is nothing to tell." == record.exit_reason


def test_a_run_that_broke_is_not_called_one_without_a_case() -> None:
    """An error of the harness is a reason of its own."""
    broken = session()
    broken.errors.append("broken")
    assert "not everything could be told" in broken.finish().exit_reason


def test_a_clean_up_that_breaks_does_not_cost_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever breaks at the end is an error of the run, which is on record all the same."""
    broken = session()

    def stop() -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(broken.controller, "stop", stop)
    record = broken.finish()
    assert ("cleaning up: OSError: no space left on device",) == record.errors
    assert (RunVerdict.INCONCLUSIVE, 1) == (record.verdict, record.exit_code)
