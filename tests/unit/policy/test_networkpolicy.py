"""What is accepted becomes values, after the API server's defaulting."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from netproof.model.flow import Direction
from netproof.model.workload import Protocol
from netproof.policy import (
    IpBlock,
    LabelSelector,
    MatchExpression,
    Operator,
    Origin,
    PodPeer,
    PortMatch,
    load_text,
)
from tests.unit.policy.samples import load, network_policy, policy

INGRESS, EGRESS = Direction.INGRESS, Direction.EGRESS


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, {INGRESS}),
        ({"ingress": [{}]}, {INGRESS}),
        ({"egress": []}, {INGRESS}),
        ({"egress": None}, {INGRESS}),
        ({"egress": [{}]}, {INGRESS, EGRESS}),
        ({"policyTypes": [], "egress": [{}]}, {INGRESS, EGRESS}),
        ({"policyTypes": None}, {INGRESS}),
        ({"policyTypes": ["Egress"]}, {EGRESS}),
        ({"policyTypes": ["Ingress"], "egress": [{}]}, {INGRESS}),
        ({"policyTypes": ["Egress", "Ingress"]}, {INGRESS, EGRESS}),
        ({"policyTypes": ["Ingress", "Ingress"]}, {INGRESS}),
    ],
)
def test_policy_types_are_defaulted(spec: dict[str, object], expected: set[Direction]) -> None:
    """Without policyTypes a policy is for ingress, and for egress if it has egress rules."""
    assert expected == policy(spec).policy_types


def test_rules_of_a_direction_it_is_not_for_are_no_rules() -> None:
    """A policy for ingress has no egress rules, whatever is written."""
    read = policy({"policyTypes": ["Ingress"], "egress": [{}]})
    assert () == read.rules(EGRESS)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({}, PortMatch(Protocol.TCP, None)),
        (None, PortMatch(Protocol.TCP, None)),
        ({"port": 80}, PortMatch(Protocol.TCP, 80)),
        ({"port": 80.0}, PortMatch(Protocol.TCP, 80)),
        ({"port": "http", "protocol": "UDP"}, PortMatch(Protocol.UDP, "http")),
        ({"port": None, "protocol": "SCTP"}, PortMatch(Protocol.SCTP, None)),
        ({"port": 80, "endPort": 80}, PortMatch(Protocol.TCP, 80, 80)),
        ({"port": 1, "endPort": 65535}, PortMatch(Protocol.TCP, 1, 65535)),
    ],
)
def test_ports(entry: object, expected: PortMatch) -> None:
    """A port is a number, a name, a range or all of a protocol's; the protocol is TCP if unsaid."""
    assert (expected,) == policy({"ingress": [{"ports": [entry]}]}).ingress[0].ports


@pytest.mark.parametrize("rule", [{}, None, {"from": None, "ports": None}, {"from": []}])
def test_an_empty_rule_has_no_peers_and_no_ports(rule: object) -> None:
    """Missing, null and empty lists are the same: everyone, and every port."""
    read = policy({"ingress": [rule]}).ingress[0]
    assert ((), ()) == (read.peers, read.ports)


def test_peers() -> None:
    """A selector that is not written differs from an empty one."""
    peers = [
        {"podSelector": {}},
        {"namespaceSelector": {}, "podSelector": None},
        {"namespaceSelector": {"matchLabels": {"a": "b"}}, "podSelector": {}},
        {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
    ]
    expected = (
        PodPeer(pod_selector=LabelSelector()),
        PodPeer(namespace_selector=LabelSelector()),
        PodPeer(LabelSelector(), LabelSelector({"a": "b"})),
        IpBlock(ip_network("10.0.0.0/8"), (ip_network("10.1.0.0/16"),)),
    )
    assert expected == policy({"ingress": [{"from": peers}]}).ingress[0].peers


def test_host_bits_of_a_block_are_masked_off() -> None:
    """A CIDR with host bits is its network, as in the API's own example 192.168.1.1/24."""
    read = policy({"ingress": [{"from": [{"ipBlock": {"cidr": "192.168.1.1/24"}}]}]})
    assert (IpBlock(ip_network("192.168.1.0/24")),) == read.ingress[0].peers


def test_selector_of_the_policy() -> None:
    """The matchLabels and matchExpressions are read; a null value of a label is empty."""
    selector = {
        "matchLabels": {"app": "api", "empty": None},
        "matchExpressions": [{"key": "t", "operator": "In", "values": ["a", ""]}],
    }
    expected = LabelSelector(
        {"app": "api", "empty": ""}, (MatchExpression("t", Operator.IN, ("a", "")),)
    )
    assert expected == policy({"podSelector": selector}).pod_selector


@pytest.mark.parametrize("spec", [{}, None, {"podSelector": None}, {"podSelector": {}}])
def test_without_pod_selector_everything_is_selected(spec: object) -> None:
    """A selector that is missing, null or empty selects all pods of the namespace."""
    assert LabelSelector() == policy(spec).pod_selector


def test_spec_may_be_missing() -> None:
    """A policy without spec is one that denies its namespace all ingress."""
    raw = network_policy(None)
    del raw["spec"]
    assert frozenset({INGRESS}) == load(raw).policies[0].policy_types


TEXT = """\
# a comment
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  ingress:
    - from:
        - podSelector: {}
    -
      ports: [{port: 80}]
"""


def test_places_are_those_of_the_file() -> None:
    """The policy and each of its rules know their line."""
    read = load_text(TEXT, "p.yaml").policies[0]
    places = [read.origin, *(rule.origin for rule in read.ingress)]
    assert [Origin("p.yaml", line) for line in (2, 7, 10)] == places
    assert "ingress[1] at p.yaml:10" == str(read.ingress[1])


def test_a_well_known_policy_reads_as_meant() -> None:
    """The key is namespace/name."""
    assert "shop/p" == policy({}).key
