"""Standard output, standard error and files: the one way out for all that a command says.

Only what was made printable goes out, in the characters that the stream takes. A stream that is
full or closed is an error with a remedy, told once and not again when Python ends. A file is
written beside its name and then renamed, so that nobody reads half of it.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import os
import re
import shutil
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from netproof.errors import OutputError, UsageError
from netproof.printing import Printable, encodable, indented, several_lines

_REMEDY = "see that whatever reads it takes all of it, or write to a file on a disk with room"


def out(text: Printable) -> None:
    """Write to standard output, all of it; raise OutputError where that cannot be."""
    try:
        _write(sys.stdout, text)
    except (OSError, ValueError) as error:
        _drop(sys.stdout)
        raise OutputError(lost(error)) from error


def screen() -> tuple[bool, int]:
    """Tell whether standard output takes colours, by the rule of pytest, and how wide it is.

    Sources: https://no-color.org, https://force-color.org.
    """
    said = os.environ.get
    if said("PY_COLORS") in ("0", "1"):
        colour = said("PY_COLORS") == "1"
    else:
        forced = bool(said("FORCE_COLOR")) or is_terminal(sys.stdout)
        colour = forced and not said("NO_COLOR")
    return colour, shutil.get_terminal_size().columns


def fold_at() -> int:
    """Return how wide lines may be where a person looks on; 0, for whole ones, elsewhere."""
    return shutil.get_terminal_size().columns if is_terminal(sys.stdout) else 0


def add_file(parser: argparse.ArgumentParser) -> None:
    """Let a command write what it makes to a file, by `-o FILE`."""
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="write to this file; - is standard output, as without it",
    )


STDOUT = "-"
"""What standard output is called where a file can be named."""


def is_stdout(file: Path | None) -> bool:
    """Tell whether what a command makes goes to standard output."""
    return file is None or str(file) == STDOUT


def put(text: Printable, file: Path | None) -> None:
    """Write what a command made to the file that was named, else to standard output."""
    if file is None or is_stdout(file):
        out(text)
        return
    try:
        keep(file, text)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}; name a file that can be written") from error


def keep(file: Path, text: str) -> None:
    """Write a file so that it is there whole or as it was; raise OSError where that cannot be."""
    if file.exists() and not file.is_file():  # a device or a pipe, of which there is one
        file.write_text(text, encoding="utf-8")
        return
    place = file.resolve()
    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    os.close(descriptor)
    beside = Path(name)
    try:
        beside.write_text(text, encoding="utf-8")
        beside.chmod(0o666 & ~_umask())
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)


def _umask() -> int:
    os.umask(before := os.umask(0o077))
    return before


def err(text: Printable) -> None:
    """Write to standard error, as far as there is one: there is nowhere else to complain."""
    try:
        _write(sys.stderr, text)
    except (OSError, ValueError):
        _drop(sys.stderr)


def to(stream: object) -> Callable[[Printable], None]:
    """Return what writes to a stream; that of argparse, which knows standard output by None."""
    return err if stream is sys.stderr else out


def say(*lines: str) -> None:
    """Write a line for each text to standard output; those after a text's first are set in.

    Lines are folded where a person looks on, but for those that two blanks set in: commands, and
    what else is there to be copied.
    """
    width = fold_at()
    parts = (text if _COPIED.match(text) else folded(text, width) for text in lines)
    out(several_lines("".join(f"{indented(text)}\n" for text in parts)))


def folded(text: str, width: int) -> str:
    """Return a text with its lines folded at a width that is not 0."""
    if not width:
        return text
    return "\n".join(part for line in text.split("\n") for part in _fold(line, width) or [""])


_COPIED = re.compile(r" {2}\S")
_COLUMNS = re.compile(r"(?:\S+ {2,}){1,2}| {3,}")
"""What stands before the last column of a table's line."""


