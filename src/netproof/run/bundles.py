"""A bundle as a regression test: workloads mirrored, policies put into force, all probed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netproof.cluster.inventory import DNS_NAMESPACE, DNS_SERVICE
from netproof.cluster.naming import Naming
from netproof.model import flows
from netproof.model.flow import Flow
from netproof.model.record import RunVerdict, ScenarioRecord
from netproof.model.review import CheckRecord, Judgement, PacketsRecord
from netproof.model.value import replace
from netproof.model.workload import Topology
from netproof.review import mapping, packets, wording
from netproof.review.check import Case
from netproof.run.controller import Handout, outside_hosts
from netproof.run.scenario import Scenario, Settings
from netproof.run.worker import ENFORCED, Worker

DNS = f"{DNS_NAMESPACE}/{DNS_SERVICE}"
WORKER = "bundle"
"""The worker's name where there is only one."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What the packets of a bundle did: its scenario, and the cluster's view of the workloads."""

    scenario: ScenarioRecord
    topology: Topology

    def cells(self) -> dict[Flow, packets.Cell]:
        """Return what was expected and seen of each flow while the policies were in force."""
        step = next((s for s in self.scenario.steps if s.name == ENFORCED), self.scenario.steps[0])
        return packets.cells(step)


def all_flows(topology: Topology) -> Iterator[Flow]:
    """Yield every flow of a mirrored bundle: pods, Services, the outside, nodes, cluster DNS.

    A pod's flows to itself are left out: the API says nothing of them, and nor do intents.
    """
    yield from (flow for flow in flows.pod_flows(topology) if not flows.is_self(flow))
    yield from flows.outside_flows(topology)
    yield from flows.node_flows(topology)
    yield from flows.service_flows(topology)
    yield from flows.dns_flows(topology, DNS)


def probe(case: Case, handout: Handout, settings: Settings, worker: str = WORKER) -> Probed:
    """Deploy the mirror of a bundle, probe all of it in every state, and remove it again.

    Bundles may be probed side by side, under workers' names of their own.
    """
    naming = Naming(handout.run_id, worker)
    around = outside_hosts(handout.ref) + handout.nodes
    made = Worker(handout.ref, naming, settings, around)
    try:
        topology = made.deploy(case.mirror.bundle)
        scenario = Scenario(
            id=f"bundle/{case.name}",
            title=f"The policies of {case.name}, enforced as written.",
            bundle=case.mirror.bundle,
            source=case.name,
            flows=all_flows,
        )
        return Probed(made.run(scenario), topology)
    finally:
        made.close()


def judge(case: Case, probed: Probed) -> tuple[Judgement, ...]:
    """Judge the intents of a bundle, in their order, by what packets did."""
    seen = probed.cells()
    world = packets.world_of_probes(case.mirror, probed.topology, seen)
    return tuple(packets.judge(world, intent, seen) for intent in case.intents)


def with_packets(
    case: Case, checked: CheckRecord, handout: Handout, settings: Settings, worker: str = WORKER
) -> CheckRecord:
    """Return a check with what packets show of the bundle on a cluster that is there."""
    probed = probe(case, handout, settings, worker)
    intents = tuple(
        replace(result, packets=packet)
        for result, packet in zip(checked.intents, judge(case, probed), strict=True)
    )
    notes = checked.notes + mapping.notes(case.mirror) + mapping.unprobed(handout.unprobed)
    return replace(checked, intents=intents, notes=notes, packets=_told(probed.scenario))


def _told(scenario: ScenarioRecord) -> PacketsRecord:
    findings = [
        wording.finding(step.name, finding) for step in scenario.steps for finding in step.findings
    ]
    return PacketsRecord(
        verdict=str(scenario.verdict),
        sentence=_SENTENCES[scenario.verdict],
        flows=sum(sum(step.counts.values()) for step in scenario.steps),
        seconds=scenario.seconds,
        findings=tuple(findings),
    )


_SENTENCES = {
    RunVerdict.PASS: "the cluster does what the policies say",
    RunVerdict.FAIL: "the cluster does not do what the policies say",
    RunVerdict.INCONCLUSIVE: "not everything could be told",
    RunVerdict.NOT_ENFORCED: "the cluster enforces no policies",
}
