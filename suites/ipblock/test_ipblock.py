"""Blocks of addresses: with holes, overlapping, in both families, of pods and of the world."""

from collections.abc import Iterator

import pytest

from netproof.fixtures.policies import Enforce
from netproof.model import flows
from netproof.model.flow import Flow
from netproof.model.workload import Family, Topology
from netproof.run.worker import Worker

pytestmark = pytest.mark.usefixtures("enforcing")


def _with_outside(topology: Topology) -> Iterator[Flow]:
    yield from flows.pod_flows(topology)
    yield from flows.outside_flows(topology)


def test_except_beside_a_rule(enforce: Enforce) -> None:
    """What one rule excepts another one gives, by another block, by a label, on other ports."""
    enforce(
        "except-beside-a-rule",
        flows=flows.pod_flows,
        allowed=[
            "production/postgres -> production/api:5432 IPv4",
            "production/web -> production/api:9100 IPv4",
            "production/web -> production/api:9200",
            "staging/web -> production/api:80 IPv4",
        ],
        denied=["production/web -> production/api:80/TCP", "production/web -> production/api:5432"],
    )


def test_except_beside_a_policy(enforce: Enforce) -> None:
    """What one policy excepts another one gives, by another block and on other ports."""
    enforce(
        "except-beside-a-policy",
        flows=flows.pod_flows,
        allowed=[
            "production/web -> production/api:9100 IPv4",
            "staging/web -> production/api:80 IPv4",
        ],
        denied=["production/web -> production/api:80/TCP", "production/web -> production/api:5432"],
    )


def test_except_beside_a_rule_egress(enforce: Enforce) -> None:
    """On the way out, too."""
    enforce(
        "except-beside-a-rule-egress",
        flows=flows.pod_flows,
        allowed=[
            "production/api -> production/web:9100 IPv4",
            "production/api -> staging/web:80 IPv4",
        ],
        denied=["production/api -> production/web:80/TCP", "production/api -> production/web:5432"],
    )


def test_same_block_twice(enforce: Enforce) -> None:
    """A block that stands in two rules has the ports of both, in either order."""
    enforce(
        "same-block-twice",
        flows=flows.pod_flows,
        allowed=[
            "production/web -> production/api:80/TCP IPv4",
            "production/web -> production/api:5432 IPv4",
            "production/web -> production/postgres IPv4",
            "production/web -> staging/api IPv4",
        ],
        denied=["production/web -> production/api:9100", "staging/web -> production/postgres"],
    )


def test_same_block_in_two_policies(enforce: Enforce) -> None:
    """A block that stands in two policies has the ports of both."""
    enforce(
        "same-block-in-two-policies",
        flows=flows.pod_flows,
        allowed=[
            "production/web -> production/api IPv4",
            "production/api -> production/postgres IPv4",
        ],
        denied=["staging/web -> production/api", "production/api -> staging/postgres"],
    )


@pytest.mark.usefixtures("both_families")
def test_blocks_inside_blocks(enforce: Enforce) -> None:
    """Who is in a block within a block has the ports of each of them."""
    enforce(
        "blocks-inside-blocks",
        flows=flows.pod_flows,
        allowed=[
            *(f"production/web -> production/api:{port}" for port in ("80/TCP", 5432, 9100)),
            "* -> production/api:80/TCP",
        ],
        denied=["staging/web -> production/api:9100", "* -> production/api:9200"],
    )


@pytest.mark.usefixtures("both_families")
def test_one_pod(enforce: Enforce) -> None:
    """A block of one address lets that pod in, and no namesake."""
    enforce(
        "one-pod",
        allowed=["production/web -> production/api"],
        denied=["staging/web -> production/api", "production/postgres -> production/api"],
    )


@pytest.mark.usefixtures("both_families")
def test_one_family(enforce: Enforce) -> None:
    """A block of IPv4 lets nothing in by IPv6."""
    enforce(
        "one-family",
        flows=flows.pod_flows,
        allowed=["production/web -> production/api:80 IPv4"],
        denied=["production/web -> production/api:80 IPv6", "staging/web -> production/api"],
    )


@pytest.mark.usefixtures("both_families")
def test_other_family(enforce: Enforce) -> None:
    """A block of IPv6 lets nothing in by IPv4."""
    enforce(
        "other-family",
        flows=flows.pod_flows,
        allowed=["production/web -> production/api:80 IPv6"],
        denied=["production/web -> production/api:80 IPv4"],
    )


