"""Background tasks that nobody forgets: one that dies is said on the lab's log.

A task whose exception nobody asks for dies without a word, and whoever waits for what it was to do
waits for ever. So every task of the lab is started here, with somebody to tell of its death, or
ended here by the one who holds it. Must not know: what the tasks do.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any
from weakref import WeakSet

log = logging.getLogger(__name__)

OnDeath = Callable[[Exception], None]

_watched: "WeakSet[asyncio.Task[Any]]" = WeakSet()  # those whose death is said when it happens


def start(
    work: Coroutine[Any, Any, None], label: str, on_death: OnDeath | None = None
) -> asyncio.Task[None]:
    """Run a coroutine as a task; what it raises is logged and then told to `on_death`."""
    task = asyncio.create_task(work, name=label)

    def report(ended: asyncio.Task[None]) -> None:
        error = _death_of(ended)
        if error is not None:
            log.error("%s died", label, exc_info=error)
            if on_death is not None:
                on_death(error)

    _watched.add(task)
    task.add_done_callback(report)
    return task


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait for them; log those that died.

    A connection that is gone is no death: that is how most of them end.
    """
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        error = _death_of(task)
        if error is not None and not _is_gone(error) and task not in _watched:
            log.error("%s died", task.get_name(), exc_info=error)


def _is_gone(error: BaseException) -> bool:
    """Tell whether an error, or all of a group, say that a connection is gone."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_gone, error.exceptions))
    return isinstance(error, OSError)


def describe(error: BaseException) -> str:
    """Return an exception in a line, for those who cannot read the log."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def _death_of(task: asyncio.Task[Any]) -> Exception | None:
    error = None if task.cancelled() else task.exception()
    return error if isinstance(error, Exception) else None
