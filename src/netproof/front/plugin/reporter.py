"""The process that owns a run, while and after its tests: what is collected, shown and written.

Hooks of an object, not of the plugin: pytest gets it only where there is a run to report.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from netproof.front.plugin import bundletests, evidence, outcomes
from netproof.front.plugin.configuration import REPORTS, VERDICT
from netproof.front.plugin.terminalstream import is_unicode
from netproof.front.screen import Screen
from netproof.model.record import CaseOutcome, CaseRecord, RunRecord, RunVerdict
from netproof.model.value import replace
from netproof.printing import one_line, several_lines
from netproof.report.run import terminal
from netproof.report.text import counted
from netproof.run.session import RunSession

_GRAVITY = list(CaseOutcome)
_NOTHING_FAILED = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


class Reporter:
    """Collects what the workers saw and reports it; only in the process that owns the run."""

    def __init__(self, config: pytest.Config, run: RunSession, screen: Screen | None) -> None:
        self._config = config
        self._run = run
        self._screen = screen
        self._finished: RunRecord | None = None
        self._unwritten: list[str] = []
        self._cases: int | None = None
        self._underway: dict[str, CaseRecord] = {}
        self._gone = False
        self._interrupted: str | None = None
        run.chosen = chosen_by(config)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the cases, where they are collected in this process."""
        self._count(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Count the cases, where a test worker collected them."""
        self._count(len(ids))

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count what was left out, where it was in this process."""
        self._run.deselected += len(items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Count what was left out, where a test worker did; each of them does so."""
        told = getattr(node, "workeroutput", {}).get(evidence.DESELECTED, 0)
        self._run.deselected = max(self._run.deselected, told)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note the files in which no case could be looked for."""
        if report.failed:
            self._run.errors.append(f"{report.nodeid} (collect): {_last_line(report)}")
        elif report.skipped:
            self._run.notes.append(f"{report.nodeid} not tried: {_reason(report)}")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note why pytest ends before its time; a Ctrl-C has no words of its own."""
        self._interrupted = str(excinfo.value)

    def _count(self, cases: int) -> None:
        self._cases = self._run.selected = cases
        if self._screen is not None:
            self._screen.total = cases

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Show which case is under way."""
        if self._screen is not None:
            self._screen.started(_short(nodeid))

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Show that a case has ended."""
        if self._screen is not None:
            self._screen.finished(_short(nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the records off a report; a failure without one is an error of the run."""
        brought = evidence.take_off(report)
        self._gone |= brought.gone
        self._run.scenarios += brought.records
        self._run.doors += brought.doors
        self._run.keys |= dict.fromkeys(brought.keys)
        self._run.notes += brought.notes
        if self._screen is not None:
            for record in brought.records:
                self._screen.scenario(record)
        unexplained = all(
            record.verdict is RunVerdict.PASS and not record.gap_gone for record in brought.records
        )
        faulty = any(door.fault for door in brought.doors)
        broken = report.failed and unexplained and not faulty and not bundletests.explains(report)
        if broken:
            error = f"{report.nodeid} ({report.when}): {_last_line(report)}"
            self._run.errors.append(error)
            if self._screen is not None:
                self._screen.say(one_line(f"ERROR         {error}"))
        self._add(report, tuple(record.id for record in brought.records), broken=broken)

    def _add(self, report: pytest.TestReport, scenarios: tuple[str, ...], *, broken: bool) -> None:
        """Take a part of a test into its case, which ends with the last of them."""
        name = report.nodeid
        before = self._underway.get(name, CaseRecord(name, CaseOutcome.PASSED))
        outcome, reason = _ending(report, broken=broken)
        worse = _GRAVITY.index(outcome) < _GRAVITY.index(before.outcome)
        self._underway[name] = case = replace(
            before,
            outcome=outcome if worse else before.outcome,
            reason=reason if worse else before.reason,
            seconds=round(before.seconds + report.duration, 3),
            scenarios=before.scenarios + scenarios,
        )
        if report.when not in ("setup", "call"):  # a worker that died leaves one report of its own
            self._run.cases.append(case)
            del self._underway[name]

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Print no letters: scenarios and errors have lines of their own.

        The word heads a test's line in pytest's short summary.
        """
        if self._screen is None or (report.when != "call" and report.passed):
            return None
        category: str = "error" if report.failed and report.when != "call" else report.outcome
        if hasattr(report, "wasxfail"):
            category = "xfailed" if report.skipped else "xpassed"
        return category, "", category.upper()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """End the cluster, write the reports and set the exit code.

        A failed test is never turned into a success; a run that pytest calls a success fails when
        its verdict does, or when a report is missing.
        """
        if self._screen is not None:
            self._screen.close()
        self._note_end(session, exitstatus)
        self._finished = record = self._run.finish()
        self._config.stash[VERDICT] = record.exit_reason
        self._unwritten = self._config.stash[REPORTS].write(record)
        if self._gone:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        elif exitstatus in _NOTHING_FAILED:
            session.exitstatus = record.exit_code or int(bool(self._unwritten))

    def _note_end(self, session: pytest.Session, exitstatus: int) -> None:
        """Note why not all cases were run, and which could not be tried."""
        run = self._run
        missing = run.selected - len(run.cases)
        if self._gone:
            run.lose_cluster()
        elif self._interrupted is not None:
            run.interrupt(self._interrupted)
        elif exitstatus not in (*_NOTHING_FAILED, pytest.ExitCode.TESTS_FAILED):
            run.interrupt(f"pytest gave up (its exit code is {int(exitstatus)})")
        elif missing:
            run.interrupt(str(session.shouldfail or session.shouldstop or "pytest says no more"))
        reasons = Counter(c.reason for c in run.cases if c.outcome is CaseOutcome.UNTRIED)
        for why, cases in reasons.items():
            if why != outcomes.UNENFORCED:
                run.notes.append(f"{counted(cases, 'case')} not tried: {why}")
        if missing > 0:
            run.notes.append(f"{counted(missing, 'case')} not tried: {run.cut_short}")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the report of the run."""
        if self._finished is None:
            return
        text = terminal.render(
            self._finished,
            colour=terminalreporter.hasmarkup,
            width=shutil.get_terminal_size().columns,
            unicode=is_unicode(self._config),
            matrices=self._config.option.np_matrices,
            reports=self._config.stash[REPORTS].shown,
        )
        terminalreporter.ensure_newline()
        terminalreporter.write(text, flush=True)
        for problem in self._unwritten:
            terminalreporter.write_line(one_line(f"ERROR  {problem}"), red=True)
        if self._cases == 0 and "error" not in terminalreporter.stats:
            terminalreporter.write_line(several_lines(_looked_for(self._config)))


def chosen_by(config: pytest.Config) -> str:
    """Return the options that leave out cases which the places named have, "" where none was given.

    pytest counts what they leave out, but not in files that --last-failed does not read.
    """
    option = config.option
    said = [
        f"{name} {value}"
        for name, value in (("-k", option.keyword), ("-m", option.markexpr))
        if value
    ]
    said += [f"--deselect {one}" for one in option.deselect or ()]
    failed_before = getattr(config.pluginmanager.get_plugin("lfplugin"), "lastfailed", None)
    said += ["--last-failed"] if getattr(option, "lf", False) and failed_before else []
    said += ["--stepwise"] if getattr(option, "stepwise", False) else []
    return ", ".join(said)


def _ending(report: pytest.TestReport, *, broken: bool) -> tuple[CaseOutcome, str]:
    """Return how a part of a test ended, and why it did not pass."""
    if hasattr(report, "wasxfail"):
        known = (CaseOutcome.KNOWN_GAP, report.wasxfail.removeprefix("reason: "))
        return known if report.skipped else (CaseOutcome.PASSED, "")
    if report.skipped:
        return CaseOutcome.UNTRIED, _reason(report)
    if report.failed:
        if broken:
            return CaseOutcome.BROKEN, _last_line(report)
        return CaseOutcome.FAILED, report.longreprtext
    return CaseOutcome.PASSED, ""


def _looked_for(config: pytest.Config) -> str:
    """Say which cases a run looked for that found none, and how the suites are had."""
    places = ", ".join(map(str, config.args))
    files, functions = (config.getini(name) for name in ("python_files", "python_functions"))
    chosen = [("-k", config.option.keyword), ("-m", config.option.markexpr)]
    words = "".join(f"; {name} {value!r}" for name, value in chosen if value)
    return (
        f"No case was found in {places}: files {', '.join(files)}; "
        f"functions {', '.join(f'{name}*' for name in functions)}{words}.\n"
        "The suites: netproof test, or pytest --pyargs netproof.suites; "
        "netproof test --list says which themes there are."
    )


def _short(nodeid: str) -> str:
    """Return a case's name without its path, which fills a status line."""
    return nodeid.rpartition("::")[2].removeprefix("test_")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return why a test was skipped."""
    told = report.longrepr[2] if isinstance(report.longrepr, tuple | list) else report.longreprtext
    return " ".join(str(told).removeprefix("Skipped: ").split()) or "no reason is given"


def _last_line(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return the exception with its message, or the last line of what is told instead of it."""
    crash = getattr(report.longrepr, "reprcrash", None)
    told = crash.message.strip().splitlines()[:1] if crash is not None else []
    return (told or report.longreprtext.strip().splitlines() or ["no message"])[-1]
