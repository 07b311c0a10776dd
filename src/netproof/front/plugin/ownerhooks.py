"""The hooks of the process that owns a run: it starts the cluster and tells test workers of it."""

from __future__ import annotations

import shutil
import uuid
from contextlib import ExitStack
from typing import Any

import pytest

from netproof.errors import NetproofError
from netproof.front import options, places
from netproof.front.interruption import sigterm_as_ctrl_c
from netproof.front.plugin import bundletests, reportfiles
from netproof.front.plugin.configuration import HANDOUT, spelled
from netproof.front.plugin.reporter import Reporter
from netproof.front.plugin.screen import Screen
from netproof.model import codec
from netproof.run.controller import Controller
from netproof.run.session import RunSession


class OwnerHooks:
    """Starts the run before any test; `pytest_unconfigure` gives pytest back as it was."""

    def __init__(self, config: pytest.Config, worker_input: str) -> None:
        """Keep the options; `worker_input` is under what test workers look for the cluster."""
        self._config = config
        self._worker_input = worker_input
        self._chosen = options.values(config.option)
        self._changes = ExitStack()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Start the cluster, before pytest-xdist starts its workers."""
        config, chosen, run_id = self._config, self._chosen, uuid.uuid4().hex[:8]
        self._changes.enter_context(sigterm_as_ctrl_c())
        try:
            reportfiles.prepare(chosen.report_dir)
            wishes = places.wishes(chosen, nodes=bool(chosen.bundle))
            backend = places.backend(chosen, run_id, self._say)
            run = RunSession(
                Controller(backend, run_id, wishes), run_id, chosen.require_enforcement
            )
            config.stash[HANDOUT] = run.start()
            try:
                bundletests.probe_all(config, run, config.stash[HANDOUT], wishes)
            except BaseException:
                run.finish()
                raise
        except NetproofError as error:
            raise pytest.UsageError(spelled(config, str(error))) from error
        config.pluginmanager.register(Reporter(config, run, self._screen()), "netproof-reporter")

    def pytest_unconfigure(self) -> None:
        """Undo what was changed in pytest and in the process."""
        self._changes.close()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a test worker where the cluster is (a hook of pytest-xdist)."""
        handout = node.config.stash.get(HANDOUT, None)
        if handout is not None:
            node.workerinput[self._worker_input] = codec.pack(handout)

    def _screen(self) -> Screen | None:
        """Take pytest's letters off the screen in favour of ours; not with -q or -v."""
        printer = self._config.pluginmanager.get_plugin("terminalreporter")
        if printer is None or self._config.option.verbose != 0:
            return None
        self._changes.callback(setattr, printer, "showfspath", printer.showfspath)
        printer.showfspath = False
        screen = Screen(
            lambda text: printer.write(text, flush=True),
            terminal=printer.isatty,
            width=lambda: shutil.get_terminal_size().columns,
        )
        screen.begin()
        return screen

    def _say(self, text: str) -> None:
        """Print a sentence on the progress of a cluster, unless pytest is quiet."""
        printer = self._config.pluginmanager.get_plugin("terminalreporter")
        if printer is not None and self._config.option.verbose >= 0:
            printer.ensure_newline()
            printer.write_line(text)
