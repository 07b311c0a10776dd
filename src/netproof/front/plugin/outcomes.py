"""How a test of ours ends otherwise than well: pytest's outcomes, said in printable words.

pytest prints the words as they are, on lines of their own too.
"""

from __future__ import annotations

from typing import NoReturn

import pytest

from netproof.front.plugin.configuration import spelled
from netproof.model.record import UNENFORCED as UNENFORCED  # noqa: PLC0414 - skips have it from here
from netproof.printing import Printable, one_line


def fail(text: Printable) -> NoReturn:
    """End a test as failed, without a traceback."""
    __tracebackhide__ = True
    pytest.fail(text, pytrace=False)


def skip(reason: str) -> NoReturn:
    """End a test as skipped."""
    __tracebackhide__ = True
    pytest.skip(one_line(reason))


def xfail(reason: str) -> NoReturn:
    """End a test as failed for a known reason."""
    __tracebackhide__ = True
    pytest.xfail(one_line(reason))


def refusal(config: pytest.Config, message: str) -> pytest.UsageError:
    """Return the error by which pytest ends with our message and the exit code of a wrong call."""
    return pytest.UsageError(spelled(config, message))
