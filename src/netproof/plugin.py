"""The pytest plugin: options, the trip of records between processes, reports written.

The process that starts the run (pytest-xdist's controller, or the only one there is) owns the
cluster, asks the canary, collects the records and writes the reports. A test worker is told where
the cluster is and owns a fleet. Records travel on the test reports, so a worker that dies takes no
finished scenario with it.
"""

from __future__ import annotations

import shutil
import signal
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from netproof import bundleplugin, options, report
from netproof.errors import NetproofError
from netproof.live import Live
from netproof.model import codec
from netproof.model.doors import DoorResult, Grant, Stance
from netproof.model.record import RunRecord, RunVerdict, ScenarioRecord
from netproof.report import terminal
from netproof.run.controller import Controller, Handout
from netproof.run.scenario import Wishes
from netproof.run.session import RunSession

HANDOUT = pytest.StashKey[Handout]()
RECORDS = pytest.StashKey[list[ScenarioRecord]]()
DOORS = pytest.StashKey[list[DoorResult]]()
KEYS = pytest.StashKey[list[Grant]]()

_WORKER_INPUT = "netproof"
_REPORT_ATTRIBUTE = "netproof_records"
_DOORS_ATTRIBUTE = "netproof_doors"


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.register(bundleplugin, bundleplugin.__name__)
    group = parser.getgroup("netproof", "netproof: does this cluster enforce NetworkPolicies?")
    add = group.addoption
    add("--cluster", help="where to run the suites: lab, existing or kind:CNI")
    options.add_existing(add)
    options.add_kind(add)
    options.add_pods(add)
    add("--nodes", type=int, default=2, help="nodes of the lab (default: 2)")
    add("--dataplane", default="enforcing", help="dataplane of the lab: enforcing or flat")
    add("--defect", action="append", default=[], help="a fault of the lab's dataplane; repeatable")
    add("--probe-timeout", type=float, help="seconds to wait for an answer to a packet")
    add("--converge-timeout", type=float, help="seconds a change of policies may take")
    add("--require-enforcement", action="store_true", help="fail where nothing is enforced")
    add(
        "--operational-access",
        choices=[str(stance) for stance in Stance],
        help="doors that policies do not guard: report (default), or expect them open or closed",
    )
    add("--report-dir", type=Path, default=Path("reports"), help="where reports are written")
    add("--matrices", action="store_true", help="print the matrices of passed scenarios too")


def pytest_configure(config: pytest.Config) -> None:
    told = getattr(config, "workerinput", {}).get(_WORKER_INPUT)
    if told is not None:
        config.stash[HANDOUT] = Handout.from_json(told)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the cluster, before pytest-xdist starts its workers."""
    config = session.config
    if not _owns_run(config):
        return
    run_id = uuid.uuid4().hex[:8]
    # As Ctrl-C: whoever ends a run, be it a CI system, finds the cluster cleaned up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        backend = options.backend(config.option, run_id, _narrator(config))
        controller = Controller(backend, run_id, wishes(config))
        run = RunSession(controller, run_id, config.option.require_enforcement)
        config.stash[HANDOUT] = run.start()
        _probe_bundles(config, run)
    except NetproofError as error:
        raise pytest.UsageError(str(error)) from error
    config.pluginmanager.register(_Reporter(config, run, _live(config)), "netproof-reporter")


def _probe_bundles(config: pytest.Config, run: RunSession) -> None:
    """Probe the bundles that are named; where that fails the cluster is ended at once."""
    try:
        bundleplugin.probe_all(config, run, config.stash[HANDOUT], wishes(config))
    except BaseException:
        run.finish()
        raise


def _live(config: pytest.Config) -> Live | None:
    """Take pytest's letters off the screen in favour of ours; not with -q or -v."""
    printer = config.pluginmanager.get_plugin("terminalreporter")
    if printer is None or config.option.verbose != 0:
        return None
    printer.showfspath = False
    live = Live(
        lambda text: printer.write(text, flush=True),
        terminal=printer.isatty,
        width=lambda: shutil.get_terminal_size().columns,
    )
    live.begin()
    return live


def _owns_run(config: pytest.Config) -> bool:
    is_worker = hasattr(config, "workerinput")
    return bool(config.option.cluster) and not is_worker and not config.option.collectonly


