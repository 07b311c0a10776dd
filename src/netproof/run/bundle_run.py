"""A bundle as a regression test: workloads mirrored, policies put into force, all probed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netproof.cluster.inventory import DNS_NAMESPACE, DNS_SERVICE
from netproof.cluster.naming import Naming
from netproof.model import flows
from netproof.model.check import CheckRecord, PacketsRecord
from netproof.model.flow import Flow
from netproof.model.matrix import JudgedScenario
from netproof.model.record import FlowVerdict, RunVerdict
from netproof.model.review import IntentResult, Note
from netproof.model.value import replace
from netproof.model.workload import Topology
from netproof.review import phrases, probing
from netproof.review.case import Case, concluded
from netproof.review.judgement import judge_by_packets, probed_reachability
from netproof.review.picture import probed_picture
from netproof.review.reachability import Reachability
from netproof.run.controller import Handout, outside_hosts
from netproof.run.endings import afterwards
from netproof.run.scenario import Scenario, Settings
from netproof.run.worker import Worker
from netproof.verdict import RunEvidence, judge_run, pairs

DNS = f"{DNS_NAMESPACE}/{DNS_SERVICE}"
WORKER = "bundle"
"""The worker's name where there is only one."""


@dataclass(frozen=True, slots=True)
class ProbedBundle:
    """What the packets of a bundle did: its scenario, its intents as they count, and remarks."""

    scenario: JudgedScenario
    intents: tuple[IntentResult, ...]
    notes: tuple[Note, ...] = ()


def all_flows(topology: Topology) -> Iterator[Flow]:
    """Yield every flow of a mirrored bundle: pods, Services, the outside, nodes, cluster DNS.

    A pod's flows to itself are left out: the API says nothing of them, and nor do intents.
    """
    yield from (flow for flow in flows.pod_flows(topology) if not flows.is_self(flow))
    yield from flows.outside_flows(topology)
    yield from flows.node_flows(topology)
    yield from flows.service_flows(topology)
    yield from flows.dns_flows(topology, DNS)


def probe(
    case: Case,
    read: Sequence[IntentResult],
    handout: Handout,
    settings: Settings,
    worker: str = WORKER,
) -> ProbedBundle:
    """Deploy the mirror of a bundle, probe all of it in every state, and remove it again.

    `read` are its intents by what the policies mean, which packets are set beside. Bundles may be
    probed side by side, under workers' names of their own.
    """
    naming = Naming(handout.run_id, worker)
    around = outside_hosts(handout.ref) + handout.nodes
    fleet_worker = Worker(handout.ref, naming, settings, around)
    with afterwards(fleet_worker.close):
        fleet_worker.deploy(case.mirror.bundle)
        topology = fleet_worker.ask_as_pods_do()
        scenario = Scenario(
            id=f"bundle/{case.name}",
            title=f"The policies of {case.name}, enforced as written.",
            bundle=case.mirror.bundle,
            source=case.name,
            flows=all_flows,
        )
        judged = fleet_worker.run(scenario)
    reach = probed_reachability(case.mirror, topology, judged.in_force.matrix)
    drawn = replace(judged.record, picture=probed_picture(reach, case.name))
    judged = replace(judged, record=drawn)
    unsaid = probing.unprobed(handout.unprobed) + probing.world(handout.world)
    notes = probing.notes(case.mirror) + unsaid
    return ProbedBundle(judged, _by_packets(case, read, judged, reach), notes)


def _by_packets(
    case: Case, read: Sequence[IntentResult], judged: JudgedScenario, reach: Reachability
) -> tuple[IntentResult, ...]:
    """Return the intents of a bundle, in their order, judged by what packets did too."""
    matrix = judged.in_force.matrix
    return tuple(
        replace(result, packets=judge_by_packets(reach, intent, matrix, case.reachability))
        for result, intent in zip(read, case.intents, strict=True)
    )


def with_packets(checked: CheckRecord, evidence: RunEvidence, notes: Sequence[Note]) -> CheckRecord:
    """Return a check with what packets showed of its bundle, and with the verdict on that."""
    judgement = judge_run(evidence)
    unenforced = judgement.verdict is RunVerdict.NOT_ENFORCED
    canaries = [step for canary in evidence.canaries for step in canary.steps]
    steps = [step for scenario in evidence.scenarios for step in scenario.steps]
    findings = [
        phrases.finding(step.name, finding)
        for step in (*canaries, *steps)
        for finding in step.findings
        if not (unenforced and finding.verdict is FlowVerdict.LEAK)
    ]
    sent = PacketsRecord(
        canary=" ".join(canary.text for canary in evidence.canaries),
        flows=sum(sum(step.counts.values()) for step in steps),
        seconds=round(sum(scenario.seconds for scenario in evidence.scenarios), 3),
        findings=tuple(findings),
        errors=tuple(evidence.errors),
        known_gap="; ".join(filter(None, (one.known_gap for one in evidence.scenarios))),
    )
    notes = (*notes, *probing.one_relation(pairs(evidence.scenarios)))
    whole = replace(
        checked,
        packets=sent,
        notes=checked.notes + notes,
        picture=next((scenario.picture for scenario in evidence.scenarios), None),
        steps=tuple(steps),
    )
    return concluded(whole, judgement)
