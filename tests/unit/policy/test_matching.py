"""The one reading of selectors, peers and ports: yes is the absence of a failed condition."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from random import Random

import pytest

from netproof.model.workload import Namespace, Pod, Port, Protocol
from netproof.policy import (
    IpBlock,
    LabelSelector,
    MatchExpression,
    Operator,
    PodPeer,
    PortMatch,
    lies_in,
    matching,
)
from netproof.policy.matching import Condition

LABELS: tuple[dict[str, str], ...] = ({}, {"a": "1"}, {"a": "2"}, {"b": "1"}, {"a": "1", "b": "2"})
SPACES = matching.namespace_labels((Namespace("shop", {"team": "blue"}), Namespace("far")))
WEB = Pod("shop", "web", {"app": "web"}, (Port(8080, name="http"), Port(53, Protocol.UDP, "dns")))


def _selector(random: Random) -> LabelSelector:
    labels = random.choice(LABELS)
    operator = random.choice(tuple(Operator))
    values = ("1", "3") if operator in (Operator.IN, Operator.NOT_IN) else ()
    expression = MatchExpression(random.choice("ab"), operator, values)
    return LabelSelector(labels, (expression,) if random.random() < 0.5 else ())


def test_a_selector_matches_if_nothing_is_unmet() -> None:
    """What a selector matches and what it misses are one reading."""
    random = Random(7)
    for _ in range(500):
        selector, labels = _selector(random), random.choice(LABELS)
        assert matching.matches(selector, labels) is (matching.unmet(selector, labels) == ())


def test_a_peer_names_a_pod_if_nothing_mismatches() -> None:
    """Whom a peer names and why it does not name others are one reading."""
    random = Random(7)
    for _ in range(500):
        peer = PodPeer(
            _selector(random) if random.random() < 0.7 else None,
            _selector(random) if random.random() < 0.7 else None,
        )
        pod = Pod(random.choice(("shop", "far", "unlisted")), "x", random.choice(LABELS))
        named = matching.names_pod(peer, "shop", pod, SPACES)
        assert named is (matching.pod_mismatches(peer, "shop", pod, SPACES) == ())


def test_a_namespace_that_is_not_listed_has_the_label_of_its_name() -> None:
    """The API server labels each namespace with its name, whoever made it."""
    by_name = LabelSelector({"kubernetes.io/metadata.name": "unlisted"})

    assert matching.names_pod(PodPeer(None, by_name), "shop", Pod("unlisted", "x"), SPACES)


@pytest.mark.parametrize(
    ("match", "port", "protocol", "condition"),
    [
        (PortMatch(), 1, Protocol.TCP, None),
        (PortMatch(), 1, Protocol.UDP, Condition.PROTOCOL),
        (PortMatch(port=80), 80, Protocol.TCP, None),
        (PortMatch(port=80), 81, Protocol.TCP, Condition.PORT_NUMBER),
        (PortMatch(port=80, end_port=90), 90, Protocol.TCP, None),
        (PortMatch(port=80, end_port=90), 91, Protocol.TCP, Condition.PORT_NUMBER),
        (PortMatch(port="http"), 8080, Protocol.TCP, None),
        (PortMatch(port="http"), 80, Protocol.TCP, Condition.PORT_NAME),
        (PortMatch(port="dns"), 53, Protocol.TCP, Condition.PORT_NAME),
    ],
)
def test_ports(
    match: PortMatch, port: int, protocol: Protocol, condition: Condition | None
) -> None:
    """A port is a number, a range, a name at its pod, or every one, in one protocol."""
    assert condition is matching.port_condition(match, port, protocol, WEB)


def test_a_name_without_a_pod_names_nothing() -> None:
    """Where no pod is at the destination there are no names to look up."""
    match = PortMatch(port="http")

    assert Condition.PORT_NAME is matching.port_condition(match, 8080, Protocol.TCP, None)


@pytest.mark.parametrize(
    ("address", "condition"),
    [
        ("10.0.0.1", None),
        ("10.1.0.1", Condition.BLOCK_EXCEPT),
        ("192.0.2.1", Condition.BLOCK_CIDR),
        ("2001:db8::1", Condition.BLOCK_CIDR),
    ],
)
def test_blocks(address: str, condition: Condition | None) -> None:
    """An address is in a block unless it lies outside of it or in one of its exceptions."""
    block = IpBlock(ip_network("10.0.0.0/8"), (ip_network("10.1.0.0/16"),))

    assert condition is matching.block_condition(block, ip_address(address))


@pytest.mark.parametrize(
    ("inner", "outer", "is_in"),
    [
        ("10.1.0.0/16", "10.0.0.0/8", True),
        ("10.0.0.0/8", "10.0.0.0/8", True),
        ("10.0.0.0/8", "10.0.0.0/9", False),
        ("11.0.0.0/16", "10.0.0.0/8", False),
        ("::/0", "0.0.0.0/0", False),
        ("0.0.0.0/1", "::/0", False),
    ],
)
def test_a_network_lies_in_one_of_its_family(inner: str, outer: str, *, is_in: bool) -> None:
    """In itself, in what is wider and around it, and never in one of the other IP family."""
    assert is_in == lies_in(ip_network(inner), ip_network(outer))
