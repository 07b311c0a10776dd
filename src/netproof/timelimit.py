"""How long what is under way may take in all: one budget, which all that is done within it shares.

Limits of single reads, waits and tries add up to more than anybody promised; this one does not. A
limit within another never lasts longer than that one. It holds for the thread that set it, and for
threads that are handed their work by `carried`.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_NEVER = (math.inf, math.inf)
_UNTIL: ContextVar[tuple[float, float]] = ContextVar("netproof_until", default=_NEVER)
"""Until when there is time for what is wanted, and until when for putting it away again."""


@contextmanager
def within(seconds: float, *, ending_s: float = 0.0) -> Iterator[None]:
    """Let a block have so many seconds, less where less is left.

    The last `ending_s` of them are kept for what is done in a block of `ending`.
    """
    until, end = _UNTIL.get()
    over = time.monotonic() + seconds
    token = _UNTIL.set((min(until, over - ending_s), min(end, over)))
    try:
        yield
    finally:
        _UNTIL.reset(token)


@contextmanager
def ending() -> Iterator[None]:
    """Let a block have what was kept for the end, too."""
    _, end = _UNTIL.get()
    token = _UNTIL.set((end, end))
    try:
        yield
    finally:
        _UNTIL.reset(token)


def at_most(seconds: float = math.inf) -> float:
    """Return so many seconds, less where less is left, 0 where nothing is."""
    return min(seconds, max(0.0, _UNTIL.get()[0] - time.monotonic()))


def left(seconds: float = math.inf) -> float:
    """Return the same; raise TimeoutError where nothing is left."""
    some = at_most(seconds)
    if some <= 0:
        raise TimeoutError("no whole answer in time")
    return some


def left_behind(call: Callable[[], T], *, late: Callable[[T], object] = lambda _: None) -> T:
    """Make a call that knows no limit, and leave it behind where its time is over.

    It goes on in a thread that nothing waits for; what it still returns goes to `late`. Raises
    TimeoutError where nothing came in time. Without a limit the call is made here.
    """
    some = left()
    if some == math.inf:
        return call()
    found: Future[T] = Future()

    def made() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
            if found.set_running_or_notify_cancel():
                found.set_exception(error)
            return
        if found.set_running_or_notify_cancel():
            found.set_result(result)
        else:
            late(result)

    threading.Thread(target=carried(made), daemon=True).start()
    try:
        wait((found,), timeout=some)
        if found.cancel():
            raise TimeoutError("no answer in time")
        return found.result()
    finally:
        found.cancel()


def carried(call: Callable[P, T]) -> Callable[P, T]:
    """Return a call that has the limit of here, in whichever thread it is made."""
    here = copy_context()

    def limited(*args: P.args, **kwargs: P.kwargs) -> T:
        return here.copy().run(call, *args, **kwargs)

    return limited
