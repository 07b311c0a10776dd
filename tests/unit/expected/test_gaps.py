"""What is not known yet, or not there, is never guessed."""

from __future__ import annotations

import pytest

from netproof.errors import HarnessBug
from netproof.expected import expect, expected_matrix
from netproof.model.flow import Expected
from netproof.model.value import replace
from netproof.model.workload import Pod, Topology
from netproof.policy import NetworkPolicy, load_text
from tests.unit.expected.world import WORLD, flow

UNPLACED = Topology(
    WORLD.namespaces,
    tuple(replace(pod, node="", ips=()) for pod in WORLD.pods),
    WORLD.services,
    WORLD.hosts,
)


def policy(rule: str) -> tuple[NetworkPolicy, ...]:
    text = f"""
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {{name: p, namespace: shop}}
    spec: {{podSelector: {{}}, policyTypes: [Egress], egress: [{rule}]}}
    """
    return load_text(text).policies


def test_block_against_an_address_not_known_is_undefined() -> None:
    """A pod without address may or may not be in a block."""
    blocks = policy("{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}")
    found = expect(flow("shop/web -> shop/api:8080"), UNPLACED, blocks)
    assert Expected.UNDEFINED is found.expected


def test_selectors_need_no_address() -> None:
    """Without blocks the answer does not wait for addresses."""
    pods = policy("{to: [{podSelector: {matchLabels: {app: api}}}]}")
    lines = ("shop/web -> shop/api:8080", "shop/web -> shop/db:8080")
    answers = [expect(flow(line), UNPLACED, pods).expected for line in lines]
    assert [Expected.ALLOWED, Expected.DENIED] == answers


def test_pod_not_placed_yet_may_be_on_any_node() -> None:
    """Whether a node is a pod's own is not known before the pod is placed."""
    found = expect(flow("shop/web -> node-b:10250"), UNPLACED, policy("{ports: [{port: 1}]}"))
    assert Expected.UNDEFINED is found.expected


def test_host_without_an_address_of_the_family() -> None:
    """A host without an address of the flow's family may or may not be in a block."""
    hosts = tuple(replace(host, ips=host.ips[:1]) for host in WORLD.hosts)
    topology = replace(WORLD, hosts=hosts)
    blocks = policy('{to: [{ipBlock: {cidr: "2001:db8::/32"}}]}')
    found = expect(flow("shop/web -> internet:443 IPv6"), topology, blocks)
    assert Expected.UNDEFINED is found.expected


def test_namespace_that_is_not_listed_still_has_its_name() -> None:
    """Every namespace can be chosen by name, as the API server labels each one."""
    topology = replace(WORLD, pods=(*WORLD.pods, Pod("kube-system", "dns")))
    named = policy(
        "{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}]}"
    )
    found = expect(flow("shop/web -> kube-system/dns:53/UDP"), topology, named)
    assert Expected.ALLOWED is found.expected


@pytest.mark.parametrize(
    "line",
    [
        "shop/nobody -> shop/api:80",
        "shop/web -> nowhere:80",
        "shop/web -> service shop/gone:80 by cluster-ip",
    ],
)
def test_flow_of_nobody_is_our_own_mistake(line: str) -> None:
    """A flow that names what the topology lacks is a bug of the harness."""
    with pytest.raises(HarnessBug, match="which its topology lacks"):
        expected_matrix([flow(line)], WORLD, ())


def test_policies_of_other_namespaces_do_not_select() -> None:
    """A policy in a namespace without pods changes nothing."""
    elsewhere = tuple(replace(p, namespace="elsewhere") for p in policy("{ports: [{port: 1}]}"))
    found = expect(flow("shop/web -> shop/api:8080"), WORLD, elsewhere)
    assert Expected.ALLOWED is found.expected
