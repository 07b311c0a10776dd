"""Records side by side: what each shows of every statement and theme, and what became worse.

Plain values that every form of the comparison is made from. A row has a cell for each record, in
their order; a cell leads to its evidence by the names of the cases behind it, which stand with the
record, or by lines where no case is behind it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

from msgspec import field

from netproof.model.record import Finding, RunVerdict
from netproof.model.value import Value

COMPARISON_SCHEMA: Final = "netproof.comparison/v1"


class Standing(StrEnum):
    """How a case stands in a record, the gravest first.

    What leaks may over-block as well. `passed` is a test that judged no flow of a scenario (of a
    door, say), `fails` one that failed and was not about flows. `not offered` is what the CNI's
    profile says that it does not do, or the canary that nothing is enforced.
    """

    LEAKS = "leaks"
    OVER_BLOCKS = "over-blocks"
    FAILS = "fails"
    NOT_OFFERED = "not offered"
    INCONCLUSIVE = "inconclusive"
    NOT_TRIED = "not tried"
    PASSED = "passed"
    ENFORCED = "enforced"


AMISS = (Standing.LEAKS, Standing.OVER_BLOCKS, Standing.FAILS)
WELL = (Standing.ENFORCED, Standing.PASSED)
SAYING = (*AMISS, Standing.NOT_OFFERED, *WELL)
"""What says something of the CNI; what was not tried, or could not be told, does not."""


class Shown(Value):
    """The finding that shows a case with the least to read: of which step, with `file:line`s."""

    step: str
    finding: Finding
    places: dict[str, str]


class CaseStanding(Value):
    """A case in one record: `flows` were told of it, of which so many leaked or were blocked.

    `reason` says why it was not tried or did not pass, `known_gap` words the gaps that explain it,
    `repeat` is the command that runs it again, "" for one that is as it should be.
    """

    case: str
    standing: Standing
    flows: int = 0
    leaks: int = 0
    blocked: int = 0
    reason: str = ""
    known_gap: str = ""
    repeat: str = ""
    shown: Shown | None = None


class GapTold(Value):
    """A known gap of a record's CNI, and in how many of its cases it showed."""

    text: str
    cases: int


class ComparedRun(Value, kw_only=True):
    """One record as a column: what was tried where, and how each case stands, the gravest first.

    `suite_seconds` is 0 where that was not measured. `untried` counts cases by why they were not
    tried, `standings` by how they stand; `flows` are those that were told, `families` the IP
    families that they had.
    """

    label: str
    dataplane: str
    kind: str
    kubernetes: str
    nodes: int
    families: tuple[str, ...]
    netproof: str
    started: str
    seconds: float
    suite_seconds: float
    verdict: RunVerdict
    sentence: str
    selected: int
    cut_short: str
    flows: int
    standings: dict[Standing, int]
    untried: dict[str, int]
    gaps: tuple[GapTold, ...]
    cases: tuple[CaseStanding, ...]


class Tone(StrEnum):
    """What a cell's word amounts to; `lacking` is what a CNI does not offer."""

    GOOD = "good"
    BAD = "bad"
    LACKING = "lacking"
    UNSURE = "unsure"
    QUIET = "quiet"
    PLAIN = "plain"


class ComparedCell(Value):
    """What one record shows of a row: a word or a figure, how much is behind it, and what.

    `cases` are names of the record's cases, those first that decide the word and of these the one
    with the least to read; `evidence` are lines where there are no cases.
    """

    word: str
    tone: Tone
    detail: str = ""
    cases: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


class Difference(StrEnum):
    """How far the cells of a row are alike, the greatest difference first."""

    DIFFERS = "differs"
    UNEQUALLY_TRIED = "not tried alike"
    ALIKE = "alike"


class ComparedRow(Value):
    """What is compared, and how each record stands to it."""

    subject: str
    difference: Difference
    cells: tuple[ComparedCell, ...]


class ComparedSection(Value):
    """Rows of one kind, those that differ first, and what there is to know of them."""

    title: str
    rows: tuple[ComparedRow, ...]
    note: str = ""


class Trend(StrEnum):
    """What became of a case, a door or an intent since the first record."""

    WORSE = "worse"
    UNTOLD = "not told any more"
    BETTER = "better"


class Turn(Value):
    """Something that is otherwise than in the first record: how it stood, and how it stands.

    `known_gap`: a documented gap of the CNI explains it; it counts all the same.
    """

    subject: str
    trend: Trend
    before: str
    after: str
    text: str = ""
    known_gap: bool = False


class Turns(Value):
    """A record against the first: `shared` cases were told by both, and only they count.

    `trend` is the gravest of its turns, None where nothing that both told is otherwise; where they
    share nothing it is UNTOLD.
    """

    first: str
    later: str
    shared: int
    trend: Trend | None
    turns: tuple[Turn, ...]


class Comparison(Value, kw_only=True):
    """Records side by side; `notes` say in what they are unlike, and what was compared then."""

    schema: Literal["netproof.comparison/v1"] = COMPARISON_SCHEMA
    runs: tuple[ComparedRun, ...]
    notes: tuple[str, ...] = ()
    sections: tuple[ComparedSection, ...] = ()
    against: tuple[Turns, ...] = field(default_factory=tuple)
