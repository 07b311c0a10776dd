"""The process that owns a run, while and after its tests: what is collected, shown and written.

Hooks of an object, not of the plugin: pytest gets it only where there is a run to report.
"""

from __future__ import annotations

import shutil
from collections import Counter

import pytest

from netproof.front.plugin import bundletests, evidence, outcomes, reportfiles
from netproof.front.plugin.configuration import VERDICT
from netproof.front.plugin.screen import Screen, is_unicode
from netproof.model.record import RunRecord, RunVerdict
from netproof.printing import one_line, several_lines
from netproof.report.run import terminal
from netproof.report.text import counted
from netproof.run.session import RunSession

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
        self._ended = 0
        self._gone = False
        self._skipped: Counter[str] = Counter()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the cases, where they are collected in this process."""
        self._count(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Count the cases, where a test worker collected them."""
        self._count(len(ids))

    def _count(self, cases: int) -> None:
        self._cases = cases
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
        if report.skipped and not hasattr(report, "wasxfail"):
            self._skipped[_reason(report)] += 1
        if self._screen is not None:
            for record in brought.records:
                self._screen.scenario(record)
        unexplained = all(
            record.verdict is RunVerdict.PASS and not record.gap_gone for record in brought.records
        )
        faulty = any(door.fault for door in brought.doors)
        broken = report.failed and unexplained and not faulty and not bundletests.explains(report)
        self._ended += not broken and (report.when == "call" or report.skipped)
        if broken:
            error = f"{report.nodeid} ({report.when}): {_last_line(report)}"
            self._run.errors.append(error)
            if self._screen is not None:
                self._screen.say(one_line(f"ERROR         {error}"))

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
            self._screen.end()
        if self._gone:
            self._run.lose_cluster(self._ended, self._cases or 0)
        elif exitstatus not in (*_NOTHING_FAILED, pytest.ExitCode.TESTS_FAILED):
            self._run.errors.append(f"the run was cut short (pytest's exit code {exitstatus})")
        for why, cases in self._skipped.items():
            if why != outcomes.UNENFORCED:
                self._run.notes.append(f"{counted(cases, 'case')} not tried: {why}")
        self._finished = record = self._run.finish()
        self._config.stash[VERDICT] = record.exit_reason
        self._unwritten = reportfiles.write_all(record, self._config.option.np_report_dir)
        if self._gone:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        elif exitstatus in _NOTHING_FAILED:
            session.exitstatus = record.exit_code or int(bool(self._unwritten))

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
        )
        terminalreporter.ensure_newline()
        terminalreporter.write(text, flush=True)
        for problem in self._unwritten:
            terminalreporter.write_line(one_line(f"ERROR  {problem}"), red=True)
        if self._cases == 0 and "error" not in terminalreporter.stats:
            terminalreporter.write_line(several_lines(_looked_for(self._config)))


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


def _reason(report: pytest.TestReport) -> str:
    """Return why a test was skipped."""
    told = report.longrepr[2] if isinstance(report.longrepr, tuple | list) else report.longreprtext
    return " ".join(str(told).removeprefix("Skipped: ").split()) or "no reason is given"


def _last_line(report: pytest.TestReport) -> str:
    """Return the exception with its message, or the last line of what is told instead of it."""
    crash = getattr(report.longrepr, "reprcrash", None)
    told = crash.message.strip().splitlines()[:1] if crash is not None else []
    return (told or report.longreprtext.strip().splitlines() or ["no message"])[-1]
