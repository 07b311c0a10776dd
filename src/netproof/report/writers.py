"""The reports of a run that are written to files, and the forms of a comparison, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from netproof.model import codec
from netproof.model.comparison import Comparison
from netproof.model.record import RunRecord
from netproof.printing import Printable
from netproof.report import sarif
from netproof.report.comparison import sheet, tables
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

COMPARISONS: Mapping[str, Callable[[Comparison], Printable]] = MappingProxyType(
    {
        "text": tables.text,
        "html": sheet.render,
        "markdown": tables.markdown_text,
        "csv": tables.csv_text,
        "json": codec.dumps,
    }
)

ENDINGS: Mapping[str, str] = MappingProxyType(
    {".html": "html", ".md": "markdown", ".csv": "csv", ".json": "json", ".txt": "text"}
)
"""The form of a comparison that a file has by its name."""
