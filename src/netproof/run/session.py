"""A run seen from the process that owns it: started once, fed with records, finished once."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import netproof
from netproof.errors import HarnessBug
from netproof.model.doors import Door, DoorResult, Grant
from netproof.model.record import (
    CanaryRecord,
    CaseOutcome,
    CaseRecord,
    ClusterRecord,
    RunRecord,
    ScenarioRecord,
)
from netproof.model.review import IntentResult
from netproof.model.value import replace
from netproof.printing import counted
from netproof.run.bundle_run import ProbedBundle
from netproof.run.controller import Controller, Handout
from netproof.verdict import RunEvidence, judge_run, pairs, statements


@dataclass(slots=True)
class RunSession:
    """The one mutable thing of a run: what has come in so far.

    `require_enforcement` makes a cluster that enforces nothing fail the run even where that is
    what its profile says, `require_packets` an intent that no packet was sent for. Without a
    controller no packet is sent: bundles are read.
    """

    controller: Controller | None
    run_id: str
    require_enforcement: bool = False
    require_packets: bool = False
    scenarios: list[ScenarioRecord] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    canaries: list[CanaryRecord] = field(default_factory=list)
    doors: list[DoorResult] = field(default_factory=list)
    keys: dict[Grant, None] = field(default_factory=dict)
    intents: list[IntentResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cases: list[CaseRecord] = field(default_factory=list)
    selected: int = 0
    deselected: int = 0
    chosen: str = ""
    cut_short: str = ""
    gone: bool = False
    _cluster: ClusterRecord = field(default=ClusterRecord("none", ""))
    _began: float = 0.0
    _ready: float = 0.0
    _started: str = ""

    def start(self) -> Handout:
        """Start the cluster and ask the canary."""
        if self.controller is None:
            raise HarnessBug("a run that reads bundles has no cluster to start")
        self._begin()
        handout, canary, self._cluster = self.controller.start()
        self.canaries.append(canary)
        self._ready = time.monotonic()
        self.notes += [handout.world] if handout.world else []
        return handout

    def read(self, intents: Iterable[IntentResult]) -> None:
        """Take in intents that were judged by reading, in place of a start."""
        self._begin()
        self._cluster = ClusterRecord("bundles were read, no packet was sent", "")
        self.intents += intents

    def _begin(self) -> None:
        self._began = time.monotonic()
        self._started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")

    def take(self, probed: ProbedBundle, repeat: str = "") -> None:
        """Take in what packets showed of a bundle; `repeat` is the command that does it again."""
        self.scenarios.append(replace(probed.scenario.record, repeat=repeat))
        self.intents += probed.intents

    def lose_cluster(self) -> None:
        """Note that the cluster went away after so many cases of a run had ended."""
        left = f"; once it is back, `netproof clean --run {self.run_id}` removes what is left there"
        whole = [
            one for one in self.cases if one.scenarios or one.outcome is not CaseOutcome.BROKEN
        ]
        self.gone = True
        more = "" if self._cluster.kind == "lab" else left
        self.cut_short = f"the cluster went away after {self._of(len(whole))}{more}"

    def interrupt(self, why: str = "") -> None:
        """Note that the run ended before all of its cases did; nothing said why for a Ctrl-C."""
        ended = self._of(len(self.cases))
        self.cut_short = f"ended after {ended}: {why}" if why else f"interrupted after {ended}"

    def _of(self, ended: int) -> str:
        return f"{ended} of {counted(self.selected, 'case')}"

    def evidence(self) -> RunEvidence:
        """Return all that the run is judged by, as far as it has come in."""
        return RunEvidence(
            canaries=tuple(self.canaries),
            scenarios=tuple(sorted(self.scenarios, key=lambda scenario: scenario.id)),
            intents=tuple(self.intents),
            doors=tuple(sorted(self.doors, key=_order)),
            errors=tuple(sorted(self.errors)),
            enforcement_declared=self._cluster.enforces,
            enforcement_required=self.require_enforcement,
            packets_required=self.require_packets,
            cut_short=self.cut_short,
            cases=tuple(sorted(self.cases, key=lambda case: case.id)),
            selected=self.selected,
            deselected=self.deselected,
            chosen=self.chosen,
            read_only=self.controller is None,
        )

    def finish(self) -> RunRecord:
        """End the cluster and return the record of the run, judged."""
        tried = time.monotonic() - self._ready if self._ready else 0.0
        try:
            if self.controller is not None:
                (self.controller.leave if self.gone else self.controller.stop)()
        except Exception as error:  # noqa: BLE001 - on record, and a record there has to be
            self.errors.append(f"cleaning up: {type(error).__name__}: {error}")
        evidence = self.evidence()
        judgement = judge_run(evidence)
        return RunRecord(
            run_id=self.run_id,
            netproof=netproof.__version__,
            started=self._started,
            seconds=round(time.monotonic() - self._began, 3),
            cluster=self._cluster,
            verdict=judgement.verdict,
            exit_reason=judgement.sentence,
            exit_code=judgement.exit_code,
            canaries=tuple(evidence.canaries),
            scenarios=tuple(evidence.scenarios),
            errors=tuple(evidence.errors),
            doors=tuple(evidence.doors),
            keys=tuple(self.keys),
            intents=judgement.intents,
            findings=judgement.findings,
            require_enforcement=self.require_enforcement,
            notes=tuple(sorted(set(self.notes))),
            require_packets=self.require_packets,
            pairs=pairs(evidence.scenarios),
            statements=statements(evidence.scenarios),
            cut_short=evidence.ended_early,
            cases=tuple(evidence.cases),
            selected=self.selected,
            deselected=self.deselected,
            chosen=self.chosen,
            suite_seconds=round(tried, 3),
            causes=judgement.causes,
        )


def _order(result: DoorResult) -> tuple[int, str, str, str]:
    return list(Door).index(result.door), result.user, result.target, result.by
