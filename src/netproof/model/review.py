"""What a look at a bundle leaves behind: plain values that reports are made from.

Nothing here knows how an intent is written or how a hint is found.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, Literal

from netproof.model.flow import Direction, Expected
from netproof.model.value import Value

DIFF_SCHEMA: Final = "netproof.diff/v1"


class Severity(StrEnum):
    """How much a hint is worth reading, the most first."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Note(Value):
    """Something that is not in the mirror as it is in the bundle; `place` is `file:line`."""

    what: str
    place: str
    text: str


_IN_RENDERED = re.compile(
    r"(?P<source>.*), (?P<text>(-|(helm template|kustomize build|kubectl kustomize) .*):\d+)"
)
_RENDERED = re.compile(r"(helm template|kustomize build|kubectl kustomize) (?P<folder>.*):\d+")


def line_of(place: str) -> tuple[str, int | None]:
    """Return the file and line that a place names, no line where it names none in that file.

    `SOURCE, helm template CHART:5` is line 5 of what was rendered, and none of the source.
    """
    if rendered := _IN_RENDERED.fullmatch(place):
        return rendered["source"], None
    if rendered := _RENDERED.fullmatch(place):
        return rendered["folder"], None
    file, _, line = place.rpartition(":")
    return (file, int(line)) if file and line.isdecimal() else (place, None)


def in_text(place: str) -> str:
    """Return a place by the text that was read: what that was rendered from is left out."""
    rendered = _IN_RENDERED.fullmatch(place)
    return rendered["text"] if rendered else place


class Hint(Value):
    """A mistake that people make: where, what it means, what to write instead.

    `silenced` is the reason that a comment beside it gives for leaving it as it is.
    """

    name: str
    severity: Severity
    place: str
    subject: str
    text: str
    fix: str
    silenced: str = ""


class Kept(StrEnum):
    """Whether an intent holds. Unknown never counts as kept.

    Untried is an intent about flows for which no packet can be sent, such as those to addresses
    where no host of ours is; then what the policies mean is all there is.
    """

    KEPT = "kept"
    BROKEN = "broken"
    UNKNOWN = "unknown"
    UNTRIED = "untried"

    @property
    def holds(self) -> bool:
        """Tell whether nothing speaks against the intent, be it by packets or by reading alone."""
        return self in (Kept.KEPT, Kept.UNTRIED)


class Basis(StrEnum):
    """What it rests on that an intent holds: packets, packets to some of its ends, or reading."""

    PACKETS = "by packets"
    PART = "by packets in part"
    POLICIES = "by the policies"


class Cause(Value):
    """A rule or policy that broke an intent, or what is missing; `place` is "" for the latter."""

    place: str
    text: str


class FlowAnswer(StrEnum):
    """What is said of a flow: by an intent, by the policies' meaning, or by packets.

    Undefined is what NetworkPolicy v1 leaves open, unknown what packets could not tell.
    """

    ALLOWED = "allowed"
    DENIED = "denied"
    UNDEFINED = "undefined"
    UNKNOWN = "unknown"


class BrokenFlow(Value):
    """A flow that an intent is about and that goes otherwise (`said`) than it states (`wanted`)."""

    flow: str
    wanted: FlowAnswer
    said: FlowAnswer
    causes: tuple[Cause, ...] = ()


class IntentJudgement(Value):
    """An intent against one reading of the bundle: the policies' meaning, or packets.

    `flows` is how many flows it was judged by; `broken` are those that go otherwise, `unlisted` how
    many more do. `untried` are the ends, in words, that it is about and where no packet could be
    sent.
    """

    kept: Kept
    flows: int
    broken: tuple[BrokenFlow, ...] = ()
    text: str = ""
    untried: tuple[str, ...] = ()
    unlisted: int = 0


class IntentResult(Value):
    """One intent and both its judgements; `packets` is None where none were sent.

    `bundle` is the bundle that it belongs to.
    """

    intent: str
    place: str
    reason: str
    static: IntentJudgement
    packets: IntentJudgement | None = None
    bundle: str = ""

    @property
    def kept(self) -> Kept:
        """The worse of the two judgements; where no packets were wanted, that of reading."""
        both = {self.static.kept} | ({self.packets.kept} if self.packets else set())
        return next(k for k in (Kept.BROKEN, Kept.UNKNOWN, Kept.UNTRIED, Kept.KEPT) if k in both)

    @property
    def basis(self) -> Basis:
        """What the answer rests on."""
        if self.packets is None or not self.packets.flows:
            return Basis.POLICIES
        return Basis.PART if self.packets.untried else Basis.PACKETS

    @property
    def lacks_packets(self) -> bool:
        """Tell whether it holds, but not by packets to all ends that it is about."""
        return self.kept.holds and self.basis is not Basis.PACKETS


