"""Naming some flows in a line."""

import pytest

from netproof.errors import UsageError
from netproof.model.flow import Endpoint, Flow, Path
from netproof.model.flowpattern import parse_pattern
from netproof.model.value import replace
from netproof.model.workload import Family, Protocol

FLOW = Flow(Endpoint.pod("shop/web"), Endpoint.pod("shop/db"), 53, Protocol.UDP, Family.IPV4)


@pytest.mark.parametrize(
    "text",
    ["shop/web -> shop/db", "* -> *", "shop/* -> shop/db:53", "* -> shop/db:*/UDP IPv4"],
)
def test_a_line_names_the_flow(text: str) -> None:
    """What is left out, or is *, may be anything."""
    assert parse_pattern(text).matches(FLOW)


@pytest.mark.parametrize(
    "text",
    ["shop/db -> shop/web", "* -> *:54", "* -> *:53/TCP", "* -> * IPv6", "* -> * by cluster-ip"],
)
def test_a_line_does_not_name_the_flow(text: str) -> None:
    """Each part of a line narrows it."""
    assert not parse_pattern(text).matches(FLOW)


def test_a_line_reads_back_what_a_flow_prints() -> None:
    """What a report shows can be pasted into a test."""
    service = Endpoint.service("shop/web")
    by_service = Flow(Endpoint.pod("shop/db"), service, 8080, path=Path.CLUSTER_IP)
    assert parse_pattern(str(by_service)).matches(by_service)


@pytest.mark.parametrize("text", ["", "web to db", "a/b -> c/d:x", "a/b -> c/d by magic"])
def test_a_line_that_names_no_flows_is_refused(text: str) -> None:
    """The message shows how to write it."""
    with pytest.raises(UsageError, match="write `namespace/pod"):
        parse_pattern(text)


def test_a_line_about_nothing_is_refused() -> None:
    """A statement that matches no flow could never fail."""
    with pytest.raises(UsageError, match="no flow of this scenario matches 'x/y -> \\*'"):
        parse_pattern("x/y -> *").select([FLOW])


def test_self_traffic_is_never_meant_by_a_pattern() -> None:
    """The API leaves a pod's traffic to itself undefined, so a wildcard leaves it out."""
    to_self = Flow(Endpoint.pod("shop/web"), Endpoint.pod("shop/web"), 80)
    assert [FLOW] == list(parse_pattern("* -> *").select([to_self, FLOW]))


def test_nodes_are_named_as_they_are_told() -> None:
    """`node n1` names a node at either end."""
    to_it = Flow(Endpoint.pod("shop/web"), Endpoint.node("n1"), 80, path=Path.HOST_IP)
    from_it = Flow(Endpoint.node("n1"), Endpoint.pod("shop/web"), 80)
    assert [to_it] == list(parse_pattern("shop/web -> node n1").select([to_it, from_it]))
    assert [from_it] == list(parse_pattern("node * -> shop/web:80").select([to_it, from_it]))


def test_large_datagrams_are_meant_too_and_can_be_named_alone() -> None:
    """What holds of a port holds of datagrams of any size."""
    large = replace(FLOW, path=Path.FRAGMENTS)
    assert parse_pattern("* -> shop/db:53/UDP").matches(large)
    assert parse_pattern(str(large)).matches(large)
    assert not parse_pattern(str(large)).matches(FLOW)


def test_no_line_speaks_of_echoes() -> None:
    """Whatever is stated of flows is stated of what NetworkPolicy speaks of."""
    echo = replace(FLOW, port=0, protocol=Protocol.ICMP)
    assert not parse_pattern("* -> *").matches(echo)
