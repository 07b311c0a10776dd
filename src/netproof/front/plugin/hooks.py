"""The hooks of a run that asked for a cluster or a bundle.

`TestHooks` are in each process that runs tests. `OwnerHooks` are in the one that owns the run: it
starts the cluster and tells test workers of it.
"""

from __future__ import annotations

import gc
import uuid
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from netproof.errors import ClusterGoneError, NetproofError
from netproof.front import options, output, places, reportfiles
from netproof.front.interruption import told_to_end_as_ctrl_c
from netproof.front.plugin import bundletests, evidence, outcomes
from netproof.front.plugin.configuration import HANDOUT, REPORTS, VERDICT, spelled
from netproof.front.plugin.reporter import Reporter
from netproof.front.plugin.terminalstream import live_stream, lost_output, make_sturdy
from netproof.front.screen import Screen
from netproof.model import codec
from netproof.printing import indented
from netproof.report.writers import OF_RUN
from netproof.run.controller import Controller, Handout
from netproof.run.session import RunSession

WORKER_INPUT = "netproof"

GONE = "the cluster went away"
"""Ends the session of each process that runs tests; the report has the rest."""


def add(config: pytest.Config) -> None:
    """Add the hooks of this process to pytest's."""
    manager = config.pluginmanager
    if config.option.np_bundle:
        manager.register(bundletests, "netproof-bundles")
    handed = getattr(config, "workerinput", {}).get(WORKER_INPUT)
    if handed is not None:
        config.stash[HANDOUT] = codec.unpack(Handout, handed)
    manager.register(TestHooks(), "netproof-tests")
    is_worker = hasattr(config, "workerinput")
    reads = config.option.np_bundle and config.option.np_bundle_static
    wanted = config.option.np_cluster or reads
    if wanted and not is_worker and not config.option.collectonly:
        chosen = options.values(config.option)
        try:
            config.stash[REPORTS] = reportfiles.wanted(chosen.report, OF_RUN, chosen.report_dir)
        except NetproofError as error:
            raise outcomes.refusal(config, str(error)) from error
        manager.register(OwnerHooks(config), "netproof-owner")


