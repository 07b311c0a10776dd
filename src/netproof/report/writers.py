"""The reports of a run and of a check, and the forms of a comparison, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

from netproof.model import codec
from netproof.model.check import CheckRecord
from netproof.model.comparison import Comparison
from netproof.model.record import RunRecord
from netproof.model.value import replace
from netproof.printing import Printable, runner_commands
from netproof.report import account, junit, sarif, shortforms
from netproof.report.account import Account
from netproof.report.comparison import tables
from netproof.report.markup import fitted
from netproof.report.review import markdown as check_markdown
from netproof.report.review import terminal
from netproof.report.run import markdown

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Writer(Generic[R]):
    """One form of report: `render` turns a record into the text of the file `file_name`."""

    name: str
    file_name: str
    render: Callable[[R], str]


def _run_page(record: RunRecord) -> str:
    from netproof.report.run import page  # noqa: PLC0415 - templates take as long as all the rest

    return page.render(record)


def _check_json(record: CheckRecord) -> Printable:
    """Leave out what a page draws from: a run's record has all that was seen."""
    return codec.dumps(replace(record, picture=None, steps=()))


def _check_page(record: CheckRecord) -> str:
    from netproof.report import checkpage  # noqa: PLC0415 - as above

    return checkpage.render(record)


def _comparison_page(comparison: Comparison) -> Printable:
    from netproof.report.comparison import sheet  # noqa: PLC0415 - as above

    return sheet.render(comparison)


def _named(*writers: Writer[R]) -> Mapping[str, Writer[R]]:
    return MappingProxyType({writer.name: writer for writer in writers})


def _short(of: Callable[[R], Account]) -> tuple[Writer[R], ...]:
    """Return the forms that are made of nothing but an account."""
    return (
        Writer("csv", "report.csv", lambda record: shortforms.table(of(record))),
        Writer("codequality", "codequality.json", lambda r: shortforms.codequality(of(r))),
        Writer("badge", "badge.svg", lambda record: shortforms.badge(of(record))),
    )


WRITERS: Mapping[str, Writer[RunRecord]] = _named(
    Writer("json", "record.json", codec.dumps),
    Writer("junit", "junit.xml", junit.render),
    Writer("html", "report.html", _run_page),
    Writer("markdown", "report.md", markdown.render),
    Writer("sarif", "report.sarif", sarif.run_log),
    *_short(account.of_run),
    Writer("comment", "comment.md", markdown.comment),
)
"""Those of a run; all of them are written where nobody chooses."""

CHECK_WRITERS: Mapping[str, Writer[CheckRecord]] = _named(
    Writer("text", "report.txt", terminal.check),
    Writer("json", "check.json", _check_json),
    Writer("junit", "junit.xml", junit.check),
    Writer("html", "report.html", _check_page),
    Writer("markdown", "report.md", check_markdown.check),
    Writer("sarif", "report.sarif", sarif.check_log),
    *_short(account.of_check),
    Writer("comment", "comment.md", check_markdown.comment),
)
"""Those of a check; standard output has the text where nobody gives it to another."""


@dataclass(frozen=True, slots=True)
class Forms(Generic[R]):
    """All that a record can be written as: `summary` and `annotations` are for GitHub's runner."""

    writers: Mapping[str, Writer[R]]
    summary: Callable[[R], str]
    annotations: Callable[[R], Printable]


SUMMARY = 250_000
"""Characters of a step's summary; GitHub takes a mebibyte, and a character has up to four bytes."""

OF_RUN: Forms[RunRecord] = Forms(
    WRITERS,
    lambda record: markdown.comment(record, SUMMARY),
    lambda record: shortforms.annotations_of(account.of_run(record)),
)
OF_CHECK: Forms[CheckRecord] = Forms(
    CHECK_WRITERS,
    lambda record: check_markdown.comment(record, SUMMARY),
    lambda record: shortforms.annotations_of(account.of_check(record)),
)

OF_COMPARISON: Forms[Comparison] = Forms(
    _named(
        Writer("text", "compare.txt", tables.text),
        Writer("html", "compare.html", _comparison_page),
        Writer("markdown", "compare.md", tables.markdown_text),
        Writer("csv", "compare.csv", tables.csv_text),
        Writer("json", "compare.json", codec.dumps),
    ),
    lambda one: fitted(tables.markdown_text(one).rstrip("\n").split("\n\n"), SUMMARY) + "\n",
    lambda _: runner_commands(()),  # a comparison stands on no line of a policy
)

ENDINGS: Mapping[str, str] = MappingProxyType(
    {".html": "html", ".md": "markdown", ".csv": "csv", ".json": "json", ".txt": "text"}
)
"""The form of a comparison that a file has by its name."""
