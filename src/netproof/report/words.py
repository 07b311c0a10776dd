"""A finding in words, the same ones in every report.

Findings that say the same of one pair, on several ports or in both families, are told once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

from netproof.model.flow import Expected, Outcome, Path, Reason
from netproof.model.record import Finding, FlowVerdict, StepRecord
from netproof.model.workload import Family, Protocol

Door = tuple[Protocol, int, Family]

TITLES = {
    FlowVerdict.LEAK: "LEAK",
    FlowVerdict.OVER_BLOCKED: "OVER-BLOCKED",
    FlowVerdict.INCONCLUSIVE: "INCONCLUSIVE",
}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Findings of one pair that differ in port and family only; `places` as in the step."""

    findings: tuple[Finding, ...]
    places: dict[str, str]

    @property
    def first(self) -> Finding:
        """The finding that stands for all of them."""
        return self.findings[0]

    @property
    def title(self) -> str:
        """Who to whom, by which doors: one line."""
        flow = self.first.flow
        doors = [(f.flow.protocol, f.flow.port, f.flow.family) for f in self.findings]
        told = [f"{flow.source} -> {flow.destination}", doors_told(doors, flow.path)]
        return "  ".join(told) + (f" · {self.first.nodes}" if self.first.nodes else "")


def mismatches(step: StepRecord) -> list[Mismatch]:
    """Return the findings of a step, those told in one breath together, the gravest first."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in step.findings:
        groups.setdefault(_alike(finding), []).append(finding)
    return [Mismatch(tuple(group), step.places) for group in groups.values()]


def _alike(finding: Finding) -> tuple[object, ...]:
    flow = finding.flow
    ends = (flow.source, flow.destination, flow.path)
    return (*ends, finding.verdict, finding.outcome, finding.arrived, finding.why)


def doors_told(doors: Iterable[Door], path: Path) -> str:
    """Say ports and families shortly: `TCP 80, 5432 · UDP 53 · IPv4+IPv6`."""
    ports: dict[Family, tuple[tuple[Protocol, int], ...]] = {}
    every = sorted(set(doors), key=lambda door: (list(Protocol).index(door[0]), door[1]))
    for family in Family:
        through = tuple((protocol, port) for protocol, port, of in every if of is family)
        if through:
            ports[family] = through
    if len(set(ports.values())) == 1:
        told = f"{_ports(next(iter(ports.values())))} · {'+'.join(ports)}"
    else:
        told = "; ".join(f"{_ports(through)} · {family}" for family, through in ports.items())
    return told if path in (Path.POD_IP, Path.HOST_IP) else f"{told} · by {path}"


def _ports(through: Sequence[tuple[Protocol, int]]) -> str:
    by_protocol: dict[Protocol, list[str]] = {}
    for protocol, port in through:
        by_protocol.setdefault(protocol, []).append(str(port))
    return " · ".join(f"{protocol} {', '.join(them)}" for protocol, them in by_protocol.items())


def seen(finding: Finding) -> str:
    """Say what the probe saw, and what the destination testified."""
    told = f"{finding.outcome} after {duration(finding.seconds)}"
    if finding.detail:
        told += f" ({finding.detail})"
    if finding.outcome is not Outcome.CONNECTED and finding.arrived is not None:
        told += ", the request arrived" if finding.arrived else ", the request did not arrive"
    return told if finding.attempts == 1 else f"{told}, {finding.attempts} probes"


def step_told(step: StepRecord) -> str:
    """Say what policies a step had, how many flows, and how it converged."""
    policies = f" ({', '.join(step.policies)})" if step.policies else ""
    how = "converged in" if step.convergence.settled else "did not settle in"
    return (
        f"{step.name}{policies}: {counted(sum(step.counts.values()), 'flow')}, "
        f"{how} {counted(step.convergence.rounds, 'round')}, {step.convergence.seconds:.2f} s"
    )


def counted(number: int, noun: str) -> str:
    """Return a number of things, with the noun's plural where it takes one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """Say a time in the unit that fits it."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def deciding(finding: Finding) -> tuple[Reason, ...]:
    """Return the reasons that settle what is expected of the flow."""
    if finding.expected is Expected.DENIED:
        return tuple(r for r in finding.reasons if r.expected is Expected.DENIED)
    return tuple(r for r in finding.reasons if r.policies) or finding.reasons


def places(finding: Finding, written: dict[str, str]) -> tuple[str, ...]:
    """Return the `file:line` of the rules, or else policies, that decided; none twice."""
    every = [place for reason in deciding(finding) for place in _where(reason, written)]
    return tuple(dict.fromkeys(every))


def story(finding: Finding, written: dict[str, str]) -> list[tuple[str, str]]:
    """Tell a finding as labelled lines: what was expected, what was seen, and why it counts."""
    told = [("expected", str(finding.expected)), ("seen", seen(finding))]
    if finding.verdict is FlowVerdict.INCONCLUSIVE:
        told.append(("so", finding.why))
    labels = chain(["because"], repeat("and"))
    return told + [
        (label, _explained(reason, written))
        for label, reason in zip(labels, deciding(finding), strict=False)
    ]


def _explained(reason: Reason, written: dict[str, str]) -> str:
    at = ", ".join(dict.fromkeys(_where(reason, written)))
    return f"{reason.text} ({at})" if at else reason.text


def _where(reason: Reason, written: dict[str, str]) -> list[str]:
    at_rules = [rule.rpartition(" at ")[2] for rule in reason.rules if " at " in rule]
    return at_rules or [written[policy] for policy in reason.policies if policy in written]
