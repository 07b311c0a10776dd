"""What a run leaves behind: plain values that reports are made from, JSON both ways.

A step's cells are kept as tables of letters, one letter a cell, because a record of every flow in
words is a hundred times the size and read by nobody. Whatever is worth reading, a flow that did
not do what was expected of it, is kept in words besides.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, Literal

from msgspec import field

from netproof.model.doors import DoorResult, Grant
from netproof.model.flow import Connectivity, Expected, Flow, Outcome, Passing, Path, Reason
from netproof.model.picture import Picture
from netproof.model.review import IntentResult
from netproof.model.value import Value
from netproof.model.workload import Family, Protocol

SCHEMA: Final = "netproof.run/v2"
UNPACKED_SCHEMA: Final = "netproof.run/v1"
"""Written until tables were packed; read as well."""


class FlowVerdict(StrEnum):
    """What a flow shows of the cluster."""

    ENFORCED = "enforced"
    LEAK = "leak"
    OVER_BLOCKED = "over-blocked"
    INCONCLUSIVE = "inconclusive"
    UNDEFINED = "undefined"


WRONG = (FlowVerdict.LEAK, FlowVerdict.OVER_BLOCKED)
"""What a cluster does wrong to a flow: it lets it pass, or it keeps it from passing."""

TOLD = (FlowVerdict.ENFORCED, *WRONG)
"""The verdicts by which a flow is known to be right or wrong."""


class RunVerdict(StrEnum):
    """What a run shows of the cluster; also used for a scenario and a step."""

    PASS = "PASS"  # noqa: S105 - a verdict, no password
    FAIL = "FAIL"
    NOT_ENFORCED = "NOT ENFORCED"
    INCONCLUSIVE = "INCONCLUSIVE"


EXPECTED_LETTERS = {Expected.ALLOWED: "A", Expected.DENIED: "D", Expected.UNDEFINED: "U"}
OUTCOME_LETTERS = {
    Outcome.CONNECTED: "c",
    Outcome.DROPPED: "d",
    Outcome.REJECTED: "r",
    Outcome.UNRESOLVED: "n",
    Outcome.ERROR: "e",
}
VERDICT_LETTERS = {
    FlowVerdict.ENFORCED: "=",
    FlowVerdict.LEAK: "L",
    FlowVerdict.OVER_BLOCKED: "B",
    FlowVerdict.INCONCLUSIVE: "?",
    FlowVerdict.UNDEFINED: "u",
}
NOT_PROBED = "."
"""The letter of a cell that the step did not ask about, in each of the three tables."""


class Table(Value):
    """All flows of one port, family and path: a row a source, a column a destination.

    `expected`, `observed` and `verdicts` hold one string a source with one letter a destination
    (`EXPECTED_LETTERS`, `OUTCOME_LETTERS`, `VERDICT_LETTERS`).
    """

    port: int
    protocol: Protocol
    family: Family
    path: Path
    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    expected: tuple[str, ...]
    observed: tuple[str, ...]
    verdicts: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse rows that are not of the sources, or hold letters that mean nothing."""
        for rows, letters in (
            (self.expected, EXPECTED_LETTERS),
            (self.observed, OUTCOME_LETTERS),
            (self.verdicts, VERDICT_LETTERS),
        ):
            known = {*letters.values(), NOT_PROBED}
            if len(rows) != len(self.sources) or any(
                len(row) != len(self.destinations) or not known.issuperset(row) for row in rows
            ):
                raise ValueError("a table needs a row for each source, a letter for each cell")


class Finding(Value):
    """A flow that is neither enforced nor undefined, in words.

    `why` says how the verdict came about, `passing` that a leak came and went, `seconds` is the
    time from the first packet to the outcome, `nodes` is "same node", "across nodes", or "" where
    one end has no node.
    """

    flow: Flow
    verdict: FlowVerdict
    expected: Expected
    outcome: Outcome
    connectivity: Connectivity
    detail: str = ""
    arrived: bool | None = None
    attempts: int = 1
    nodes: str = ""
    reasons: tuple[Reason, ...] = ()
    why: str = ""
    seconds: float = 0.0
    passing: Passing | None = None


class Ending(StrEnum):
    """How it ended that a cluster was waited for to do what is expected of it."""

    CONVERGED = "converged"
    LATE = "late"
    DIFFERED = "differed"
    NEVER = "never"


