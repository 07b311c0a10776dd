"""Tests that send Ctrl-C do not depend on how the tests themselves were started."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.conftest import SAID_BY_USERS, let_children_hear

ASK = "import signal; print([signal.getsignal(n) == signal.SIG_IGN for n in (2, 15, 1, 3)])"


def _ignored_by_children() -> str:
    return subprocess.run(
        [sys.executable, "-c", ASK], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_children_hear_what_is_ignored_here() -> None:
    """As after `make test &` in a script."""
    before = [signal.signal(number, signal.SIG_IGN) for number in SAID_BY_USERS]
    try:
        assert str([True] * 4) == _ignored_by_children()
        let_children_hear()
        assert str([False] * 4) == _ignored_by_children()
    finally:
        for number, handler in zip(SAID_BY_USERS, before, strict=True):
            signal.signal(number, handler)
