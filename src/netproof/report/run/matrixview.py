"""Tables laid over each other: ports and families that behave alike are shown as one matrix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from netproof.model.flow import USUAL, Expected, Path
from netproof.model.record import (
    EXPECTED_LETTERS,
    NOT_PROBED,
    VERDICT_LETTERS,
    FlowVerdict,
    Table,
)
from netproof.model.workload import Protocol
from netproof.report.run.findings import ports_line


class CellMark(Enum):
    """What a cell of a matrix shows; `allowed` and `denied` as expected."""

    ALLOWED = "allowed"
    DENIED = "denied"
    LEAK = "leak"
    BLOCKED = "over-blocked"
    UNTOLD = "inconclusive"
    UNDEFINED = "undefined, or itself"
    BLANK = "not tried"


TROUBLE = (CellMark.LEAK, CellMark.BLOCKED, CellMark.UNTOLD)
_ENFORCED = {
    EXPECTED_LETTERS[Expected.ALLOWED]: CellMark.ALLOWED,
    EXPECTED_LETTERS[Expected.DENIED]: CellMark.DENIED,
}
_MARKS = {
    VERDICT_LETTERS[FlowVerdict.LEAK]: CellMark.LEAK,
    VERDICT_LETTERS[FlowVerdict.OVER_BLOCKED]: CellMark.BLOCKED,
    VERDICT_LETTERS[FlowVerdict.INCONCLUSIVE]: CellMark.UNTOLD,
    VERDICT_LETTERS[FlowVerdict.UNDEFINED]: CellMark.UNDEFINED,
}


@dataclass(frozen=True)
class MatrixView:
    """Tables with the same ends, expectations and verdicts."""

    tables: tuple[Table, ...]

    @property
    def label(self) -> str:
        """Ports, protocols, families and path."""
        dialled = [(table.protocol, table.port, table.family) for table in self.tables]
        return ports_line(dialled, self.tables[0].path)

    @property
    def ports(self) -> tuple[str, ...]:
        """The ports, each with its path where that does not go without saying."""
        return tuple(dict.fromkeys(map(_port, self.tables)))

    @property
    def rows(self) -> tuple[str, ...]:
        """The sources."""
        return self.tables[0].sources

    @property
    def columns(self) -> tuple[str, ...]:
        """The destinations."""
        return self.tables[0].destinations

    @cached_property
    def marks(self) -> tuple[tuple[CellMark, ...], ...]:
        """What each cell shows: a tuple a row."""
        table = self.tables[0]
        rows = zip(table.expected, table.verdicts, strict=True)
        return tuple(tuple(map(_mark, *row)) for row in rows)

    @property
    def flows(self) -> int:
        """How many flows the matrix stands for."""
        cells = sum(mark is not CellMark.BLANK for row in self.marks for mark in row)
        return cells * len(self.tables)

    @property
    def has_trouble(self) -> bool:
        """Tell whether any flow is neither enforced nor undefined."""
        return any(mark in TROUBLE for row in self.marks for mark in row)


def _port(table: Table) -> str:
    port = "" if table.protocol is Protocol.ICMP else f"{table.port}/"
    dns = table.path is Path.DNS
    return f"{port}{table.protocol}{'' if table.path in USUAL or dns else f' by {table.path}'}"


def _mark(expected: str, verdict: str) -> CellMark:
    if verdict == NOT_PROBED:
        return CellMark.BLANK
    return _MARKS.get(verdict) or _ENFORCED[expected]


def matrix_views(tables: Iterable[Table]) -> list[MatrixView]:
    """Lay tables over each other that show the same, in the order of the first of each."""
    alike: dict[tuple[object, ...], list[Table]] = {}
    for table in tables:
        ends = (table.path, table.sources, table.destinations)
        alike.setdefault((*ends, table.expected, table.verdicts), []).append(table)
    return [MatrixView(tuple(group)) for group in alike.values()]