class Mutation(Value):
    """A change of one rule, and the intents (`file:line`) that notice it.

    `flows` is how many flows it opens or closes; with none, nobody could notice.
    """

    place: str
    text: str
    flows: int
    noticed_by: tuple[str, ...] = ()
    example: str = ""


class Reach(StrEnum):
    """What a snapshot says of an edge; absent is one between ends, or at a port, not in it."""

    ALLOWED = "allowed"
    UNDEFINED = "undefined"
    DENIED = "denied"
    ABSENT = "absent"


class Edge(Value, order=True):
    """A workload or the outside reaches a port of another."""

    source: str
    destination: str
    port: str


class EdgeEnd(Value, order=True, cache_hash=True):
    """A port at which edges end."""

    destination: str
    port: str


class ReachedBy(Value):
    """Who reaches an end: sets of sources, as numbers whose bit n stands for the source n."""

    allowed: int = 0
    undefined: int = 0


class Snapshot(Value):
    """Who reaches whom: workloads with the ports they serve, and the edges that are not denied.

    What is denied or absent is not written down. `sources` are where edges begin, the workloads
    first, all in order; `blocks` the ends outside that were told apart, `ports` the ports that were
    asked there. `strangers` are the ends that are pods which are not in the bundle, None where
    nothing is known of those.
    """

    workloads: dict[str, tuple[str, ...]]
    sources: tuple[str, ...]
    reached: dict[EdgeEnd, ReachedBy]
    blocks: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    strangers: tuple[str, ...] | None = None


class Danger(StrEnum):
    """How much a change of reachability deserves a look, the most first."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class ReachChange(Value):
    """An edge that differs between two states."""

    edge: Edge
    was: Reach
    now: Reach
    danger: Danger
    why: str
    causes: tuple[Cause, ...] = ()

    @property
    def opens(self) -> bool:
        """Tell whether the change lets anything through that was not let through before."""
        if self.now is Reach.UNDEFINED:
            return self.was is not Reach.ALLOWED
        return self.now is Reach.ALLOWED


class DiffRecord(Value, kw_only=True):
    """What differs from an old state to a new one, most dangerous first.

    `unknown` says what could not be compared.
    """

    schema: Literal["netproof.diff/v1"] = DIFF_SCHEMA
    old: str
    new: str
    changes: tuple[ReachChange, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def opened(self) -> tuple[ReachChange, ...]:
        """The changes that let something through."""
        return tuple(change for change in self.changes if change.opens)

    @property
    def closed(self) -> tuple[ReachChange, ...]:
        """The changes that do not."""
        return tuple(change for change in self.changes if not change.opens)


class Weight(StrEnum):
    """What part a policy or rule has in the argument about a flow, what decides first."""

    LETS_PASS = "lets pass"  # noqa: S105 - a word, no password
    ISOLATES = "isolates"
    NEAR_MISS = "near miss"
    OTHER = "about others"
    MISSING = "missing"


class Argument(Value):
    """One policy or rule in the argument about a flow."""

    weight: Weight
    place: str
    text: str


class SideExplanation(Value):
    """One side of a flow: the sentence that answers, and the arguments, those that decide first."""

    direction: Direction
    answer: Expected
    sentence: str
    arguments: tuple[Argument, ...] = ()


class Explanation(Value):
    """The answer for one flow, and how it comes about on each side.

    `doubts` is what may decide otherwise than the NetworkPolicies, whose answer it is.
    """

    flow: str
    answer: Expected
    sides: tuple[SideExplanation, ...]
    doubts: tuple[Cause, ...] = ()


class PairResult(Value):
    """What packets showed of all flows between two ends, in every state of the cluster."""

    name: str
    flows: int
    findings: tuple[str, ...] = ()


class BundleResult(Value):
    """What a run showed of one bundle: its intents and pairs, for tests to look up.

    `enforces` is what the canary says; without packets it is None and there are no pairs.
    `unprobed` says why no node could be probed, where none could. `known_gap` words the documented
    gaps of the CNI that explain all findings.
    """

    bundle: str
    intents: tuple[IntentResult, ...] = ()
    pairs: tuple[PairResult, ...] = ()
    enforces: bool | None = None
    unprobed: str = ""
    known_gap: str = ""
