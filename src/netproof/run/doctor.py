"""Asking a cluster one thing: does it enforce NetworkPolicies? The canary, in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from netproof.cluster.backend import ClusterBackend
from netproof.errors import ClusterError, ProbeError
from netproof.model.record import CanaryRecord, Finding
from netproof.run.controller import Controller
from netproof.run.scenario import Wishes


class Answer(Enum):
    """What came of it; the value is the exit code."""

    ENFORCES = 0
    DOES_NOT = 1
    CANNOT_BE_TOLD = 2


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The answer, and the sentence for people."""

    answer: Answer
    text: str


def ask(backend: ClusterBackend, run_id: str, wishes: Wishes) -> Diagnosis:
    """Run the canary alone, and remove it."""
    controller = Controller(backend, run_id, wishes)
    try:
        try:
            _, canary, cluster = controller.start()
        finally:
            controller.stop()
    except (ClusterError, ProbeError) as error:
        text = f"It cannot be told whether this cluster enforces NetworkPolicies, because {error}"
        return Diagnosis(Answer.CANNOT_BE_TOLD, text)
    return word(canary, f"The cluster {cluster.name}")


def word(canary: CanaryRecord, cluster: str) -> Diagnosis:
    """Word what the canary saw of a cluster of that name."""
    findings = [finding for step in canary.steps for finding in step.findings]
    because = _reason(findings[0]) if findings else "no denial could be tried"
    if canary.enforces is None:
        return Diagnosis(
            Answer.CANNOT_BE_TOLD,
            f"It cannot be told whether {cluster} enforces NetworkPolicies, because {because}.",
        )
    if not canary.enforces:
        text = "does not enforce NetworkPolicies: every flow that the canary denies got through."
        return Diagnosis(Answer.DOES_NOT, f"{cluster} {text}")
    if findings:
        text = f"enforces NetworkPolicies in part only, because {because}."
        return Diagnosis(Answer.DOES_NOT, f"{cluster} {text}")
    return Diagnosis(
        Answer.ENFORCES,
        f"{cluster} enforces NetworkPolicies: one allow and one deny held in each direction, by "
        "TCP and UDP.",
    )


def _reason(finding: Finding) -> str:
    detail = f" ({finding.detail})" if finding.detail else ""
    return f"{finding.flow} should be {finding.expected} and was {finding.outcome}{detail}"
