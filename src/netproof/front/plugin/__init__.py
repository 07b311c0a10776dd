"""The pytest plugin: this module is what pytest registers, and holds the hooks of every process.

The process that starts the run (pytest-xdist's controller, or the only one there is) owns the
cluster, asks the canary, collects the records and writes the reports. A test worker is told where
the cluster is and owns a fleet.

What belongs here: all that knows pytest, in a module for each errand (`bundles`, `records`,
`reporter`, `live`). It must not know how a run goes, which is `run`, nor how its record is worded,
which is `report`.
"""

from __future__ import annotations

import gc
import shutil
import signal
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from netproof.errors import NetproofError
from netproof.front import options
from netproof.front.plugin import bundles, records
from netproof.front.plugin.live import Live
from netproof.front.plugin.reporter import Reporter, prepare
from netproof.model import codec
from netproof.model.doors import Stance
from netproof.run.controller import Controller, Handout
from netproof.run.scenario import Wishes
from netproof.run.session import RunSession

HANDOUT = pytest.StashKey[Handout]()

_WORKER_INPUT = "netproof"


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.register(bundles, bundles.__name__)
    group = parser.getgroup("netproof", "netproof: does this cluster enforce NetworkPolicies?")
    add = group.addoption
    add("--cluster", help="where to run the suites: lab, existing or kind:CNI")
    options.add_places(add)
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
        config.stash[HANDOUT] = codec.unpack(Handout, told)


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
        prepare(config.option.report_dir)
        backend = options.backend(config.option, run_id, _narrator(config))
        controller = Controller(backend, run_id, wishes(config))
        run = RunSession(controller, run_id, config.option.require_enforcement)
        config.stash[HANDOUT] = run.start()
        _probe_bundles(config, run)
    except NetproofError as error:
        raise pytest.UsageError(str(error)) from error
    config.pluginmanager.register(Reporter(config, run, _live(config)), "netproof-reporter")


def _probe_bundles(config: pytest.Config, run: RunSession) -> None:
    """Probe the bundles that are named; where that fails the cluster is ended at once."""
    try:
        bundles.probe_all(config, run, config.stash[HANDOUT], wishes(config))
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


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Spare the run's garbage collections what was imported and collected, which all stays."""
    if HANDOUT in session.config.stash:
        gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a test worker where the cluster is (a hook of pytest-xdist)."""
    handout = node.config.stash.get(HANDOUT, None)
    if handout is not None:
        node.workerinput[_WORKER_INPUT] = codec.pack(handout)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put a test's records on its report, and say our own errors without a traceback."""
    made = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, NetproofError):
        made.longrepr = f"{type(call.excinfo.value).__name__}: {call.excinfo.value}"
    if call.when == "call":
        records.put_on(made, item)
    return made
