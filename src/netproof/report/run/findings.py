"""A finding in words, the same ones in every report.

Findings that say the same of one pair, on several ports or in both families, are told once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

from netproof.model.flow import USUAL, Expected, Outcome, Path, Reason
from netproof.model.record import (
    CauseRecord,
    Ending,
    Finding,
    FlowVerdict,
    RunFinding,
    StepRecord,
)
from netproof.model.workload import Family, Protocol
from netproof.report.text import counted, duration

DialledPort = tuple[Protocol, int, Family]

BESIDES_FLOWS = "Besides flows"
"""Heads the findings of a run that are no flows."""

NOTES = "Not tried, or not tidied up"
"""Heads what fails no run and is worth a look."""

ENDINGS = {
    Ending.CONVERGED: "converged in",
    Ending.LATE: "as expected only after the time for it was up, in",
    Ending.DIFFERED: "as expected once and not in a later look, in",
    Ending.NEVER: "not as expected in the time for it, in",
}
"""How waiting for a cluster ended, before the number of rounds."""

TITLES = {
    FlowVerdict.LEAK: "LEAK",
    FlowVerdict.OVER_BLOCKED: "OVER-BLOCKED",
    FlowVerdict.INCONCLUSIVE: "INCONCLUSIVE",
}


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """Findings of one pair that differ in port and family only; `places` as in the step."""

    findings: tuple[Finding, ...]
    places: dict[str, str]

    @property
    def first(self) -> Finding:
        """The finding that stands for all of them."""
        return self.findings[0]

    @property
    def title(self) -> str:
        """Who to whom, on which ports: one line."""
        flow = self.first.flow
        dialled = [(f.flow.protocol, f.flow.port, f.flow.family) for f in self.findings]
        ends = f"{flow.source} -> {flow.destination}"
        nodes = f" · {self.first.nodes}" if self.first.nodes else ""
        return f"{ends}  {ports_line(dialled, flow.path)}{nodes}"


def grouped_findings(step: StepRecord) -> list[FindingGroup]:
    """Return the findings of a step, those told in one breath together, the gravest first."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in step.findings:
        groups.setdefault(_alike(finding), []).append(finding)
    return [FindingGroup(tuple(group), step.places) for group in groups.values()]


def _alike(finding: Finding) -> tuple[object, ...]:
    flow = finding.flow
    ends = (flow.source, flow.destination, flow.path)
    return (*ends, finding.verdict, finding.outcome, finding.arrived, finding.why)


def ports_line(dialled: Iterable[DialledPort], path: Path) -> str:
    """Say ports and families shortly: `TCP 80, 5432 · UDP 53 · IPv4+IPv6`."""
    ports: dict[Family, tuple[tuple[Protocol, int], ...]] = {}
    ordered = sorted(set(dialled), key=lambda one: (list(Protocol).index(one[0]), one[1]))
    for family in Family:
        of_family = tuple((protocol, port) for protocol, port, of in ordered if of is family)
        if of_family:
            ports[family] = of_family
    if len(set(ports.values())) == 1:
        line = f"{_by_protocol(next(iter(ports.values())))} · {'+'.join(ports)}"
    else:
        line = "; ".join(f"{_by_protocol(some)} · {family}" for family, some in ports.items())
    return line if path in USUAL else f"{line} · by {path}"


def _by_protocol(ports: Sequence[tuple[Protocol, int]]) -> str:
    numbers: dict[Protocol, list[str]] = {}
    for protocol, port in ports:
        numbers.setdefault(protocol, []).extend([str(port)] if port else [])  # ICMP has none
    return " · ".join(f"{one} {', '.join(some)}".rstrip() for one, some in numbers.items())


def observation_line(finding: Finding) -> str:
    """Say what the probe saw, and what the destination testified."""
    line = f"{finding.outcome} after {duration(finding.seconds)}"
    if finding.detail:
        line += f" ({finding.detail})"
    if finding.outcome is not Outcome.CONNECTED and finding.arrived is not None:
        line += ", the request arrived" if finding.arrived else ", the request did not arrive"
    return line if finding.attempts == 1 else f"{line}, {finding.attempts} probes"


def run_finding_line(finding: RunFinding) -> str:
    """Say what is wrong with a run besides flows: what it is about, where it is written, why."""
    place = f" ({finding.place})" if finding.place else ""
    return f"{finding.kind}: {finding.subject}{place}: {finding.text}"


AGAIN = "again"
"""Heads the command that shows a cause."""


def cause_account(cause: CauseRecord) -> list[tuple[str, str]]:
    """Return what there is to say of a cause: where it shows, the smallest case, what to do."""
    kinds = ((cause.leaks, "leak"), (cause.blocked, "over-blocked flow"))
    shown = " and ".join(counted(number, noun) for number, noun in kinds if number)
    lines = [("shows in", f"{counted(cause.cases, 'case')}: {shown}")]
    lines += [("smallest", f"{cause.example}: {cause.flow}"), (AGAIN, cause.repeat)]
    return [line for line in (*lines, ("instead", cause.instead)) if line[1]]


def step_line(step: StepRecord) -> str:
    """Say what policies a step had, how many flows, and how it converged."""
    policies = f" ({', '.join(step.policies)})" if step.policies else ""
    took = step.convergence
    hung = f"; the way to the agents hung for {duration(took.hung_s)}" if took.hung_s else ""
    return (
        f"{step.name}{policies}: {counted(sum(step.counts.values()), 'flow')}, "
        f"{ENDINGS[took.ending]} {counted(took.rounds, 'round')}, {took.seconds:.2f} s{hung}"
    )


def deciding_reasons(finding: Finding) -> tuple[Reason, ...]:
    """Return the reasons that settle what is expected of the flow."""
    if finding.expected is Expected.DENIED:
        return tuple(r for r in finding.reasons if r.expected is Expected.DENIED)
    return tuple(r for r in finding.reasons if r.policies) or finding.reasons


def deciding_places(finding: Finding, places: dict[str, str]) -> tuple[str, ...]:
    """Return the `file:line` of the rules, or else policies, that decided; none twice."""
    found_at = [place for reason in deciding_reasons(finding) for place in _places(reason, places)]
    return tuple(dict.fromkeys(found_at))


def account(finding: Finding, places: dict[str, str]) -> list[tuple[str, str]]:
    """Return a finding as labelled lines: what was expected, what was seen, why it counts."""
    lines = [("expected", str(finding.expected)), ("seen", observation_line(finding))]
    if finding.verdict is FlowVerdict.INCONCLUSIVE or finding.passing:
        lines.append(("so", finding.why))
    labels = chain(["because"], repeat("and"))
    return lines + [
        (label, _reason_line(reason, places))
        for label, reason in zip(labels, deciding_reasons(finding), strict=False)
    ]


def _reason_line(reason: Reason, places: dict[str, str]) -> str:
    at = ", ".join(dict.fromkeys(_places(reason, places)))
    return f"{reason.text} ({at})" if at else reason.text


def _places(reason: Reason, places: dict[str, str]) -> list[str]:
    at_rules = [rule.rpartition(" at ")[2] for rule in reason.rules if " at " in rule]
    return at_rules or [places[policy] for policy in reason.policies if policy in places]
