"""What holds for all tests of netproof itself."""

import signal

SAID_BY_USERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def let_children_hear() -> None:
    """Have what the tests start obey the signals that are ignored here.

    A shell has what it starts in the background ignore Ctrl-C, and that is inherited by every
    child, while a handler is not: one that does nothing keeps us as deaf as we are.
    """
    for number in SAID_BY_USERS:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


let_children_hear()
