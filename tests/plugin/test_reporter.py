"""The words that the process of a run puts on tests that fail."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netproof.front.plugin.configuration import REPORTS
from netproof.front.plugin.reporter import Reporter
from netproof.front.reportfiles import wanted
from netproof.front.screen import Screen
from netproof.report.writers import OF_RUN
from netproof.run.controller import Controller
from netproof.run.scenario import Wishes
from netproof.run.session import RunSession
from tests.unit.report.sample import ALL_PASS


def reporter(config: pytest.Config) -> tuple[Reporter, RunSession]:
    """Return a reporter of a run that was never started, which writes to nowhere."""
    nowhere: Any = None
    session = RunSession(Controller(nowhere, "run1", Wishes("python")), "run1")
    screen = Screen(lambda _: None)
    return Reporter(config, session, screen), session


def report_of(longrepr: Any) -> pytest.TestReport:
    """Return the report of a test that failed."""
    return pytest.TestReport("a::b", ("a", 1, "b"), {}, "failed", longrepr, "call")


def test_the_short_summary_has_a_word_for_a_failure(pytestconfig: pytest.Config) -> None:
    """No letter is printed while the tests run, but the line at the end is not without a head."""
    told = reporter(pytestconfig)[0].pytest_report_teststatus(report_of("text"))
    assert ("failed", "", "FAILED") == told


def test_an_error_is_told_with_its_message(pytestconfig: pytest.Config) -> None:
    """An exception that nobody expected is named with what it says, not with where it was."""
    made, session = reporter(pytestconfig)
    with pytest.raises(FileNotFoundError) as raised:
        open("/no/such/file")  # noqa: PTH123, SIM115 - it is not there, so nothing is opened
    made.pytest_runtest_logreport(report_of(raised.getrepr()))
    error = "a::b (call): FileNotFoundError: [Errno 2] No such file or directory: '/no/such/file'"
    assert [error] == session.errors


def test_an_error_of_ours_is_told_by_its_last_line(pytestconfig: pytest.Config) -> None:
    """What is told instead of a traceback may be longer than one line."""
    made, session = reporter(pytestconfig)
    made.pytest_runtest_logreport(report_of("head\nClusterError: gone"))
    assert ["a::b (call): ClusterError: gone"] == session.errors


def test_a_report_that_is_missing_fails_a_run_that_passed(
    pytestconfig: pytest.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for the report finds out why it is not there."""
    made, _ = reporter(pytestconfig)
    monkeypatch.setattr(RunSession, "finish", lambda _: ALL_PASS)
    monkeypatch.setitem(pytestconfig.stash._storage, REPORTS, wanted((), OF_RUN, tmp_path))
    ended: Any = SimpleNamespace(exitstatus=None)

    made.pytest_sessionfinish(ended, exitstatus=0)
    assert 0 == ended.exitstatus

    (tmp_path / "report.html").unlink()
    (tmp_path / "report.html").mkdir()
    made.pytest_sessionfinish(ended, exitstatus=0)
    assert 1 == ended.exitstatus