@pytest.mark.usefixtures("both_families")
def test_everything(enforce: Enforce) -> None:
    """The blocks of all addresses let all pods in."""
    enforce(
        "everything",
        allowed=["* -> production/api"],
    )


@pytest.mark.usefixtures("both_families")
def test_everything_ipv4(enforce: Enforce) -> None:
    """The block of all IPv4 addresses leaves IPv6 shut."""
    enforce(
        "everything-ipv4",
        flows=flows.pod_flows,
        allowed=["* -> production/api:80 IPv4"],
        denied=["* -> production/api:80 IPv6"],
    )


@pytest.mark.usefixtures("both_families")
def test_except_one_pod(enforce: Enforce) -> None:
    """An address in except stays out, its neighbours come in."""
    enforce(
        "except-one-pod",
        allowed=["production/postgres -> production/api", "staging/* -> production/api"],
        denied=["production/web -> production/api"],
    )


def test_except_and_allowed_by_other_block(enforce: Enforce) -> None:
    """What one block excepts another may allow."""
    enforce(
        "except-and-allowed-by-other-block",
        flows=flows.pod_flows,
        allowed=["production/web -> production/api:80 IPv4"],
        denied=["staging/web -> production/api:80 IPv4"],
    )


def test_except_and_allowed_by_other_policy(enforce: Enforce) -> None:
    """What one policy excepts another may allow, by label."""
    enforce(
        "except-and-allowed-by-other-policy",
        flows=flows.pod_flows,
        allowed=[
            "production/web -> production/api",
            "production/postgres -> production/api:80 IPv4",
        ],
        denied=["staging/web -> production/api"],
    )


@pytest.mark.usefixtures("both_families")
def test_host_bits(enforce: Enforce) -> None:
    """A network written with host bits is that network."""
    enforce(
        "host-bits",
        allowed=["production/web -> production/api"],
    )


@pytest.mark.usefixtures("both_families")
def test_egress_one_pod(enforce: Enforce) -> None:
    """A block of one address on the way out."""
    enforce(
        "egress-one-pod",
        allowed=["production/api -> staging/web"],
        denied=["production/api -> production/web", "production/api -> staging/api"],
    )


@pytest.mark.usefixtures("both_families")
def test_egress_except(enforce: Enforce) -> None:
    """An address in except is out of reach."""
    enforce(
        "egress-except",
        allowed=["production/api -> production/web", "production/api -> staging/api"],
        denied=["production/api -> staging/web"],
    )


def test_block_and_port(enforce: Enforce) -> None:
    """A block and a port both have to match."""
    enforce(
        "block-and-port",
        flows=flows.pod_flows,
        allowed=["production/web -> production/api:5432 IPv4"],
        denied=[
            "production/web -> production/api:80 IPv4",
            "staging/web -> production/api:5432 IPv4",
        ],
    )


@pytest.mark.usefixtures("outside")
def test_outside_one_host(enforce: Enforce) -> None:
    """One host of the world is in reach by its address, and not by the one next to it."""
    enforce(
        "outside-one-host",
        flows=_with_outside,
        allowed=["production/api -> outside", "production/web -> outside*"],
        denied=["production/postgres -> outside*"],
    )


@pytest.mark.usefixtures("outside_web")
def test_outside_on_a_port(enforce: Enforce, worker: Worker) -> None:
    """The world is in reach on one port, for TCP and IPv4."""
    families = {flow.family for flow in flows.outside_flows(worker.topology)}
    enforce(
        "outside-on-a-port",
        flows=_with_outside,
        allowed=["production/api -> outside:443/TCP IPv4"],
        denied=[
            "production/api -> outside:80/TCP IPv4",
            "production/api -> outside:443/UDP IPv4",
            *("production/api -> outside:443/TCP IPv6" for one in families if one is Family.IPV6),
        ],
    )


@pytest.mark.usefixtures("outside")
def test_selectors_exclude_outside(enforce: Enforce) -> None:
    """All namespaces are not the world."""
    enforce(
        "selectors-exclude-outside",
        flows=_with_outside,
        allowed=["production/api -> staging/web", "production/web -> outside"],
        denied=["production/api -> outside*"],
    )
