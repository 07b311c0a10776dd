"""What packets meet beyond allowed and denied: open connections, rejects, leaks, large tables."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.dataplane_bench import Bench, Flow
from tests.unit.netlab.dataplane.objects import namespace, policy

Obj = dict[str, Any]

DENY_INGRESS = policy("deny", {"policyTypes": ["Ingress"]})
DENY_ALL = policy("deny", {"policyTypes": ["Ingress", "Egress"]})


@pytest.fixture(scope="module")
def shared() -> Iterator[Bench]:
    """Start two pods on one node and one on another."""
    with Bench({"a": 0, "b": 0, "c": 1}) as made:
        yield made


@pytest.fixture
def bench(shared: Bench) -> Bench:
    """Reset the shared pods: no policies, a new dataplane."""
    shared.plan()
    shared.apply(_objects(shared))
    return shared


def _objects(bench: Bench, *policies: Obj) -> dict[str, list[Obj]]:
    pods = [bench.pod(name) for name in bench.pods]
    return {"namespaces": [namespace("default")], "pods": pods, "policies": list(policies)}


@pytest.mark.parametrize(("established", "expected"), [("kept", "again"), ("cut", "dropped")])
def test_an_open_connection_outlives_a_denial_or_does_not(
    bench: Bench, established: str, expected: str
) -> None:
    """As the option says, a connection that was open before a policy denies it is kept or cut."""
    bench.plan(established=established)
    bench.apply(_objects(bench))
    assert bench.hold(established, "a", bench.addresses["c"][0], 80).startswith("c ")
    bench.apply(_objects(bench, DENY_INGRESS))
    assert "dropped" == bench.who("a", bench.addresses["c"][0])
    assert expected == bench.say(established, "again")


@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_rejecting_tells_the_sender(bench: Bench, protocol: str) -> None:
    """With deny=reject a denied sender learns it at once, in both families."""
    bench.plan(deny="reject")
    bench.apply(_objects(bench, DENY_INGRESS))
    seen = [bench.who("a", ip, 80, protocol) for ip in bench.addresses["c"]]
    assert ["refused", "refused"] == seen


def test_flat_lets_everything_pass(bench: Bench) -> None:
    """The flat dataplane enforces no policy."""
    bench.plan("flat")
    bench.apply(_objects(bench, DENY_ALL))
    assert "c" == bench.who("a", bench.addresses["c"][0])


def test_a_udp_port_that_is_used_again_is_judged_again(bench: Bench) -> None:
    """A remembered UDP exchange gives a later request no permission."""
    target = bench.addresses["c"][0]
    assert "c 10.244.0.2" == bench.hold("udp", "a", target, 80, udp=True)
    bench.apply(_objects(bench, DENY_INGRESS))
    assert "dropped" == bench.say("udp", "again")


def test_udp_requests_leak_where_the_defect_says_so(bench: Bench) -> None:
    """With udp-request-leaks the request arrives and its reply does not; without, neither does."""
    flow = Flow("a", bench.addresses["c"][0], 80, "UDP")
    bench.apply(_objects(bench, DENY_INGRESS))
    (clean,) = bench.probe([flow])
    bench.plan(defects=["udp-request-leaks"])
    bench.apply(_objects(bench, DENY_INGRESS))
    (leaking,) = bench.probe([flow])
    assert ("dropped", False) == (clean.result, clean.request_arrived)
    assert ("dropped", True) == (leaking.result, leaking.request_arrived)


@pytest.mark.parametrize(
    ("defect", "source", "protocol", "expected"),
    [
        ("ignores-tcp", "a", "TCP", "c"),
        ("ignores-tcp", "a", "UDP", "dropped"),
        ("ignores-udp", "a", "UDP", "c"),
        ("cross-node-not-policed", "a", "TCP", "c"),
        ("same-node-not-policed", "a", "TCP", "dropped"),
    ],
)
def test_a_defect_leaks_what_it_says(
    bench: Bench, defect: str, source: str, protocol: str, expected: str
) -> None:
    """A leak lets pass what it is named after and nothing else."""
    bench.plan(defects=[defect])
    bench.apply(_objects(bench, DENY_INGRESS))
    assert expected == bench.who(source, bench.addresses["c"][0], 80, protocol)


def test_replies_are_dropped_where_the_defect_says_so(bench: Bench) -> None:
    """With drops-udp-replies an allowed request to an isolated pod gets no answer, over UDP."""
    bench.plan(defects=["drops-udp-replies"])
    bench.apply(_objects(bench, policy("p", {"policyTypes": ["Ingress"], "ingress": [{}]})))
    target = bench.addresses["c"][0]
    seen = bench.probe([Flow("a", target, 80, protocol) for protocol in ("TCP", "UDP")])
    assert [("c", False), ("dropped", True)] == [(s.who, s.request_arrived) for s in seen]


def test_a_table_beyond_the_socket_buffer_is_enforced_all_the_same() -> None:
    """Where one transaction does not fit, stages do, again and again, and back to one."""
    with Bench({"a": 0, "c": 1}, send_buffer=20_000) as bench:
        target = bench.addresses["c"][0]
        for _ in range(2):
            for count in (800, 801):
                bench.apply(_objects(bench, _many_blocks(count, "10.244.0.2/32")))
                assert "c" == bench.who("a", target)
                bench.apply(_objects(bench, _many_blocks(count, "10.244.0.99/32")))
                assert "dropped" == bench.who("a", target)
            bench.apply(_objects(bench, policy("p", {"policyTypes": ["Ingress"], "ingress": [{}]})))
            assert "c" == bench.who("a", target)


def _many_blocks(count: int, last: str) -> Obj:
    cidrs = [f"192.{168 + i // 100}.{i % 100}.0/25" for i in range(count)]
    rules = [{"from": [{"ipBlock": {"cidr": cidr}} for cidr in (*cidrs, last)]}]
    return policy("p", {"policyTypes": ["Ingress"], "ingress": rules})
