"""Runs for the report tests: one of everything that can happen, one on a flat network, one wide.

The steps are judged by the verdict stage, so that a report is tested on what it will really get.
The sample's cluster enforces, but lets two flows through, blocks one and loses a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from netproof.model import flows
from netproof.model.doors import DoorResult
from netproof.model.flow import (
    Direction,
    Endpoint,
    Expectation,
    Expected,
    Flow,
    Observation,
    Outcome,
    Path,
    PathControl,
    Reason,
)
from netproof.model.matrix import Matrix
from netproof.model.record import (
    CanaryRecord,
    ClusterRecord,
    Convergence,
    RunRecord,
    ScenarioRecord,
    StepRecord,
)
from netproof.model.review import (
    BrokenFlow,
    Cause,
    FlowAnswer,
    IntentJudgement,
    IntentResult,
    Kept,
)
from netproof.model.value import replace
from netproof.model.workload import (
    Family,
    Host,
    HostKind,
    Pod,
    Port,
    Protocol,
    Service,
    ServicePort,
    Topology,
)
from netproof.verdict import RunEvidence, judge_run, judge_step, scenario_verdict

Wanted = Callable[[Flow], Expected]

PORTS = (Port(80), Port(5432), Port(8125, Protocol.UDP))
NAMES = (
    "production/web",
    "production/api",
    "production/postgres",
    "staging/web",
    "staging/api",
    "staging/postgres",
    "ingress-nginx/controller",
)


def _pod(number: int, key: str) -> Pod:
    namespace, name = key.split("/")
    ips = (f"10.1.0.{number}", f"fd00::{number}")
    return Pod(namespace, name, {"app": name}, PORTS, f"node-{number % 2 + 1}", ips)


TOPOLOGY = Topology(
    pods=tuple(_pod(number, key) for number, key in enumerate(NAMES, start=1)),
    services=(Service("production", "api", {"app": "api"}, (ServicePort(80, 80),), ("10.9.0.1",)),),
    hosts=(Host(HostKind.OUTSIDE, "outside", ("203.0.113.1",), (Port(443),)),),
)

OPEN = Observation(Outcome.CONNECTED, seconds=0.0021)
WELL = PathControl(("production/web to itself", "outside to itself"), far=True)
DROPPED = Observation(
    Outcome.DROPPED, "no answer in 1 s", arrived=False, seconds=1.0002, attempts=2, beside=WELL
)
ONLY_ARRIVED = Observation(Outcome.DROPPED, "no answer in 1 s", arrived=True, seconds=1.0004)
UNRESOLVED = Observation(Outcome.UNRESOLVED, "NXDOMAIN for api.production", seconds=0.013)

POLICY = "production/api-to-postgres"
BUNDLE = "suites/peers/bundles/api-to-postgres.yaml"


def flow(source: str, destination: str, port: int, protocol: Protocol = Protocol.TCP) -> Flow:
    """Return a flow between two pods by IPv4."""
    return Flow(Endpoint.pod(source), Endpoint.pod(destination), port, protocol)


LEAKED = flow("staging/web", "production/postgres", 5432)
LEAKED_BY_IPV6 = replace(LEAKED, family=Family.IPV6)
ARRIVED = flow("staging/api", "production/postgres", 8125, Protocol.UDP)
BLOCKED = Flow(Endpoint.pod("production/web"), Endpoint.outside("outside"), 443, path=Path.HOST_IP)


def _open(_: Flow) -> Expected:
    return Expected.ALLOWED


def guarded(one: Flow) -> Expected:
    """Say what the sample's policy says: postgres is for the api of its namespace."""
    if flows.is_self(one):
        return Expected.UNDEFINED
    if one.destination.name != "production/postgres":
        return Expected.ALLOWED
    passes = one.source.name == "production/api" and one.port == 5432
    return Expected.ALLOWED if passes else Expected.DENIED


def _closed(one: Flow) -> Expected:
    return Expected.UNDEFINED if flows.is_self(one) else Expected.DENIED


def _expectation(one: Flow, expected: Expected) -> Expectation:
    place = f"{POLICY} ingress[0] at {BUNDLE}:9"
    text = {
        Expected.ALLOWED: f"{POLICY} ingress[0] lets {one.source.name} in on {one.port}",
        Expected.DENIED: (
            f"{POLICY} isolates {one.destination.name} for ingress and none of its rules lets "
            f"{one.source.name} in on {one.port}/{one.protocol} {one.family}"
        ),
        Expected.UNDEFINED: "a pod's traffic to itself is not for policies to deny",
    }[expected]
    out = f"no policy isolates {one.source.name} for egress, so it may go anywhere"
    reasons = (
        Reason(Direction.EGRESS, Expected.ALLOWED, out),
        Reason(
            Direction.INGRESS,
            expected,
            text,
            (POLICY,),
            (place,) if expected is Expected.ALLOWED else (),
        ),
    )
    return Expectation(expected, reasons)


def step(
    name: str,
    tried: Iterable[Flow],
    wanted: Wanted = _open,
    odd: Mapping[Flow, Observation] | None = None,
    topology: Topology = TOPOLOGY,
) -> StepRecord:
    """Return a step whose flows do what is wanted of them, but for the odd ones."""
    tried = tuple(tried)
    policies = () if wanted is _open else (POLICY,)
    expected = {one: _expectation(one, wanted(one)) for one in tried}
    seen = {
        one: DROPPED if expected[one].expected is Expected.DENIED else OPEN for one in tried
    } | dict(odd or {})
    return judge_step(
        name,
        policies,
        expected=Matrix(tried, expected),
        observed=Matrix(tried, seen),
        baseline=dict.fromkeys(tried, OPEN),
        convergence=Convergence(rounds=2 if policies else 1, seconds=0.412, settled=not odd),
        topology=topology,
        places={POLICY: f"{BUNDLE}:3"} if policies else {},
    ).record


