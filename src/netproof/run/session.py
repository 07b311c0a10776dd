"""A run seen from the process that owns it: started once, fed with records, finished once."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass, field

import netproof
from netproof.model.doors import Door, DoorResult, Grant
from netproof.model.record import CanaryRecord, ClusterRecord, RunRecord, ScenarioRecord
from netproof.model.review import IntentResult
from netproof.model.value import replace
from netproof.run.bundle_run import ProbedBundle
from netproof.run.controller import Controller, Handout
from netproof.verdict import RunEvidence, judge_run, pairs, statements


@dataclass(slots=True)
class RunSession:
    """The one mutable thing of a run: what has come in so far.

    `require_enforcement` makes a cluster that enforces nothing fail the run even where that is
    what its profile says, `require_packets` an intent that no packet was sent for.
    """

    controller: Controller
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
    cut_short: str = ""
    _cluster: ClusterRecord = field(default=ClusterRecord("none", ""))
    _began: float = 0.0
    _started: str = ""

    def start(self) -> Handout:
        """Start the cluster and ask the canary."""
        self._began = time.monotonic()
        self._started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        handout, canary, self._cluster = self.controller.start()
        self.canaries.append(canary)
        return handout

    def take(self, probed: ProbedBundle, repeat: str = "") -> None:
        """Take in what packets showed of a bundle; `repeat` is the command that does it again."""
        self.scenarios.append(replace(probed.scenario.record, repeat=repeat))
        self.intents += probed.intents

    def lose_cluster(self, ended: int, cases: int) -> None:
        """Note that the cluster went away after so many cases of a run had ended."""
        left = f"; once it is back, `netproof clean --run {self.run_id}` removes what is left there"
        left = "" if self._cluster.kind == "lab" else left
        self.cut_short = f"the cluster went away after {ended} of {cases} cases{left}"

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
        )

    def finish(self) -> RunRecord:
        """End the cluster and return the record of the run, judged."""
        try:
            (self.controller.leave if self.cut_short else self.controller.stop)()
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
            cut_short=self.cut_short,
        )


def _order(result: DoorResult) -> tuple[int, str, str, str]:
    return list(Door).index(result.door), result.user, result.target, result.by
