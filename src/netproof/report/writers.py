"""The reports of a run that are written to files, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from netproof.model import codec
from netproof.model.record import RunRecord
from netproof.report import sarif
from netproof.report.run import junit, markdown, page


@dataclass(frozen=True, slots=True)
class Writer:
    """One form of report: `render` turns a run into the text of the file `file_name`."""

    name: str
    file_name: str
    render: Callable[[RunRecord], str]


WRITERS: Mapping[str, Writer] = MappingProxyType(
    {
        writer.name: writer
        for writer in (
            Writer("json", "record.json", codec.dumps),
            Writer("junit", "junit.xml", junit.render),
            Writer("html", "report.html", page.render),
            Writer("markdown", "report.md", markdown.render),
            Writer("sarif", "report.sarif", sarif.run_log),
        )
    }
)
