"""Which reports are written where, by one grammar for all commands, and how they get there.

`--report FORMAT[=FILE][,FORMAT[=FILE]...]`, repeatable: FILE is a file, `-` is standard output, and
a format without one goes into the folder of `--report-dir` by its usual name. `all` is every format
into that folder, `github` what a job of GitHub Actions shows.

What a report says is `report`; one that cannot be made or written takes no other with it.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from netproof.errors import OutputError, UsageError
from netproof.front import output
from netproof.printing import Printable, several_lines
from netproof.report.review.terminal import dressed
from netproof.report.writers import Forms, Writer

R = TypeVar("R")

ALL, GITHUB, TEXT = "all", "github", "text"
FOLDER = "--report-dir"
SUMMARY = "GITHUB_STEP_SUMMARY"
"""Names the file whose Markdown GitHub shows of a step."""


@dataclass(frozen=True, slots=True)
class Reports(Generic[R]):
    """The reports that one call asks for; `files` are those that are written to one."""

    forms: Forms[R]
    folder: Path
    files: tuple[tuple[Writer[R], Path], ...]
    stdout: Writer[R] | None = None
    summary: Path | None = None

    @property
    def shown(self) -> str:
        """Say where a person finds them, "" where there is none in a file."""
        inside = [writer.file_name for writer, file in self.files if file.parent == self.folder]
        if len(inside) == len(self.forms.writers) == len(self.files):
            return f"{self.folder}/report.html and beside it"
        return ", ".join(str(file) for _, file in self.files)

    def has(self, name: str) -> bool:
        """Tell whether a form is among them."""
        return any(one.name == name for one in (*(w for w, _ in self.files), self.stdout) if one)

    def prepare(self) -> None:
        """Look at the places, before a run whose result could not be written down.

        Nothing is made yet: a run that is killed leaves nothing. Raises UsageError where a file
        could not be written.
        """
        for _, file in self.files:
            _look_at(file, self._option(file))

    def write(self, record: R) -> list[str]:
        """Write every report that can be written; return a sentence for each that could not."""
        return [problem for problem in map(_problem, self._ways(record)) if problem]

    def _ways(self, record: R) -> Iterator[_Way]:
        """Yield how each report is written, that on standard output last."""
        for writer, file in self.files:
            remedy = f"name another {_kind(self._option(file))} by {self._option(file)}"
            yield _Way(partial(_write_file, file, writer, record), str(file), remedy)
        if self.summary is not None:
            yield _Way(partial(output.err, self.forms.annotations(record)), "annotations", "")
            append = partial(_append, self.summary, self.forms.summary, record)
            yield _Way(append, str(self.summary), "")
        if self.stdout is not None:
            yield _Way(partial(_out, self.stdout, record), "the report", "")

    def _option(self, file: Path) -> str:
        return FOLDER if file.parent == self.folder else "--report"


def wanted(
    words: Sequence[str],
    forms: Forms[R],
    folder: Path,
    *,
    also: Sequence[tuple[str, str]] = (),
    text: bool = False,
) -> Reports[R]:
    """Return the reports that the values of `--report` ask for, and `also` those of `-o`.

    Where neither names one it is all of them or, with `text`, the text on standard output, which
    has it also where nobody gives it to another. Raises UsageError for a format that there is not,
    and where two reports would be one.
    """
    files: list[tuple[Writer[R], Path]] = []
    stdout: list[Writer[R]] = []
    summary = None
    unsaid = [] if text or also else [ALL]
    for _, place in also:
        if place != output.STDOUT and not Path(place).parent.is_dir():
            raise UsageError(f"{place}: No such file or directory; name a file in a folder")
    for name, place in (*_parsed(words or unsaid, forms), *also):
        if name == GITHUB:
            summary = _summary()
        elif name == ALL:
            files += [(one, folder / one.file_name) for one in forms.writers.values()]
        elif place == output.STDOUT:
            stdout.append(forms.writers[name])
        else:
            writer = forms.writers[name]
            files.append((writer, Path(place) if place else folder / writer.file_name))
    _refuse_twice(files, stdout)
    shown = [*stdout, *([forms.writers[TEXT]] if text else [])]
    return Reports(forms, folder, tuple(files), shown[0] if shown else None, summary)


def _parsed(words: Sequence[str], forms: Forms[R]) -> Iterator[tuple[str, str]]:
    for word in (one for value in words for one in value.split(",")):
        name, equals, place = word.partition("=")
        if name not in (*forms.writers, ALL, GITHUB):
            there = ", ".join((*forms.writers, ALL, GITHUB))
            raise UsageError(
                f"--report {word}: there is no format {name!r} here (and a FILE has no comma); "
                f"there are: {there}"
            )
        if equals and not place:
            raise UsageError(f"--report {word}: write {name}=FILE, {name}=- or {name}")
        if equals and name in (ALL, GITHUB):
            raise UsageError(f"--report {word}: {name} goes to places of its own; write {name}")
        yield name, place


def _refuse_twice(files: Sequence[tuple[Writer[R], Path]], stdout: Sequence[Writer[R]]) -> None:
    if len(stdout) > 1:
        names = " and ".join(one.name for one in stdout)
        raise UsageError(f"--report: {names} cannot both go to standard output; give one a FILE")
    for file, times in Counter(file for _, file in files).items():
        if times > 1:
            raise UsageError(f"--report: {times} reports would go to {file}; name another FILE")


def _summary() -> Path:
    file = os.environ.get(SUMMARY)
    if not file:
        raise UsageError(
            f"--report {GITHUB}: this is no job of GitHub Actions, where {SUMMARY} names a file"
        )
    return Path(file)


def _look_at(file: Path, option: str) -> None:
    shown = file.parent if option == FOLDER else file
    try:
        if file.is_dir():
            raise IsADirectoryError(0, "Is a directory")
        above = (file.parent, *file.parent.absolute().parents)
        there = next(place for place in above if place.exists())
        if not _is_special(file):
            with tempfile.TemporaryFile(dir=there):
                pass
    except OSError as error:
        raise UsageError(
            f"{option} {shown}: {error.strerror}; name a {_kind(option)} that can be written to"
        ) from error


def _kind(option: str) -> str:
    return "folder" if option == FOLDER else "file"


@dataclass(frozen=True, slots=True)
class _Way:
    """How a report is written: `write` does it, `remedy` is what to do where it cannot."""

    write: Callable[[], object]
    what: str
    remedy: str


def _problem(way: _Way) -> str:
    """Write a report; return what became of it where it could not be, "" where it was."""
    try:
        way.write()
    except OutputError as error:
        return str(error)
    except OSError as error:
        remedy = f"; {way.remedy}" if way.remedy else ""
        return f"{way.what} could not be written: {error.strerror}{remedy}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told and the others go on
        return f"{way.what} could not be written: {type(error).__name__}: {error}"
    return ""


def _write_file(path: Path, writer: Writer[R], record: R) -> None:
    text = writer.render(record)
    path.parent.mkdir(parents=True, exist_ok=True)  # a suite may have cleared it away
    output.keep(path, text)


def _append(path: Path, summary: Callable[[R], str], record: R) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(summary(record))


def _out(writer: Writer[R], record: R) -> None:
    text = several_lines(writer.render(record))
    output.out(for_reader(text) if writer.name == TEXT else text)


def for_reader(text: Printable) -> Printable:
    """Return a text for standard output, coloured and folded where a person looks on."""
    colour, _ = output.screen()
    return dressed(text, colour=colour, width=output.fold_at())


def _is_special(path: Path) -> bool:
    """Tell whether a name is a device or a pipe, which is written to and not replaced."""
    return path.exists() and not path.is_file()
