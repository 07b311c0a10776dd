"""How an intent stands, in the same words in every report: only packets make one kept."""

from __future__ import annotations

from netproof.model.review import Basis, IntentResult
from netproof.report.text import counted


def standing(result: IntentResult) -> str:
    """Return the word for an intent; only one that packets were sent for is said to be kept."""
    if not result.kept.holds:
        return str(result.kept).upper()
    return "HOLDS" if result.basis is Basis.POLICIES else "KEPT"


def basis_line(result: IntentResult) -> str:
    """Say what it rests on that an intent holds, and why that is not packets or not all."""
    packets = result.packets
    if packets is None:
        return f"{result.basis} alone: no packet was sent"
    if result.basis is Basis.POLICIES:
        return f"{result.basis} alone: {packets.text}"
    by = f"{result.basis} ({counted(packets.flows, 'flow')})"
    return f"{by}: none {'; none '.join(packets.untried)}" if packets.untried else by


def intent_line(result: IntentResult) -> str:
    """Return an intent as one line: how it stands, where it is written, what that rests on."""
    line = f"{standing(result)}  {result.intent}  ({result.place})"
    return f"{line}  {basis_line(result)}" if result.kept.holds else line