class Convergence(Value):
    """How long the cluster took to do what was expected: rounds of probes, and seconds.

    `settled` is True for `converged` alone. `ended` is `late` where all was as expected in the last
    look only, which comes after the deadline; `differed` where it was as expected and then was not
    again; `never` where it was at no time. `hung_s` are the seconds for which the way to the agents
    hung, which are not among `seconds` and take nothing from the deadline.
    """

    rounds: int = 0
    seconds: float = 0.0
    settled: bool = True
    ended: Ending = Ending.CONVERGED
    hung_s: float = 0.0

    @property
    def ending(self) -> Ending:
        """How it ended, also by a record from before that was told."""
        told = self.settled or self.ended is not Ending.CONVERGED
        return self.ended if told else Ending.NEVER

    @property
    def reached(self) -> bool:
        """Tell whether it did all that was expected at some moment."""
        return self.ending is not Ending.NEVER


class StepRecord(Value):
    """One state of the cluster and all that was seen in it.

    `places` says where policies are written: `namespace/name` -> `file:line`. `nodes` says on which
    node the ends of the tables stood, those left out of which that cannot be said. `untold` says
    why flows that the API leaves undefined could not be observed, and of how many that is so.
    """

    name: str
    policies: tuple[str, ...]
    verdict: RunVerdict
    counts: dict[FlowVerdict, int]
    convergence: Convergence
    tables: tuple[Table, ...]
    findings: tuple[Finding, ...] = ()
    places: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, str] = field(default_factory=dict)
    untold: dict[str, int] = field(default_factory=dict)


class Relation(StrEnum):
    """How the nodes of a flow's two ends lie to each other."""

    SAME_NODE = "same node"
    ACROSS_NODES = "across nodes"


class Tried(Value):
    """What was tried of a subject, on which relation: flows that were told, by what was expected.

    `only` says where that is not both relations, for allowed and denied flows alike, and "" else.
    """

    subject: str
    same_node: dict[Expected, int]
    across_nodes: dict[Expected, int]
    only: str = ""


class Suspect(Value):
    """A known kind of fault that explains every flow of a scenario, the right ones as well.

    `text` says what it does, `instead` what a policy's author or the CNI's owner can do.
    """

    name: str
    text: str
    instead: str


