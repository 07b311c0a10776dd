"""SIGTERM and SIGHUP as Ctrl-C: whoever ends a run finds the cluster cleaned up.

A CI system says the one; the terminal, or the connection to it, that is closed the other.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SAID = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def told_to_end_as_ctrl_c() -> Iterator[None]:
    """Have them raise KeyboardInterrupt for as long as a block runs.

    What is ignored stays so (nohup). Only the main thread may say so; a run in another one is ended
    by whoever started it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SAID}
    heard = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}
    for number in heard:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in heard.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
