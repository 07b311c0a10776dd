"""A matrix as lines of text that fit a width.

Tried in this order: names over the columns; numbers over the columns, with a key; then the same
with only those rows and columns in which something is wrong; and numbers in blocks of columns.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from netproof.report.run.matrixview import TROUBLE, MatrixView
from netproof.report.run.palette import Palette
from netproof.report.text import BOLD, GREY, counted

MAX_ROWS = 40
"""More rows than fit a screen are heading only where something in them is wrong."""

_GAP = "  "
_BORDER = " │ "
_STICKY = "\N{NO-BREAK SPACE}"


def split_name(end: str) -> tuple[str, str]:
    """Split the name of an end into its namespace, "" where it has none, and the rest."""
    namespace, _, name = end.removeprefix("service ").rpartition("/")
    return namespace, name


def grid_lines(view: MatrixView, width: int, palette: Palette) -> list[str]:
    """Return the matrix in at most `width` columns, each line without its newline."""
    rows, columns = list(range(len(view.rows))), list(range(len(view.columns)))
    note = ""
    if not _fits(view, rows, columns, width) and view.has_trouble:
        rows, columns, note = _troubled(view)
    grids = [_Grid(view, rows, columns, named) for named in (True, False)]
    fitting = next((grid for grid in grids if grid.width <= width), None)
    blocks = [fitting] if fitting else list(_blocks(view, rows, columns, width))
    lines = [line for block in blocks for line in block.draw(palette)]
    key = [] if fitting and fitting.named else _key(view, rows, columns, width)
    return lines + [palette.paint(line, GREY) for line in (*key, *([note] if note else []))]


def _fits(view: MatrixView, rows: list[int], columns: list[int], width: int) -> bool:
    return len(rows) <= MAX_ROWS and _Grid(view, rows, columns, named=False).width <= width


def _troubled(view: MatrixView) -> tuple[list[int], list[int], str]:
    wrong = [
        (r, c) for r, row in enumerate(view.marks) for c, mark in enumerate(row) if mark in TROUBLE
    ]
    rows, columns = sorted({r for r, _ in wrong}), sorted({c for _, c in wrong})
    left = (len(view.rows) - len(rows), len(view.columns) - len(columns))
    note = f"{counted(left[0], 'row')} and {counted(left[1], 'column')} as expected are left out"
    return rows, columns, note


def _blocks(view: MatrixView, rows: list[int], columns: list[int], width: int) -> Iterator[_Grid]:
    block: list[int] = []
    for column in columns:
        if block and _Grid(view, rows, [*block, column], named=False).width > width:
            yield _Grid(view, rows, block, named=False)
            block = []
        block.append(column)
    yield _Grid(view, rows, block, named=False)


def _key(view: MatrixView, rows: list[int], columns: list[int], width: int) -> list[str]:
    """Name the numbered columns, unless the rows carry the same numbers and names."""
    if set(columns) <= set(rows) and view.rows == view.columns:
        return []
    names = "   ".join(f"{column + 1}{_STICKY}{view.columns[column]}" for column in columns)
    wrapped = textwrap.wrap(
        f"columns:   {names}", max(width, 20), subsequent_indent=" " * 11, break_on_hyphens=False
    )
    return [line.replace(_STICKY, " ") for line in wrapped]


@dataclass(frozen=True, slots=True)
class _Grid:
    """Some rows and columns of a view, the columns headed by names or by numbers."""

    view: MatrixView
    rows: Sequence[int]
    columns: Sequence[int]
    named: bool

    @property
    def gap(self) -> str:
        """What stands between two cells; numbers are for matrices that need the room."""
        return _GAP if self.named else " "

    @property
    def width(self) -> int:
        """How many characters the longest line has."""
        cells = sum(self._whole(widths) for _, widths in self._groups())
        borders = len(_BORDER) * len(self._groups())
        return self._margin() + cells + borders

    def draw(self, palette: Palette) -> list[str]:
        """Return the lines, without the key to the numbers."""
        margin = " " * self._margin()
        lines = []
        if self.named and any(split_name(name)[0] for name in self.view.columns):
            spaces = [self._space(columns, widths) for columns, widths in self._groups()]
            lines.append(palette.paint(margin + _join(spaces), BOLD))
        heads = [
            self.gap.join(self._head(c).ljust(w) for c, w in zip(columns, widths, strict=True))
            for columns, widths in self._groups()
        ]
        lines.append(margin + _join(heads))
        return [line.rstrip() for line in (*lines, *self._body(palette))]

    def _body(self, palette: Palette) -> Iterator[str]:
        before = None
        for row in self.rows:
            namespace, _ = split_name(self.view.rows[row])
            heading = "" if namespace == before else namespace
            before = namespace
            cells = [
                self.gap.join(
                    palette.mark(self.view.marks[row][c], w)
                    for c, w in zip(columns, widths, strict=True)
                )
                for columns, widths in self._groups()
            ]
            yield self._row_head(row, heading, palette) + _join(cells)

    def _row_head(self, row: int, namespace: str, palette: Palette) -> str:
        spaces, names = self._row_widths()
        name = self._row_name(row).ljust(names)
        return palette.paint(namespace.ljust(spaces), BOLD) + (_GAP if spaces else "") + name

    def _row_name(self, row: int) -> str:
        name = split_name(self.view.rows[row])[1]
        return name if self.named else f"{row + 1:>3} {name}"

    def _row_widths(self) -> tuple[int, int]:
        spaces = max(len(split_name(self.view.rows[row])[0]) for row in self.rows)
        return spaces, max(len(self._row_name(row)) for row in self.rows)

    def _margin(self) -> int:
        spaces, names = self._row_widths()
        return spaces + (len(_GAP) if spaces else 0) + names

    def _head(self, column: int) -> str:
        return split_name(self.view.columns[column])[1] if self.named else str(column + 1)

    def _space(self, columns: Sequence[int], widths: Sequence[int]) -> str:
        return split_name(self.view.columns[columns[0]])[0].ljust(self._whole(widths))

    def _whole(self, widths: Sequence[int]) -> int:
        return sum(widths) + len(self.gap) * (len(widths) - 1)

    def _groups(self) -> list[tuple[list[int], list[int]]]:
        """Return the columns of each namespace with their widths; its name fits over them."""
        groups = []
        for namespace, of in groupby(
            self.columns, lambda column: split_name(self.view.columns[column])[0]
        ):
            columns = list(of)
            widths = [max(len(self._head(column)), 2) for column in columns]
            if self.named:
                widths[-1] += max(len(namespace) - self._whole(widths), 0)
            groups.append((columns, widths))
        return groups


def _join(groups: Sequence[str]) -> str:
    return "".join(_BORDER + group for group in groups)
