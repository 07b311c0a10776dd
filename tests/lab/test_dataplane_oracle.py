"""Random policies, real packets: what passes is what an oracle says, packet by packet."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from tests.lab.dataplane_bench import Bench, Flow
from tests.lab.dataplane_oracle import Oracle
from tests.lab.dataplane_random import policies
from tests.unit.netlab.dataplane.objects import namespace

Obj = dict[str, Any]

_NODES = ("lab-node-0", "lab-node-1")
_SETS = 4


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """Six pods on two nodes; gone with its process."""
    pods = {"a": 0, "b": 0, "c": 0, "d": 1, "e": 1, "f": 1}
    with Bench(pods) as made:
        yield made


@pytest.fixture(scope="module")
def objects(bench: Bench) -> dict[str, list[Obj]]:
    """Pods with mixed labels and named ports in two namespaces."""
    web = [("http", 80, "TCP"), ("dns", 80, "UDP")]
    alt = [("http", 8080, "TCP"), ("dns", 81, "UDP")]
    return {
        "namespaces": [namespace("one", team="red"), namespace("two", team="blue")],
        "pods": [
            bench.pod("a", namespace="one", labels={"app": "a", "tier": "x"}, ports=web),
            bench.pod("b", namespace="one", labels={"app": "b"}, ports=alt),
            bench.pod("c", namespace="two", labels={"app": "a", "tier": "y"}, ports=web),
            bench.pod("d", namespace="two", labels={"app": "b", "tier": "x"}, ports=alt),
            bench.pod("e", namespace="one", labels={"tier": "y"}, ports=alt),
            bench.pod("f", namespace="two", labels={}, ports=web),
        ],
    }


@pytest.mark.parametrize("seed", range(3))
def test_packets_pass_as_the_oracle_says(
    bench: Bench, objects: dict[str, list[Obj]], seed: int
) -> None:
    """Every flow between pods, nodes and outside is allowed or denied as the policies say."""
    random = Random(seed)
    bench.plan()
    for index in range(_SETS):
        known = {**objects, "policies": policies(random, ["one", "two"], 1 + 2 * index)}
        bench.apply(known)
        oracle = Oracle(known)
        expected = {flow: _expected(bench, oracle, flow) for flow in _flows(bench)}
        observed = _observe(bench, expected)
        wrong = [flow for flow in expected if expected[flow] != observed[flow]]
        assert [] == wrong, known["policies"]


def _flows(bench: Bench) -> list[Flow]:
    return [
        Flow(source, ip, port, protocol)
        for source in (*bench.pods, "lab-node-1")
        for target in (*bench.pods, "outside", *_NODES)
        if source != target and not (source in _NODES and target not in bench.pods)
        for ip in bench.addresses[target]
        for port in bench.ports
        for protocol in ("TCP", "UDP")
    ]


def _expected(bench: Bench, oracle: Oracle, flow: Flow) -> bool:
    if _are_one_node(bench, flow):
        return True  # between a pod and its own node policies do not matter
    source = next(ip for ip in bench.addresses[flow.source] if (":" in ip) == (":" in flow.ip))
    return oracle.allows(source, flow.ip, flow.port, flow.protocol)


def _are_one_node(bench: Bench, flow: Flow) -> bool:
    node = _NODES[bench.pods.get(flow.source, 1)]
    if flow.source in _NODES:
        own = [pod for pod, index in bench.pods.items() if index == _NODES.index(flow.source)]
        return any(flow.ip in bench.addresses[pod] for pod in own)
    return flow.ip in bench.addresses[node]


def _observe(bench: Bench, expected: dict[Flow, bool]) -> dict[Flow, bool]:
    """Probe all flows; try what should have passed and did not again: a machine may be busy."""
    observed = _passed(bench, list(expected))
    for _ in range(2):
        lost = [flow for flow in expected if expected[flow] and not observed[flow]]
        if lost:
            observed |= _passed(bench, lost)
    return observed


def _passed(bench: Bench, flows: list[Flow]) -> dict[Flow, bool]:
    seen = bench.probe(flows, timeout_s=0.25)
    return {
        flow: one.who not in {"dropped", "refused"} for flow, one in zip(flows, seen, strict=True)
    }
