"""A comparison as a table: in a terminal, as Markdown, as CSV.

The terminal has what differs; what is alike has a line a section. Markdown has all rows, and the
cases behind them as far as a comment on a pull request holds them. CSV has a line for each row.
"""

from __future__ import annotations

import csv
import io
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from netproof.model.comparison import (
    WELL,
    CaseStanding,
    ComparedCell,
    ComparedRow,
    ComparedRun,
    ComparedSection,
    Comparison,
    Standing,
    Tone,
    Trend,
    Turns,
)
from netproof.model.record import RunVerdict
from netproof.printing import Printable, coloured, several_lines
from netproof.report.comparison.words import (
    HOW,
    MISSING,
    SHARED,
    TITLE,
    WENT_WRONG,
    against_sentence,
    case_account,
    case_line,
    cell_text,
    facts,
    gap_lines,
    subject,
    turn_lines,
    verdict_sentences,
)
from netproof.report.markup import markdown, markdown_code, markdown_table
from netproof.report.run.findings import AGAIN
from netproof.report.run.palette import Palette
from netproof.report.run.terminal import command_lines
from netproof.report.text import (
    BOLD,
    GREEN,
    GREY,
    RED,
    YELLOW,
    counted,
    hanging,
    in_sheet,
    printable,
)

MAX_ROWS = 500
"""So many rows of a section are told; JSON and CSV have all of them."""

MAX_CASES = 20
"""So many cases of a record are told with their evidence, and so many turns; the page has more."""

MAX_SHOWN = 3
"""So many of them in a terminal."""

MAX_COLUMNS = 4
"""So many records stand side by side in a terminal; of more, each row is a list."""

MIN_WIDTH = 60
_GAP = 2
_STYLES = {
    Tone.BAD: f"{BOLD};{RED}",
    Tone.LACKING: RED,
    Tone.UNSURE: YELLOW,
    Tone.QUIET: GREY,
    Tone.PLAIN: "",
    Tone.GOOD: GREEN,
}
"""How a cell is painted by what its word amounts to, the worst first."""


def text(
    comparison: Comparison, *, colour: bool = False, width: int = 80, unicode: bool = True
) -> Printable:
    """Return the comparison for a terminal of some width."""
    paper, told = Palette(colour, unicode), printable(comparison)
    width = max(width, MIN_WIDTH)
    parts = [
        [paper.paint(TITLE, BOLD), *_wrapped("", ", ".join(r.label for r in told.runs), width)]
    ]
    parts += [_verdict(run, paper, width) for run in told.runs]
    parts.append(_list(SHARED, told.notes, paper, width))
    parts += [_section(section, told.runs, paper, width) for section in told.sections]
    parts += [_cases(run, paper, width) for run in told.runs]
    parts.append(_wrapped("", MISSING, width))
    parts += [_turns(told, paper, width)]
    lines = "\n\n".join("\n".join(part) for part in parts if part)
    return coloured(paper.finished(f"{lines}\n"))


def _verdict(run: ComparedRun, paper: Palette, width: int) -> list[str]:
    lines = [f"{paper.verdict(run.verdict)}  {paper.paint(run.label, BOLD)}"]
    lines += _wrapped("  ", ", ".join(f"{name} {text}" for name, text in facts(run)), width)
    for sentence in verdict_sentences(run):
        lines += _wrapped("  - ", sentence, width)
    for gap in gap_lines(run):
        lines += _wrapped("  - ", _LINK.sub("", gap), width)
    return lines


_LINK = re.compile(r" \(https?://[^\s)]*\)")
"""Where a gap is documented; the other forms have it."""


def _list(title: str, texts: Iterable[str], paper: Palette, width: int) -> list[str]:
    lines = [line for text in texts for line in _wrapped("  - ", text, width)]
    return [paper.paint(title, BOLD), *lines] if lines else []


def _section(
    section: ComparedSection, runs: Sequence[ComparedRun], paper: Palette, width: int
) -> list[str]:
    """Return the rows that differ, and a line for the others; measures are all of interest."""
    telling = [n for n, run in enumerate(runs) if run.verdict is not RunVerdict.NOT_ENFORCED]
    shown = [row for row in section.rows if _is_shown(row, telling)]
    alike = [row for row in section.rows if not _is_shown(row, telling)]
    lines = [paper.paint(section.title, BOLD)]
    if shown and len(runs) > MAX_COLUMNS:
        lines += [line for row in shown[:MAX_ROWS] for line in _stacked(row, runs, paper, width)]
    elif shown:
        lines += _columns(shown[:MAX_ROWS], runs, paper, width)
    if alike:
        words = ", ".join(f"{n} {word}" for word, n in _tally(alike, next(iter(telling), 0)))
        who = "every record that enforces" if 0 < len(telling) < len(runs) else "every record"
        lines += _wrapped("", f"alike in {who}: {words}", width)
    return [*lines, *_wrapped("", section.note, width)]


