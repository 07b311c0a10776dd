"""The hooks of a run that asked for a cluster or a bundle, in each process that runs tests."""

from __future__ import annotations

import gc
from collections.abc import Generator

import pytest

from netproof.errors import NetproofError
from netproof.front.plugin import bundletests, evidence
from netproof.front.plugin.configuration import HANDOUT, spelled
from netproof.front.plugin.ownerhooks import OwnerHooks
from netproof.model import codec
from netproof.run.controller import Handout

WORKER_INPUT = "netproof"


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
    if config.option.np_cluster and not is_worker and not config.option.collectonly:
        manager.register(OwnerHooks(config, WORKER_INPUT), "netproof-owner")


class TestHooks:
    """Carries what tests saw, and words our own errors."""

    __test__ = False

    def __init__(self) -> None:
        """Freeze nothing yet."""
        self._froze = False

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
        if call.excinfo is not None and isinstance(call.excinfo.value, NetproofError):
            error = call.excinfo.value
            report.longrepr = f"{type(error).__name__}: {spelled(item.config, str(error))}"
        if call.when == "call":
            evidence.put_on(report, item)
        return report