def _narrator(config: pytest.Config) -> options.Say:
    """Return what prints a sentence on the progress of a cluster, unless pytest is quiet."""
    printer = config.pluginmanager.get_plugin("terminalreporter")

    def say(text: str) -> None:
        if printer is not None and config.option.verbose >= 0:
            printer.ensure_newline()
            printer.write_line(text)

    return say


def wishes(config: pytest.Config) -> Wishes:
    """Return what the command line asks for."""
    option = config.option
    return Wishes(
        option.probe_image,
        option.probe_timeout,
        option.converge_timeout,
        nodes=bool(option.bundle),
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a test worker where the cluster is (a hook of pytest-xdist)."""
    handout = node.config.stash.get(HANDOUT, None)
    if handout is not None:
        node.workerinput[_WORKER_INPUT] = handout.to_json()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put a test's records on its report, and say our own errors without a traceback."""
    made = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, NetproofError):
        made.longrepr = f"{type(call.excinfo.value).__name__}: {call.excinfo.value}"
    records = item.stash.get(RECORDS, [])
    if call.when == "call" and records:
        setattr(made, _REPORT_ATTRIBUTE, [codec.to_plain(record) for record in records])
    tried, held = item.stash.get(DOORS, []), item.stash.get(KEYS, [])
    if call.when == "call" and (tried or held):
        setattr(made, _DOORS_ATTRIBUTE, codec.to_plain({"doors": tried, "keys": held}))
    return made


class _Reporter:
    """Collects what the workers saw and reports it; only in the process that owns the run."""

    def __init__(self, config: pytest.Config, run: RunSession, live: Live | None) -> None:
        self._config = config
        self._run = run
        self._live = live
        self._finished: RunRecord | None = None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the cases, where they are collected in this process."""
        if self._live is not None:
            self._live.total = len(session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Count the cases, where a test worker collected them."""
        if self._live is not None:
            self._live.total = len(ids)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Show which case is under way."""
        if self._live is not None:
            self._live.started(_short(nodeid))

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Show that a case has ended."""
        if self._live is not None:
            self._live.finished(_short(nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the records off a report; a failure without one is an error of the run."""
        plain = getattr(report, _REPORT_ATTRIBUTE, [])
        records = [codec.scenario_from_plain(one) for one in plain]
        self._run.scenarios += records
        access = getattr(report, _DOORS_ATTRIBUTE, {"doors": [], "keys": []})
        self._run.doors += [codec.from_plain(DoorResult, one) for one in access["doors"]]
        self._run.keys |= {codec.from_plain(Grant, one): None for one in access["keys"]}
        if self._live is not None:
            for record in records:
                self._live.told(record)
        unexplained = all(record.verdict is RunVerdict.PASS for record in records)
        faulty = any(one["fault"] for one in access["doors"])
        if report.failed and unexplained and not faulty and not bundleplugin.explains(report):
            error = f"{report.nodeid} ({report.when}): {_last_line(report)}"
            self._run.errors.append(error)
            if self._live is not None:
                self._live.say(f"ERROR         {error}")

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Print no letters: scenarios and errors have lines of their own."""
        if self._live is None or (report.when != "call" and report.passed):
            return None
        category: str = "error" if report.failed and report.when != "call" else report.outcome
        if hasattr(report, "wasxfail"):
            category = "xfailed" if report.skipped else "xpassed"
        return category, "", ""

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """End the cluster, write the reports and set the exit code.

        A failed test is never turned into a success; a run that pytest calls a success fails when
        its verdict does.
        """
        if self._live is not None:
            self._live.end()
        record, code = self._run.finish()
        self._finished = record
        _write_reports(record, self._config.option.report_dir)
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = code

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the report of the run."""
        if self._finished is None:
            return
        text = terminal.render(
            self._finished,
            colour=terminalreporter.hasmarkup,
            width=shutil.get_terminal_size().columns,
            matrices=self._config.option.matrices,
        )
        terminalreporter.ensure_newline()
        terminalreporter.write(text, flush=True)


def _short(nodeid: str) -> str:
    """Return a case's name without its path, which fills a status line."""
    return nodeid.rpartition("::")[2].removeprefix("test_")


def _last_line(report: pytest.TestReport) -> str:
    lines = report.longreprtext.strip().splitlines() or ["no message"]
    return lines[-1]


def _write_reports(record: RunRecord, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for writer in report.WRITERS.values():
        (folder / writer.file_name).write_text(writer.render(record), encoding="utf-8")
