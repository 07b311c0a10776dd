"""On which relation of nodes flows were tried."""

from __future__ import annotations

import pytest

from netproof.model import flows
from netproof.model.flow import Expected, Flow
from netproof.model.record import RunVerdict, ScenarioRecord, StepRecord, Tried
from netproof.model.value import replace
from netproof.model.workload import Pod, Port, Service, ServicePort, Topology
from netproof.verdict import RunEvidence, judge_run, pairs, statements
from tests.unit.report.sample import ENFORCES, scenario, step

KEYS = ("shop/web", "shop/api", "shop/db", "till/web")


def _parts(key: str) -> tuple[str, str]:
    namespace, name = key.split("/")
    return namespace, name


def _topology(*nodes: str) -> Topology:
    pods = tuple(
        Pod(*_parts(key), ports=(Port(80),), node=node, ips=("10.0.0.1",))
        for key, node in zip(KEYS, nodes, strict=True)
    )
    return Topology(pods=pods)


def _case(*nodes: str, denied: str = "") -> ScenarioRecord:
    """Return a case in which flows to one pod are denied, all others allowed."""
    topology = _topology(*nodes)

    def wanted(flow: Flow) -> Expected:
        if flows.is_self(flow):
            return Expected.UNDEFINED
        return Expected.DENIED if flow.destination.name == denied else Expected.ALLOWED

    steps = (
        step("without policies", flows.pod_flows(topology), topology=topology),
        step("policies in force", flows.pod_flows(topology), wanted, topology=topology),
    )
    return scenario("theme/case", "A case", *steps)


def _only(tried: tuple[Tried, ...]) -> dict[str, str]:
    return {one.subject: one.only for one in tried}


def test_pairs_of_namespaces() -> None:
    """Flows are counted by namespaces, relation and expectation; a pod's own are not."""
    (inside, out, back) = pairs([_case("a", "a", "b", "a", denied="shop/api")])
    assert (
        Tried(
            "shop -> shop",
            {Expected.ALLOWED: 1, Expected.DENIED: 1},
            {Expected.ALLOWED: 3, Expected.DENIED: 1},
        )
        == inside
    )
    assert ("shop -> till", "till -> shop") == (out.subject, back.subject)
    assert {Expected.ALLOWED: 1, Expected.DENIED: 1} == back.same_node


@pytest.mark.parametrize(
    ("nodes", "denied", "only"),
    [
        (("a", "a", "b", "b"), "shop/api", ""),
        (("a", "a", "a", "b"), "", "on the same node only"),
        (("a", "b", "c", "b"), "shop/api", "across nodes only"),
        (("a", "a", "b", "b"), "shop/db", "denied flows across nodes only"),
    ],
)
def test_one_relation_only(nodes: tuple[str, ...], denied: str, only: str) -> None:
    """Allowed and denied flows count apart: a denial within a node says nothing of another."""
    assert only == _only(pairs([_case(*nodes, denied=denied)]))["shop -> shop"]


def test_statements_are_of_all_their_cases() -> None:
    """What one case cannot show, another does; the table's order is kept."""
    near, far = _case("a", "a", "a", "a"), _case("a", "b", "c", "d")
    tried = statements(
        [
            replace(near, statements=("10. Ten", "2. Two")),
            replace(far, statements=("10. Ten", "11. Eleven")),
        ]
    )
    assert {
        "2. Two": "on the same node only",
        "10. Ten": "",
        "11. Eleven": "across nodes only",
    } == _only(tried)
    assert ["2. Two", "10. Ten", "11. Eleven"] == list(_only(tried))


def test_what_could_not_be_told_is_not_tried() -> None:
    """A cell whose verdict is open is no evidence for either relation."""
    case = _case("a", "a", "b", "a")
    untold = replace(case, steps=tuple(map(_untold, case.steps)))
    assert () == pairs([untold])


def _untold(one: StepRecord) -> StepRecord:
    tables = tuple(
        replace(t, verdicts=tuple("?" * len(row) for row in t.verdicts)) for t in one.tables
    )
    return replace(one, tables=tables)


def test_a_service_stands_where_its_only_pod_does() -> None:
    """A Service of several nodes leads to any of them."""
    topology = _topology("a", "b", "b", "a")
    pods = tuple(replace(p, labels={"app": p.name.split("/")[-1]}) for p in topology.pods)
    services = tuple(
        Service("shop", name, {"app": name}, (ServicePort(80, 80),), ("10.9.0.1",))
        for name in ("web", "db")
    )
    many = Service("shop", "all", {"tier": "x"}, (ServicePort(80, 80),), ("10.9.0.2",))
    pods = tuple(replace(p, labels={**p.labels, "tier": "x"}) for p in pods)
    shop = Topology(pods=pods, services=(*services, many))
    seen = step("without policies", flows.service_flows(shop), topology=shop)
    assert "a" == seen.nodes["service shop/web"]
    assert "service shop/all" not in seen.nodes


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        (("a", "a", "a", "a"), "; flows between pods were tried on the same node only."),
        (("a", "b", "c", "d"), "; flows between pods were tried across nodes only."),
        (("a", "a", "b", "b"), "did what it says."),
    ],
)
def test_the_verdict_says_what_it_rests_on(nodes: tuple[str, ...], words: str) -> None:
    """PASS of a cluster on whose single node all pods stood is not PASS of two nodes."""
    judged = judge_run(RunEvidence([ENFORCES], [_case(*nodes)]))
    assert RunVerdict.PASS is judged.verdict
    assert judged.sentence.endswith(words)
