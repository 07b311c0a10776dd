"""How a terminal report looks: colours where there are any, symbols that do without them."""

from __future__ import annotations

from dataclasses import dataclass

from netproof.model.record import FlowVerdict, RunVerdict
from netproof.report.run.matrixview import CellMark
from netproof.report.text import BOLD, GREEN, GREY, RED, VERDICT_STYLES, YELLOW, painted

_SYMBOLS = {
    CellMark.ALLOWED: "·",
    CellMark.DENIED: "x",
    CellMark.LEAK: "L!",
    CellMark.BLOCKED: "B!",
    CellMark.UNTOLD: "?",
    CellMark.UNDEFINED: "-",
    CellMark.BLANK: "",
}
_MARK_STYLES = {
    CellMark.ALLOWED: GREEN,
    CellMark.DENIED: GREY,
    CellMark.LEAK: f"{BOLD};97;41",
    CellMark.BLOCKED: f"{BOLD};30;43",
    CellMark.UNTOLD: f"{BOLD};35",
    CellMark.UNDEFINED: GREY,
}
_FLOW_STYLES = {
    FlowVerdict.LEAK: f"{BOLD};{RED}",
    FlowVerdict.OVER_BLOCKED: f"{BOLD};{YELLOW}",
    FlowVerdict.INCONCLUSIVE: f"{BOLD};35",
}
_LEGEND_GAP = "   "
_ASCII = str.maketrans({"·": "|", "│": "|", "…": "~"})


@dataclass(frozen=True, slots=True)
class Palette:
    """What the paper can take: colours (ANSI), and characters beyond ASCII."""

    colour: bool = False
    unicode: bool = True

    def paint(self, text: str, style: str) -> str:
        """Return the text in a style (SGR codes), or as it is without colours."""
        return painted(text, style) if self.colour else text

    def verdict(self, verdict: RunVerdict | FlowVerdict, text: str = "") -> str:
        """Return a verdict, or a text about it, in its colour."""
        if isinstance(verdict, RunVerdict):
            style = VERDICT_STYLES[verdict]
        else:
            style = _FLOW_STYLES.get(verdict, "")
        return self.paint(text or str(verdict), style)

    def symbol(self, mark: CellMark) -> str:
        """Return the symbol of a cell, without colour."""
        return "." if mark is CellMark.ALLOWED and not self.unicode else _SYMBOLS[mark]

    def mark(self, mark: CellMark, width: int) -> str:
        """Return a cell in its colour, padded to `width` characters."""
        symbol = self.symbol(mark)
        return self.paint(symbol, _MARK_STYLES.get(mark, "")) + " " * (width - len(symbol))

    def legend(self, width: int) -> list[str]:
        """Return the lines that explain the symbols."""
        named = [mark for mark in CellMark if mark is not CellMark.BLANK]
        plain = _LEGEND_GAP.join(f"{self.symbol(mark)} {mark.value}" for mark in named)
        half = len(named) if len(plain) <= width else len(named) // 2
        entries = [f"{self.mark(mark, len(self.symbol(mark)))} {mark.value}" for mark in named]
        return [_LEGEND_GAP.join(part) for part in (entries[:half], entries[half:]) if part]

    def finished(self, text: str) -> str:
        """Return the finished text in the characters that the paper takes."""
        if self.unicode:
            return text
        return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")
