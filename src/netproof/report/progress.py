"""What is said while a run is under way: a line for each scenario, one status line on a terminal.

Pure texts; whoever owns the terminal writes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from netproof.model.record import RunVerdict, ScenarioRecord
from netproof.report import tally
from netproof.report.pen import Pen
from netproof.report.printable import printable
from netproof.report.words import counted

_VERDICT_WIDTH = max(map(len, RunVerdict))


def line(record: ScenarioRecord, *, colour: bool = False) -> str:
    """Return the line that says how a scenario ended, without a newline."""
    pen = Pen(colour=colour)
    verdict = pen.verdict(record.verdict, str(record.verdict).ljust(_VERDICT_WIDTH))
    rounds = tally.rounds(record)
    how = "converged in" if tally.settled(record) else "did not settle in"
    told = f"{how} {counted(rounds, 'round')}"
    flows = counted(tally.flows(record), "flow")
    return f"{verdict}  {printable(record.id)}  {flows}  {record.seconds:.2f} s  {told}"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: verdicts that are in, scenarios expected, what is under way now."""

    verdicts: tuple[RunVerdict, ...] = ()
    total: int = 0
    running: tuple[str, ...] = field(default=())
    seconds: float = 0.0


def status(state: Progress, *, width: int, colour: bool = False) -> str:
    """Return the status line, at most `width` characters wide, without a newline."""
    head = f"[{len(state.verdicts)}/{state.total}]"
    tally_of = [(verdict, state.verdicts.count(verdict)) for verdict in RunVerdict]
    counted = [(verdict, f"{count} {verdict}") for verdict, count in tally_of if count]
    fixed = "  ".join([head, *(text for _, text in counted), f"{state.seconds:.0f} s"])
    room = width - len(fixed) - 2
    running = _shortened(", ".join(map(printable, state.running)), room)
    pen = Pen(colour=colour)
    painted = [pen.verdict(verdict, text) for verdict, text in counted]
    told = [head, *painted, f"{state.seconds:.0f} s", running]
    return "  ".join(filter(None, told)) if len(fixed) <= width else head[:width]


def _shortened(text: str, room: int) -> str:
    if len(text) <= room:
        return text
    return text[: room - 1] + "…" if room > 1 else ""