def _is_shown(row: ComparedRow, telling: Sequence[int]) -> bool:
    """Tell whether a row is of interest, those records aside that enforce nothing anywhere."""
    cells = [row.cells[number] for number in telling if telling[1:]] or row.cells
    of_interest = any(cell.tone in (Tone.BAD, Tone.PLAIN) for cell in cells)
    return of_interest or len({cell.word for cell in cells}) > 1


def _tally(rows: Sequence[ComparedRow], at: int) -> list[tuple[str, int]]:
    return list(Counter(row.cells[at].word for row in rows).items())


def _columns(
    rows: Sequence[ComparedRow], runs: Sequence[ComparedRun], paper: Palette, width: int
) -> list[str]:
    """Return rows with a column for each record, and one for what they are about."""
    each = min(24, (width * 2 // 3) // len(runs) - _GAP)
    widths = [width - (each + _GAP) * len(runs), *[each] * len(runs)]
    lines = _block([[""], *([run.label] for run in runs)], [BOLD] * (len(runs) + 1), widths, paper)
    for row in rows:
        cells = [[_shortly(row)], *(_cell_lines(cell) for cell in row.cells)]
        styles = ["", *(_STYLES[cell.tone] for cell in row.cells)]
        lines += _block(cells, styles, widths, paper)
    return lines


def _shortly(row: ComparedRow) -> str:
    """Return what a row is about, so that it takes two lines of a narrow column."""
    return textwrap.shorten(subject(row), 56, placeholder=" ...")


def _cell_lines(cell: ComparedCell) -> list[str]:
    """Return the word, and how much is behind it; why something is not there stands above."""
    why = cell.tone in (Tone.LACKING, Tone.QUIET) or cell.word == Standing.INCONCLUSIVE
    return [cell.word] if why else [cell.word, cell.detail]


def _block(
    cells: Sequence[Sequence[str]], styles: Sequence[str], widths: Sequence[int], paper: Palette
) -> list[str]:
    wrapped = [
        [line for text in texts for line in textwrap.wrap(text, width)]
        for texts, width in zip(cells, widths, strict=True)
    ]
    lines = []
    for number in range(max(map(len, wrapped))):
        parts = [some[number] if number < len(some) else "" for some in wrapped]
        padded = [
            paper.paint(part, style) + " " * (width - len(part))
            for part, style, width in zip(parts, styles, widths, strict=True)
        ]
        lines.append((" " * _GAP).join(padded).rstrip())
    return lines


def _stacked(
    row: ComparedRow, runs: Sequence[ComparedRun], paper: Palette, width: int
) -> Iterator[str]:
    """Yield a row as what it is about, and a line for each word with the records that have it."""
    yield from _wrapped("", subject(row), width)
    words: dict[str, list[tuple[ComparedRun, ComparedCell]]] = {}
    for run, cell in zip(runs, row.cells, strict=True):
        # A figure is one record's: they stand behind their names, in one line.
        word = "" if cell.tone is Tone.PLAIN else cell.word
        words.setdefault(word, []).append((run, cell))
    order = list(_STYLES)
    for word, some in sorted(words.items(), key=lambda one: order.index(one[1][0][1].tone)):
        named = ", ".join(f"{run.label}{_behind(cell)}" for run, cell in some)
        for line in _wrapped(f"    {word}: " if word else "    ", named, width):
            yield paper.paint(line, _STYLES[some[0][1].tone])


def _behind(cell: ComparedCell) -> str:
    if cell.tone is Tone.PLAIN:
        return f" {cell.word}"
    return f" ({cell.detail})" if cell.tone in (Tone.BAD, Tone.UNSURE) and cell.detail else ""


_BRIEFLY = ("flow", "because", AGAIN)


def _cases(run: ComparedRun, paper: Palette, width: int) -> list[str]:
    """Return the first cases of a record that went wrong, with what runs them again."""
    wrong = wrong_cases(run)
    lines = [paper.paint(f"{run.label}: {WENT_WRONG}", BOLD)] if wrong else []
    for case in wrong[:MAX_SHOWN]:
        lines += _wrapped("  - ", case_line(case), width)
        for label, said in case_account(case):
            if label in _BRIEFLY:
                lay = command_lines if label == AGAIN else _wrapped
                lines += lay(f"    {label:<5}  ", said, width)
    if more := len(wrong) - MAX_SHOWN:
        lines += [f"  and {counted(more, 'case')} more; the page has them"] if more > 0 else []
    return lines


def wrong_cases(run: ComparedRun) -> list[CaseStanding]:
    """Return the cases of a record that tell something else than that all is well."""
    quiet = (*WELL, Standing.NOT_OFFERED, Standing.NOT_TRIED)
    wrong = (case for case in run.cases if case.standing not in quiet)
    return sorted(wrong, key=lambda case: bool(case.known_gap))


def _turns(comparison: Comparison, paper: Palette, width: int) -> list[str]:
    lines: list[str] = []
    for one in comparison.against:
        style = RED if one.trend in (Trend.WORSE, Trend.UNTOLD) else GREEN
        lines += [paper.paint(line, style) for line in _wrapped("", against_sentence(one), width)]
        told = turn_lines(one)
        for trend, line in told[:MAX_SHOWN]:
            lines += _wrapped(f"  {trend}: ", line, width)
        more = len(told) - MAX_SHOWN
        lines += [f"  and {more:,} more; the page has them"] if more > 0 else []
    return lines


def _wrapped(head: str, said: str, width: int) -> list[str]:
    return hanging(head, said, width, breaks_words=True)


def markdown_text(comparison: Comparison) -> Printable:
    """Return the comparison as GitHub-flavoured Markdown."""
    told = printable(comparison)
    parts = [f"## {TITLE}: {markdown(', '.join(run.label for run in told.runs))}"]
    parts += [part for one in told.against for part in _turns_in_markdown(one)]
    parts += [f"### {HOW}", "\n".join(_verdict_in_markdown(run) for run in told.runs)]
    parts += [f"### {SHARED}", _items(told.notes)] if told.notes else []
    for section in told.sections:
        parts += [f"### {section.title}", section_table(section, told.runs)]
        parts += [markdown(section.note)] if section.note else []
    parts += [part for run in told.runs for part in _cases_in_markdown(run)]
    return several_lines("\n\n".join([*parts, MISSING]) + "\n")


def section_table(section: ComparedSection, runs: Sequence[ComparedRun]) -> str:
    """Return the rows of a section as a table of Markdown."""
    heads = ["", *(markdown(run.label) for run in runs)]
    rows = [
        [markdown(subject(row)), *map(_in_markdown, row.cells)] for row in section.rows[:MAX_ROWS]
    ]
    return markdown_table([heads, *rows])


def _in_markdown(cell: ComparedCell) -> str:
    said = markdown(cell_text(cell))
    return f"**{said}**" if cell.tone in (Tone.BAD, Tone.LACKING) else said


def _turns_in_markdown(one: Turns) -> list[str]:
    told = turn_lines(one)
    lines = [f"{trend}: {line}" for trend, line in told[:MAX_CASES]]
    if (more := len(told) - MAX_CASES) > 0:
        lines.append(f"and {more:,} more; the page and the JSON have them")
    return [f"**{markdown(against_sentence(one))}**", *([_items(lines)] if lines else [])]


def _verdict_in_markdown(run: ComparedRun) -> str:
    about = ", ".join(f"{name} {text}" for name, text in facts(run))
    lines = [f"- **{run.verdict}: {markdown(run.label)}** ({markdown(about)})"]
    lines += [f"  - {markdown(one)}" for one in (*verdict_sentences(run), *gap_lines(run))]
    return "\n".join(lines)


def _cases_in_markdown(run: ComparedRun) -> list[str]:
    wrong = wrong_cases(run)
    if not wrong:
        return []
    lines = []
    for case in wrong[:MAX_CASES]:
        lines.append(f"- {markdown(case_line(case))}")
        lines += [
            f"  - {label}: {markdown_code(said) if label == AGAIN else markdown(said)}"
            for label, said in case_account(case)
        ]
    if (more := len(wrong) - MAX_CASES) > 0:
        lines.append(f"- and {counted(more, 'case')} more; the page and the JSON have them")
    return [f"### {markdown(run.label)}: {WENT_WRONG}", "\n".join(lines)]


def _items(texts: Iterable[str]) -> str:
    return "\n".join(f"- {markdown(one)}" for one in texts)


def csv_text(comparison: Comparison) -> Printable:
    """Return a line for each row: two cells a record, its word and how much is behind it."""
    told, written = printable(comparison), io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    heads = [name for run in told.runs for name in (run.label, f"{run.label}: evidence")]
    rows = [["kind", "subject", "difference", *heads]]
    rows += [
        [section.title, row.subject, row.difference, *_in_csv(row.cells)]
        for section in told.sections
        for row in section.rows
    ]
    writer.writerows(map(in_sheet, row) for row in rows)
    return several_lines(written.getvalue())


def _in_csv(cells: Iterable[ComparedCell]) -> Iterator[str]:
    for cell in cells:
        yield from (cell.word, cell.detail)
