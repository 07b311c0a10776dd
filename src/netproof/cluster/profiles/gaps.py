"""What a CNI is documented not to do: expected to fail, and noticed when it no longer does. Pure.

A gap names the cases it shows in, the flows that come out wrong there, and in which way. A case
that fails in these flows alone is a known gap; whatever else fails still fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from netproof.model.flowpattern import parse_pattern
from netproof.model.record import Finding, FlowVerdict, RunVerdict, ScenarioRecord
from netproof.model.value import Value, replace


class KnownGap(Value):
    """A documented gap: `cases` are scenario ids with wildcards, `flows` patterns of flows.

    `verdict` is what the flows come out as (leak or over-blocked); `link` says who documents it.
    """

    id: str
    cases: tuple[str, ...]
    flows: tuple[str, ...]
    verdict: FlowVerdict
    text: str
    link: str

    def concerns(self, scenario: str) -> bool:
        """Tell whether the gap shows in a scenario of that id."""
        return any(fnmatchcase(scenario, case) for case in self.cases)

    def explains(self, finding: Finding) -> bool:
        """Tell whether the gap is the reason for a finding."""
        patterns = [parse_pattern(text) for text in self.flows]
        return finding.verdict is self.verdict and any(p.matches(finding.flow) for p in patterns)

    def sentence(self) -> str:
        """Word the gap for people."""
        return f"known gap {self.id}: {self.text} ({self.link})"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the known gaps make of a scenario.

    `known` words the gaps that explain all of its findings, `gone` those that should have shown
    and did not; both are empty where no gap plays a part.
    """

    known: str = ""
    gone: str = ""


def judge(record: ScenarioRecord, gaps: Iterable[KnownGap]) -> Judgement:
    """Hold a scenario against the gaps that concern it."""
    concerned = [gap for gap in gaps if gap.concerns(record.id)]
    findings = [finding for step in record.steps for finding in step.findings]
    shown = [gap for gap in concerned if any(gap.explains(finding) for finding in findings)]
    gone = [gap for gap in concerned if gap not in shown]
    if record.verdict is RunVerdict.INCONCLUSIVE or not concerned:
        return Judgement()
    if gone and _unexplained(findings, shown) == 0:
        return Judgement(gone=_gone(gone))
    if shown and not gone and _unexplained(findings, shown) == 0:
        return Judgement(known="; ".join(gap.sentence() for gap in shown))
    return Judgement()


def _unexplained(findings: Iterable[Finding], gaps: Iterable[KnownGap]) -> int:
    return sum(not any(gap.explains(finding) for gap in gaps) for finding in findings)


def _gone(gaps: Iterable[KnownGap]) -> str:
    named = "; ".join(gap.sentence() for gap in gaps)
    return f"no longer there: {named}; remove it from the CNI's profile"


def excuse(record: ScenarioRecord, judgement: Judgement) -> ScenarioRecord:
    """Return the record with the known gap written on it, where there is one."""
    return replace(record, known_gap=judgement.known) if judgement.known else record