class ScenarioRecord(Value):
    """One bundle on one fleet, from before its policies to after them.

    `repeat` is the command that runs it again, "" where there is none. `known_gap` words the
    documented gaps of the CNI that explain all findings; such a scenario keeps its verdict and
    does not fail the run. `gap_gone` words those that should have shown and did not. `statements`
    are those that it tests, of the table that stands with its suite. `suspects` are faults that
    explain what went wrong in it, where anything did. `picture` is what the policies say of each
    flow and which rules decide, of a bundle that was probed.
    """

    id: str
    title: str
    bundle: str
    worker: str
    verdict: RunVerdict
    seconds: float
    steps: tuple[StepRecord, ...]
    repeat: str = ""
    known_gap: str = ""
    gap_gone: str = ""
    statements: tuple[str, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    picture: Picture | None = None


class CanaryRecord(Value):
    """Whether one allow and one deny in each direction came out as they must.

    `enforces` is None when it could not be told; `text` is the sentence for people. `verdict` is
    what the canary makes of a run: NOT ENFORCED, or FAIL where it holds in part only.
    """

    worker: str
    enforces: bool | None
    text: str
    steps: tuple[StepRecord, ...] = ()
    verdict: RunVerdict = RunVerdict.INCONCLUSIVE

    def as_scenario(self) -> ScenarioRecord:
        """Return what it saw as a scenario, for those who list it beside others."""
        return ScenarioRecord(
            id=f"canary/{self.worker}",
            title=self.text,
            bundle="",
            worker=self.worker,
            verdict=self.verdict,
            seconds=sum(step.convergence.seconds for step in self.steps),
            steps=self.steps,
        )


class ClusterRecord(Value):
    """Where the run took place and what it is expected to do."""

    kind: str
    name: str
    version: str = ""
    nodes: tuple[str, ...] = ()
    dataplane: str = ""
    enforces: bool = True


class CaseOutcome(StrEnum):
    """How a test ended, the worst first; broken is one that no finding explains."""

    BROKEN = "broken"
    FAILED = "failed"
    KNOWN_GAP = "known gap"
    UNTRIED = "not tried"
    PASSED = "passed"


UNENFORCED = "the cluster enforces no NetworkPolicies (canary)"
"""Why cases are not tried on a cluster that enforces nothing, which its verdict says once."""

AS_DECLARED = " in its profile"
"""Ends the reason of a case that is not tried for its CNI is declared not to do it."""


class CaseRecord(Value):
    """One test of a run: `reason` says why it failed or was not tried, "" where it passed.

    `scenarios` are the ids of those that it played, none for a test of an intent, a pair or a door.
    """

    id: str
    outcome: CaseOutcome
    seconds: float = 0.0
    reason: str = ""
    scenarios: tuple[str, ...] = ()


class FindingKind(StrEnum):
    """What a run may be found at fault for besides its flows."""

    BROKEN_INTENT = "broken intent"
    UNKNOWN_INTENT = "unknown intent"
    UNTRIED_INTENT = "untried intent"
    DOOR = "door"
    GAP_GONE = "known gap gone"
    PROFILE = "profile contradicted"


class RunFinding(Value):
    """What is wrong with a run and is no flow of a scenario: every report tells it.

    `verdict` is what it makes of the run, FAIL or INCONCLUSIVE. `subject` is what it is about (an
    intent, a door's target, a scenario, the cluster), `place` where that is written (`file:line`),
    "" where it is written nowhere.
    """

    kind: FindingKind
    verdict: RunVerdict
    subject: str
    text: str
    place: str = ""


class CauseRecord(Value):
    """What some findings of a run have in common.

    `text` says it, `instead` what to do about it; `leaks`, `blocked` and `cases` count what it
    explains. `example` is the smallest scenario that shows it, `flow` one of its flows, `repeat`
    the command that runs it again. `fault` names the kind of fault, "" where none is known.
    """

    text: str
    instead: str
    leaks: int
    blocked: int
    cases: int
    example: str
    flow: str
    repeat: str
    fault: str = ""


class RunRecord(Value, kw_only=True):
    """One run: `started` is UTC in ISO 8601, `exit_reason` the sentence that ends the report.

    `verdict`, `exit_code`, `exit_reason` and `findings` are the judgement, made once from all the
    rest. `doors` are the ways around policies that were tried, `keys` who has the rights that open
    them. `intents` are those of all bundles, by the policies' meaning alone where the cluster
    enforces nothing: what packets break then follows from that and is no news. `notes` say what
    was not tried, and why; `cut_short` says why the run ended before all cases were tried. `pairs`
    and `statements` say on which relation of nodes what was tried: flows from namespace to
    namespace, and what the scenarios test. `cases` are the tests that ended, of `selected`; a check
    by the command line has none. `deselected` counts what `chosen` left out (`-k web`, say).
    `suite_seconds` are those of `seconds` for which cases were tried: the cluster was there before,
    with its canary asked, and is ended after.
    `causes` say what findings have in common, what explains most first.
    """

    schema: Literal["netproof.run/v2"] = SCHEMA
    run_id: str
    netproof: str
    started: str
    seconds: float
    cluster: ClusterRecord
    verdict: RunVerdict
    exit_reason: str
    canaries: tuple[CanaryRecord, ...] = ()
    scenarios: tuple[ScenarioRecord, ...] = ()
    errors: tuple[str, ...] = ()
    exit_code: int = 1
    doors: tuple[DoorResult, ...] = ()
    keys: tuple[Grant, ...] = ()
    intents: tuple[IntentResult, ...] = ()
    findings: tuple[RunFinding, ...] = ()
    require_enforcement: bool = False
    notes: tuple[str, ...] = ()
    require_packets: bool = False
    pairs: tuple[Tried, ...] = ()
    statements: tuple[Tried, ...] = ()
    cut_short: str = ""
    cases: tuple[CaseRecord, ...] = ()
    selected: int = 0
    deselected: int = 0
    chosen: str = ""
    suite_seconds: float = 0.0
    causes: tuple[CauseRecord, ...] = ()

    def played(self) -> Iterator[tuple[CaseRecord | None, tuple[ScenarioRecord, ...]]]:
        """Yield every test with the scenarios that it played, then every scenario of no test."""
        by_id: dict[str, list[ScenarioRecord]] = {}
        for one in self.scenarios:
            by_id.setdefault(one.id, []).append(one)
        for case in self.cases:
            ids = dict.fromkeys(case.scenarios)
            yield case, tuple(one for name in ids for one in by_id.pop(name, []))
        for ones in by_id.values():
            yield from ((None, (one,)) for one in ones)