def scenario(name: str, title: str, *steps: StepRecord, seconds: float = 1.25) -> ScenarioRecord:
    """Return a scenario of the steps."""
    return ScenarioRecord(
        id=name,
        title=title,
        bundle=BUNDLE,
        worker="gw0",
        verdict=scenario_verdict(steps),
        seconds=seconds,
        steps=steps,
        repeat=f"pytest suites -k {name.rpartition('/')[2]}",
    )


def _scenarios() -> tuple[ScenarioRecord, ...]:
    pods = tuple(flows.pod_flows(TOPOLOGY))
    outside = tuple(flows.outside_flows(TOPOLOGY))
    names = tuple(flows.service_flows(TOPOLOGY, Path.NAME))
    odd = {LEAKED: OPEN, LEAKED_BY_IPV6: OPEN, ARRIVED: ONLY_ARRIVED}
    return (
        scenario(
            "egress/ip-block",
            "The world outside is reached, but for an exception",
            step("without policies", outside),
            step("policies in force", outside, lambda _: Expected.ALLOWED, {BLOCKED: DROPPED}),
        ),
        scenario(
            "egress/names",
            "What is dialled by name is found",
            step("without policies", names, odd={names[0]: UNRESOLVED}),
        ),
        scenario(
            "isolation/default-deny-all",
            "Nobody reaches anybody",
            step("policies in force", pods, _closed),
            step("policies removed", pods),
        ),
        scenario(
            "peers/api-to-postgres",
            "The database is reached by the api of its own namespace | <on> its port & no other",
            step("without policies", pods),
            step("policies in force", pods, guarded, odd),
            step("policies removed", pods),
        ),
    )


ENFORCES = CanaryRecord(
    "canary",
    True,
    "The cluster enforces NetworkPolicies: all canary denials hold.",
    (step("policies in force", (ARRIVED, LEAKED), guarded),),
)
IGNORES = CanaryRecord(
    "canary",
    False,
    "The cluster does not enforce NetworkPolicies: every flow that the canary's policies deny got "
    "through (2 of 2).",
    (step("policies in force", (ARRIVED, LEAKED), guarded, {ARRIVED: OPEN, LEAKED: OPEN}),),
)


def run_of(
    scenarios: tuple[ScenarioRecord, ...],
    canary: CanaryRecord = ENFORCES,
    errors: tuple[str, ...] = (),
    intents: tuple[IntentResult, ...] = (),
    doors: tuple[DoorResult, ...] = (),
) -> RunRecord:
    """Return a run of the scenarios, judged as a real one is."""
    judgement = judge_run(RunEvidence([canary], scenarios, intents, doors, errors))
    verdict = judgement.verdict
    return RunRecord(
        run_id="3f2a9c1e",
        netproof="0.1.0",
        started="2026-03-01T12:00:00+00:00",
        seconds=12.5,
        cluster=ClusterRecord("lab", "run-3f2a9c1e", "v1.34.0", ("node-1", "node-2"), "enforcing"),
        verdict=verdict,
        exit_reason=f"{verdict}: the sentence of this sample.",
        canaries=(canary,),
        scenarios=scenarios,
        errors=errors,
        exit_code=judgement.exit_code,
        intents=judgement.intents,
        doors=doors,
        findings=judgement.findings,
    )


def intent_result(intent: str, kept: str) -> IntentResult:
    """Return an intent by the policies' meaning, with the flow that breaks it."""
    judgement = IntentJudgement(Kept(kept), 1)
    if judgement.kept is Kept.BROKEN:
        cause = Cause("policies.yaml:7", "shop/allow-all lets everyone in")
        flow = intent.partition(": ")[2] + ":80/TCP"
        broken = BrokenFlow(flow, FlowAnswer.DENIED, FlowAnswer.ALLOWED, (cause,))
        judgement = replace(judgement, broken=(broken,))
    return IntentResult(intent, "intents.yaml:3", "For a reason.", judgement)


SCENARIOS = _scenarios()
PASSING = next(one for one in SCENARIOS if one.id == "isolation/default-deny-all")
LEAKING = next(one for one in SCENARIOS if one.id == "peers/api-to-postgres")

EVERYTHING = run_of(
    SCENARIOS, ENFORCES, ("suites/x.py::test_y (setup): ClusterError: no \x1b[31mapi",)
)
ALL_PASS = run_of((PASSING,))
FLAT = run_of(
    (
        scenario(
            "peers/api-to-postgres",
            "The database is reached by the api of its own namespace",
            step(
                "policies in force",
                flows.pod_flows(TOPOLOGY),
                guarded,
                dict.fromkeys(flows.pod_flows(TOPOLOGY), OPEN),
            ),
        ),
    ),
    IGNORES,
)


def wide(count: int, leaks: int = 1) -> ScenarioRecord:
    """Return a scenario of `count` pods that are all closed, with some leaks."""
    pods = tuple(
        Pod(f"team-{n // 10}", f"pod-{n}", ports=(Port(80),), node="n", ips=("10.0.0.1",))
        for n in range(count)
    )
    topology = Topology(pods=pods)
    tried = tuple(flows.pod_flows(topology))
    others = [one for one in tried if not flows.is_self(one)]
    odd = dict.fromkeys(others[:: count * 3][:leaks], OPEN)
    return scenario("wide", "Many pods", step("in force", tried, _closed, odd, topology))
