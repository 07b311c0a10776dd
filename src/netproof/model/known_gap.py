"""What a CNI is documented not to do, as its profile declares it."""

from __future__ import annotations

from fnmatch import fnmatchcase

from netproof.model.record import FlowVerdict
from netproof.model.value import Value


class KnownGap(Value):
    """A documented gap: `cases` are scenario ids with wildcards, `flows` patterns of flows.

    `verdicts` are what the flows may come out as (leak, over-blocked); `link` says who documents
    it. One that is `transient` shows for moments only: it need not show, and explains nothing that
    was never otherwise.
    """

    id: str
    cases: tuple[str, ...]
    flows: tuple[str, ...]
    verdicts: tuple[FlowVerdict, ...]
    text: str
    link: str
    transient: bool = False

    def concerns(self, scenario: str) -> bool:
        """Tell whether the gap shows in a scenario of that id."""
        return any(fnmatchcase(scenario, case) for case in self.cases)

    def __str__(self) -> str:
        moments = "transient " if self.transient else ""
        return f"{moments}known gap {self.id}: {self.text} ({self.link})"


class CniFacts(Value):
    """What the profile of a CNI declares of its enforcement; `title` is its name for people."""

    title: str
    enforces: bool = True
    gaps: tuple[KnownGap, ...] = ()