def _fold(line: str, width: int) -> list[str]:
    head = _COLUMNS.match(line)
    indent = min(len(head[0]), width // 2) if head else 2
    return textwrap.wrap(
        line,
        width - 2,  # `indented` sets all but the first in by two
        subsequent_indent=" " * (indent - 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def tell(text: str) -> None:
    """Write a sentence to standard error, on what is under way or went wrong."""
    width = shutil.get_terminal_size().columns if is_terminal(sys.stderr) else 0
    err(several_lines(f"{indented(folded(text, width))}\n"))


def lost(error: Exception) -> str:
    """Return what became of standard output, and what to do about it."""
    return f"standard output {_reason(error)}; {_REMEDY}"


def unforeseen(error: OSError) -> str:
    """Return what the machine refused, where nobody else had words for it."""
    what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    return f"{what}; see that this machine lets netproof have it, and call it again"


def _reason(error: Exception) -> str:
    """Return why a stream could not be written to."""
    if isinstance(error, BrokenPipeError):
        return "has no reader any more"
    if isinstance(error, ValueError) or getattr(error, "errno", 0) == errno.EBADF:
        return "is closed"
    return f"cannot be written: {getattr(error, 'strerror', None) or error}"


class SturdyStream(io.TextIOBase):
    """A stream for a program that cannot stop at its end: what is lost is lost, and known.

    Of pytest's terminal: an error there would end the run without its reports.
    """

    def __init__(self, stream: TextIO) -> None:
        """Write to that stream for as long as it takes it."""
        super().__init__()
        self._stream = stream
        self.lost: Exception | None = None

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The stream's own; pytest asks."""
        return self._stream.encoding

    def write(self, text: str) -> int:
        """Write what can be written."""
        if self.lost is None:
            try:
                self._stream.write(encodable(Printable(text), self._stream.encoding))
            except (OSError, ValueError) as error:
                self._lose(error)
        return len(text)

    def flush(self) -> None:
        """Find out whether it arrived."""
        if self.lost is None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._lose(error)

    def isatty(self) -> bool:
        """Tell what the stream is; pytest asks."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the stream's descriptor; pytest asks."""
        return self._stream.fileno()

    def _lose(self, error: Exception) -> None:
        self.lost = error
        _drop(self._stream)


CLEAR = Printable("\r\x1b[K")
"""Back to the first column, and erase to the end of the line (ECMA-48, EL)."""


class LiveStream(SturdyStream):
    """The stream of a terminal with one line that is written over, whoever else writes to it.

    Whatever is written takes the line away first, so that no two texts share a line; it is back
    when it is shown again. Several threads may write.
    """

    def __init__(self, stream: TextIO) -> None:
        """Write to that stream; there is no line yet."""
        super().__init__(stream)
        self._lock = threading.RLock()
        self._shown = False
        self._at_start = True

    def write(self, text: str) -> int:
        """Write a text in the place of the line."""
        with self._lock:
            self._take_away()
            if text:
                self._at_start = text.endswith("\n")
            return super().write(text)

    def show(self, line: Printable) -> None:
        """Show a line, which must be narrower than the terminal, in the place of the one before."""
        with self._lock:
            if not self._at_start:
                super().write("\n")
                self._at_start = True
            super().write(f"{CLEAR}{line}")
            self._shown = True
            self.flush()

    def hide(self) -> None:
        """Take the line away."""
        with self._lock:
            self._take_away()
            self.flush()

    def _take_away(self) -> None:
        if self._shown:
            super().write(CLEAR)
            self._shown = False


def is_terminal(stream: TextIO | LiveStream | None) -> bool:
    """Tell whether a person looks on who can be shown a line that is written over."""
    with contextlib.suppress(ValueError):  # it is closed
        return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
    return False


def sturdy_errors() -> LiveStream:
    """Return standard error for a program that cannot stop at its end."""
    return LiveStream(sys.stderr)


def live_err() -> LiveStream | None:
    """Return standard error for a live line, None where it is no terminal."""
    return sturdy_errors() if is_terminal(sys.stderr) else None


def _write(stream: TextIO | None, text: Printable) -> None:
    if stream is None:  # it was closed when Python started
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    stream.write(encodable(text, stream.encoding))
    stream.flush()


def _drop(stream: TextIO | None) -> None:
    """Lead a broken stream to nowhere, for Python writes what is left in it when it ends."""
    # Without a descriptor, or closed, it is not written to later either.
    with contextlib.suppress(OSError, ValueError):
        if stream is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
            stream.flush()
