"""A run that is cut short: by a signal, or by a test worker that dies while it starts."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import Any

import pytest

from netproof.front import options
from netproof.front.interruption import told_to_end_as_ctrl_c
from netproof.front.plugin import hooks, outcomes


class Run:
    """Stands for a run that was started."""

    def __init__(self) -> None:
        self.finished = 0

    def finish(self) -> None:
        self.finished += 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_who_is_told_to_end_cleans_up(number: signal.Signals) -> None:
    """A CI system that ends a job, a terminal that is closed: as by Ctrl-C, and only so long."""
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), told_to_end_as_ctrl_c():
        signal.raise_signal(number)
    assert before == signal.getsignal(number)


def test_what_is_ignored_stays_so() -> None:
    """`nohup netproof test` goes on when the terminal is closed."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with told_to_end_as_ctrl_c():
            assert signal.SIG_IGN == signal.getsignal(signal.SIGHUP)
        assert signal.SIG_IGN == signal.getsignal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("error", "told"),
    [(EOFError("0 bytes"), pytest.UsageError), (KeyboardInterrupt(), KeyboardInterrupt)],
    ids=["a worker died", "Ctrl-C"],
)
def test_a_session_that_does_not_start_ends_its_cluster(
    error: BaseException, told: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster is up by then, and pytest tells nobody of the end of such a session."""
    run = Run()
    monkeypatch.setattr(options, "values", lambda _: None)
    monkeypatch.setattr(outcomes, "spelled", lambda _, text: text)
    monkeypatch.setattr(hooks.OwnerHooks, "_started", lambda _: run)
    monkeypatch.setattr(hooks.OwnerHooks, "_screen", lambda _: None)
    monkeypatch.setattr(hooks, "make_sturdy", lambda _: None)
    config: Any = SimpleNamespace(option=None)
    start = hooks.OwnerHooks(config).pytest_sessionstart
    with pytest.raises(told):
        _start_that_fails(start(), error)
    assert 1 == run.finished


def _start_that_fails(start: Any, error: BaseException) -> None:
    next(start)
    start.throw(error)
