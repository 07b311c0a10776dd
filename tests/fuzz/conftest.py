"""Fixtures of the targets that run the lab's own code."""

import logging
import resource
from collections.abc import Iterator

import pytest

MEMORY_KIB = 1024 * 1024


class Failures(logging.Handler):
    """What the lab's log says went wrong."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(self.format(record))


@pytest.fixture
def failures() -> Iterator[list[str]]:
    """Yield the errors that the lab logs; there must be none, nor much more memory in use."""
    handler, before = Failures(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loggers = [logging.getLogger(name) for name in ("netlab", "asyncio", "aiohttp")]
    for logger in loggers:
        logger.addHandler(handler)
    yield handler.messages
    for logger in loggers:
        logger.removeHandler(handler)
    assert handler.messages == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB
