"""All flows at once are answered as each flow is, in work that follows the rules that differ."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

import pytest

from benchmarks.reading import bundle
from netproof.expected import Evaluator, Grid, PolicyIndex, Target, decision, grid
from netproof.model.flow import Direction, Endpoint, Path
from netproof.model.value import replace
from netproof.model.workload import Family, Host, HostKind, Protocol, Topology
from netproof.policy import load_text, matching
from netproof.policy.mirror import mirror_texts
from netproof.review.case import case_of, check
from tests.unit.expected import generate

CASES = 150


def _world(random: Random) -> Topology:
    """Return a generated cluster as a bundle has it: of the hosts those outside have an address."""
    made = generate.as_topology(generate.world(random))
    addresses = ("203.0.113.9", "203.0.113.200", "10.0.1.9", "2001:db8::9")
    outside = (Host(HostKind.OUTSIDE, f"out {ip}", (ip,)) for ip in addresses)
    machines = (Host(HostKind.NODE, "nodes"), Host(HostKind.API_SERVER, "apiserver"))
    pods = tuple(
        replace(pod, node="", ips=pod.ips if random.random() < 0.8 else ()) for pod in made.pods
    )
    return replace(made, pods=pods, hosts=(*outside, *machines))


def _end(host: Host) -> Endpoint:
    outside = host.kind is HostKind.OUTSIDE
    return Endpoint.outside(host.name) if outside else Endpoint.node(host.name)


def _targets(world: Topology) -> Iterator[Target]:
    for pod in world.pods:
        for number, protocol in dict.fromkeys((port.number, port.protocol) for port in pod.ports):
            yield Target(Endpoint.pod(pod.key), number, protocol)
    for host in world.hosts:
        for port in generate.PORTS:
            family = Family.of(host.ips[0]) if host.ips else Family.IPV4
            yield Target(_end(host), port, Protocol.TCP, family, Path.HOST_IP)
    for service in world.services:
        for one in service.ports:
            there = Endpoint.service(service.key)
            yield Target(there, one.number, one.protocol, path=Path.CLUSTER_IP)


@pytest.mark.parametrize("first", range(0, CASES, 50))
def test_a_grid_answers_as_one_flow_is_answered(first: int) -> None:
    """With what each rule lets pass, and who goes out, on generated clusters."""
    for seed in range(first, first + 50):
        random = Random(seed)
        world = _world(random)
        policies = [generate.policy(random, number) for number in range(random.randint(1, 6))]
        text = "\n---\n".join(json.dumps(policy) for policy in policies)
        index = PolicyIndex(world, load_text(text).policies)
        pods = [Endpoint.pod(pod.key) for pod in world.pods]
        hosts = [_end(host) for host in world.hosts]
        whole = Grid(index, (*pods, *hosts), tuple(_targets(world)))
        evaluator, passed, out = Evaluator(index), dict[str, Counter[object]](), set[str]()
        for target in range(len(whole.targets)):
            for source in grid.positions(whole.present[target]):
                flow = whole.flow(source, target)
                expectation = evaluator.expect(flow)
                assert expectation.expected == whole.expected(source, target), (seed, str(flow))
                assert (source, target) == whole.place(flow)
                for reason in expectation.reasons:
                    for rule in reason.rules:
                        passed.setdefault(rule, Counter())[expectation.expected] += 1
                    if reason.direction is Direction.EGRESS and reason.rules:
                        out.add(flow.source.name)
        assert passed == whole.passed, seed
        assert out == whole.going_out, seed


def _counted(monkeypatch: pytest.MonkeyPatch, text: str) -> Counter[str]:
    """Return how often anything is decided, and a selector matched, in a check of a bundle."""
    calls = Counter[str]()

    def counting(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def counted(*given: object, **named: object) -> object:
            calls[name] += 1
            return function(*given, **named)

        return counted

    with monkeypatch.context() as patch:
        patch.setattr(grid, "decide", counting("decide", decision.decide))
        patch.setattr(matching, "matches", counting("matches", matching.matches))
        patch.setattr(matching, "port_condition", counting("port", matching.port_condition))
        patch.setattr(matching, "contains_rule", counting("rules", matching.contains_rule))
        check(case_of(mirror_texts([("bundle.yaml", text)]), "bundle"))
    return calls


def test_the_work_follows_the_rules_not_the_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times the workloads and policies make nine times the flows, and no such work."""
    few, many = (_counted(monkeypatch, bundle(size)).total() for size in (20, 60))
    assert many < 4 * few, (few, many)


def test_workloads_that_no_policy_tells_apart_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy for all pods of a namespace is asked about once, however many there are."""
    pods = "---\n".join(
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p{n}, namespace: shop}}\n"
        "spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}\n"
        for n in range(30)
    )
    deny = (
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        "metadata: {name: deny, namespace: shop}\nspec: {podSelector: {}}\n"
    )
    assert _counted(monkeypatch, pods + deny)["decide"] < 10
