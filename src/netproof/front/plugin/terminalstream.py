"""What pytest's terminal writes to while a run of ours lasts.

It loses what cannot be written, and has a live line where a person looks on.
"""

from __future__ import annotations

import pytest

from netproof.front.output import LiveStream, is_terminal, sturdy_errors
from netproof.front.plugin.configuration import REPORTS


def is_unicode(config: pytest.Config) -> bool:
    """Tell whether the characters of matrices arrive where pytest writes to."""
    stream = config.stash.get(STREAM, None)
    try:
        "·│…".encode((stream and stream.encoding) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def make_sturdy(config: pytest.Config) -> None:
    """Have pytest's terminal lose what cannot be written, and go on.

    It writes to standard error in a run whose standard output is a report.
    """
    printer = config.pluginmanager.get_plugin("terminalreporter")
    if printer is not None and STREAM not in config.stash:
        reports = config.stash.get(REPORTS, None)
        writer = config.get_terminal_writer()
        stream = writer._file  # noqa: SLF001 - there is no other way in
        config.stash[STREAM] = sturdy_errors() if reports and reports.stdout else LiveStream(stream)
        writer._file = config.stash[STREAM]  # noqa: SLF001


def live_stream(config: pytest.Config) -> LiveStream | None:
    """Return the stream for a live line, None where it would stand between other people's words.

    That is where nobody looks on, and where tests (-s) or a debugger write to the same terminal.
    """
    option = config.option
    others = option.capture == "no" or option.usepdb or option.trace
    stream = config.stash.get(STREAM, None)
    return stream if is_terminal(stream) and not others else None


def lost_output(config: pytest.Config) -> Exception | None:
    """Return why not all of pytest's output was written, None where it was."""
    stream = config.stash.get(STREAM, None)
    if stream is None:
        return None
    stream.flush()
    return stream.lost


STREAM: pytest.StashKey[LiveStream] = pytest.StashKey()
"""What pytest's terminal writes to, for as long as a run of ours lasts."""
