"""Asking a cluster one thing: does it enforce NetworkPolicies? The canary, in a sentence."""

from __future__ import annotations

from dataclasses import dataclass

from netproof.cluster.backend import ClusterBackend
from netproof.errors import NetproofError
from netproof.model.record import CanaryRecord, Finding, RunVerdict
from netproof.model.value import replace
from netproof.run.controller import Controller
from netproof.run.endings import afterwards
from netproof.run.scenario import Wishes
from netproof.timelimit import within
from netproof.verdict import canary_verdict

LIMIT_S = 30.0
"""For the whole answer, whatever the cluster does; an image that has to come first needs more."""

REMOVING = 0.2
"""The part of it that is kept for removing what was made."""

EXIT_CODES = {
    RunVerdict.PASS: 0,
    RunVerdict.FAIL: 1,
    RunVerdict.NOT_ENFORCED: 1,
    RunVerdict.INCONCLUSIVE: 2,
}
"""Yes, in part only, no, and it cannot be told."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The verdict on the canary, the exit code of the doctor, and the sentence for people."""

    verdict: RunVerdict
    text: str

    @property
    def exit_code(self) -> int:
        """What the doctor exits with."""
        return EXIT_CODES[self.verdict]


def ask(
    backend: ClusterBackend, run_id: str, wishes: Wishes, *, limit_s: float = LIMIT_S
) -> Diagnosis:
    """Run the canary alone, and remove it; return after `limit_s` at the latest.

    What could not be removed until then is told after the answer, and does not change it.
    """
    controller = Controller(backend, run_id, wishes)
    why = ""
    with within(limit_s, ending_s=REMOVING * limit_s):
        try:
            with afterwards(controller.stop):
                controller.start()
        except NetproofError as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - a fault of ours says nothing of the cluster
            why = f"netproof has a fault: {error!r}; please report it"
    if controller.canary is None:
        text = f"It cannot be told whether this cluster enforces NetworkPolicies, because {why}"
        return Diagnosis(RunVerdict.INCONCLUSIVE, text)
    found = word(controller.canary, f"The cluster {controller.name}")
    if why:
        left = f"Afterwards something went wrong ({why}); `netproof clean` removes what is left."
        return replace(found, text=f"{found.text} {left}")
    return found


def word(canary: CanaryRecord, cluster: str) -> Diagnosis:
    """Word what the canary saw of a cluster of that name."""
    verdict = canary_verdict(canary)
    findings = [finding for step in canary.steps for finding in step.findings]
    because = _reason(findings[0]) if findings else "no denial could be tried"
    part = _PARTLY if canary.enforces else _UNKNOWN_PART
    text = {
        RunVerdict.PASS: f"{cluster} enforces NetworkPolicies: one allow and one deny held in each "
        "direction, by TCP and UDP.",
        RunVerdict.FAIL: f"{cluster} {part}, because {because}.",
        RunVerdict.NOT_ENFORCED: f"{cluster} does not enforce NetworkPolicies: every flow that the "
        "canary denies got through.",
        RunVerdict.INCONCLUSIVE: f"It cannot be told whether {cluster} enforces NetworkPolicies, "
        f"because {because}.",
    }
    return Diagnosis(verdict, text[verdict])


_PARTLY = "enforces NetworkPolicies in part only"
_UNKNOWN_PART = "does not enforce every NetworkPolicy, and whether it does any cannot be told"


def _reason(finding: Finding) -> str:
    detail = f" ({finding.detail})" if finding.detail else ""
    return f"{finding.flow} should be {finding.expected} and was {finding.outcome}{detail}"
