"""A run seen from the process that owns it: started once, fed with records, finished once."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass, field

import netproof
from netproof import verdict
from netproof.errors import ClusterError
from netproof.model.doors import Door, DoorResult, Grant
from netproof.model.record import CanaryRecord, ClusterRecord, RunRecord, RunVerdict, ScenarioRecord
from netproof.model.value import replace
from netproof.run.controller import Controller, Handout


@dataclass(slots=True)
class RunSession:
    """The one mutable thing of a run: what has come in so far.

    `require_enforcement` makes a cluster that enforces nothing fail the run even where that is
    what its profile says.
    """

    controller: Controller
    run_id: str
    require_enforcement: bool = False
    scenarios: list[ScenarioRecord] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    canaries: list[CanaryRecord] = field(default_factory=list)
    doors: list[DoorResult] = field(default_factory=list)
    keys: dict[Grant, None] = field(default_factory=dict)
    _cluster: ClusterRecord | None = None
    _began: float = 0.0
    _started: str = ""

    def start(self) -> Handout:
        """Start the cluster and ask the canary; leave nothing behind where that fails."""
        self._began = time.monotonic()
        self._started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        try:
            handout, canary, self._cluster = self.controller.start()
        except BaseException:
            self.controller.stop()
            raise
        self.canaries.append(canary)
        return handout

    def finish(self) -> tuple[RunRecord, int]:
        """End the cluster and return the record of the run with the exit code it deserves."""
        try:
            self.controller.stop()
        except ClusterError as error:
            self.errors.append(f"cleaning up: {error}")
        cluster = self._cluster or ClusterRecord("none", "")
        result, code, sentence = self._judge(enforces=cluster.enforces)
        record = RunRecord(
            run_id=self.run_id,
            netproof=netproof.__version__,
            started=self._started,
            seconds=round(time.monotonic() - self._began, 3),
            cluster=cluster,
            verdict=result,
            exit_reason=sentence,
            exit_code=code,
            canaries=tuple(self.canaries),
            scenarios=tuple(sorted(self.scenarios, key=lambda scenario: scenario.id)),
            errors=tuple(sorted(self.errors)),
            doors=tuple(sorted(self.doors, key=_order)),
            keys=tuple(self.keys),
        )
        return record, code

    def _judge(self, *, enforces: bool) -> tuple[RunVerdict, int, str]:
        """Return the verdict, the exit code and the sentence that says why.

        A door that is not as it must be fails a run that nothing else fails.
        """
        judged = [_judged(scenario) for scenario in self.scenarios]
        result = verdict.run_verdict(self.canaries, judged, self.errors)
        faults = [one.fault for one in self.doors if one.fault]
        if faults and result in (RunVerdict.PASS, RunVerdict.INCONCLUSIVE):
            more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
            return RunVerdict.FAIL, 1, f"FAIL: {faults[0]}{more}."
        code, sentence = verdict.expected_exit(result, enforces, self.require_enforcement)
        gaps = sum(bool(scenario.known_gap) for scenario in self.scenarios)
        if result is RunVerdict.INCONCLUSIVE and self._tried_nothing():
            sentence = "INCONCLUSIVE: no case was run, so there is nothing to tell."
        elif result is RunVerdict.PASS and gaps:
            told = f"known gaps of this CNI in {gaps} cases included"
            sentence = f"PASS: all is as documented, {told}."
        return result, code, sentence

    def _tried_nothing(self) -> bool:
        found_nothing = not (self.scenarios or self.errors or self.doors)
        return found_nothing and all(canary.enforces for canary in self.canaries)


def _order(result: DoorResult) -> tuple[int, str, str, str]:
    return list(Door).index(result.door), result.user, result.target, result.by


def _judged(scenario: ScenarioRecord) -> ScenarioRecord:
    """Return the scenario as it counts for the run: one whose findings are documented passes."""
    return replace(scenario, verdict=RunVerdict.PASS) if scenario.known_gap else scenario