class TestHooks:
    """Carries what tests saw, and words our own errors."""

    __test__ = False

    def __init__(self) -> None:
        """Freeze nothing yet."""
        self._froze = False
        self._deselected = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """See that a full or closed standard output does not end a run without its reports."""
        if not hasattr(session.config, "workerinput"):
            make_sturdy(session.config)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Say on standard error what was lost, with the verdict; such a run is no success."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[evidence.DESELECTED] = self._deselected
        yield
        lost = lost_output(session.config)
        if lost is not None:
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
            verdict = session.config.stash.get(VERDICT, f"exit code {int(session.exitstatus)}")
            output.tell(f"netproof: {output.lost(lost)}\n{verdict}")

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count what was left out, for the process that owns the run."""
        self._deselected += len(items)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Spare the run's garbage collections what was imported and collected, which all stays."""
        if HANDOUT in session.config.stash and not gc.get_freeze_count():
            gc.freeze()
            self._froze = True

    def pytest_unconfigure(self) -> None:
        """Give the garbage collector back what it was spared."""
        if self._froze:
            gc.unfreeze()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put what a test saw on its report, and say our own errors without a traceback."""
        report = yield
        error = call.excinfo.value if call.excinfo is not None else None
        if isinstance(error, NetproofError):
            report.longrepr = f"{type(error).__name__}: {spelled(item.config, str(error))}"
        gone = isinstance(error, ClusterGoneError)
        if gone:
            item.session.shouldfail = GONE
        evidence.put_on(report, item, gone=gone)
        return report


class OwnerHooks:
    """Starts the run before any test; `pytest_unconfigure` gives pytest back as it was."""

    def __init__(self, config: pytest.Config) -> None:
        """Keep the options; nothing is started yet."""
        self._config = config
        self._chosen = options.values(config.option)
        self._changes = ExitStack()
        self._shown: Screen | None = None

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionstart(self) -> Generator[None, None, None]:
        """Start the cluster, before pytest-xdist starts its workers.

        pytest tells nobody of the end of a session whose start failed, so it is ended here then.
        """
        make_sturdy(self._config)
        self._shown = self._screen()
        try:
            run = self._started()
        except KeyboardInterrupt:  # of which pytest says nothing before a session has started
            self._changes.close()
            output.tell("netproof: interrupted while the cluster was starting")
            raise
        except BaseException:
            self._changes.close()
            raise
        if self._shown is not None:
            self._shown.pause()
        try:
            yield
        except EOFError as error:  # of execnet, which is how xdist learns of a worker's death
            run.finish()
            died = "a test worker ended while it started; see what killed it"
            raise outcomes.refusal(self._config, died) from error
        except BaseException:
            run.finish()
            raise
        self._config.pluginmanager.register(
            Reporter(self._config, run, self._shown), "netproof-reporter"
        )

    def _started(self) -> RunSession:
        config, chosen, run_id = self._config, self._chosen, uuid.uuid4().hex[:8]
        self._changes.enter_context(told_to_end_as_ctrl_c())
        try:
            config.stash[REPORTS].prepare()
            if not chosen.cluster:
                run = RunSession(None, run_id)
                bundletests.read_all(config, run)
                return run
            wishes = places.wishes(chosen, nodes=bool(chosen.bundle))
            backend = places.backend(chosen, run_id, self._say, command=self._command())
            run = RunSession(
                Controller(backend, run_id, wishes, self._phase),
                run_id,
                chosen.require_enforcement,
                chosen.require_packets,
            )
            self._phase(places.beginning(chosen))
            handout = config.stash[HANDOUT] = run.start()
            try:
                bundletests.probe_all(config, run, handout, wishes, self._phase)
            except BaseException:
                run.finish()
                raise
        except NetproofError as error:
            raise outcomes.refusal(config, str(error)) from error
        except OSError as error:
            raise outcomes.refusal(config, output.unforeseen(error)) from error
        return run

    def pytest_unconfigure(self) -> None:
        """Undo what was changed in pytest and in the process."""
        self._changes.close()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a test worker where the cluster is (a hook of pytest-xdist)."""
        handout = node.config.stash.get(HANDOUT, None)
        if handout is not None:
            node.workerinput[WORKER_INPUT] = codec.pack(handout)

    def _command(self) -> str:
        """Return which command's rights the run needs: bundles alone need fewer than cases."""
        return "check" if bundletests.ARGS in self._config.stash else "test"

    def _screen(self) -> Screen | None:
        """Take pytest's letters off the screen in favour of ours; not with -q or -v.

        Where no packet is sent they stay: no scenario ends that would have a line.
        """
        printer = self._config.pluginmanager.get_plugin("terminalreporter")
        quiet = self._config.option.verbose != 0 or not self._chosen.cluster
        if printer is None or quiet:
            return None
        live = live_stream(self._config)
        for name in ("showfspath", *(["_show_progress_info"] if live else [])):
            self._changes.callback(setattr, printer, name, getattr(printer, name, None))
            setattr(printer, name, False)
        screen = Screen(printer.write_line, live, colour=printer.hasmarkup)
        self._changes.callback(screen.close)
        return screen

    def _phase(self, text: str) -> None:
        """Name what goes on before the first case."""
        if self._shown is not None:
            self._shown.phase(text)
        else:
            self._say(text)

    def _say(self, text: str) -> None:
        """Print a sentence on the progress of a cluster, unless pytest is quiet."""
        printer = self._config.pluginmanager.get_plugin("terminalreporter")
        if printer is not None and self._config.option.verbose >= 0:
            printer.ensure_newline()
            printer.write_line(indented(text))
